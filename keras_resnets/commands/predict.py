"""Names what photos show."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_resnets import card, models, weights
from keras_resnets.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="a name, a .keras file with its card, or a run folder")
    parser.add_argument("photos", nargs="+", type=Path, metavar="PHOTO")
    parser.add_argument("--weights", default="imagenet", help="a tag or a file, with a name")
    parser.add_argument("--top", type=int, default=5)


def run(options: argparse.Namespace) -> None:
    import numpy as np

    from keras_resnets.preprocessing import read_image

    model, preprocessing, names = _model_to_predict(options)
    for photo in options.photos:
        image = preprocessing(read_image(photo))
        (probabilities,) = _probabilities(model.predict(image[None], verbose=0))
        print(photo)
        for index in np.argsort(-probabilities)[: options.top]:
            print(f"  {probabilities[index]:6.1%}  {names[index]}")


def _model_to_predict(options: argparse.Namespace) -> tuple[Any, Any, Sequence[str]]:
    import keras

    from keras_resnets.preprocessing import imagenet_classes

    if Path(options.model).exists():
        path = card.find_model(options.model)
        described = card.Card.load(path)
        return keras.models.load_model(path), described.preprocessing, described.class_names
    architecture = models.model_info(options.model)
    checkpoint = weights.registered_checkpoint(architecture.name, options.weights)
    if checkpoint is None:
        raise UserError(
            "Expected a tag of the registry, since a file does not tell its preprocessing. "
            f"Received: --weights {options.weights}. Convert it first: keras-resnets convert."
        )
    model = models.create_model(architecture.name, weights=options.weights)
    names = [name for _, name in imagenet_classes()]
    if checkpoint.classes != len(names):
        names = [f"class {index}" for index in range(checkpoint.classes)]
    return model, checkpoint.preprocessing, names


def _probabilities(outputs: Any) -> Any:
    """The outputs themselves if they are probabilities, their softmax if they are logits."""
    import numpy as np

    if np.allclose(outputs.sum(-1), 1, atol=1e-3) and outputs.min() >= 0:
        return outputs
    powers = np.exp(outputs - outputs.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)
