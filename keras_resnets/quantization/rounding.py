"""The layers that round as int8 does, with gradients that go straight through."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_resnets._common.types import Shape, Tensor

LEVELS = 255  # steps from the lowest to the highest value of 8 bits
LARGEST_WEIGHT = 127  # symmetric: -127 to 127


@keras.saving.register_keras_serializable(package="keras_resnets")
class FakeQuantize(keras.layers.Layer):
    """Rounds an activation to the 256 values of an affine 8-bit range (Jacob et al., 2018).

    The range is two numbers that learn: what lies beyond is clipped, and its gradient moves the end
    (Choi et al., 2018); within, the gradient passes as if nothing was rounded.

    Input and output: any shape.

    Example:
        >>> import numpy as np
        >>> from keras_resnets.quantization import FakeQuantize
        >>> layer = FakeQuantize()
        >>> layer.observe(np.array([-1.0, 1.55]))  # steps of 0.01
        >>> [round(float(value), 2) for value in layer(np.array([0.114, 3.0], "float32"))]
        [0.11, 1.55]
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.low = self.add_weight(shape=(), initializer="zeros", name="low")
        self.high = self.add_weight(shape=(), initializer="ones", name="high")
        # Whether it looks at what passes, and hands it on as it is.
        self.observing = False
        self.built = True

    @property
    def step(self) -> Tensor:
        """What two neighbouring values differ by."""
        return (self.high - self.low) / LEVELS

    def observe(self, values: np.ndarray) -> None:
        """Widens the range to what is seen; 0 lies in it in any case."""
        self.low.assign(min(float(self.low), float(np.min(values))))
        self.high.assign(max(float(self.high), float(np.max(values))))

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        if self.observing:
            self.observe(ops.convert_to_numpy(inputs))
            return inputs
        if training and keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            # One kernel forward and one back, where the formula is a dozen. But it rounds half up, and
            # a little below half too, where a phone rounds half to even.
            return tf.quantization.fake_quant_with_min_max_vars(
                inputs, self.low.value, self.high.value
            )
        return rounded(inputs, self.low, self.high)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape


def rounded(inputs: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Values as 8 bits represent them, with 0 among them.

    Args:
        inputs: Values of any shape.
        low, high: Ends of the range, with `low <= 0 <= high`; they broadcast with the inputs.
    """
    scale = (high - low) / LEVELS
    zero = ops.round(-low / scale)
    return _in_steps(ops.clip(inputs, -zero * scale, (LEVELS - zero) * scale), scale)


def _in_steps(values: Tensor, steps: Tensor) -> Tensor:
    """Values in whole steps; the gradient passes as if nothing was rounded."""
    return values + ops.stop_gradient(ops.round(values / steps) * steps - values)


def _whole(values: Tensor) -> Tensor:
    """Values as whole numbers; the gradient passes as if nothing was rounded."""
    return _in_steps(values, 1.0)


@keras.saving.register_keras_serializable(package="keras_resnets")
class RoundedWeights(keras.layers.Layer):
    """A convolution or dense layer whose weights are rounded as a file stores them.

    Each output channel has a step of its own, its largest weight over 127; the gradient passes as if
    nothing was rounded. The bias is stored in 32 bits, in steps of the inputs' times the weights', which
    is up to a percent of the outputs' steps: it counts where a deep network is to agree with its file.

    Input and output: as the layer's.

    Args:
        layer: A `Conv2D`, one of ours among them, or a `Dense`, built.
        inputs: What rounded the inputs; `None` where they are in float32, as the bias is then.
        rounds_inputs: Whether each image's inputs are rounded on the fly, to a range of its own, as a
            phone does for a dense layer with float32 inputs and int8 weights.
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        *,
        inputs: FakeQuantize | None = None,
        rounds_inputs: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.layer = layer
        # Behind a function, since Keras would take its range for a weight of this layer too.
        self._inputs: Callable[[], FakeQuantize | None] = lambda: inputs
        self.rounds_inputs = rounds_inputs
        self.built = True

    @property
    def activation(self) -> Any:
        return self.layer.activation

    def kernel(self) -> Tensor:
        """The weights as int8 represents them."""
        return _in_steps(self.layer.kernel, self._weight_steps())

    def bias(self) -> Tensor:
        """The bias as the file represents it."""
        inputs = self._inputs()
        if inputs is None:
            return self.layer.bias
        return _in_steps(self.layer.bias, inputs.step * ops.reshape(self._weight_steps(), (-1,)))

    def _weight_steps(self) -> Tensor:
        """The step of each output channel, laid out like the kernel."""
        kernel = self.layer.kernel
        largest = ops.max(ops.abs(kernel), axis=tuple(range(kernel.ndim - 1)), keepdims=True)
        return ops.maximum(largest, 1e-9) / LARGEST_WEIGHT

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        if self.rounds_inputs:
            axes = tuple(range(1, len(inputs.shape)))
            low = ops.minimum(ops.min(inputs, axis=axes, keepdims=True), 0.0)
            high = ops.maximum(ops.max(inputs, axis=axes, keepdims=True), 1e-9)
            inputs = rounded(inputs, ops.stop_gradient(low), ops.stop_gradient(high))
        before = self._inputs()
        if training or before is None:
            outputs = self._products(inputs, self.kernel())
            if self.layer.use_bias:
                outputs = outputs + self.bias()
        else:
            outputs = self._in_whole_steps(inputs, before.step)
        return self.layer.activation(outputs)

    def _in_whole_steps(self, inputs: Tensor, input_step: Tensor) -> Tensor:
        """The outputs as a phone sums them: integers, exact up to 2^24, and one product at the end.

        Sums of rounded numbers differ in their last bits, by which a value half way between two steps
        falls to the other one.
        """
        steps = self._weight_steps()
        by_output = input_step * ops.reshape(steps, (-1,))
        outputs = self._products(_whole(inputs / input_step), _whole(self.layer.kernel / steps))
        if self.layer.use_bias:
            outputs = outputs + _whole(self.layer.bias / by_output)
        return outputs * by_output

    def _products(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        if isinstance(self.layer, keras.layers.Dense):
            return ops.matmul(inputs, kernel)
        return self.layer.convolution_op(inputs, kernel)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        shape: Shape = self.layer.compute_output_shape(input_shape)
        return shape
