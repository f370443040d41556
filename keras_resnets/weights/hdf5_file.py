"""Weights in HDF5, the form of `.weights.h5` and of the inside of a `.keras`."""

import atexit
import io
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_resnets.errors import UserError
from keras_resnets.weights import hdf5_inspector
from keras_resnets.weights.values import from_bfloat16

_SECONDS = 5.0  # for a look through a file, but for what its bytes take to read
_BYTES_A_SECOND = 50e6


@dataclass(frozen=True)
class Inspection:
    """What a look through a file that may be read found.

    Attributes:
        size: Bytes of the HDF5 file.
        integers: How many data sets of integers there are, by shape, but for the optimiser's.
    """

    size: int
    integers: Counter[tuple[int, ...]]


def inspect_hdf5(path: Path, member: str | None = None) -> Inspection:
    """Has another process look through a file before this one opens it: see `hdf5_inspector`.

    Args:
        path: Path of an HDF5 file, or of a zip archive.
        member: A member of the archive; `None` for a file by itself.

    Raises:
        UserError: Where something is refused, or the reading library crashes or hangs at it.
        OSError: Where the file is damaged.
    """
    seconds = _SECONDS + path.stat().st_size / _BYTES_A_SECOND
    answer = _inspector.ask({"path": str(path.absolute()), "member": member}, seconds)
    if answer is None:
        raise UserError(
            f"{path} was refused: reading it crashes the HDF5 library or takes more than "
            f"{seconds:.0f} seconds. Download or save it again."
        )
    if "refused" in answer:
        raise UserError(f"{path} was refused: {answer['refused']}. {answer['way_out']}")
    if "broken" in answer:
        raise OSError(answer["broken"])
    return Inspection(answer["bytes"], Counter(map(tuple, answer["integers"])))


def read_hdf5(path: Path, member: str | None = None) -> dict[str, Any]:
    """Reads the variables of the layers in a file that Keras wrote, once it is inspected.

    Args:
        path: Path of an HDF5 file, or of a zip archive.
        member: A member of the archive; `None` for a file by itself.

    Returns:
        Arrays by the names of their layers and their position among the variables of theirs, such as
        `"stem/conv/0"`.

    Raises:
        UserError: For what `inspect_hdf5` refuses.
        KeyError: Where it holds no layers.
    """
    inspect_hdf5(path, member)
    import h5py

    source: Path | io.BytesIO = path
    if member is not None:
        with zipfile.ZipFile(path) as archive:
            source = io.BytesIO(archive.read(member))
    with h5py.File(source, "r") as file:
        return dict(_layer(file["layers"], ""))


def _layer(group: Any, above: str) -> Iterator[tuple[str, Any]]:
    # A group is called after a class or an attribute; the layer's name is written on its variables.
    own = group.get("vars")
    if own is not None:
        above = f"{above}{own.attrs['name']}/"
        for position, values in own.items():
            yield f"{above}{position}", _array(values)
    for name, child in group.items():
        if name != "vars":
            yield from _layer(child, above)


def _array(values: Any) -> Any:
    # HDF5 has no bfloat16: Keras writes opaque pairs of bytes and says so.
    if values.attrs.get("dtype") == "bfloat16":
        return from_bfloat16(values[()].view("<u2"))
    return values[()]


class _Inspector:
    """The other process, started when it is first needed and again when a file has ended it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._owner = 0  # the process that started it: a fork must not share its pipes

    def ask(self, request: dict[str, str | None], seconds: float) -> dict[str, Any] | None:
        """The answer to a request; `None` where the process did not live to give one."""
        with self._lock:
            process = self._started()
            assert process.stdin is not None
            assert process.stdout is not None
            watch = threading.Timer(seconds, process.kill)
            watch.start()
            try:
                process.stdin.write(json.dumps({**request, "seconds": seconds}) + "\n")
                process.stdin.flush()
                line = process.stdout.readline()
            except BrokenPipeError:
                line = ""
            finally:
                watch.cancel()
            if not line:
                self.close()
                return None
            answer: dict[str, Any] = json.loads(line)
            return answer

    def _started(self) -> "subprocess.Popen[str]":
        if self._process is None or self._owner != os.getpid():
            self._owner = os.getpid()
            self._process = subprocess.Popen(
                # -P, since a module beside the script would hide others of its name.
                [sys.executable, "-P", hdf5_inspector.__file__],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="utf-8",
            )
            assert self._process.stdout is not None
            self._process.stdout.readline()
        return self._process

    def close(self) -> None:
        """Ends the process."""
        process, self._process = self._process, None
        if process is not None and self._owner == os.getpid():
            process.kill()
            with process:
                pass


_inspector = _Inspector()
atexit.register(_inspector.close)
