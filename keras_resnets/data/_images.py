"""Labelled images as `tf.data` pipelines, wherever their encoded bytes come from."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from keras_resnets._common.console import on_one_line
from keras_resnets._common.tables import table
from keras_resnets.data._pipelines import as_written, without_stalls
from keras_resnets.data._splitting import Photo
from keras_resnets.data._tree import LeftOut
from keras_resnets.data.tiny import MOST_SIDE, Axis, decode_tiny_png, is_tiny_png, resized
from keras_resnets.errors import UserError, near_miss
from keras_resnets.photos import read_image
from keras_resnets.preprocessing import Preprocessing, imagenet_classes

if TYPE_CHECKING:
    import tensorflow as tf

SPLITS = ("train", "validation", "test")
MOST_LISTED = 20  # classes in one message


class Source(Protocol):
    """Where the encoded images of a split come from."""

    def __call__(self, split: str, *, shuffle_files: bool) -> "tf.data.Dataset":
        """A data set of (encoded bytes, int64 label)."""


@dataclasses.dataclass(frozen=True)
class ImageData:
    """Labelled images in three splits.

    Attributes:
        name: The data set's name, or the folder's.
        class_names: Names of the classes in the order of the labels.
        sizes: Number of images by split: `"train"`, `"validation"`, `"test"`.
        source: Reads a split's encoded images; `examples` is the way to use it.
        left_out: Files that are not used, by reason and suffix.
        counts: Number of images of each class by split, where they are known without reading all.
        origins: Where each split comes from, in words.
        test_is_validation: Whether there is no test split, and the validation split stands in for it.
        digest: A hash of the classes' names, the images and their labels: what equals it is the same.
        photos: The files of each split, in the order of `examples`, where the images are files.
        multi_label: Whether an image has any number of the classes. Its label is then a vector,
            `(classes,)` uint8, 1 for each class that it has, and `counts` count it in each.

    Example:
        >>> def source(split, *, shuffle_files):
        ...     import tensorflow as tf
        ...     image = tf.io.encode_png(tf.zeros((2, 3, 3), tf.uint8))
        ...     return tf.data.Dataset.from_tensors((image, tf.constant(1, tf.int64)))
        >>> data = ImageData("pets", ("cat", "dog"), {"train": 0, "validation": 0, "test": 1}, source)
        >>> print(data.summary())
        pets: 2 classes
          test 1
        >>> [(image.shape, label) for image, label in data.examples("test").as_numpy_iterator()]
        [((2, 3, 3), np.int64(1))]
    """

    name: str
    class_names: tuple[str, ...]
    sizes: Mapping[str, int]
    source: Source = dataclasses.field(repr=False, compare=False)
    left_out: tuple[LeftOut, ...] = ()
    counts: Mapping[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)
    origins: Mapping[str, str] = dataclasses.field(default_factory=dict)
    test_is_validation: bool = False
    digest: str = ""
    photos: Mapping[str, tuple[Photo, ...]] = dataclasses.field(
        default_factory=dict, repr=False, compare=False
    )
    multi_label: bool = False

    def summary(self) -> str:
        """What there is and what is left out, to be shown once at the start.

        Classes are listed with their counts, where these are known, the first 20 of them.
        """
        total = f"{on_one_line(self.name)}: {len(self.class_names)} classes"
        splits = [
            f"  {split} {self.sizes[split]:,}"
            + (f" ({self.origins[split]})" if split in self.origins else "")
            for split in SPLITS
            if self.sizes[split]
        ]
        counted = [split for split in SPLITS if split in self.counts and self.sizes[split]]
        rows = [
            [name, *(f"{self.counts[split][label]:,}" for split in counted)]
            for label, name in enumerate(self.class_names[:MOST_LISTED])
        ]
        listed = [f"  {line}" for line in table(["class", *counted], rows).splitlines()]
        more = len(self.class_names) - MOST_LISTED
        lines = [total, *splits, *(listed if counted else ())]
        lines += [f"  and {more} more classes"] * (bool(counted) and more > 0)
        return "\n".join(lines + [f"  left out {group}" for group in self.left_out])

    def with_classes(self, class_names: Sequence[str]) -> "ImageData":
        """The same images with the labels of other class names, such as a model's: met by name.

        Classes of which there are no images are fine. Folders called by WordNet IDs, as ImageNet has
        them, meet ImageNet's class names.

        Args:
            class_names: Names of the classes in the order of the new labels.

        Raises:
            UserError: Where there are images of a class that is not among them.
        """
        names = tuple(class_names)
        if names == self.class_names:
            return self
        found = self.labels_among(names)
        new = [label for label in found if label is not None]
        if len(new) < len(found):
            raise UserError(self._strange(names, found))

        # Where each of the new classes stands among these; of those that are not there, behind them.
        old = {label: number for number, label in enumerate(new)}
        places = [old.get(label, len(new)) for label in range(len(names))]

        def moved_label(label: "tf.Tensor") -> "tf.Tensor":
            import tensorflow as tf

            if self.multi_label:
                return tf.gather(tf.pad(label, [(0, 1)]), places)
            return tf.gather(tf.constant(new, tf.int64), label)

        def source(split: str, *, shuffle_files: bool) -> "tf.data.Dataset":
            import tensorflow as tf

            return self.source(split, shuffle_files=shuffle_files).map(
                lambda image, label: (image, moved_label(label)),
                num_parallel_calls=tf.data.AUTOTUNE,
                deterministic=not shuffle_files,
            )

        def moved(counts: tuple[int, ...]) -> tuple[int, ...]:
            by_label = dict(zip(new, counts, strict=True))
            return tuple(by_label.get(label, 0) for label in range(len(names)))

        return dataclasses.replace(
            self,
            class_names=names,
            source=source,
            counts={split: moved(counts) for split, counts in self.counts.items()},
        )

    def labels_among(self, class_names: Sequence[str]) -> tuple[int | None, ...]:
        """The label that each of the classes has among others, such as a model's: met by name.

        Folders called by WordNet IDs, as ImageNet has them, meet ImageNet's class names.

        Args:
            class_names: Names of the other classes in the order of their labels.

        Returns:
            One label a class of these images; `None` for a class that is not among the others.

        Raises:
            UserError: Where none of the classes is among them.
        """
        names = tuple(class_names)
        ids, readable = zip(*imagenet_classes(), strict=True)
        meant = ids if names == readable and set(self.class_names) & set(ids) else names
        labels = {name: label for label, name in enumerate(meant)}
        found = tuple(labels.get(name) for name in self.class_names)
        if not any(label is not None for label in found):
            raise UserError(self._strange(meant, found))
        return found

    def _strange(self, names: tuple[str, ...], labels: tuple[int | None, ...]) -> str:
        """What is said where there are images of classes without a label among `names`."""
        unknown = [
            name for name, label in zip(self.class_names, labels, strict=True) if label is None
        ]
        return (
            f"Expected images of the {len(names)} classes {_shortened(names)}. Received: "
            f"{self.name} with images of {_shortened(unknown)}, which are none of these. "
            f"{near_miss(unknown[0], names)}"
        )

    @as_written
    def examples(
        self, split: str, *, decode: bool = True, shuffle_files: bool = False
    ) -> "tf.data.Dataset":
        """The images of a split, one by one.

        Args:
            split: `"train"`, `"validation"` or `"test"`.
            decode: Whether to decode the images, or to give their bytes as they are stored.
            shuffle_files: Whether files are read in random order. Otherwise the order is fixed and
                mixes the classes, but is no substitute for shuffling.

        Returns:
            A data set of `(uint8 RGB (H, W, 3), int64 label)`, or with `decode=False` of
            `(scalar string, int64 label)`; the label is a vector, `(classes,)` uint8, where
            `multi_label`.
        """
        import tensorflow as tf

        if not self.sizes.get(split):
            raise UserError(
                f"Expected a split of {self.name} that holds images: "
                f"{[name for name in SPLITS if self.sizes[name]]}. Received: split={split!r}"
            )
        encoded = self.source(split, shuffle_files=shuffle_files)
        if not decode:
            return encoded
        return encoded.map(
            lambda image, label: (decode_image(image), label),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=not shuffle_files,
        )

    def stored(self, split: str, places: "Sequence[int] | np.ndarray") -> Iterator[str | bytes]:
        """Single images of a split, as `keras_resnets.photos.open_photo` and `read_image` take them.

        Args:
            split: `"train"`, `"validation"` or `"test"`.
            places: Their places in the order of `examples`; each may come more than once.

        Yields:
            The path of each, in the order of `places`, or its bytes where the images are no files.
        """
        files = self.photos.get(split)
        if files:
            yield from (files[place].path for place in places)
        elif len(places):
            wanted = frozenset(map(int, places))
            examples = self.examples(split, decode=False).take(max(wanted) + 1)
            numbered = enumerate(content for content, _ in examples.as_numpy_iterator())
            found = {place: content for place, content in numbered if place in wanted}
            yield from (found[int(place)] for place in places)


def _shortened(names: Sequence[str]) -> str:
    more = f", and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
    return ", ".join(map(repr, names[:MOST_LISTED])) + more


def decode_image(encoded: "tf.Tensor") -> "tf.Tensor":
    """`keras_resnets.photos.read_image` inside a graph.

    Args:
        encoded: Scalar string: the content of an image file.

    Returns:
        The pixels, `(H, W, 3)` uint8, upright RGB.

    Example:
        >>> import tensorflow as tf
        >>> decode_image(tf.io.encode_png(tf.zeros((2, 3, 1), tf.uint8))).shape
        TensorShape([2, 3, 3])
    """
    import tensorflow as tf

    image = tf.cond(
        is_tiny_png(encoded),
        lambda: decode_tiny_png(encoded),
        lambda: of_content(read_image, encoded, tf.uint8),
    )
    return tf.ensure_shape(image, (None, None, 3))


def crop_image(encoded: "tf.Tensor", preprocessing: Preprocessing) -> "tf.Tensor":
    """`Preprocessing.read` inside a graph: what `predict` sees, pixel for pixel.

    Args:
        encoded: Scalar string: the content of an image file.
        preprocessing: The model's preprocessing.

    Returns:
        The pixels, `(height, width, 3)` uint8.

    Example:
        >>> import tensorflow as tf
        >>> photo = tf.io.encode_jpeg(tf.zeros((40, 60, 3), tf.uint8))
        >>> crop_image(photo, Preprocessing(size=(24, 32))).shape
        TensorShape([24, 32, 3])
    """
    import tensorflow as tf

    read = functools.partial(preprocessing.read, checked=True)

    def of_any() -> "tf.Tensor":
        return of_content(read, encoded, tf.uint8)

    (height, width), square = preprocessing.resized_shape, len({*preprocessing.shape}) == 1
    if preprocessing.antialias and square and max(height, width) <= MOST_SIDE:
        pixels = tf.cond(is_tiny_png(encoded), lambda: _crop_tiny(encoded, preprocessing), of_any)
    else:
        pixels = of_any()
    return tf.ensure_shape(pixels, (*preprocessing.shape, 3))


def _crop_tiny(encoded: "tf.Tensor", preprocessing: Preprocessing) -> "tf.Tensor":
    """`Preprocessing.read` of a tiny PNG, for square crops."""
    import tensorflow as tf

    image = decode_tiny_png(encoded)
    sides = tf.shape(image)[:2]
    shape = preprocessing.resized_shape[0] * sides // tf.reduce_min(sides)
    spare = tf.cast(shape - preprocessing.shape, tf.float64)
    corner = tf.cast(tf.round(spare / 2), tf.int32)  # as in Python, halves to even
    end = corner + preprocessing.shape
    rows, columns = (
        Axis(sides[axis], (0, sides[axis]), shape[axis], corner[axis], count)
        for axis, count in enumerate(preprocessing.shape)
    )
    return tf.cond(
        tf.reduce_all(shape == sides),
        lambda: image[corner[0] : end[0], corner[1] : end[1]],
        lambda: resized(image, rows, columns, preprocessing.interpolation),
    )


def of_content(
    function: Callable[..., np.ndarray],
    encoded: "tf.Tensor",
    dtype: "tf.DType",
    *arguments: "tf.Tensor",
) -> "tf.Tensor":
    """A function of a file's content as an operation of a graph.

    Args:
        function: A function of bytes, and of NumPy arrays for the further arguments. It must have
            no state.
        encoded: Scalar string: the content.
        dtype: Type of the result.
        *arguments: Tensors that `function` gets as NumPy arrays.

    Example:
        >>> import tensorflow as tf
        >>> def longer(content, more):
        ...     return np.int64(len(content) + more)
        >>> of_content(longer, tf.constant(b"bytes"), tf.int64, tf.constant(2)).numpy()
        np.int64(7)
    """
    import tensorflow as tf

    def call(content: Any, *values: np.ndarray) -> np.ndarray:
        # A graph hands over bytes; what runs eagerly, an array that holds them.
        return function(content if isinstance(content, bytes) else content.item(), *values)

    return tf.numpy_function(call, [encoded, *arguments], dtype, stateful=False)


@as_written
def evaluation_batches(
    data: ImageData, split: str, preprocessing: Preprocessing, batch_size: int
) -> "tf.data.Dataset":
    """A split as the model is to see it, once, in a fixed order.

    Args:
        data: The images.
        split: `"train"`, `"validation"` or `"test"`.
        preprocessing: The model's preprocessing.
        batch_size: Number of images of a batch.

    Returns:
        A data set of `(float32 (batch, height, width, 3), int64 (batch,))`, where the last batch
        may be smaller; labels are `(batch, classes)` uint8 where `data.multi_label`.

    Example:
        >>> def source(split, *, shuffle_files):
        ...     import tensorflow as tf
        ...     image = tf.io.encode_png(tf.zeros((40, 60, 3), tf.uint8))
        ...     return tf.data.Dataset.from_tensors((image, tf.constant(1, tf.int64))).repeat(3)
        >>> data = ImageData("pets", ("cat", "dog"), {"test": 3}, source)
        >>> batches = evaluation_batches(data, "test", Preprocessing(size=32), batch_size=2)
        >>> [(images.shape, labels.tolist()) for images, labels in batches.as_numpy_iterator()]
        [((2, 32, 32, 3), [1, 1]), ((1, 32, 32, 3), [1])]
    """
    import tensorflow as tf

    def prepare(encoded: "tf.Tensor", label: "tf.Tensor") -> tuple["tf.Tensor", "tf.Tensor"]:
        pixels = tf.cast(crop_image(encoded, preprocessing), tf.float32)
        return preprocessing.normalize(pixels), label

    return without_stalls(
        data.examples(split, decode=False)
        .map(prepare, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .batch(batch_size)
        .prefetch(tf.data.AUTOTUNE)
    )
