"""The arguments that make a configuration: a recipe, flags for its usual keys, and `--set`."""

import argparse
from typing import Any

from keras_resnets.errors import UserError

from .. import recipe
from ..config import Config

# Flags that stand for keys of the configuration.
KEYS = {
    "data": "data.folder",
    "dataset": "data.dataset",
    "data_dir": "data.data_dir",
    "model": "model.name",
    "weights": "model.weights",
    "epochs": "epochs",
    "batch_size": "batch_size",
    "strategy": "distribution.strategy",
    "devices": "distribution.devices",
    "seed": "seed",
    "checkpoint_every": "saving",
    "tensorboard": "tensorboard",
}
# Those that say where a run computes and where its photos lie: a run goes on elsewhere.
PLACE = ("data", "strategy", "devices")


def add_configuration(parser: argparse.ArgumentParser) -> None:
    """The arguments that `configured` reads."""
    parser.add_argument("--recipe", help="name of a recipe, or a YAML file")
    add_place(parser)
    parser.add_argument("--dataset", metavar="NAME", help="a TensorFlow Datasets name, or mnist_5k")
    parser.add_argument(
        "--data-dir", metavar="FOLDER", help="where TensorFlow Datasets keeps files"
    )
    parser.add_argument("--model", metavar="NAME", help="the network")
    parser.add_argument("--weights", help="where the network starts, such as imagenet")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--batch-size", type=int, help="over all devices")
    parser.add_argument("--seed", type=int)
    parser.add_argument(
        "--checkpoint-every",
        type=_saving,
        metavar="N[steps]",
        help="epochs between two checkpoints, or steps: 500steps",
    )
    parser.add_argument(
        "--tensorboard",
        action="store_const",
        const=True,
        help="write event files for TensorBoard into the run folder",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY.SUB=VALUE",
        dest="overrides",
        help="any key of the configuration, such as optimizer.learning_rate=0.1",
    )


def add_place(parser: argparse.ArgumentParser) -> None:
    """The arguments that say where the photos lie, and on what a run computes."""
    parser.add_argument("--data", metavar="FOLDER", help="photos, in one folder a class")
    parser.add_argument("--strategy", help="one, mirrored (the default), multiworker or tpu")
    parser.add_argument("--devices", type=int, help="GPUs, or logical CPUs without one")


def configured(arguments: argparse.Namespace) -> Config:
    """The configuration of a recipe, of flags and of overrides, in this order.

    Raises:
        UserError: Where it is not valid, or has no data.
    """
    values: dict[str, Any] = {}
    if arguments.recipe:
        values = recipe.read(recipe.find(arguments.recipe))
    for flag, key in KEYS.items():
        if getattr(arguments, flag) is not None:
            recipe.set_key(values, key, getattr(arguments, flag))
    # Data named on the command line takes the place of the recipe's.
    if arguments.data:
        recipe.set_key(values, "data.dataset", arguments.dataset)
    if arguments.dataset:
        recipe.set_key(values, "data.folder", arguments.data)
    config = recipe.configure(values, arguments.overrides)
    if (config.data.dataset is None) == (config.data.folder is None):
        raise UserError(
            "Expected --recipe, --data FOLDER or --dataset NAME, and not both of the last two. "
            f"Received: dataset={config.data.dataset}, folder={config.data.folder}."
        )
    return config


def elsewhere(config: Config, arguments: argparse.Namespace) -> Config:
    """The configuration of a run that goes on in the place that was given."""
    values = config.model_dump(mode="json")
    for flag in PLACE:
        if getattr(arguments, flag) is not None:
            recipe.set_key(values, KEYS[flag], getattr(arguments, flag))
    return recipe.configure(values)


def _saving(text: str) -> dict[str, Any]:
    number = text.removesuffix("steps")
    if not number.isdecimal():
        raise argparse.ArgumentTypeError(f"expected 2 or 500steps, received {text!r}")
    return {"every": int(number), "unit": "epochs" if number == text else "steps"}
