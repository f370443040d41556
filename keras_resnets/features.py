"""What a backbone gives: feature maps at each stride, and stages to freeze or to train gently."""

from collections.abc import Sequence

import keras

from keras_resnets.errors import UserError
from keras_resnets.layers import ConvNorm, Deployable, Stem


def feature_extractor(model: keras.Model, layers: Sequence[str] | None = None) -> keras.Model:
    """A model that returns inner feature maps of `model`, with which it shares its weights.

    Args:
        model: A model of this package, with or without its top.
        layers: Names of layers, such as `"stage2_block4"`. By default the last block at each stride:
            for a residual network the strides 4, 8, 16 and 32, for ReXNet 2 too.

    Returns:
        A `keras.Model` whose output is a dictionary, layer name → `(batch, height, width, channels)`,
        from the highest resolution to the lowest.

    Raises:
        ValueError: For a layer that is not in the model.

    Example:
        >>> import keras_resnets
        >>> model = keras_resnets.ResNeXt(depths=(1, 1), planes=16, classes=3)
        >>> pyramid = keras_resnets.feature_extractor(model)
        >>> {name: maps.shape for name, maps in pyramid.output.items()}
        {'stage1_block1': (None, 56, 56, 64), 'stage2_block1': (None, 28, 28, 128)}
    """
    names = list(layers) if layers is not None else list(last_blocks(model).values())
    known = [layer.name for layer in model.layers]
    for name in names:
        if name not in known:
            raise UserError(
                f"Expected names of layers of {model.name}: {known}. Received: {name!r}."
            )
    outputs = {name: model.get_layer(name).output for name in names}
    return keras.Model(model.input, outputs, name=f"{model.name}_features")


def last_blocks(model: keras.Model) -> dict[int, str]:
    """The name of the last block at each stride, stride → name, by ascending strides."""
    blocks: dict[int, str] = {}
    reached = 1
    for stage in stages(model)[:-1]:
        for layer in stage:
            reached *= layer.strides
            blocks[reached] = layer.name
    # A stem that is no stage's end is no feature map of its own.
    return {stride: name for stride, name in blocks.items() if name.startswith("stage")}


def stages(model: keras.Model) -> list[list[keras.layers.Layer]]:
    """The stem, each stage's blocks, and whatever follows them, in the order of the network.

    Raises:
        ValueError: For a model without a stem and stages.
    """
    groups: dict[str, list[keras.layers.Layer]] = {"stem": []}
    for layer in model.layers:
        if isinstance(layer, Stem | ConvNorm) and layer.name == "stem":
            groups["stem"].append(layer)
        elif isinstance(layer, Deployable) and layer.name.startswith("stage"):
            groups.setdefault(layer.name.split("_block")[0], []).append(layer)
    if not groups["stem"] or len(groups) == 1:
        raise UserError(
            f"Expected a model of keras_resnets, with layers 'stem' and 'stage1_block1'. "
            f"Received: {model.name} with {[layer.name for layer in model.layers]}."
        )
    inner = {layer.name for group in groups.values() for layer in group}
    top = [layer for layer in model.layers if layer.weights and layer.name not in inner]
    return [*groups.values(), top]


def all_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Every layer of a model, those inside its blocks too.

    Keras has no public way to them.

    Example:
        >>> import keras_resnets
        >>> from keras_resnets.features import all_layers
        >>> model = keras_resnets.ResNeSt14(weights=None)
        >>> len(model.layers), sum(layer.name == "norm" for layer in all_layers(model))
        (8, 23)
    """
    return list(model._flatten_layers(include_self=False))


def freeze_stages(model: keras.Model, count: int) -> None:
    """Freezes the stem (1), the stem and the first stage (2), and so on; 0 frees everything.

    Frozen batch normalisation uses its moving statistics in training too, as Keras defines it.
    Compile the model afterwards.

    Args:
        model: A model of this package.
        count: Number of parts to freeze, of the stem and the stages, from the image on.

    Raises:
        ValueError: For a count below 0 or beyond the stages.

    Example:
        >>> import keras_resnets
        >>> model = keras_resnets.ResNeXt(depths=(1, 1), planes=16, classes=3)
        >>> keras_resnets.freeze_stages(model, 2)
        >>> [layer.name for layer in model.layers if layer.trainable and layer.weights]
        ['stage2_block1', 'predictions']
    """
    groups = stages(model)
    if not 0 <= count < len(groups):
        raise UserError(
            f"Expected a count from 0 to {len(groups) - 1}, the stem and the stages of {model.name}. "
            f"Received: count={count}."
        )
    for index, group in enumerate(groups):
        for layer in group:
            layer.trainable = index >= count


def layerwise_multipliers(model: keras.Model, decay: float) -> dict[str, float]:
    """Learning-rate multipliers that shrink from the classifier down to the stem.

    The classifier has 1, the last stage `decay`, the one before `decay**2`, the stem the least.

    Args:
        model: A model of this package.
        decay: Factor from one depth to the next, in `(0, 1]`.

    Returns:
        Variable path → multiplier, for all trainable variables.

    Raises:
        ValueError: For a decay outside `(0, 1]`.

    Example:
        >>> import keras_resnets
        >>> model = keras_resnets.ResNeXt(depths=(1, 1), planes=16, classes=3)
        >>> rates = keras_resnets.layerwise_multipliers(model, decay=0.5)
        >>> rates["predictions/kernel"], rates["stem/conv1/conv/kernel"]
        (1.0, 0.125)
    """
    if not 0 < decay <= 1:
        raise UserError(f"Expected a decay in (0, 1]. Received: decay={decay}.")
    return {
        variable.path: decay**distance
        for distance, group in enumerate(reversed(stages(model)))
        for layer in group
        for variable in layer.trainable_variables
    }
