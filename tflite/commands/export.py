"""Convert a model to .tflite files or for other runtimes, and compare each with Keras on test images.

keras-resnets export runs/photos --quantize none int8
keras-resnets export runs/photos --to onnx openvino saved_model
"""

import argparse
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from keras_resnets._common.files import check_writable, sweep_folder, write_bytes
from keras_resnets._common.options import positive
from keras_resnets._common.tables import size
from keras_resnets.errors import UserError

from ..formats import BY_OPTION, INT8, MIXED, NumberFormat
from ..runtimes import RUNTIMES
from .options import add_data_arguments, named_data

TFLITE = "tflite"
NOT_COMPARED = "not compared with Keras: no images; give --data or --dataset"

if TYPE_CHECKING:
    from keras_resnets.data import ImageData

    from ..convert.export import Exporter, Options
    from ..trained import TrainedModel


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run", type=Path, nargs="?", metavar="RUN_OR_MODEL", help="a run folder or a .keras file"
    )
    parser.add_argument("--model", metavar="NAME", help="a network by name instead")
    parser.add_argument(
        "--weights",
        default="imagenet",
        metavar="TAG",
        help="of --model: imagenet, a tag, a path, or none (%(default)s)",
    )
    parser.add_argument(
        "--quantize",
        nargs="+",
        choices=BY_OPTION,
        default=["none"],
        metavar="FORMAT",
        help="; ".join(f"{one.option}: {one.about}" for one in BY_OPTION.values()),
    )
    parser.add_argument(
        "--to",
        nargs="+",
        choices=(TFLITE, *RUNTIMES),
        default=[TFLITE],
        metavar="RUNTIME",
        help=f"of {', '.join((TFLITE, *RUNTIMES))} (%(default)s); all but tflite take any number of "
        "pixel images in float32, and no other option",
    )
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="RUN/tflite by default, RUN/runtimes for others"
    )
    parser.add_argument("--force", action="store_true", help="overwrite files that exist")
    parser.add_argument(
        "--dynamic-batch", action="store_true", help="any number of images a call, not one"
    )
    parser.add_argument(
        "--input",
        choices=("uint8", "float32", "normalised"),
        default="uint8",
        help="what the file takes: pixels as bytes or as floats from 0 to 255, which it normalises "
        "itself, or normalised images in float32 (%(default)s)",
    )
    parser.add_argument(
        "--normalised-input",
        action="store_const",
        const="normalised",
        dest="input",
        help="the same as --input normalised",
    )
    parser.add_argument(
        "--logits",
        action="store_true",
        help="the file gives logits; by default it gives what the model gives, as a rule probabilities",
    )
    parser.add_argument(
        "--integer-io",
        action="store_true",
        help="integer inputs and outputs in integer formats, with --input normalised --logits",
    )
    parser.add_argument(
        "--calibration-images",
        type=positive,
        default=200,
        metavar="N",
        help="training images, evenly of all classes, that set the integer ranges (%(default)s)",
    )
    parser.add_argument(
        "--calibration-method",
        choices=("best", "min-max", "average", "percentile", "least-error"),
        help="how an activation's range follows from what was seen; best tries the others, and on the "
        "one whose logits err least joined maps in one range, channels equalised, weights clipped, "
        "biases corrected and weights rounded layer by layer, a second or two a layer "
        "(best; TensorFlow's converter has min-max alone)",
    )
    parser.add_argument(
        "--max-drop",
        type=float,
        metavar="POINTS",
        help="where int8 loses more accuracy than that on the validation split, write a second file "
        "that keeps the most sensitive layers in float32",
    )
    parser.add_argument(
        "--quantizer",
        choices=("litert", "tensorflow"),
        default="litert",
        help="LiteRT Quantizer or TensorFlow's converter (%(default)s)",
    )
    add_data_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    others = [name for name in dict.fromkeys(arguments.to) if name != TFLITE]
    if others:
        _to_other_runtimes(arguments, others)
    return _to_phone_files(arguments) if TFLITE in arguments.to else 0


def _to_other_runtimes(arguments: argparse.Namespace, runtimes: Sequence[str]) -> None:
    from ..runtimes.exporting import compared, export

    trained = _trained(arguments)
    data = _images(arguments, trained, [])
    folder = arguments.output or trained.folder / "runtimes"
    exported = export(trained, runtimes, folder, force=arguments.force)
    for one in exported:
        print(f"{one.path}  {size(one.bytes)}", file=sys.stderr)
    if data is None:
        print(NOT_COMPARED)
        return
    split = arguments.split
    print(f"\nimages of the {split} split of {data.name}:")
    print(compared(trained, exported, data, split=split, limit=arguments.images))


def _to_phone_files(arguments: argparse.Namespace) -> int:
    from keras_resnets._common.memory import peak_memory
    from keras_resnets._common.phone_report import REPORT

    from ..convert.export import paths
    from ..verify.compare import compare, report
    from ..verify.subject import of_file, of_trained

    options = _options(arguments)
    trained = _trained(arguments)
    folder = arguments.output or trained.folder / "tflite"
    formats = [BY_OPTION[option] for option in dict.fromkeys(arguments.quantize)]
    targets = dict(paths(trained.card, [*formats, MIXED], folder))
    check_writable(folder, (targets[format] for format in formats), force=arguments.force)
    sweep_folder(folder)  # of what a killed export left

    data = _images(arguments, trained, formats)
    files = _written(trained, data, options, targets, formats, arguments.max_drop)
    if data is None:
        print(f"peak memory {size(peak_memory())}")
        print(NOT_COMPARED)
        return 0

    keras = of_trained(trained)
    others = [of_file(name, content) for name, content in files.items()]
    found = compare(
        keras, others, trained.card, data, split=arguments.split, limit=arguments.images
    )
    summary = report(keras, others, trained.card, found)
    summary.save(folder / REPORT)
    print(f"peak memory {size(peak_memory())}")
    print(f"\n{summary.keras.images} images, {arguments.split} split of {data.name}:\n{summary}")
    return 0


def _written(
    trained: "TrainedModel",
    data: "ImageData | None",
    options: "Options",
    targets: Mapping[NumberFormat, Path],
    formats: Sequence[NumberFormat],
    max_drop: float | None,
) -> dict[str, bytes]:
    """Makes and writes the files; gives their content by name.

    What they are made of, several times as large, is let go.
    """
    from ..convert.export import Exporter

    exporter = Exporter(trained, data, options)
    files = {}
    for format in formats:
        files[targets[format].name] = _write(exporter, format, targets[format])
    if max_drop is not None and INT8 in formats:
        mixture = exporter.mixture(max_drop)
        print(f"on the validation split, {mixture}", file=sys.stderr)
        if mixture.float_layers:
            path = targets[MIXED]
            files[path.name] = _write(exporter, MIXED, path, mixture.float_layers)
    return files


def _images(
    arguments: argparse.Namespace, trained: "TrainedModel", formats: Sequence[NumberFormat]
) -> "ImageData | None":
    """Images to calibrate and to compare with; `None` where there are none and none are needed."""
    from ..convert.export import MISSING_IMAGES
    from ..trained import images_of

    named = named_data(arguments)
    needed = arguments.max_drop is not None or any(format.calibrated for format in formats)
    try:
        data = images_of(trained.card, named)
    except (UserError, OSError) as error:
        if named or needed:
            raise
        # A run whose photos are elsewhere by now still becomes a file.
        warnings.warn(f"The images that the card names cannot be had. {error}", stacklevel=2)
        return None
    if data is None and needed:
        raise UserError(MISSING_IMAGES)
    return data


def _options(arguments: argparse.Namespace) -> "Options":
    from ..convert.export import BEST, Options

    tensorflow = arguments.quantizer == "tensorflow"
    return Options(
        quantizer=arguments.quantizer,
        calibration_images=arguments.calibration_images,
        calibration_method=arguments.calibration_method or ("min-max" if tensorflow else BEST),
        dynamic_batch=arguments.dynamic_batch,
        input=arguments.input,
        gives_logits=arguments.logits,
        integer_io=arguments.integer_io,
    )


def _trained(arguments: argparse.Namespace) -> "TrainedModel":
    if (arguments.run is None) == (arguments.model is None):
        raise UserError(
            "Expected either a run folder or .keras file, or --model NAME. "
            f"Received: {arguments.run}, --model {arguments.model}."
        )
    from ..trained import load, named

    if arguments.model is None:
        return load(arguments.run)
    return named(arguments.model, None if arguments.weights == "none" else arguments.weights)


def _write(
    exporter: "Exporter", format: NumberFormat, path: Path, float_layers: Sequence[str] = ()
) -> bytes:
    """Makes a file, writes it, says so."""
    start = time.perf_counter()
    content = exporter.file(format, float_layers)
    write_bytes(path, content)
    seconds = time.perf_counter() - start
    how = f"  {exporter.plan(format)}" if format.calibrated and exporter.rewrites else ""
    print(f"{path}  {size(len(content))}  {seconds:.1f} s{how}", file=sys.stderr)
    return content
