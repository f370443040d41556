"""PyTorch's checkpoints, read without PyTorch: a pickle is interpreted here, never run.

What `torch.save` writes is a pickle that names storages, and the storages' bytes: in a zip archive since
PyTorch 1.6, one behind the other before. Python's `pickle` would call whatever a file names. The machine
below knows the few operations that data need and the functions that build tensors; objects that lie
beside the tensors, such as the arguments of timm's training, become inert. So a file needs no trust, and
its reader no PyTorch of 200 MB. Source of the format: torch/serialization.py, Python's pickletools.
"""

import io
import math
import pickletools
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np

from keras_resnets._common.tables import size
from keras_resnets.errors import UserError
from keras_resnets.weights.archives import BEYOND_FILE, open_archive
from keras_resnets.weights.values import from_bfloat16

_MOST_OPERATIONS = 2_000_000  # timm's largest with two averages and an optimiser: 100,000
_MOST_DIMENSIONS = 8
_ORDERS: Mapping[str, Literal["<", ">"]] = {"little": "<", "big": ">"}
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C

# The dtype of a storage by its class, or by torch's name where the tensor tells it.
_DTYPES = {
    "DoubleStorage": "f8",
    "FloatStorage": "f4",
    "HalfStorage": "f2",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
    "ComplexFloatStorage": "c8",
    "ComplexDoubleStorage": "c16",
    "float64": "f8",
    "float32": "f4",
    "float16": "f2",
    "bfloat16": "bfloat16",
    "int64": "i8",
    "int32": "i4",
    "int16": "i2",
    "int8": "i1",
    "uint64": "u8",
    "uint32": "u4",
    "uint16": "u2",
    "uint8": "u1",
    "bool": "?",
    "complex64": "c8",
    "complex128": "c16",
}
# Packages whose objects lie in training checkpoints beside the tensors. None is imported.
_INERT_PACKAGES = {
    "argparse",
    "collections",
    "datetime",
    "enum",
    "lightning",
    "lightning_fabric",
    "numpy",
    "omegaconf",
    "pathlib",
    "pytorch_lightning",
    "timm",
    "torch",
    "torchvision",
    "types",
}
_INERT_BUILTINS = {
    "bool",
    "bytearray",
    "bytes",
    "complex",
    "dict",
    "float",
    "frozenset",
    "int",
    "list",
    "object",
    "range",
    "set",
    "slice",
    "str",
    "tuple",
}
_INERT_FUNCTIONS = {"_codecs.encode", "copy_reg._reconstructor", "copyreg._reconstructor"}


@dataclass(frozen=True)
class Inert:
    """An object of a class or function that was named and not called.

    Attributes:
        name: Such as `"argparse.Namespace"`.
    """

    name: str


@dataclass(frozen=True)
class Storage:
    """A stretch of numbers in the file.

    Attributes:
        key: Name of the storage in the file.
        kind: Type of its numbers, a NumPy code or `"bfloat16"`; `None` where the tensor tells it.
        count: How many numbers it has, or bytes where `kind` is `None`.
    """

    key: str
    kind: str | None
    count: int


@dataclass(frozen=True)
class Tensor:
    """A view of a storage.

    Attributes:
        storage: The storage where its numbers lie.
        kind: Type of its numbers, a NumPy code or `"bfloat16"`.
        offset: The index of its first number.
        shape: Lengths of the axes.
        strides: Steps between neighbours along each axis, in numbers.
    """

    storage: Storage
    kind: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


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
            if len(content) != storage.count * _width(storage.kind):
                raise ValueError(
                    f"storage {storage.key[:20]} has {len(content):,} bytes in place of "
                    f"{storage.count * _width(storage.kind):,}"
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
    content = _Machine(path).load(io.BytesIO(archive.read(pickled)))
    return TorchFile(
        path,
        content,
        read=lambda storage: archive.read(f"{root}data/{storage.key}"),
        order=_ORDERS[order],
    )


def _in_one_stream(path: Path, file: BinaryIO) -> TorchFile:
    machine = _Machine(path)
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
        length = int.from_bytes(file.read(8), "little", signed=True) * _width(kind)
        start = file.tell()
        if length < 0 or start + length > whole:
            raise EOFError(f"the file ends within the numbers of storage {key[:20]}")
        file.seek(start + length)
        yield key, (start, length)


def _width(kind: str | None) -> int:
    """Bytes of one number of a storage."""
    if kind is None:
        return 1
    return 2 if kind == "bfloat16" else np.dtype(kind).itemsize


class _Machine:
    """Interprets a pickle: a stack, a memo, and one method an operation.

    Attributes:
        storages: All that were named, by key.
    """

    def __init__(self, path: Path):
        self.storages: dict[str, Storage] = {}
        self._path = path
        self._operations = 0

    def load(self, file: BinaryIO) -> Any:
        """The object that a pickle describes; the file stands behind the pickle then."""
        self._stack: list[Any] = []
        self._marks: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        for operation, argument, _ in pickletools.genops(file):
            self._operations += 1
            if self._operations > _MOST_OPERATIONS:
                raise UserError(
                    f"{self._path} was refused: its pickle has more than {_MOST_OPERATIONS:,} "
                    "operations."
                )
            if operation.name == "STOP":
                break
            if operation.name in _LITERALS:
                self._stack.append(argument)
            elif operation.name in _CONSTANTS:
                self._stack.append(_CONSTANTS[operation.name]())
            else:
                _OPERATIONS[operation.name](self, argument)
        return self._stack.pop()

    def _since_mark(self) -> list[Any]:
        items, self._stack = self._stack, self._marks.pop()
        return items

    def _mark(self, _: Any) -> None:
        self._marks.append(self._stack)
        self._stack = []

    def _put(self, index: int) -> None:
        self._memo[index] = self._stack[-1]

    def _memoize(self, _: Any) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def _get(self, index: int) -> None:
        self._stack.append(self._memo[index])

    def _tuple(self, _: Any) -> None:
        items = self._since_mark()
        self._stack.append(tuple(items))

    def _tuple_of(self, count: int) -> None:
        items = [self._stack.pop() for _ in range(count)]
        self._stack.append(tuple(reversed(items)))

    def _list(self, _: Any) -> None:
        items = self._since_mark()
        self._stack.append(items)

    def _dict(self, _: Any) -> None:
        items = self._since_mark()
        self._stack.append({})
        self._set(items)

    def _inert_set(self, _: Any) -> None:
        self._since_mark()
        self._stack.append(Inert("set"))

    def _extend(self, items: list[Any]) -> None:
        if isinstance(self._stack[-1], list):
            self._stack[-1].extend(items)

    def _set(self, items: list[Any]) -> None:
        into = self._stack[-1]
        for key, value in zip(items[::2], items[1::2], strict=True):
            # Other keys could be made so that their hash takes for ever, and name no tensor.
            if isinstance(into, dict) and isinstance(key, str | int | float | bytes | None):
                into[key] = value

    def _set_item(self, _: Any) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._set([key, value])

    def _global(self, name: str) -> None:
        module, _, qualified = name.partition(" ")
        self._named(module, qualified)

    def _stack_global(self, _: Any) -> None:
        qualified, module = self._stack.pop(), self._stack.pop()
        self._named(str(module), str(qualified))

    def _named(self, module: str, qualified: str) -> None:
        name = f"{module}.{qualified}"
        harmless = (
            name in _INERT_FUNCTIONS
            or module.split(".")[0] in _INERT_PACKAGES
            or (module in ("builtins", "__builtin__") and qualified in _INERT_BUILTINS)
        )
        if not harmless:
            raise UserError(
                f"{self._path} holds more than tensors: it names {name[:80]!r}. It was refused and "
                "nothing in it was executed. Save its state_dict() alone, where you trust it."
            )
        self._stack.append(Inert(name))

    def _reduce(self, _: Any) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        self._stack.append(_made(function, arguments))

    def _new_object(self, _: Any) -> None:
        self._stack.pop()
        self._stack.append(Inert(self._stack.pop().name))

    def _new_object_by_keywords(self, _: Any) -> None:
        self._stack.pop()
        self._new_object(None)

    def _old_object(self, _: Any) -> None:
        made, *_rest = self._since_mark()
        self._stack.append(Inert(made.name))

    def _old_instance(self, name: str) -> None:
        self._since_mark()
        self._global(name)

    def _drop(self, _: Any) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._stack = self._marks.pop()

    def _drop_mark(self, _: Any) -> None:
        self._since_mark()

    def _persistent(self, _: Any) -> None:
        kind, *described = self._stack.pop()
        if kind != "storage":  # "module", with the source of a class
            self._stack.append(Inert(described[0].name))
            return
        torch_type, key, _device, count, *_view = described
        if not isinstance(key, str) or not isinstance(count, int):
            raise ValueError("it refers to no storage")
        dtype = _DTYPES.get(torch_type.name.rpartition(".")[2])
        storage = self.storages.setdefault(key, Storage(key, dtype, count))
        self._stack.append(storage)


def _made(function: Any, arguments: Any) -> Any:
    """What a call in a pickle stands for: a tensor, a dictionary, or something inert."""
    if function.name in _BUILDERS:
        return _BUILDERS[function.name](*arguments)
    return Inert(function.name)


def _tensor(
    storage: Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any
) -> Any:
    return _view(storage, storage.kind, offset, shape, strides)


def _tensor_with_dtype(
    storage: Storage,
    offset: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    _gradient: bool,
    _hooks: Any,
    dtype: Inert,
    *_: Any,
) -> Any:
    return _view(storage, _DTYPES.get(dtype.name.rpartition(".")[2]), offset, shape, strides)


def _view(
    storage: Storage, kind: str | None, offset: int, shape: tuple[int, ...], strides: Any
) -> Any:
    numbers = [offset, *shape, *strides]
    if not all(isinstance(number, int) and number >= 0 for number in numbers):
        raise ValueError("a tensor has a shape that is none")
    if len(shape) != len(strides) or len(shape) > _MOST_DIMENSIONS:
        raise ValueError(f"a tensor has {len(shape)} dimensions and {len(strides)} strides")
    if kind is None:
        return Inert("a tensor of an unusual dtype")
    return Tensor(storage, kind, offset, tuple(shape), tuple(strides))


def _parameter(tensor: Any, *_: Any) -> Any:
    return tensor


def _dictionary(*_: Any) -> dict[Any, Any]:
    return {}


_BUILDERS: Mapping[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor_with_dtype,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "collections.OrderedDict": _dictionary,
    "collections.defaultdict": _dictionary,
}

# Operations whose argument is the object.
_LITERALS = {
    "INT",
    "BININT",
    "BININT1",
    "BININT2",
    "LONG",
    "LONG1",
    "LONG4",
    "FLOAT",
    "BINFLOAT",
    "STRING",
    "BINSTRING",
    "SHORT_BINSTRING",
    "BINBYTES",
    "SHORT_BINBYTES",
    "BINBYTES8",
    "BYTEARRAY8",
    "UNICODE",
    "BINUNICODE",
    "SHORT_BINUNICODE",
    "BINUNICODE8",
}
_CONSTANTS: Mapping[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_SET": lambda: Inert("set"),
}
_OPERATIONS: Mapping[str, Callable[[Any, Any], None]] = {
    "PROTO": lambda machine, _: None,
    "FRAME": lambda machine, _: None,
    "MARK": _Machine._mark,
    "POP": _Machine._drop,
    "POP_MARK": _Machine._drop_mark,
    "PUT": _Machine._put,
    "BINPUT": _Machine._put,
    "LONG_BINPUT": _Machine._put,
    "MEMOIZE": _Machine._memoize,
    "GET": _Machine._get,
    "BINGET": _Machine._get,
    "LONG_BINGET": _Machine._get,
    "TUPLE": _Machine._tuple,
    "TUPLE1": lambda machine, _: machine._tuple_of(1),
    "TUPLE2": lambda machine, _: machine._tuple_of(2),
    "TUPLE3": lambda machine, _: machine._tuple_of(3),
    "LIST": _Machine._list,
    "DICT": _Machine._dict,
    "FROZENSET": _Machine._inert_set,
    "APPEND": lambda machine, _: machine._extend([machine._stack.pop()]),
    "APPENDS": lambda machine, _: machine._extend(machine._since_mark()),
    "ADDITEMS": _Machine._drop_mark,
    "SETITEM": _Machine._set_item,
    "SETITEMS": lambda machine, _: machine._set(machine._since_mark()),
    "GLOBAL": _Machine._global,
    "STACK_GLOBAL": _Machine._stack_global,
    "REDUCE": _Machine._reduce,
    "NEWOBJ": _Machine._new_object,
    "NEWOBJ_EX": _Machine._new_object_by_keywords,
    "OBJ": _Machine._old_object,
    "INST": _Machine._old_instance,
    # The state of an object: its attributes, which nothing here asks for.
    "BUILD": lambda machine, _: machine._drop(None),
    "BINPERSID": _Machine._persistent,
}
