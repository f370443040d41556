"""Running a model so that its backbone's layers and its logits can be seen."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_resnets._common.types import Tensor
from keras_resnets.errors import UserError, near_miss
from keras_resnets.features import last_blocks, stages
from keras_resnets.quantization import Int8Simulation

if TYPE_CHECKING:
    import tensorflow as tf

# Classes of layers, and of Keras' operations, that may turn logits into probabilities.
_FINAL = {"Activation", "LogSoftmax", "Sigmoid", "Softmax"}
_POOLING = (keras.layers.GlobalAveragePooling2D, keras.layers.GlobalMaxPooling2D)
# Gradients of early stages would underflow in float16; they are linear in the logit.
_GRADIENT_SCALE = 1024.0


class Tracer:
    """A classifier taken apart: its backbone's layers by name, and the logits before its activation.

    The classifier is one of this package, or a functional or Sequential model around one, nested as
    deep as may be. It is run as it is; nothing in it is changed.

    Args:
        model: Takes one batch of images, and gives `(batch, classes)` logits or probabilities.

    Raises:
        UserError: For a model without one backbone of this package in it, with several inputs or
            outputs, or of a class of its own; on another back end than TensorFlow.
    """

    def __init__(self, model: keras.Model):
        if keras.backend.backend() != "tensorflow":
            raise UserError(
                "Expected Keras on TensorFlow, whose gradients explain a prediction. "
                f"Received: {keras.backend.backend()}. Set KERAS_BACKEND=tensorflow."
            )
        if isinstance(model, Int8Simulation):
            model = model.network  # the same weights, in blocks and without rounding
        self.model = model
        self.backbone = _backbone(model)
        if not model.built:
            raise UserError(
                f"Expected a built model. Received: {model.name}, which knows no input yet. Call it "
                "once, or begin it with keras.Input(shape)."
            )
        for kind, tensors in (("input", model.inputs), ("output", model.outputs)):
            if len(tensors) != 1:
                raise UserError(
                    f"Expected a classifier with one {kind}. "
                    f"Received: {model.name} with {len(tensors)}."
                )
        if len(model.outputs[0].shape) != 2:
            raise UserError(
                "Expected a classifier, whose output is (batch, classes). Received: "
                f"{model.name}, whose output is {model.outputs[0].shape}. "
                "Build it with include_top=True, or put a classifier behind it."
            )
        self._inner = {id(layer) for layer in self.backbone.layers}
        self._last = _last_operation(model)

    @property
    def layers(self) -> list[str]:
        """Names of the backbone's layers with a feature map, from the image on."""
        from_stem = itertools.dropwhile(lambda layer: layer.name != "stem", self.backbone.layers)
        maps = itertools.takewhile(lambda layer: not isinstance(layer, _POOLING), from_stem)
        return [layer.name for layer in maps if layer.weights]

    def layer(self, name: str | None) -> str:
        """The layer that is meant.

        Args:
            name: A layer's name, such as `"stage2_block4"`; a stage's, such as `"stage2"`, for its
                last block; `None` for the last block of all.

        Raises:
            UserError: For a name that the backbone does not have.
        """
        if name is None:
            return list(last_blocks(self.backbone).values())[-1]
        blocks = [layer for layer in self.layers if layer.startswith(f"{name}_block")]
        if name not in self.layers and not blocks:
            known = [*self.layers, *dict.fromkeys(n.split("_block")[0] for n in self.layers)]
            raise UserError(
                f"Expected a layer of {self.backbone.name} with a feature map, or a stage. "
                f"Received: {name!r}. {near_miss(name, known)}"
            )
        return blocks[-1] if blocks else name

    def strides(self, name: str) -> int:
        """Pixels a side from one position of a layer's feature map to the next."""
        behind = [layer for group in stages(self.backbone)[:-1] for layer in group]
        names = [layer.name for layer in behind]
        count = names.index(name) + 1 if name in names else len(names)
        return math.prod(layer.strides for layer in behind[:count])

    def batch(self, images: Any) -> Tensor:
        """Images as the model takes them.

        Args:
            images: `(height, width, channels)`, or a batch of such, normalised.

        Raises:
            UserError: For another shape than the model's, or values that are not finite.
        """
        array = keras.ops.convert_to_numpy(images)
        array = array[None] if array.ndim == 3 else array
        expected = self.model.inputs[0].shape
        fits = array.ndim == 4 and all(
            side in (None, given) for side, given in zip(expected[1:], array.shape[1:], strict=True)
        )
        if not fits or not len(array):
            raise UserError(
                f"Expected an image of shape {expected[1:]}, or a batch of them. "
                f"Received: shape={np.shape(images)}. A card's preprocessing gives what the model "
                "takes: card.preprocessing.normalize(card.preprocessing.read(path))."
            )
        if not np.isfinite(array).all():
            raise UserError("Expected finite pixels. Received: NaN or infinity among them.")
        return keras.ops.convert_to_tensor(array, self.model.inputs[0].dtype)

    def run(
        self,
        images: Tensor,
        *,
        before: Callable[[str, Tensor], object] | None = None,
        behind: Callable[[str, Tensor], object] | None = None,
    ) -> Tensor:
        """Runs the model for inference.

        Args:
            images: The images that `batch` gives.
            before: Called with the name and the input of each of the backbone's layers.
            behind: Called with the name and the output of each of the backbone's layers.

        Returns:
            `(batch, classes)` float32 logits. A single output, whose sigmoid is the probability of
            the second of two classes, becomes both of theirs.
        """
        logits: list[Tensor] = []

        def observed(operation: Any) -> Callable[..., Tensor]:
            def call(*args: Any, **kwargs: Any) -> Tensor:
                inner = id(operation) in self._inner
                if inner and operation.name == "stem":
                    _check_sides(images, args[0])
                if inner and before is not None:
                    before(operation.name, args[0])
                if _is_graph(operation):
                    outputs = _through(operation, args[0], observed)
                else:
                    outputs = operation(*args, **kwargs)
                if inner and behind is not None:
                    behind(operation.name, outputs)
                if operation is self._last:
                    logits.append(_logits(operation, args[0], outputs))
                return outputs

            return call

        _through(self.model, images, observed)
        outputs = keras.ops.cast(logits[-1], "float32")
        return outputs if outputs.shape[-1] > 1 else keras.ops.concatenate([-outputs, outputs], -1)


def choose_classes(logits: Tensor, class_index: Any) -> np.ndarray:
    """The class of each image whose logit is to be explained.

    Args:
        logits: Logits, `(batch, classes)`.
        class_index: A class for all, one for each image, or `None` for the predicted ones.

    Raises:
        UserError: For a class that the model does not have.
    """
    if class_index is None:
        class_index = np.argmax(keras.ops.convert_to_numpy(logits), axis=-1)
    chosen: np.ndarray = np.asarray(class_index)
    batch, classes = logits.shape
    if chosen.dtype.kind not in "iu" or chosen.shape not in ((), (batch,)):
        raise UserError(
            "Expected class_index to be an integer, or one for each image. "
            f"Received: class_index={class_index!r}."
        )
    if chosen.min() < 0 or chosen.max() >= classes:
        raise UserError(
            f"Expected class_index from 0 to {classes - 1}. Received: class_index={class_index!r}."
        )
    return np.broadcast_to(chosen, (batch,))


def scores(logits: Tensor, classes: np.ndarray) -> Tensor:
    """Each image's logit of its class, `(batch,)`."""
    return keras.ops.sum(logits * keras.ops.one_hot(classes, logits.shape[-1]), axis=-1)


def gradients(tape: "tf.GradientTape", score: Tensor, sources: Sequence[Tensor]) -> list[Tensor]:
    """The derivatives of a score by each of the sources, float32 whatever the model computes in."""
    scaled = tape.gradient(
        score, sources, output_gradients=keras.ops.full_like(score, _GRADIENT_SCALE)
    )
    return [keras.ops.cast(gradient, "float32") / _GRADIENT_SCALE for gradient in scaled]


def _is_graph(operation: Any) -> bool:
    return isinstance(operation, keras.Sequential | keras.Function)


def _through(
    model: Any, inputs: Tensor, observed: Callable[[Any], Callable[..., Tensor]]
) -> Tensor:
    """Runs a model's layers one by one, each as `observed` returns it."""
    if isinstance(model, keras.Sequential):
        for layer in model.layers:
            inputs = observed(layer)(inputs)
        return inputs
    # Keras has no public way to run a graph with a look at each of its operations.
    outputs = model._run_through_graph(inputs, operation_fn=observed)
    flat = keras.tree.flatten(outputs)
    return flat[0] if len(flat) == 1 else outputs


def _models(model: keras.Model) -> Iterator[keras.Model]:
    """The model and those nested in it."""
    if not _is_graph(model):
        raise UserError(
            "Expected a functional or a Sequential model, whose layers can be seen. "
            f"Received: {model.name}, a {type(model).__name__}."
        )
    yield model
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _models(layer)


def _backbone(model: keras.Model) -> keras.Model:
    found = [m for m in _models(model) if any(layer.name == "stage1_block1" for layer in m.layers)]
    if len(found) > 1:
        raise UserError(
            "Expected one backbone of keras_resnets in the model. "
            f"Received: {model.name} with {[backbone.name for backbone in found]}."
        )
    backbone = found[0] if found else model
    stages(backbone)  # refuses what is none of ours
    return backbone


def _check_sides(images: Tensor, seen: Tensor) -> None:
    if images.shape[1:3] != seen.shape[1:3]:
        raise UserError(
            "Expected layers in front of the backbone that keep the image's sides, since the map is "
            f"laid over the image. Received: {tuple(images.shape[1:3])} before them and "
            f"{tuple(seen.shape[1:3])} behind. Resize or crop the image beforehand."
        )


def _last_operation(model: keras.Model) -> Any:
    """The operation that gives the logits, its own activation aside."""
    operation = model.outputs[0]._keras_history.operation
    while _is_graph(operation) or type(operation).__name__ in _FINAL:
        tensor = operation.outputs[0] if _is_graph(operation) else operation.input
        operation = tensor._keras_history.operation
    if not getattr(operation, "weights", ()) or not (
        isinstance(operation, keras.layers.Dense) or _is_linear(operation)
    ):
        raise UserError(
            "Expected a classifier that ends with Dense, and at most an activation behind it. "
            f"Received: {model.name}, which ends with {operation.name}."
        )
    return operation


def _is_linear(layer: Any) -> bool:
    return getattr(layer, "activation", None) in (None, keras.activations.linear)


def _logits(layer: Any, inputs: Tensor, outputs: Tensor) -> Tensor:
    """What the last layer gives without its activation."""
    if _is_linear(layer):
        return outputs
    inputs, kernel = (keras.ops.cast(x, layer.compute_dtype) for x in (inputs, layer.kernel))
    logits = keras.ops.matmul(inputs, kernel)
    return logits if layer.bias is None else logits + keras.ops.cast(layer.bias, logits.dtype)
