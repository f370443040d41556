"""What every constructor takes: `keras.applications`' signature, and more.

The dataclass is the one place where the signature stands. Constructors borrow its parameters, for
`help` as for type checkers: see `constructor.py`.
"""

from dataclasses import KW_ONLY, dataclass

from keras_resnets._common.types import Tensor
from keras_resnets.errors import UserError

OUTPUT_STRIDES = (8, 16, 32)


@dataclass(frozen=True)
class NetworkArguments:
    """Builds the network.

    The model is a flat functional graph, `stem → stage1_block1 → … → avg_pool → predictions`, over
    normalised images in float32, `(batch, height, width, channels)`: see
    `keras_resnets.preprocess_input`.

    Args:
        include_top: Whether the pooling and the classifier are part of the model.
        weights: `None` for a random start, `"imagenet"` for the best permissively licensed
            checkpoint, a checkpoint's tag, or the path of a file: `.safetensors`, PyTorch's `.pth`,
            `.pt`, `.pth.tar`, `.bin` or `.ckpt`, Keras' `.weights.h5` or `.keras`.
        input_tensor: A Keras tensor to build upon, in place of a new input.
        input_shape: `(height, width, channels)`; sides may be `None`. By default the size that the
            checkpoint's best accuracy was published for, or 224x224, in RGB; with free sides where
            `include_top=False`. A checkpoint's first convolution is adapted to another number of
            channels: summed for one, repeated in turn for more.
        pooling: Without the top, `None` for the feature map, `"avg"` or `"max"` for one vector an
            image.
        classes: Outputs of the classifier. By default as many as the checkpoint or the file has, or
            1000. With another number than theirs the classifier starts at random.
        classifier_activation: Activation of the last layer; `None` for logits.
        name: The model's name, by default the constructor's.
        output_stride: Input pixels a side to one position of the last feature map: 32, or with
            dilated convolutions 16 or 8.
        drop_path_rate: Stochastic depth of the last block, in `[0, 1)`; earlier blocks have less.
        drop_block_rate: DropBlock's rate in the last two stages, in `[0, 1)`.
        drop_rate: Dropout before the classifier, in `[0, 1)`.
    """

    include_top: bool = True
    weights: str | None = "imagenet"
    input_tensor: Tensor = None
    input_shape: tuple[int | None, int | None, int] | None = None
    pooling: str | None = None
    classes: int | None = None
    classifier_activation: str | None = "softmax"
    name: str | None = None
    _: KW_ONLY
    output_stride: int = 32
    drop_path_rate: float = 0.0
    drop_block_rate: float = 0.0
    drop_rate: float = 0.0

    def check(self) -> None:
        """Refuses what no network takes.

        Raises:
            ValueError: For an argument out of its range.
        """
        if self.pooling not in (None, "avg", "max"):
            raise UserError(
                f"Expected pooling to be None, 'avg' or 'max'. Received: {self.pooling!r}."
            )
        if self.output_stride not in OUTPUT_STRIDES:
            raise UserError(
                f"Expected an output_stride of {OUTPUT_STRIDES}. Received: {self.output_stride}."
            )
        if self.classes is not None and self.classes < 1:
            raise UserError(f"Expected classes of 1 or more. Received: classes={self.classes}.")
        for argument in ("drop_path_rate", "drop_block_rate", "drop_rate"):
            rate = getattr(self, argument)
            if not 0 <= rate < 1:
                raise UserError(f"Expected {argument} in [0, 1). Received: {rate}.")
