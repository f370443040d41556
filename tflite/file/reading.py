"""A file from the disk, after a rehearsal: whoever made it, it cannot crash or stop this program.

The runtime and the reader of its tables trust what they are given. So a process of its own does first,
within bounds of time and memory, all that this package will do with the file: it reads its tables and
its card, has the runtime prepare it, and runs it once.
"""

import contextlib
import signal
import subprocess
import sys
from pathlib import Path

from keras_resnets._common.child import module_process
from keras_resnets.errors import MissingFile, UserError

MARK = b"TFL3"  # from the fifth byte on
LARGEST = 2**31 + 2**27  # bytes: the tables end at 2 GiB, and a card may follow
SECONDS = 10.0
SLOWEST = 20e6  # bytes of a large file that are loaded and computed with in a second
MEMORY = 2 * 1024**3  # bytes beyond what the runtime needs to copy the file and to pack its weights
COPIES = 4
REFUSED = 3  # exit code of a rehearsal that says why the file is refused


def read_file(path: Path) -> bytes:
    """The bytes of a `.tflite` file that is known to run.

    Raises:
        MissingFile: Where there is none.
        UserError: Where it is no classifier that the runtime can run; it names file and reason.
    """
    if not path.exists():
        raise MissingFile(f"Expected a .tflite file. Received: {path}: no such file.")
    if not path.is_file():
        raise UserError(f"Expected a .tflite file. Received: {path}, which is no regular file.")
    with open(path, "rb") as file:
        start = file.read(8)
    size = path.stat().st_size
    if start[4:] != MARK or size > LARGEST:
        raise UserError(
            f"Expected a .tflite file. Received: {path}, which is not one "
            f"({size} bytes that start with {start!r})."
        )
    with subprocess.Popen(
        **module_process(__name__, path), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as rehearsal:
        content = path.read_bytes()
        _warm_up()
        try:
            said, _ = rehearsal.communicate(timeout=_seconds(size))
        except subprocess.TimeoutExpired:
            rehearsal.kill()
            reason = f"reading it and running it once took more than {SECONDS:.0f} s"
        else:
            if rehearsal.returncode == 0:
                return content
            reason = (
                said.decode() if rehearsal.returncode == REFUSED else _end(rehearsal.returncode)
            )
    raise UserError(f"Expected a .tflite file of a classifier. Received: {path}: {reason}")


def _seconds(size: int) -> float:
    """How long a rehearsal of a file of so many bytes may take."""
    return SECONDS + size / SLOWEST


def _warm_up() -> None:
    """Imports what the caller needs next, while the rehearsal runs."""
    import ai_edge_litert.interpreter  # noqa: F401


def _end(code: int) -> str:
    with contextlib.suppress(ValueError):
        return f"the runtime crashed on it ({signal.Signals(-code).name})."
    return f"the runtime ended on it with exit code {code}."


def _rehearse(path: Path) -> None:
    """All that may be done with a file."""
    import numpy as np

    from .inspection import inspect
    from .packing import unpack
    from .runtime import Runner

    content = path.read_bytes()
    card = unpack(content)
    runner = Runner(content)
    runner(np.zeros((1, *runner.input_shape[1:]), runner.types[0]))
    inspect(content)
    if card is not None:
        card.check(runner.input_shape, runner.classes)


def _limit_memory(size: int) -> None:
    try:
        import resource
    except ImportError:  # Windows: time alone is bounded there
        return
    status = Path("/proc/self/statm")
    if not status.exists():  # elsewhere than on Linux the limit holds for the libraries too
        return
    already = int(status.read_text().split()[0]) * resource.getpagesize()
    limit = already + COPIES * size + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _main(path: Path) -> int:
    size = path.stat().st_size
    _limit_memory(size)
    if hasattr(signal, "alarm"):
        # Where whoever waits for this is killed meanwhile, nobody else ends an endless loop.
        signal.alarm(int(_seconds(size)) + 1)
    try:
        _rehearse(path)
    except Exception as error:  # of a file by anyone, anything can come
        reason = str(error) or "no reason given"
        known = reason if isinstance(error, UserError) else f"{type(error).__name__}: {reason}"
        sys.stdout.buffer.write(" ".join(known.split()).encode("utf-8", "backslashreplace"))
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(_main(Path(sys.argv[1])))
