"""The arguments that make a configuration: a recipe, flags for its usual keys, and `--set`."""

import argparse
from pathlib import Path
from typing import Any

from keras_resnets.errors import UserError

from .. import recipe, starting
from ..config import AUTO, Config

# Flags that stand for keys of the configuration.
KEYS = {
    "data": "data.folder",
    "labels": "data.labels",
    "dataset": "data.dataset",
    "data_dir": "data.data_dir",
    "model": "model.name",
    "weights": "model.weights",
    "image_size": "preprocessing.size",
    "quick": "head.alone",
    "views": "head.views",
    "freeze": "model.freeze",
    "cache": "cache.folder",
    "teacher": "teacher.model",
    "learning_rate": "optimizer.learning_rate",
    "epochs": "epochs",
    "batch_size": "batch_size",
    "strategy": "distribution.strategy",
    "devices": "distribution.devices",
    "balance": "balance",
    "folds": "folds",
    "coverage": "coverage",
    "seed": "seed",
    "checkpoint_every": "saving",
    "tensorboard": "tensorboard",
}
# Those that say where a run computes and where its photos lie: a run goes on elsewhere.
PLACE = ("data", "labels", "teacher", "cache", "strategy", "devices")


def add_configuration(parser: argparse.ArgumentParser) -> None:
    """The arguments that `configured` reads."""
    parser.add_argument("photos", nargs="?", metavar="PHOTOS", help="photos, in one folder a class")
    parser.add_argument(
        "--recipe",
        help="name of a recipe, or a YAML file; one for few photos by default (docs/photos.md)",
    )
    add_place(parser)
    parser.add_argument("--dataset", metavar="NAME", help="a TensorFlow Datasets name, or mnist_5k")
    parser.add_argument(
        "--data-dir", metavar="FOLDER", help="where TensorFlow Datasets keeps files"
    )
    network = parser.add_mutually_exclusive_group()
    network.add_argument("--size", choices=starting.SIZES, help="of the network: small by default")
    network.add_argument("--model", metavar="NAME", help="the network")
    parser.add_argument(
        "--weights",
        metavar="START",
        help="where the network starts: imagenet, a tag, a run or a file of weights, none",
    )
    parser.add_argument(
        "--quantize",
        choices=("int8",),
        help="train a run's network on, to lose nothing in that number format, with --from RUN",
    )
    parser.add_argument(
        "--from", dest="from_run", metavar="RUN", help="the run whose network --quantize trains on"
    )
    parser.add_argument("--image-size", type=int, metavar="SIDE", help="pixels the network sees")
    parser.add_argument(
        "--quick",
        action="store_const",
        const=True,
        help="train the classifier alone, on the features of the network as it starts",
    )
    parser.add_argument(
        "--views",
        type=int,
        metavar="N",
        help="views of each photo that the classifier learns from; by the number of photos",
    )
    parser.add_argument(
        "--freeze",
        metavar="N",
        type=_parts,
        help="parts that do not learn, of the stem and the stages; by the number of photos",
    )
    parser.add_argument(
        "--learning-rate", type=float, metavar="RATE", help="at the top of the schedule"
    )
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--batch-size", type=int, help="over all devices")
    parser.add_argument(
        "--balance",
        choices=["auto", "none", "sampling", "weights"],
        help="of small classes against large ones; auto for photos, none in other recipes",
    )
    parser.add_argument(
        "--folds", type=int, metavar="N", help="estimate by cross-validation too, for few photos"
    )
    parser.add_argument(
        "--coverage",
        type=float,
        metavar="SHARE",
        help=f"of the validation photos to be sure of, {Config().coverage:g} by default",
    )
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
    parser.add_argument(
        "--labels", metavar="CSV", help="labels of the photos, any number each (docs/photos.md)"
    )
    parser.add_argument(
        "--cache", metavar="FOLDER", help="keep the frozen stages' outputs here, not in memory"
    )
    parser.add_argument(
        "--teacher",
        metavar="RUN",
        help="a run or .keras file that teaches this network, of these classes",
    )
    parser.add_argument("--strategy", help="one, mirrored (the default), multiworker or tpu")
    parser.add_argument("--devices", type=int, help="GPUs, or logical CPUs without one")


def configured(arguments: argparse.Namespace) -> Config:
    """The configuration of a recipe, of flags and of overrides, in this order.

    Without a recipe it is the one for photos: see `starting.recipe_of`.

    Raises:
        UserError: Where it is not valid, or has no data.
    """
    given = _flags(arguments)
    if arguments.recipe and arguments.size:
        raise UserError(
            "Expected --size without --recipe, which has its own network. Received: "
            f"--size {arguments.size} --recipe {arguments.recipe}. --model changes that one."
        )
    if given["cache"]:
        given["cache"] = str(Path(given["cache"]).resolve())  # found from wherever the run goes on
    values: dict[str, Any] = {}
    if arguments.quantize or arguments.from_run:
        values = _for_int8(arguments)
    elif arguments.recipe:
        values = recipe.read(recipe.find(arguments.recipe))
        if given["weights"] and starting.is_ours(given["weights"]):
            given["weights"] = str(starting.file_of(given["weights"]))
    elif given["data"] or given["dataset"]:
        model = given.pop("model") or starting.SIZES.get(arguments.size)
        values = starting.recipe_of(model, given.pop("weights"))
    for flag, value in given.items():
        if value is not None:
            recipe.set_key(values, KEYS[flag], value)
    # Data named on the command line takes the place of the recipe's.
    if given["data"]:
        recipe.set_key(values, "data.dataset", given["dataset"])
    if given["dataset"]:
        recipe.set_key(values, "data.folder", given["data"])
        recipe.set_key(values, "data.labels", given["labels"])
    config = recipe.configure(values, arguments.overrides)
    if (config.data.dataset is None) == (config.data.folder is None):
        raise UserError(
            "Expected PHOTOS, --recipe NAME or --dataset NAME, and not both photos and a dataset. "
            f"Received: dataset={config.data.dataset}, folder={config.data.folder}."
        )
    return config


def _for_int8(arguments: argparse.Namespace) -> dict[str, Any]:
    """What `--quantize int8 --from RUN` means."""
    others = [flag for flag in ("recipe", "size", "model", "weights") if getattr(arguments, flag)]
    if not (arguments.quantize and arguments.from_run) or others:
        received = [flag for flag in ("quantize", "from_run") if getattr(arguments, flag)]
        words = ", ".join(f"--{flag.removesuffix('_run')}" for flag in [*received, *others])
        raise UserError(
            "Expected --quantize int8 and --from RUN together, and no other network or recipe. "
            f"Received: {words}."
        )
    return starting.for_int8(arguments.from_run)


def _flags(arguments: argparse.Namespace) -> dict[str, Any]:
    """The values of the flags that stand for keys; `None` where one was not given."""
    given = {flag: getattr(arguments, flag) for flag in KEYS}
    if arguments.photos is not None:
        if arguments.data is not None:
            raise UserError(
                f"Expected one folder of photos. Received: {arguments.photos} and "
                f"--data {arguments.data}."
            )
        given["data"] = arguments.photos
    return given


def elsewhere(config: Config, arguments: argparse.Namespace) -> Config:
    """The configuration of a run that goes on in the place that was given.

    Raises:
        UserError: For a teacher of a run that has none.
    """
    if config.teacher is None and arguments.teacher is not None:
        raise UserError(
            "Expected --teacher of a run that began with one, to say where it is now. Received: "
            f"--teacher {arguments.teacher}. Train a new run with it."
        )
    values = config.model_dump(mode="json")
    for flag in PLACE:
        if getattr(arguments, flag) is not None:
            recipe.set_key(values, KEYS[flag], getattr(arguments, flag))
    return recipe.configure(values)


def _parts(text: str) -> int | str:
    if text != AUTO and not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected 0, 2 or {AUTO}, received {text!r}")
    return AUTO if text == AUTO else int(text)


def _saving(text: str) -> dict[str, Any]:
    number = text.removesuffix("steps")
    if not number.isdecimal():
        raise argparse.ArgumentTypeError(f"expected 2 or 500steps, received {text!r}")
    return {"every": int(number), "unit": "epochs" if number == text else "steps"}
