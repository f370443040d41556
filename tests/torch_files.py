"""Files as `torch.save` writes them, written without torch: pickles by hand, in a zip or a stream."""

import io
import itertools
import pickle
import struct
import zipfile

import numpy as np

STORAGES = {
    "float64": "DoubleStorage",
    "float32": "FloatStorage",
    "float16": "HalfStorage",
    "int64": "LongStorage",
    "int32": "IntStorage",
    "uint8": "ByteStorage",
    "bool": "BoolStorage",
    "complex64": "ComplexFloatStorage",
}


class Global:
    """A class or function by its name, which need not exist here."""

    def __init__(self, name):
        self.module, _, self.qualified = name.rpartition(".")


class Call:
    """What `function(*arguments)` returns, with a state."""

    def __init__(self, function, *arguments, state=None):
        self.function, self.arguments, self.state = Global(function), arguments, state


class View:
    """A tensor over the numbers of an array, whatever its shape says; views of one array share them."""

    def __init__(self, numbers, shape, strides, offset=0):
        self.numbers, self.shape, self.strides, self.offset = numbers, shape, strides, offset


class _Pickle:
    """Writes protocol 2."""

    def __init__(self):
        self.storages = {}
        self._keys = {}

    def of(self, content):
        return b"\x80\x02" + self._object(content) + b"."

    def _object(self, content):
        if isinstance(content, np.ndarray):
            strides = tuple(step // content.itemsize for step in content.strides)
            content = View(content.ravel(order="K"), content.shape, strides)
        if isinstance(content, View):
            return self._tensor(content)
        if isinstance(content, Global):
            return f"c{content.module}\n{content.qualified}\n".encode()
        if isinstance(content, Call):
            made = self._object(content.function) + self._object(content.arguments) + b"R"
            return made if content.state is None else made + self._object(content.state) + b"b"
        if isinstance(content, dict):
            return b"}(" + b"".join(map(self._object, itertools.chain(*content.items()))) + b"u"
        if isinstance(content, tuple):
            return b"(" + b"".join(map(self._object, content)) + b"t"
        if isinstance(content, list):
            return b"](" + b"".join(map(self._object, content)) + b"e"
        return pickle.dumps(content, protocol=2)[2:-1]

    def _tensor(self, view):
        key = self._keys.setdefault(id(view.numbers), str(len(self._keys)))
        self.storages[key] = view.numbers
        storage = Global(f"torch.{STORAGES[view.numbers.dtype.name]}")
        persistent = ("storage", storage, key, "cpu", view.numbers.size)
        hooks = Call("collections.OrderedDict")
        arguments = (view.offset, tuple(view.shape), tuple(view.strides), False, hooks)
        return (
            self._object(Global("torch._utils._rebuild_tensor_v2"))
            + b"("
            + self._object(persistent)
            + b"Q"
            + b"".join(map(self._object, arguments))
            + b"tR"
        )


def save(content, path, *, stream=False, compression=zipfile.ZIP_STORED):
    """Writes what `torch.save(content, path)` would, in the form of PyTorch 1.5 where `stream`."""
    pickled = _Pickle()
    text = pickled.of(content)
    if stream:
        path.write_bytes(_stream(text, pickled.storages))
        return path
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", text)
        archive.writestr("archive/byteorder", "little")
        for key, numbers in pickled.storages.items():
            archive.writestr(f"archive/data/{key}", numbers.tobytes())
    return path


def _stream(text, storages):
    out = io.BytesIO()
    for head in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True, "protocol_version": 1001}):
        pickle.dump(head, out, protocol=2)
    out.write(text)
    pickle.dump(list(storages), out, protocol=2)
    for numbers in storages.values():
        out.write(struct.pack("<q", numbers.size) + numbers.tobytes())
    return out.getvalue()
