"""What a pickle of PyTorch says, interpreted and never run.

Python's `pickle` would call whatever a file names. The machine below knows the few operations that data
need and the functions that build tensors; objects that lie beside the tensors, such as the arguments of
timm's training, become inert. So a file needs no trust. Source of the format: Python's pickletools.
"""

import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from keras_resnets.errors import UserError

_MOST_OPERATIONS = 2_000_000  # timm's largest with two averages and an optimiser: 100,000
_MOST_DIMENSIONS = 8

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


def width(kind: str | None) -> int:
    """Bytes of one number of a storage."""
    if kind is None:
        return 1
    return 2 if kind == "bfloat16" else np.dtype(kind).itemsize


class Machine:
    """Interprets a pickle: a stack, a memo, and one method an operation.

    Attributes:
        storages: Storages that the pickle names, by key.
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
    "MARK": Machine._mark,
    "POP": Machine._drop,
    "POP_MARK": Machine._drop_mark,
    "PUT": Machine._put,
    "BINPUT": Machine._put,
    "LONG_BINPUT": Machine._put,
    "MEMOIZE": Machine._memoize,
    "GET": Machine._get,
    "BINGET": Machine._get,
    "LONG_BINGET": Machine._get,
    "TUPLE": Machine._tuple,
    "TUPLE1": lambda machine, _: machine._tuple_of(1),
    "TUPLE2": lambda machine, _: machine._tuple_of(2),
    "TUPLE3": lambda machine, _: machine._tuple_of(3),
    "LIST": Machine._list,
    "DICT": Machine._dict,
    "FROZENSET": Machine._inert_set,
    "APPEND": lambda machine, _: machine._extend([machine._stack.pop()]),
    "APPENDS": lambda machine, _: machine._extend(machine._since_mark()),
    "ADDITEMS": Machine._drop_mark,
    "SETITEM": Machine._set_item,
    "SETITEMS": lambda machine, _: machine._set(machine._since_mark()),
    "GLOBAL": Machine._global,
    "STACK_GLOBAL": Machine._stack_global,
    "REDUCE": Machine._reduce,
    "NEWOBJ": Machine._new_object,
    "NEWOBJ_EX": Machine._new_object_by_keywords,
    "OBJ": Machine._old_object,
    "INST": Machine._old_instance,
    # The state of an object: its attributes, which nothing here asks for.
    "BUILD": lambda machine, _: machine._drop(None),
    "BINPERSID": Machine._persistent,
}
