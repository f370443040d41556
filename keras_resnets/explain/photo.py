"""One photo explained: what was seen, where the evidence lies, which paths answered."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from keras_resnets.card import LABEL_THRESHOLD, Card
from keras_resnets.classifier import activation, probabilities
from keras_resnets.explain.activation_maps import grad_cam
from keras_resnets.explain.paths import path_contributions, path_kind, split_attention_weights
from keras_resnets.explain.tracing import Tracer


@dataclasses.dataclass(frozen=True)
class Explanation:
    """Why a photo was given a class.

    Attributes:
        pixels: What the network saw of the photo, `(height, width, 3)` uint8.
        class_index: The class that is explained.
        class_name: Name of that class.
        probability: Probability of that class.
        predicted: Whether it is the most probable one, or among the photo's labels.
        layer: Whose feature map `heat` is.
        heat: `grad_cam`'s map, `(height, width)` in `[0, 1]`.
        paths: What a block's parallel paths are: `"split"`, `"scale"` or `"group"`; `None` for a
            network whose blocks have one path.
        shares: Block → one number a path. Of splits the mean attention, in `[0, 1]`. Of scales and
            groups the contribution to the logit as a share of all the block's contributions taken
            positive, in `[-1, 1]`.
    """

    pixels: np.ndarray
    class_index: int
    class_name: str
    probability: float
    predicted: bool
    layer: str
    heat: np.ndarray
    paths: str | None
    shares: Mapping[str, np.ndarray]


def explain_photo(
    model: keras.Model,
    card: Card,
    photo: Any,
    *,
    class_index: int | None = None,
    layer: str | None = None,
) -> Explanation:
    """Explains one photo, as `keras-resnets explain` shows it.

    Args:
        model: As for `keras_resnets.explain.grad_cam`.
        card: The model's own: `keras_resnets.open_model` gives both.
        photo: A path, or the content of an image file.
        class_index: The class to explain, or `None` for the predicted one.
        layer: As for `keras_resnets.explain.grad_cam`.

    Raises:
        UserError: For a photo, a model, a class or a layer that is none of these.

    Example:
        >>> import io, keras_resnets, numpy as np
        >>> from PIL import Image
        >>> from keras_resnets.explain import explain_photo
        >>> file = io.BytesIO()
        >>> Image.fromarray(np.full((300, 400, 3), 90, "uint8")).save(file, "PNG")
        >>> model, card = keras_resnets.open_model("ResNeSt14", weights=None)
        >>> explanation = explain_photo(model, card, file.getvalue(), class_index=0)
        >>> explanation.class_name, explanation.layer, explanation.heat.shape
        ('tench', 'stage4_block1', (224, 224))
    """
    pixels = card.preprocessing.read(photo)
    image = card.preprocessing.normalize(pixels)
    names = card.class_names
    tracer = Tracer(model)
    # A card of another model's preprocessing is refused here.
    (outputs,) = keras.ops.convert_to_numpy(model(tracer.batch(image), training=False))
    answers = probabilities(outputs, activation(model), classes=len(names))
    best = int(np.argmax(answers))
    chosen = best if class_index is None else class_index
    heat = grad_cam(model, image, layer=layer, class_index=chosen)
    return Explanation(
        pixels=pixels,
        class_index=chosen,
        class_name=names[chosen],
        probability=float(answers[chosen]),
        predicted=bool(answers[chosen] > LABEL_THRESHOLD if card.multi_label else chosen == best),
        layer=tracer.layer(layer),
        heat=heat,
        paths=path_kind(model),
        shares=_shares(model, image, chosen),
    )


def _shares(model: keras.Model, image: np.ndarray, class_index: int) -> dict[str, np.ndarray]:
    if path_kind(model) == "split":
        return {
            block: weights.mean(axis=1)
            for block, weights in split_attention_weights(model, image).items()
        }
    contributions = path_contributions(model, image, class_index=class_index)
    return {block: _normalised(values) for block, values in contributions.items()}


def _normalised(values: np.ndarray) -> np.ndarray:
    total = np.abs(values).sum()
    return values / total if total > 0 else values
