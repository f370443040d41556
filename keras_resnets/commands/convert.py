"""Makes a .keras file, with its card, of a checkpoint."""

import argparse
from pathlib import Path

from keras_resnets import card, models, weights


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", help="a tag, or a .safetensors or .pth file")
    parser.add_argument("--model", required=True, help="our name or timm's")
    parser.add_argument("--output", type=Path, help="by default MODEL.TAG.keras here")
    parser.add_argument("--force", action="store_true", help="overwrite the output")


def run(options: argparse.Namespace) -> None:
    from keras_resnets.preprocessing import Preprocessing, imagenet_classes

    architecture = models.model_info(options.model)
    checkpoint = weights.registered_checkpoint(architecture.name, options.checkpoint)
    tag = checkpoint.tag if checkpoint else Path(options.checkpoint).stem
    output = options.output or Path(f"{architecture.name}.{tag}.keras")
    if output.exists() and not options.force:
        raise FileExistsError(
            f"{output} exists. Give another --output, or --force to overwrite it."
        )
    model = models.create_model(architecture.name, weights=options.checkpoint)
    model.save(output)
    classes = model.output_shape[-1]
    names = [name for _, name in imagenet_classes()]
    if classes != len(names):
        names = [f"class {index}" for index in range(classes)]
    described = card.Card(
        architecture=architecture.name,
        class_names=tuple(names),
        preprocessing=checkpoint.preprocessing if checkpoint else Preprocessing(),
        provenance={
            "checkpoint": checkpoint.name if checkpoint else str(options.checkpoint),
            "licence": checkpoint.licence if checkpoint else "unknown",
        },
    )
    print(f"{output}\n{described.save(output)}")
