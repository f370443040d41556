"""Optimizers with a learning rate for each variable, for fine-tuning."""

from collections.abc import Mapping
from typing import Any

import keras


class _Layerwise:
    """Scales the learning rate of each variable; mixed into an optimizer before its class."""

    def __init__(self, *args: Any, multipliers: Mapping[str, float], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.multipliers = dict(multipliers)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        # `variable` is the back end's own, which has no path; every Keras optimizer finds its state by
        # this index.
        path = self._trainable_variables[self._get_variable_index(variable)].path  # type: ignore
        rate = learning_rate * self.multipliers.get(path, 1.0)
        super().update_step(gradient, variable, rate)  # type: ignore[misc]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "multipliers": self.multipliers}  # type: ignore[misc]


@keras.saving.register_keras_serializable(package="keras_resnets")
class LayerwiseSGD(_Layerwise, keras.optimizers.SGD):
    """`keras.optimizers.SGD` with layer-wise learning rates.

    Args:
        multipliers: Variable path → factor of the learning rate, 1 where there is none: see
            `keras_resnets.layerwise_multipliers`.
        *args: Positional arguments of `keras.optimizers.SGD`.
        **kwargs: Its keyword arguments.

    Example:
        >>> import keras_resnets
        >>> from keras_resnets.optimizers import LayerwiseSGD
        >>> model = keras_resnets.ResNeXt(depths=(1, 1), planes=16, classes=3)
        >>> gently = keras_resnets.layerwise_multipliers(model, decay=0.7)
        >>> model.compile(LayerwiseSGD(0.01, multipliers=gently), "sparse_categorical_crossentropy")
    """


@keras.saving.register_keras_serializable(package="keras_resnets")
class LayerwiseAdamW(_Layerwise, keras.optimizers.AdamW):
    """`keras.optimizers.AdamW` with layer-wise learning rates.

    The decoupled weight decay keeps the unscaled learning rate.

    Args:
        multipliers: Variable path → factor of the learning rate, 1 where there is none: see
            `keras_resnets.layerwise_multipliers`.
        *args: Positional arguments of `keras.optimizers.AdamW`.
        **kwargs: Its keyword arguments.

    Example:
        >>> import keras_resnets
        >>> from keras_resnets.optimizers import LayerwiseAdamW
        >>> model = keras_resnets.ResNeXt(depths=(1, 1), planes=16, classes=3)
        >>> gently = keras_resnets.layerwise_multipliers(model, decay=0.7)
        >>> model.compile(LayerwiseAdamW(0.01, multipliers=gently), "sparse_categorical_crossentropy")
    """
