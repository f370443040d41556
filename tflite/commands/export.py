"""Convert a model to .tflite files, and compare each with Keras on the test images."""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from keras_resnets._common.files import check_writable, write_bytes
from keras_resnets._common.options import positive
from keras_resnets._common.tables import size
from keras_resnets.errors import UserError

from ..formats import BY_OPTION, INT8, MIXED, Mode
from ..terminal import quiet
from .options import add_data_arguments, named_data

if TYPE_CHECKING:
    from ..convert.export import Exporter
    from ..trained import Source


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
        metavar="MODE",
        help="; ".join(f"{mode.option}: {mode.about}" for mode in BY_OPTION.values()),
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="RUN/tflite by default")
    parser.add_argument("--force", action="store_true", help="overwrite files that exist")
    parser.add_argument(
        "--dynamic-batch", action="store_true", help="any number of images a call, not one"
    )
    parser.add_argument(
        "--embed-preprocessing",
        action="store_true",
        help="the file takes uint8 pixels and normalises them itself",
    )
    parser.add_argument(
        "--integer-io",
        action="store_true",
        help="integer inputs and outputs in integer modes, not float32",
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
        help="how an activation's range follows from what was seen; best tries the others and takes "
        "the one whose logits err least (best; TensorFlow's converter has min-max alone)",
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
        choices=("ai-edge", "tensorflow"),
        default="ai-edge",
        help="AI Edge Quantizer or TensorFlow's converter (%(default)s)",
    )
    add_data_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    with quiet():
        from keras_resnets._common.memory import peak_memory

        from ..convert.export import Exporter, Options, paths
        from ..trained import images_of
        from ..verify.compare import compare, report

    tensorflow = arguments.quantizer == "tensorflow"
    options = Options(
        quantizer=arguments.quantizer,
        calibration_images=arguments.calibration_images,
        calibration_method=arguments.calibration_method or ("min-max" if tensorflow else "best"),
        dynamic_batch=arguments.dynamic_batch,
        embed_preprocessing=arguments.embed_preprocessing,
        integer_io=arguments.integer_io,
    )
    source = _source(arguments)
    folder = arguments.output or source.folder / "tflite"
    modes = [BY_OPTION[option] for option in dict.fromkeys(arguments.quantize)]
    targets = dict(paths(source.card, [*modes, MIXED], folder))
    check_writable(folder, (targets[mode] for mode in modes), force=arguments.force)

    with quiet() as terminal:
        data = images_of(source.card, named_data(arguments))
        exporter = Exporter(source, data, options, terminal)
        files = {}
        for mode in modes:
            files[targets[mode].name] = _write(exporter, mode, targets[mode])
        if arguments.max_drop is not None and INT8 in modes:
            mixture = exporter.mixture(arguments.max_drop)
            print(f"on the validation split, {mixture}", file=terminal)
            if mixture.float_layers:
                path = targets[MIXED]
                files[path.name] = _write(exporter, MIXED, path, mixture.float_layers)
    print(f"peak memory {size(peak_memory())}")
    if data is None:
        print("not compared with Keras: the card names no images; give --data or --dataset")
        return 0

    with quiet() as terminal:
        logits = compare(
            source,
            files,
            data,
            split=arguments.split,
            limit=arguments.images,
            terminal=terminal,
        )
        summary = report(source, files, logits)
    summary.save(folder / "report.json")
    print(f"\n{summary.keras.images} images, {arguments.split} split of {data.name}:\n{summary}")
    return 0


def _source(arguments: argparse.Namespace) -> "Source":
    if (arguments.run is None) == (arguments.model is None):
        raise UserError(
            "Expected either a run folder or .keras file, or --model NAME. "
            f"Received: {arguments.run}, --model {arguments.model}."
        )
    with quiet():
        from ..trained import load, named

        if arguments.model is None:
            return load(arguments.run)
        return named(arguments.model, None if arguments.weights == "none" else arguments.weights)


def _write(exporter: "Exporter", mode: Mode, path: Path, float_layers: Sequence[str] = ()) -> bytes:
    """Makes a file, writes it, says so."""
    start = time.perf_counter()
    content = exporter.file(mode, float_layers)
    write_bytes(path, content)
    seconds = time.perf_counter() - start
    print(f"{path}  {size(len(content))}  {seconds:.1f} s", file=exporter.terminal)
    return content
