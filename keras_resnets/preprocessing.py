"""What happens to a photo before a model sees it: resize, centre crop, normalise.

The transform belongs to a checkpoint, not to a family, so it is a value (`Preprocessing`) that
hangs on the checkpoint's entry and on the card of every model trained here.
`preprocess_input` and `decode_predictions` are the two functions of `keras.applications` modules.
Only what takes tensors imports Keras, when it is called.
"""

import dataclasses
import functools
import importlib.resources
import math
import numbers
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from keras_resnets.errors import UserError
from keras_resnets.photos import Box, Source, open_photo, read_image as read_image

if TYPE_CHECKING:
    from PIL.Image import Image

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
STRIP = 256  # rows of a photo that are looked at together
LARGEST_SIDE = 16_384  # pixels of a resized photo's short side
# Times what the crop needs: beyond, a photo's ends are not resized only to be cut off.
ELONGATED = 4
# Times the resized photo's sides that are left of a JPEG decoded at a half, a quarter or an eighth.
# Pixels differ by 2 of 255 at most where a photo has a camera's noise, by 0.15 in the mean.
SPARE = 4


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """The evaluation transform of a checkpoint.

    The short side is resized to `floor(size / crop_fraction)`, the centre is cropped, pixels are
    normalised. With `antialias=True` this is timm's evaluation transform, pixel for pixel; of a photo
    more than four times as long as wide, a grey level here and there may differ, and of a JPEG with
    more than eight times the pixels a side, `read` decodes no more than it needs.

    Attributes:
        size: Side of the square crop in pixels, or `(height, width)`.
        crop_fraction: Share of the resized short side that the crop keeps, in (0, 1].
        interpolation: `"bilinear"` or `"bicubic"` (Keys' cubic with a = -0.5, as in Pillow).
        antialias: Whether shrinking averages over all pixels it covers. `False` samples 2 or 4
            neighbours a side, as phone and `tf.image.resize` defaults do.
        mean: Mean per channel, in units of pixels scaled to [0, 1].
        std: Standard deviation per channel, above 0, in the same units.

    Example:
        >>> from keras_resnets import Preprocessing
        >>> preprocessing = Preprocessing(size=288, crop_fraction=0.95, interpolation="bicubic")
        >>> preprocessing.pixels(np.zeros((400, 300, 3), "uint8")).shape
        (288, 288, 3)
    """

    size: int | tuple[int, int] = 224
    crop_fraction: float = 0.875
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    antialias: bool = True
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD

    def __post_init__(self) -> None:
        sides = self.size if isinstance(self.size, tuple) else (self.size, self.size)
        if len(sides) != 2 or not all(_is_whole(side) and side > 0 for side in sides):
            raise UserError(
                "Expected `size` to be a positive integer or a tuple (height, width) of them. "
                f"Received: size={self.size!r}"
            )
        if not _is_number(self.crop_fraction) or not 0 < self.crop_fraction <= 1:
            raise UserError(
                f"Expected `crop_fraction` in (0, 1]. Received: crop_fraction={self.crop_fraction!r}"
            )
        if max(sides) / self.crop_fraction > LARGEST_SIDE:
            raise UserError(
                f"Expected `size` / `crop_fraction` of at most {LARGEST_SIDE:,} pixels. "
                f"Received: size={self.size!r}, crop_fraction={self.crop_fraction!r}"
            )
        if self.interpolation not in ("bilinear", "bicubic"):
            raise UserError(
                "Expected `interpolation` to be 'bilinear' or 'bicubic'. "
                f"Received: interpolation={self.interpolation!r}"
            )
        if not isinstance(self.antialias, bool):
            raise UserError(
                f"Expected `antialias` to be True or False. Received: antialias={self.antialias!r}"
            )
        given = (self.mean, self.std)
        if not (
            all(isinstance(values, tuple) and all(map(_is_number, values)) for values in given)
            and len(self.mean) == len(self.std) > 0
            and max(map(abs, (*self.mean, *self.std))) <= 1e6  # in float32 nothing becomes infinite
            and min(self.std) >= 1e-6
        ):
            raise UserError(
                "Expected `mean` and `std` to be tuples of one length, of finite numbers, `std` "
                f"positive. Received: mean={self.mean!r}, std={self.std!r}"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """`(height, width)` of the crop."""
        return self.size if isinstance(self.size, tuple) else (self.size, self.size)

    @property
    def resized_shape(self) -> tuple[int, int]:
        """The `(height, width)` that the resized image must just cover."""
        height, width = self.shape
        return math.floor(height / self.crop_fraction), math.floor(width / self.crop_fraction)

    def resized(self, height: int, width: int) -> tuple[int, int]:
        """The size that an image of `height` x `width` gets before its crop."""
        target_height, target_width = self.resized_shape
        if target_height == target_width:  # torchvision's Resize: the long side is cut down
            short = min(height, width)
            return target_height * height // short, target_height * width // short
        # timm's ResizeKeepRatio, for crops that are not square: both sides are rounded
        ratio = min(height / target_height, width / target_width)
        return round(height / ratio), round(width / ratio)

    def pixels(self, image: np.ndarray) -> np.ndarray:
        """Resizes and crops.

        Args:
            image: The image, `(H, W, 3)` uint8.

        Returns:
            `(height, width, 3)` uint8.

        Raises:
            UserError: For another shape or type.

        Example:
            >>> Preprocessing(size=32).pixels(np.zeros((50, 80, 3), "uint8")).shape
            (32, 32, 3)
        """
        _check_image(image)
        from PIL import Image

        height, width, _ = image.shape
        return self._cropped(
            Image.fromarray(image), (0, 0, width, height), self.resized(height, width)
        )

    def read(self, source: Source, *, checked: bool = False) -> np.ndarray:
        """Decodes a photo, resizes and crops: the pixels that every program sees of it.

        `pixels(read_image(source))` without a copy between.

        With `antialias` a JPEG is decoded at a half, a quarter or an eighth of its size where that
        leaves four times the resized photo's shorter side. What a grey level or two cost in
        exactness, 12 megapixels save in time: more than half (docs/performance.md).

        Args:
            source: A path, or the file's content.
            checked: Whether `keras_resnets.photos.problem_of` found nothing before.

        Returns:
            `(height, width, 3)` uint8.

        Raises:
            UserError: As `keras_resnets.photos.open_photo` does.
        """
        least = SPARE * max(self.resized_shape) if self.antialias else None
        image, box, header = open_photo(source, least, checked=checked)
        return self._cropped(image, box, self.resized(header.height, header.width))

    def normalize(self, x: Any) -> Any:
        """`(x / 255 - mean) / std` by arithmetic alone.

        Args:
            x: `(..., channels)` in [0, 255]: a NumPy array of any number type, or a float32
                tensor of any framework.

        Returns:
            The same shape, float32.

        Example:
            >>> Preprocessing(mean=(0.5,), std=(0.5,)).normalize(np.array([255])).tolist()
            [1.0]
        """
        scale = np.float32(255)
        mean = np.asarray(self.mean, "float32") * scale
        std = np.asarray(self.std, "float32") * scale
        if isinstance(x, np.ndarray):
            return (x - mean) / std
        import keras

        if keras.ops.is_tensor(x):  # torch's tensors do not compute with NumPy's arrays
            mean, std = keras.ops.convert_to_tensor(mean), keras.ops.convert_to_tensor(std)
        return (x - mean) / std

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """`pixels`, then `normalize`: `(H, W, 3)` uint8 to `(height, width, 3)` float32."""
        return np.asarray(self.normalize(self.pixels(image)))

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it: tuples become lists.

        Example:
            >>> Preprocessing(size=(160, 192)).to_dict()["size"]
            [160, 192]
        """
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in dataclasses.asdict(self).items()
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Preprocessing":
        """The inverse of `to_dict`.

        Args:
            values: All attributes by name.

        Raises:
            UserError: For unknown or missing keys, or values that a `Preprocessing` cannot have.

        Example:
            >>> Preprocessing.from_dict(Preprocessing().to_dict()) == Preprocessing()
            True
        """
        names = {field.name for field in dataclasses.fields(cls)}
        if not isinstance(values, Mapping) or set(values) != names:
            raise UserError(
                f"Expected a preprocessing with the keys {sorted(names)}. Received: "
                f"{sorted(map(str, values)) if isinstance(values, Mapping) else type(values).__name__}"
            )
        arguments: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        return cls(**arguments)

    def _cropped(self, image: "Image", box: Box, shape: tuple[int, int]) -> np.ndarray:
        """The centre of a box of an RGB image of Pillow, resized to `shape`."""
        from PIL import Image

        height, width = self.shape
        top, left = round((shape[0] - height) / 2), round((shape[1] - width) / 2)
        covered = zip(shape, self.resized_shape, strict=True)
        if not self.antialias or any(side > ELONGATED * needed for side, needed in covered):
            window = (top, left, height, width)
            return _sampled(image, box, shape, window, self.interpolation, self.antialias)
        filter = Image.Resampling[self.interpolation.upper()]
        resized = np.asarray(image.resize((shape[1], shape[0]), filter, box))
        return resized[top : top + height, left : left + width]


def _is_whole(value: object) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)


def _check_image(image: np.ndarray) -> None:
    if image.ndim != 3 or image.shape[-1] != 3 or image.dtype != np.uint8:
        raise UserError(
            "Expected an RGB image of shape (H, W, 3) and dtype uint8. "
            f"Received: shape={image.shape}, dtype={image.dtype}"
        )


def _sampled(
    image: "Image",
    box: Box,
    shape: tuple[int, int],
    window: tuple[int, int, int, int],
    interpolation: str,
    antialias: bool,
) -> np.ndarray:
    """A window of a box resized to `shape`, by a matrix of weights for each axis.

    Pillow resizes whole images, and always antialiased. What lies off the window costs nothing here:
    a photo of 1 x 20000 pixels would be one of 256 x 5120000.

    Args:
        image: An image in mode `"RGB"`.
        box: Left, top, right and bottom of what is resized, in pixels of the image.
        shape: Height and width of the whole resized box.
        window: Top, left, height and width in it.
        interpolation: `"bilinear"` or `"bicubic"`.
        antialias: Whether the kernel is stretched to cover all pixels where the image shrinks.
    """
    top, left, height, width = window
    first_row, rows = _weights(box[1::2], shape[0], top, height, interpolation, antialias)
    first_column, columns = _weights(box[::2], shape[1], left, width, interpolation, antialias)
    # Without antialiasing most pixels have no weight.
    row_used, column_used = (np.any(weights, axis=0) for weights in (rows, columns))
    seen = _seen(image, (first_row, first_column), row_used, column_used)
    rows, columns = rows[:, row_used], columns[:, column_used]
    passes = [("sj,ijc->isc", columns, shape[1] / (box[2] - box[0]))]
    passes += [("ri,ijc->rjc", rows, shape[0] / (box[3] - box[1]))]
    values = seen.astype("float32")
    # As Pillow does it from version 12 on: the axis first that shrinks most, and bytes in between.
    for subscripts, weights, _ in sorted(passes, key=lambda item: item[2]):
        values = np.einsum(subscripts, weights, values, optimize=True)
        if antialias:
            values = np.rint(values).clip(0, 255)
    return np.asarray(np.rint(values).clip(0, 255), "uint8")


def _seen(
    image: "Image", corner: tuple[int, int], row_used: np.ndarray, column_used: np.ndarray
) -> np.ndarray:
    """The pixels of the used rows and columns from a corner on, read strip by strip."""
    top, left = corner
    strips = []
    for start in range(0, len(row_used), STRIP):
        used = row_used[start : start + STRIP]
        box = (left, top + start, left + len(column_used), top + start + len(used))
        strips.append(np.asarray(image.crop(box))[used][:, column_used])
    return np.concatenate(strips)


def _weights(
    ends: tuple[float, ...],
    new: int,
    start: int,
    count: int,
    interpolation: str,
    antialias: bool,
) -> tuple[int, np.ndarray]:
    """The first old pixel that counts, and the `(count, pixels)` weights of the new ones.

    The old pixels lie between two `ends`, the new ones are `count` from `start` on, of `new`.
    """
    begin, end = ends
    scale = (end - begin) / new
    stretched = max(scale, 1.0) if antialias else 1.0
    reach = stretched * (1 if interpolation == "bilinear" else 2)
    centres = begin + (np.arange(start, start + count) + 0.5) * scale
    first = max(math.floor(begin), math.floor(centres[0] - reach))
    last = min(math.ceil(end), math.ceil(centres[-1] + reach))
    distance = np.abs(np.arange(first, last) + 0.5 - centres[:, None]) / stretched
    if interpolation == "bilinear":
        weights = np.maximum(1 - distance, 0)
    else:
        near = (1.5 * distance - 2.5) * distance**2 + 1
        far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
        weights = np.where(distance < 1, near, np.where(distance < 2, far, 0))
    return first, (weights / weights.sum(axis=1, keepdims=True)).astype("float32")


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Normalises RGB pixels with the ImageNet mean and standard deviation.

    It resizes nothing; `Preprocessing` is the whole transform of a checkpoint, and a few have
    another mean and standard deviation than these.

    Args:
        x: Pixels, `(..., 3)`, in [0, 255]: a NumPy array or a tensor.
        data_format: `"channels_last"`, or `None` for the global setting of Keras.

    Returns:
        The same shape, float32.

    Raises:
        ValueError: For `channels_first`, or where the last axis is not RGB.

    Example:
        >>> grey = np.full((1, 224, 224, 3), 128, "uint8")
        >>> preprocess_input(grey)[0, 0, 0]
        array([0.0740..., 0.2051..., 0.4264...], dtype=float32)
    """
    import keras

    data_format = data_format or keras.config.image_data_format()
    if data_format != "channels_last":
        raise UserError(
            "Expected data_format='channels_last', the only one that these models have. "
            f"Received: data_format={data_format!r}"
        )
    if not x.shape or x.shape[-1] != 3:
        raise UserError(f"Expected RGB in the last axis. Received: shape={tuple(x.shape)}")
    return Preprocessing().normalize(
        x if isinstance(x, np.ndarray) else keras.ops.cast(x, "float32")
    )


def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[str, str, float]]]:
    """Names the most probable ImageNet classes.

    Args:
        preds: Scores, `(samples, 1000)`: a NumPy array or a tensor.
        top: Number of classes to name.

    Returns:
        For each sample `top` tuples `(WordNet ID, name, score)`, the highest score first.

    Raises:
        ValueError: For any other shape than `(samples, 1000)`.

    Example:
        >>> scores = np.zeros((1, 1000), "float32")
        >>> scores[0, 207] = 0.75
        >>> decode_predictions(scores, top=1)
        [[('n02099601', 'golden_retriever', 0.75)]]
    """
    import keras

    scores = keras.ops.convert_to_numpy(preds)
    classes = imagenet_classes()
    if scores.ndim != 2 or scores.shape[1] != len(classes):
        raise UserError(
            f"Expected predictions over the ImageNet classes, of shape (samples, {len(classes)}). "
            f"Received: shape={scores.shape}"
        )
    best = np.argsort(-scores, axis=1, kind="stable")[:, :top]
    return [
        [(*classes[index], float(row[index])) for index in indices]
        for row, indices in zip(scores, best, strict=True)
    ]


@functools.cache
def imagenet_classes() -> tuple[tuple[str, str], ...]:
    """`(WordNet ID, name)` of the 1000 ImageNet-1k classes, in the order of the logits."""
    text = (
        importlib.resources.files(__package__).joinpath("imagenet_classes.txt").read_text("utf-8")
    )
    wnids_and_names = (line.split(" ", 1) for line in text.splitlines())
    return tuple((wnid, name) for wnid, name in wnids_and_names)
