"""An ONNX file of timm's network in onnxruntime."""

import onnxruntime

from benchmarks.rivals.engines.protocol import Call, images, serve, threads


def invoke(file: str) -> Call:
    """One image a call."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    size = session.get_inputs()[0].shape[-1]
    inputs = {session.get_inputs()[0].name: images(1, size).transpose(0, 3, 1, 2).copy()}

    def call() -> None:
        session.run(None, inputs)

    for _ in range(3):
        call()
    return call


if __name__ == "__main__":
    serve({"invoke": invoke})
