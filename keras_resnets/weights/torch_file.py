"""PyTorch's checkpoints, read without PyTorch.

What `torch.save` writes is a pickle that names storages, and the storages' bytes: in a zip archive since
PyTorch 1.6, one behind the other before. `torch_pickle` interprets the pickle, here the bytes become
arrays: the reader needs no PyTorch of 200 MB. Source of the format: torch/serialization.py.
"""

import io
import math
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np

from keras_resnets._common.tables import size
from keras_resnets.errors import UserError
from keras_resnets.weights.archives import BEYOND_FILE, open_archive
from keras_resnets.weights.torch_pickle import Machine, Storage, Tensor, width
from keras_resnets.weights.values import from_bfloat16

_ORDERS: Mapping[str, Literal["<", ">"]] = {"little": "<", "big": ">"}
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C


class TorchFile:
    """An open checkpoint of PyTorch.

    Attributes:
        content: What was saved, of dictionaries, lists, tuples, numbers and texts, `Tensor` and `Inert`.
    """

    def __init__(
        self, path: Path, content: Any, read: Callable[[Storage], bytes], order: Literal["<", ">"]
    ):
        self.content = content
        self._path = path
        self._read = read
        self._order = order
        self._storages: dict[str, bytes] = {}
        self._left = path.stat().st_size + BEYOND_FILE

    def array(self, tensor: Tensor) -> np.ndarray:
        """Reads a tensor; those of bfloat16 become float32.

        Raises:
            UserError: Where it reaches beyond its storage, or the tensors read so far have together
                more numbers than the file has.
        """
        content = self._content(tensor.storage)
        kind = "u2" if tensor.kind == "bfloat16" else tensor.kind
        dtype = np.dtype(kind).newbyteorder(self._order)
        numbers = np.frombuffer(content, dtype, len(content) // dtype.itemsize)
        self._check(tensor, numbers)
        view = np.lib.stride_tricks.as_strided(
            numbers[tensor.offset :],
            tensor.shape,
            [step * dtype.itemsize for step in tensor.strides],
            writeable=False,
        )
        native = view.astype(dtype.newbyteorder("="))
        return from_bfloat16(native) if tensor.kind == "bfloat16" else native

    def _content(self, storage: Storage) -> bytes:
        if storage.key not in self._storages:
            content = self._read(storage)
            if len(content) != storage.count * width(storage.kind):
                raise ValueError(
                    f"storage {storage.key[:20]} has {len(content):,} bytes in place of "
                    f"{storage.count * width(storage.kind):,}"
                )
            self._storages[storage.key] = content
        return self._storages[storage.key]

    def _check(self, tensor: Tensor, numbers: np.ndarray) -> None:
        count = math.prod(tensor.shape)
        last = sum((s - 1) * t for s, t in zip(tensor.shape, tensor.strides, strict=True))
        within = tensor.offset >= 0 and tensor.offset + max(last, 0) < numbers.size
        if count and (count > numbers.size or not within):
            raise UserError(
                f"{self._path} was refused: a tensor of shape {tensor.shape} in it reaches beyond "
                f"its {numbers.size:,} numbers. Download or save it again."
            )
        self._left -= count * numbers.itemsize
        if self._left < 0:
            raise UserError(
                f"{self._path} was refused: its tensors declare more numbers than its "
                f"{size(self._path.stat().st_size)} hold. Download or save it again."
            )


@contextmanager
def open_torch(path: Path) -> Iterator[TorchFile]:
    """Opens a checkpoint that `torch.save` wrote; the bytes of tensors are read as they are asked for.

    Raises:
        UserError: Where it names something that is neither data nor known from training, or larger
            than the file can be.
        Exception: Where it is no such file, of whatever kind the parsers raise.
    """
    with path.open("rb") as file:
        if file.read(4) == b"PK\3\4":
            with open_archive(path) as archive:
                yield _in_archive(path, archive)
        else:
            file.seek(0)
            yield _in_one_stream(path, file)


def _in_archive(path: Path, archive: zipfile.ZipFile) -> TorchFile:
    names = archive.namelist()
    pickled = next((n for n in names if n.endswith("data.pkl") and n.count("/") <= 1), None)
    if pickled is None:
        raise ValueError("the archive has no data.pkl")
    root = pickled.removesuffix("data.pkl")
    order = archive.read(f"{root}byteorder").decode() if f"{root}byteorder" in names else "little"
    content = Machine(path).load(io.BytesIO(archive.read(pickled)))
    return TorchFile(
        path,
        content,
        read=lambda storage: archive.read(f"{root}data/{storage.key}"),
        order=_ORDERS[order],
    )


def _in_one_stream(path: Path, file: BinaryIO) -> TorchFile:
    machine = Machine(path)
    if machine.load(file) != _LEGACY_MAGIC:
        raise ValueError("it does not begin as torch.save begins")
    machine.load(file)  # the version of the protocol
    system = machine.load(file)
    content = machine.load(file)
    places = dict(_places(file, machine.load(file), machine.storages, path.stat().st_size))

    def read(storage: Storage) -> bytes:
        start, length = places[storage.key]
        file.seek(start)
        return file.read(length)

    return TorchFile(path, content, read, "<" if system.get("little_endian", True) else ">")


def _places(
    file: BinaryIO, keys: list[str], storages: Mapping[str, Storage], whole: int
) -> Iterator[tuple[str, tuple[int, int]]]:
    """Where the bytes of each storage begin, and how many they are."""
    for key in keys:
        kind = storages[key].kind
        if kind is None:
            raise ValueError("it has numbers of an unusual kind")
        length = int.from_bytes(file.read(8), "little", signed=True) * width(kind)
        start = file.tell()
        if length < 0 or start + length > whole:
            raise EOFError(f"the file ends within the numbers of storage {key[:20]}")
        file.seek(start + length)
        yield key, (start, length)
