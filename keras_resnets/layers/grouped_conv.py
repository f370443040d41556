"""`GroupedConv2D`: a grouped convolution that trains at full speed on a CPU."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from keras_resnets._common.types import Tensor
from keras_resnets.errors import UserError
from keras_resnets.layers import _lowering as lowerings

_FORMS = {
    "native": lowerings.native,
    "depthwise": lowerings.depthwise,
    "pointwise": lowerings.pointwise,
    "super_group": lowerings.super_group,
    "frozen": lowerings.frozen,
}


@keras.saving.register_keras_serializable(package="keras_resnets")
class GroupedConv2D(keras.layers.Conv2D):
    """2-D convolution in `groups` independent groups of channels (Krizhevsky et al., 2012).

    Computes what `keras.layers.Conv2D(groups=groups)` computes and holds the same variables, but
    picks the form in which TensorFlow runs it, because Keras sends every grouped convolution through
    XLA. `groups=1` is the ordinary convolution and `groups=channels` the depthwise one.

    Input: `(batch, height, width, channels)`; output: `(batch, new_height, new_width, filters)`.

    Args:
        filters: Number of output channels, a multiple of `groups`.
        kernel_size: Sides of the kernel, one number or `(height, width)`.
        groups: Number of groups, which divides the input channels and `filters`.
        lowering: Form of the computation. `None` chooses by what the machine can do; `"native"`,
            `"super_group"`, `"depthwise"`, `"pointwise"`, `"frozen"` (a constant of the present kernel,
            for conversion) or `"keras"` forces one form.
        **kwargs: The remaining arguments of `keras.layers.Conv2D`.

    Raises:
        ValueError: For an unknown `lowering` or one that does not fit, or
            `data_format="channels_first"`.

    Example:
        >>> import keras
        >>> from keras_resnets.layers import GroupedConv2D
        >>> GroupedConv2D(16, 3, groups=4, padding="same")(keras.Input((9, 9, 8))).shape
        (None, 9, 9, 16)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        *,
        groups: int = 1,
        lowering: lowerings.Lowering | None = None,
        **kwargs: Any,
    ):
        super().__init__(filters, kernel_size, groups=groups, **kwargs)
        if self.data_format != "channels_last":
            raise UserError(
                'Expected data_format="channels_last", the only layout of this package. '
                f"Received: data_format={self.data_format!r}. Transpose the images to "
                "(batch, height, width, channels) and leave data_format out."
            )
        if lowering not in (None, "keras", *_FORMS):
            raise UserError(
                f"Expected lowering to be None, 'keras' or one of {sorted(_FORMS)}. "
                f"Received: lowering={lowering!r}."
            )
        if lowering == "pointwise" and not self._is_pointwise:
            raise UserError(
                "Expected one group, a kernel_size and strides of 1 with lowering='pointwise'. "
                f"Received: groups={groups}, kernel_size={self.kernel_size}, strides={self.strides}."
            )
        self.lowering = lowering

    @staticmethod
    @contextlib.contextmanager
    def constants_made_by(make: Callable[[np.ndarray], Tensor]) -> Iterator[None]:
        """Within it, what is traced computes with `make(kernel)` in each kernel's place.

        That is true of ungrouped convolutions and of those with `lowering="frozen"`.

        Args:
            make: Gives the constant of a kernel `(height, width, channels of a group, filters)`, in
                the type that the layer computes in.
        """
        token = lowerings.make_constant.set(make)
        try:
            yield
        finally:
            lowerings.make_constant.reset(token)

    @property
    def _is_pointwise(self) -> bool:
        return bool(self.groups == 1 and self.kernel_size == self.strides == (1, 1))

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        token = lowerings.is_learning.set(bool(training))
        try:
            return super().call(inputs)
        finally:
            lowerings.is_learning.reset(token)

    def convolution_op(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        form = self.lowering or lowerings.choose_lowering(
            self.groups,
            inputs.shape[-1],
            keras.backend.standardize_dtype(inputs.dtype),
            is_pointwise=self._is_pointwise,
        )
        if form == "keras":
            return super().convolution_op(inputs, kernel)
        return _FORMS[form](inputs, kernel, self.strides, self.padding, self.dilation_rate)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "lowering": self.lowering}
