"""A `.tflite` file in LiteRT, whoever made it."""

from ai_edge_litert.interpreter import Interpreter

from benchmarks.rivals.engines.protocol import Call, images, serve, threads


def invoke(file: str) -> Call:
    """One image a call."""
    interpreter = Interpreter(file, num_threads=threads())
    interpreter.allocate_tensors()
    (tensor,) = interpreter.get_input_details()
    inputs = images(1, max(tensor["shape"]))
    if tensor["shape"][1] == 3:  # torch's layout, which some converters keep
        inputs = inputs.transpose(0, 3, 1, 2)
    interpreter.set_tensor(tensor["index"], inputs.astype(tensor["dtype"]))
    for _ in range(3):
        interpreter.invoke()
    call: Call = interpreter.invoke
    return call


if __name__ == "__main__":
    serve({"invoke": invoke})
