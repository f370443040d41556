"""`keras_resnets`: predicting with `deploy`, training, exporting, building, loading, importing."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Where a CPU lacks AVX-512's neural instructions, TensorFlow leaves it off.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import atexit
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np

import keras_resnets
from benchmarks.rivals.engines.protocol import Call, images, kept_aside, labels, serve, threads
from benchmarks.rivals.engines.randomize import randomize_norms
from keras_resnets.data import without_stalls
from keras_resnets.layers import _lowering as lowering
from keras_resnets.weights import load_checkpoint

if TYPE_CHECKING:  # the engine runs on JAX too
    import tensorflow as tf

IMPORT = (
    "import time, keras; start = time.perf_counter(); import keras_resnets;"
    "print(1e3 * (time.perf_counter() - start))"
)


def predict(
    model: str,
    batch: int,
    batches: int,
    size: int = 224,
    jit_compile: bool | str = "auto",
    dtype: str = "float32",
    **architecture: int | list[int],
) -> Call:
    """`deploy(model).predict` of several batches.

    Args:
        model: A network's name, or with `architecture` a free-form constructor's.
        batch: Number of images of a batch.
        batches: Number of batches of a call.
        size: Side of the images in pixels.
        jit_compile: Whether XLA compiles the network, as `compile` takes it.
        dtype: Policy that the network computes under.
        **architecture: Arguments of the free-form constructor.
    """
    keras.mixed_precision.set_global_policy(dtype)
    deployed = keras_resnets.deploy(network(model, size, **architecture))
    deployed.compile(jit_compile=jit_compile)
    inputs = batched(images(batch * batches, size), batch)

    def call() -> None:
        deployed.predict(inputs, verbose=0)

    return warmed(call)


def train(
    model: str,
    batch: int,
    dtype: str,
    size: int = 224,
    jit_compile: bool | str = "auto",
    stock: bool = False,
    frozen_stages: int = 0,
    **architecture: int | list[int],
) -> Call:
    """One step of SGD with momentum on one batch.

    Args:
        model: A network's name, or with `architecture` a free-form constructor's.
        batch: Number of images of the batch.
        dtype: Policy that the network computes under.
        size: Side of the images in pixels.
        jit_compile: Whether XLA compiles the step, as `compile` takes it.
        stock: Whether grouped convolutions run as Keras' own layer runs them.
        frozen_stages: Number of stages that do not learn, and the stem with them.
        **architecture: Arguments of the free-form constructor.
    """
    keras.mixed_precision.set_global_policy(dtype)
    if stock:
        # GroupedConv2D asks this module for its form each time.
        setattr(lowering, "choose_lowering", lambda *_: "keras")  # noqa: B010 (mypy refuses the plain one)
    network_ = network(model, size, **architecture)
    if frozen_stages:
        keras_resnets.freeze_stages(network_, 1 + frozen_stages)
    network_.compile(
        optimizer=keras.optimizers.SGD(0.01, momentum=0.9),
        loss="sparse_categorical_crossentropy",
        jit_compile=jit_compile,
    )
    inputs, targets = images(batch, size), labels(batch)

    def call() -> None:
        network_.train_on_batch(inputs, targets)

    return warmed(call, 1)


def export(model: str, mode: str, file: str, calibration_images: int) -> Call:
    """A `.tflite` file, as `keras-resnets export` makes it.

    Args:
        model: A network's name.
        mode: `"float32"` or `"int8"`.
        file: Path of the file to write.
        calibration_images: Number of images that set the ranges of int8.
    """
    from tflite.convert.export import Exporter, Options
    from tflite.formats import BY_OPTION
    from tflite.trained import named

    trained = named(model, None)
    randomize_norms(trained.model)
    # What TensorFlow's converter does, so that the time of an export compares with a rival's.
    options = Options(calibration_method="min-max", input="normalised", gives_logits=True)
    format_ = BY_OPTION["none" if mode == "float32" else mode]

    def call() -> None:
        with kept_aside(file) as path:
            exporter = Exporter(trained, None, options)
            exporter.calibration = list(images(calibration_images, 224)[:, None])
            Path(path).write_bytes(exporter.file(format_))

    return call


def build(model: str) -> Call:
    """Building a network."""

    def call() -> None:
        keras.backend.clear_session()
        keras_resnets.create_model(model, weights=None)

    return call


def load(model: str) -> Call:
    """Loading a checkpoint of timm's form into a network that stands, checked as always."""
    built, file = checkpoint(model)
    key_of = keras_resnets.model_info(model).source_key
    return warmed(lambda: load_checkpoint(built, model, file, key_of=key_of))


def read(model: str) -> Call:
    """Reading such a checkpoint's tensors, and nothing more."""
    from safetensors.numpy import load_file

    _, file = checkpoint(model)
    return warmed(lambda: load_file(file))


def import_library() -> Call:
    """Importing the library after Keras, in a fresh interpreter."""

    def call() -> float:
        command = [sys.executable, "-c", IMPORT]
        return float(subprocess.run(command, capture_output=True, check=True).stdout.split()[-1])

    return warmed(call)


def network(model: str, size: int = 224, **architecture: int | list[int]) -> keras.Model:
    """A network with random weights, and scales that are not zero."""
    if architecture:
        constructor = getattr(keras_resnets, model)
        arguments = {k: tuple(v) if isinstance(v, list) else v for k, v in architecture.items()}
        built = constructor(weights=None, input_shape=(size, size, 3), **arguments)
    else:
        built = keras_resnets.create_model(model, weights=None, input_shape=(size, size, 3))
    randomize_norms(built)
    return built


def checkpoint(model: str) -> tuple[keras.Model, Path]:
    """A network, and its weights in timm's form, in a file that goes with the process."""
    from safetensors.numpy import save_file

    built = keras_resnets.create_model(model, weights=None)
    key_of = keras_resnets.model_info(model).source_key
    tensors = {key_of(v.path): torch_layout(v.path, v.numpy()) for v in built.weights}
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    file = Path(folder) / "checkpoint.safetensors"
    save_file(tensors, file)
    return built, file


def batched(inputs: np.ndarray, batch: int) -> "tf.data.Dataset":
    """A data set for `predict`, on which it does not stall."""
    import tensorflow as tf

    return without_stalls(tf.data.Dataset.from_tensor_slices(inputs).batch(batch))


def torch_layout(path: str, values: np.ndarray) -> np.ndarray:
    """A variable as PyTorch holds it."""
    if not path.endswith("kernel"):
        return values
    axes = (3, 2, 0, 1) if values.ndim == 4 else (1, 0)
    return np.ascontiguousarray(values.transpose(axes))


def warmed(call: Call, calls: int = 2) -> Call:
    """The call, after some: the first traces and compiles."""
    for _ in range(calls):
        call()
    return call


def device() -> str:
    """What Keras puts its variables on."""
    return str((keras.distribution.list_devices("gpu") or ["cpu:0"])[0])


def limit_threads() -> None:
    """TensorFlow's threads; without it on another back end."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads())
        tf.config.threading.set_inter_op_parallelism_threads(threads())


if __name__ == "__main__":
    limit_threads()
    np.random.seed(0)
    keras.utils.set_random_seed(0)
    serve(
        {
            "predict": predict,
            "train": train,
            "export": export,
            "build": build,
            "load": load,
            "read": read,
            "import": import_library,
        },
        device,
    )
