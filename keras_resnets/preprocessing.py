"""What happens to a photo before a model sees it: resize, centre crop, normalise.

The transform belongs to a checkpoint, not to a family, so it is a value (`Preprocessing`) that
hangs on the checkpoint's entry and on the card of every model trained here.
`preprocess_input` and `decode_predictions` are the two functions of `keras.applications` modules.
Only what takes tensors imports Keras, when it is called.
"""

import dataclasses
import functools
import importlib.resources
import io
import math
import os
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from keras_resnets.errors import UserError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """The evaluation transform of a checkpoint.

    The short side is resized to `floor(size / crop_fraction)`, the centre is cropped, pixels are
    normalised. With `antialias=True` this is timm's evaluation transform, pixel for pixel.

    Attributes:
        size: Side of the square crop in pixels, or `(height, width)`.
        crop_fraction: What the crop keeps of the resized short side, in (0, 1].
        interpolation: `"bilinear"` or `"bicubic"` (Keys' cubic with a = -0.5, as in Pillow).
        antialias: Whether shrinking averages over all pixels it covers. `False` samples 2 or 4
            neighbours a side, as phone and `tf.image.resize` defaults do.
        mean: Per channel, in units of pixels scaled to [0, 1].
        std: Per channel, likewise.
    """

    size: int | tuple[int, int] = 224
    crop_fraction: float = 0.875
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    antialias: bool = True
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD

    def __post_init__(self) -> None:
        sides = self.size if isinstance(self.size, tuple) else (self.size, self.size)
        if len(sides) != 2 or not all(isinstance(side, int) and side > 0 for side in sides):
            raise UserError(
                "Expected `size` to be a positive integer or a tuple (height, width) of them. "
                f"Received: size={self.size!r}"
            )
        if not 0 < self.crop_fraction <= 1:
            raise UserError(
                f"Expected `crop_fraction` in (0, 1]. Received: crop_fraction={self.crop_fraction}"
            )
        if self.interpolation not in ("bilinear", "bicubic"):
            raise UserError(
                "Expected `interpolation` to be 'bilinear' or 'bicubic'. "
                f"Received: interpolation={self.interpolation!r}"
            )
        if len(self.mean) != len(self.std) or not self.mean or min(self.std) <= 0:
            raise UserError(
                "Expected `mean` and `std` to be of one length, `std` positive. "
                f"Received: mean={self.mean}, std={self.std}"
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
            image: `(H, W, 3)` uint8.

        Returns:
            `(height, width, 3)` uint8.
        """
        _check_image(image)
        resized = self._resize(image, self.resized(*image.shape[:2]))
        height, width = self.shape
        top = round((resized.shape[0] - height) / 2)
        left = round((resized.shape[1] - width) / 2)
        return resized[top : top + height, left : left + width]

    def normalize(self, x: Any) -> Any:
        """`(x / 255 - mean) / std` by arithmetic alone.

        Args:
            x: `(..., channels)` in [0, 255]: a NumPy array of any number type, or a float32
                tensor of any framework.

        Returns:
            The same shape, float32.
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
        return self.normalize(self.pixels(image))

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it: tuples become lists."""
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in dataclasses.asdict(self).items()
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Preprocessing":
        """The inverse of `to_dict`. Raises `ValueError` for unknown or missing keys."""
        names = {field.name for field in dataclasses.fields(cls)}
        if set(values) != names:
            raise UserError(
                f"Expected a preprocessing with the keys {sorted(names)}. "
                f"Received: {sorted(values)}"
            )
        arguments: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        return cls(**arguments)

    def _resize(self, image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        if not self.antialias:
            return _sampled(image, shape, self.interpolation)
        from PIL import Image

        height, width = shape
        return np.asarray(
            Image.fromarray(image).resize(
                (width, height), Image.Resampling[self.interpolation.upper()]
            )
        )


def _check_image(image: np.ndarray) -> None:
    if image.ndim != 3 or image.shape[-1] != 3 or image.dtype != np.uint8:
        raise UserError(
            "Expected an RGB image of shape (H, W, 3) and dtype uint8. "
            f"Received: shape={image.shape}, dtype={image.dtype}"
        )


def _sampled(image: np.ndarray, shape: tuple[int, int], interpolation: str) -> np.ndarray:
    """Resizes without antialiasing, which Pillow cannot: a weight matrix for each axis."""
    rows, columns = (
        _sampling(old, new, interpolation) for old, new in zip(image.shape[:2], shape, strict=True)
    )
    values = np.einsum("ri,ijc,sj->rsc", rows, image.astype("float32"), columns, optimize=True)
    return np.rint(values).clip(0, 255).astype("uint8")


def _sampling(old: int, new: int, interpolation: str) -> np.ndarray:
    """`(new, old)` weights of the pixels around each new centre; those off the image are nil."""
    centres = (np.arange(new) + 0.5) * (old / new)
    distance = np.abs(np.arange(old) + 0.5 - centres[:, None])
    if interpolation == "bilinear":
        weights = np.maximum(1 - distance, 0)
    else:
        near = (1.5 * distance - 2.5) * distance**2 + 1
        far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
        weights = np.where(distance < 1, near, np.where(distance < 2, far, 0))
    return (weights / weights.sum(axis=1, keepdims=True)).astype("float32")


def read_image(source: str | os.PathLike[str] | bytes) -> np.ndarray:
    """Decodes a photo to RGB.

    Alpha is dropped, the first frame of an animation is taken, 16-bit grey keeps its high byte.
    The EXIF orientation is ignored, here and in `keras_resnets.data`: TensorFlow's decoder, which
    training uses, does not know it, and what a model is shown must be what it was trained on.

    Args:
        source: A path, or the file's content.

    Returns:
        `(H, W, 3)` uint8.

    Raises:
        ValueError: where the content is no image that Pillow can decode.
    """
    from PIL import Image

    name = "<bytes>" if isinstance(source, bytes) else os.fspath(source)
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
            image.load()
            # Pillow warns of a palette with transparency, which RGB has no use for.
            image.info.pop("transparency", None)
            if not image.mode.startswith("I;16"):
                return np.asarray(image.convert("RGB"))
            # convert() would clip 16 bits at 255.
            return np.stack([(np.asarray(image) >> 8).astype("uint8")] * 3, axis=-1)
    except FileNotFoundError:
        raise
    except (OSError, SyntaxError, ValueError) as error:
        raise UserError(
            f"Expected an image that Pillow can decode. Received: {name}: {error}"
        ) from error


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Normalises RGB pixels with the ImageNet mean and standard deviation.

    It resizes nothing; `Preprocessing` is the whole transform of a checkpoint, and a few have
    another mean and standard deviation than these.

    Args:
        x: `(..., 3)`, in [0, 255]: a NumPy array or a tensor.
        data_format: `"channels_last"`, or `None` for the global setting of Keras.

    Returns:
        The same shape, float32.

    Raises:
        ValueError: for `channels_first`, or where the last axis is not RGB.
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
        preds: `(samples, 1000)` scores: a NumPy array or a tensor.
        top: How many classes to name.

    Returns:
        For each sample `top` tuples `(WordNet ID, name, score)`, the highest score first.

    Raises:
        ValueError: for any other shape than `(samples, 1000)`.
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
