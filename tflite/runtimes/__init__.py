"""The same model for other runtimes: TensorFlow's SavedModel, ONNX and OpenVINO, each run by its own."""

# The names of the runtimes, which are those of the modules here, and how their files end.
RUNTIMES = {"saved_model": ".saved_model", "onnx": ".onnx", "openvino": ".xml"}
