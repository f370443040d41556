"""An ONNX file of timm's network in OpenVINO."""

import openvino

from benchmarks.rivals.engines.protocol import Call, images, serve, threads


def invoke(file: str) -> Call:
    """One image a call, in float32 where the file is, whatever narrower type the processor has."""
    settings = {
        "INFERENCE_NUM_THREADS": threads(),
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
    }
    request = openvino.Core().compile_model(file, "CPU", settings).create_infer_request()
    size = request.get_input_tensor().shape[-1]
    request.set_input_tensor(openvino.Tensor(images(1, size).transpose(0, 3, 1, 2).copy()))
    call: Call = request.infer
    for _ in range(3):
        call()
    return call


if __name__ == "__main__":
    serve({"invoke": invoke})
