"""`timm`: predicting, training, and export to ONNX."""

import contextlib
import tempfile
from pathlib import Path

import numpy as np
import timm
import torch

from benchmarks.rivals.engines.protocol import Call, images, kept_aside, labels, serve, threads

MODES = ("eager", "channels_last", "compiled")


def predict(
    model: str, batch: int, batches: int, mode: str, size: int = 224, dtype: str = "float32"
) -> Call:
    """Several batches in inference mode."""
    device = _device()
    forward, memory_format = _in_mode(network(model).eval().to(device), mode)
    inputs = _tensor(images(batch * batches, size)).to(memory_format=memory_format)

    def call() -> None:
        with torch.inference_mode(), _precision(dtype):
            for part in inputs.split(batch):
                forward(part.to(device)).float().cpu()

    return warmed(call)


def train(model: str, batch: int, dtype: str, mode: str, size: int = 224) -> Call:
    """One step of SGD with momentum on one batch."""
    device = _device()
    forward, memory_format = _in_mode(network(model).train().to(device), mode)
    optimizer = torch.optim.SGD(forward.parameters(), 0.01, momentum=0.9)
    inputs = _tensor(images(batch, size)).to(memory_format=memory_format)
    targets = torch.from_numpy(labels(batch))

    def call() -> None:
        optimizer.zero_grad()
        with _precision(dtype):
            outputs = forward(inputs.to(device))
        loss = torch.nn.functional.cross_entropy(outputs.float(), targets.to(device))
        loss.backward()
        optimizer.step()
        loss.item()

    return warmed(call, 1)


def export(model: str, mode: str, file: str, calibration_images: int) -> Call:
    """An ONNX file: float32, or int8 in QDQ form with per-channel weights."""
    trained = network(model).eval()

    def call() -> None:
        with kept_aside(file) as path, tempfile.TemporaryDirectory() as folder:
            float_file = path if mode == "float32" else str(Path(folder) / "float32.onnx")
            torch.onnx.export(
                trained,
                (_tensor(images(1, 224)),),
                float_file,
                input_names=["images"],
                dynamo=False,
            )
            if mode == "int8":
                quantize(float_file, path, calibration_images)

    return call


def quantize(
    source: str, target: str, calibration_images: int, *, reduce_range: bool = False
) -> None:
    """An int8 ONNX file of a float32 one.

    Args:
        source: Path of the float32 file.
        target: Path of the int8 file to write.
        calibration_images: Number of images that set the ranges.
        reduce_range: Whether weights get 7 bits, as onnxruntime advises for processors without
            VNNI.
    """
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self._images = iter(images(calibration_images, 224).transpose(0, 3, 1, 2))

        def get_next(self) -> dict[str, np.ndarray] | None:
            image = next(self._images, None)
            return None if image is None else {"images": image[None]}

    with tempfile.TemporaryDirectory() as folder:
        prepared = str(Path(folder) / "prepared.onnx")
        quant_pre_process(source, prepared)
        # Unsigned activations are what onnxruntime's x86 kernels like best.
        quantize_static(
            prepared,
            target,
            Reader(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=reduce_range,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )


def network(model: str) -> torch.nn.Module:
    """A network with random weights, and scales that are not zero."""
    built = timm.create_model(model, pretrained=False)
    for module in built.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.0)
    return built


def warmed(call: Call, calls: int = 2) -> Call:
    """The call, after some: the first compiles."""
    for _ in range(calls):
        call()
    return call


def _in_mode(model: torch.nn.Module, mode: str) -> tuple[torch.nn.Module, torch.memory_format]:
    if mode == "eager":
        return model, torch.contiguous_format
    model = model.to(memory_format=torch.channels_last)
    return (torch.compile(model) if mode == "compiled" else model), torch.channels_last


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array).permute(0, 3, 1, 2).contiguous()


def _precision(dtype: str) -> contextlib.AbstractContextManager[None]:
    reduced = {"mixed_bfloat16": torch.bfloat16, "mixed_float16": torch.float16}.get(dtype)
    precision: contextlib.AbstractContextManager[None] = torch.autocast(
        _device(), dtype=reduced, enabled=reduced is not None
    )
    return precision


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _keras_device() -> str:
    return "gpu:0" if torch.cuda.is_available() else "cpu:0"


if __name__ == "__main__":
    torch.set_num_threads(threads())
    torch.manual_seed(0)
    serve({"predict": predict, "train": train, "export": export}, _keras_device)
