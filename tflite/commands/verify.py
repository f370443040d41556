"""Compare a .tflite file with the Keras model it comes from, image by image.

The exit status is 1 where the two agree on fewer images than --min-agreement.
"""

import argparse
from pathlib import Path

from keras_resnets._common.tables import table
from keras_resnets.errors import UserError

from ..terminal import quiet
from .options import add_data_arguments, named_data


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE.tflite")
    parser.add_argument(
        "--against", type=Path, required=True, metavar="RUN", help="a run folder or a .keras file"
    )
    parser.add_argument(
        "--min-agreement",
        type=float,
        default=0.98,
        metavar="SHARE",
        help="of images with the same top-1 (%(default)s)",
    )
    parser.add_argument(
        "--worst", type=Path, metavar="FILE.png", help="draw the images that differ most there"
    )
    parser.add_argument(
        "--layers", action="store_true", help="show the error behind each layer, where it starts"
    )
    add_data_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    from ..file.runtime import read_file

    content = read_file(arguments.file)
    with quiet():
        from ..trained import images_of, load
        from ..verify.compare import compare, layers, report, worst
    with quiet() as terminal:
        source = load(arguments.against)
        data = images_of(source.card, named_data(arguments))
        if data is None:
            raise UserError(
                "Expected images to compare on. Received: a model whose card names none. "
                "Give --data FOLDER or --dataset NAME."
            )
        name = arguments.file.name
        logits = compare(
            source,
            {name: content},
            data,
            split=arguments.split,
            limit=arguments.images,
            terminal=terminal,
        )
        summary = report(source, {name: content}, logits)
    print(f"{summary.keras.images} images, {arguments.split} split of {data.name}:\n{summary}")
    if arguments.worst:
        with quiet():
            page = worst(source, name, logits, data, arguments.split)
        from keras_resnets._common.files import write_bytes

        write_bytes(arguments.worst, page)
        print(f"the images that differ most: {arguments.worst}")
    if arguments.layers:
        with quiet() as terminal:
            errors = layers(source, content, data)
        rows = [
            [e.layer, f"{e.relative:.2%}", f"{e.worst:.2%}", e.worst_operator.split(";")[0]]
            for e in errors
        ]
        print("\nerror to the float model's activations:")
        print(table(["layer", "behind it", "worst within", "at"], rows))
    agreement = logits.agreement(name)
    if agreement < arguments.min_agreement:
        print(f"agreement {agreement:.2%} is below {arguments.min_agreement:.2%}")
        return 1
    return 0
