"""A `.tflite` file as objects, and back."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import Builder

IDENTIFIER = b"TFL3"
ALIGNMENT = 16
KINDS = {name: value for name, value in vars(schema.BuiltinOperator).items() if name[0].isupper()}
_NAMES = {value: name for name, value in KINDS.items()}


def read(content: bytes) -> schema.ModelT:
    """The model's tables. The bytes must be those of a model: the runtime checks them better."""
    model = schema.ModelT.InitFromPackedBuf(content)
    for buffer in model.buffers:
        if buffer.offset > 1:  # the data lies behind the tables
            buffer.data = np.frombuffer(content, "uint8", buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0
    return model


def write(model: schema.ModelT) -> bytes:
    """The file of a model that `read` gave."""
    for buffer in model.buffers:
        if buffer.data is not None:
            buffer.__class__ = _AlignedBuffer
    data = sum(len(buffer.data) for buffer in model.buffers if buffer.data is not None)
    # As large as it becomes: it would grow by doubling, with a copy each time.
    builder = Builder(data + 1024 * (1 + len(model.buffers)))
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(memoryview(builder.Bytes)[builder.Head() :])  # `Output` would copy it once more


def kind_of(model: schema.ModelT, op: schema.OperatorT) -> str:
    """TFLite's name of an operator, such as `CONV_2D`."""
    code = model.operatorCodes[op.opcodeIndex]
    return str(_NAMES[max(code.builtinCode, code.deprecatedBuiltinCode)])


class _AlignedBuffer(schema.BufferT):
    """A buffer whose data is aligned as the schema demands, which the generated code forgets."""

    def Pack(self, builder: Builder) -> int:
        data = np.asarray(self.data, "uint8").tobytes()
        builder.StartVector(1, len(data), ALIGNMENT)
        builder.head -= len(data)
        builder.Bytes[builder.head : builder.head + len(data)] = data
        vector = builder.EndVector()
        schema.BufferStart(builder)
        schema.BufferAddData(builder, vector)
        return int(schema.BufferEnd(builder))
