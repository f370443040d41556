"""Which ImageNet checkpoints exist: their source, licence, preprocessing and published accuracy."""

import dataclasses
import difflib
import functools
from collections.abc import Mapping
from typing import Any

from keras_resnets.catalogue import networks
from keras_resnets.errors import UserError
from keras_resnets.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing

PERMISSIVE_LICENCES = frozenset({"apache-2.0", "bsd-3-clause", "mit"})
IMAGENET_CLASSES = 1000


@dataclasses.dataclass(frozen=True)
class HubSource:
    """A file in a repository of the Hugging Face hub, which knows the file's sha256.

    Attributes:
        repository: Owner and name of the repository, such as `"timm/resnext50_32x4d.a1h_in1k"`.
        file: Name of the file in the repository.
        revision: A branch, or a commit, which never changes.

    Example:
        >>> str(HubSource("timm/resnext50_32x4d.a1h_in1k"))
        'timm/resnext50_32x4d.a1h_in1k/model.safetensors'
    """

    repository: str
    file: str = "model.safetensors"
    revision: str = "main"

    def __str__(self) -> str:
        return f"{self.repository}/{self.file}"


@dataclasses.dataclass(frozen=True)
class UrlSource:
    """A file at a URL.

    Attributes:
        url: Address of the file.
        file: Name of the file in the cache.
        sha256: The hash as its publisher tells it, or the beginning of it; `None` where there is none.

    Example:
        >>> str(UrlSource("https://example.org/net.pth", "net.pth"))
        'https://example.org/net.pth'
    """

    url: str
    file: str
    sha256: str | None = None

    def __str__(self) -> str:
        return self.url


@dataclasses.dataclass(frozen=True)
class PublishedResult:
    """A published ImageNet top-1 in percent, and the square crop it was measured at.

    Attributes:
        top1: Accuracy in percent.
        size: Side of the crop in pixels.
        crop_fraction: Share of the resized short side that the crop keeps, in (0, 1].

    Example:
        >>> PublishedResult(top1=82.02, size=288, crop_fraction=1.0).size
        288
    """

    top1: float
    size: int
    crop_fraction: float


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """One public set of weights of one variant.

    Attributes:
        variant: The constructor's name, such as `"ResNeXt50"`.
        architecture: Name of the architecture, timm's or the official one, such as
            `"resnext50_32x4d"`.
        tag: Name to pass as `weights`, such as `"a1h_in1k"`.
        source: Address of the file.
        licence: An SPDX identifier in lower case, or `"unknown"`.
        classes: Outputs of its classifier: 1000, or 11821 for ImageNet-12k.
        training_preprocessing: The evaluation transform at the size of training.
        results: Published accuracies, by ascending size; empty where there are none.

    Example:
        >>> checkpoint = find_checkpoint("ResNeXt50", "a1h_in1k")
        >>> checkpoint.name, checkpoint.classes
        ('resnext50_32x4d.a1h_in1k', 1000)
    """

    variant: str
    architecture: str
    tag: str
    source: HubSource | UrlSource
    licence: str
    classes: int
    training_preprocessing: Preprocessing
    results: tuple[PublishedResult, ...]

    @property
    def name(self) -> str:
        """As timm writes it: `"resnext50_32x4d.a1h_in1k"`."""
        return f"{self.architecture}.{self.tag}"

    @property
    def permissive(self) -> bool:
        """Whether the licence allows commercial use without further conditions on it."""
        return self.licence in PERMISSIVE_LICENCES

    @property
    def best_result(self) -> PublishedResult | None:
        """The highest published top-1, or `None`."""
        return max(self.results, key=lambda result: result.top1, default=None)

    @property
    def preprocessing(self) -> Preprocessing:
        """The evaluation transform of the best published accuracy.

        A network does best on images a little larger than those of its training (Touvron et al.,
        2019, "Fixing the train-test resolution discrepancy"). Where no accuracy was published it is
        the transform at the size of training.
        """
        best = self.best_result
        return self.preprocessing_at(best) if best else self.training_preprocessing

    def preprocessing_at(self, result: PublishedResult) -> Preprocessing:
        """The evaluation transform that a published accuracy was measured with."""
        return dataclasses.replace(
            self.training_preprocessing, size=result.size, crop_fraction=result.crop_fraction
        )


def checkpoints(variant: str) -> tuple[Checkpoint, ...]:
    """The public checkpoints of a constructor; empty where there are none.

    Args:
        variant: The constructor's name, such as `"ResNeXt50"`.

    Example:
        >>> import keras_resnets
        >>> [c.tag for c in keras_resnets.checkpoints("ReXNet100")]
        ['nav_in1k']
    """
    return _registry().get(variant, ())


def default_checkpoint(variant: str) -> Checkpoint:
    """What `weights="imagenet"` means.

    The best published top-1 among the permissively licensed checkpoints of 1000 classes; where no
    licence is permissive, the best there is. Its `preprocessing` is the one of that result.

    Args:
        variant: The constructor's name, such as `"ResNeXt50"`.

    Raises:
        ValueError: Where there is no checkpoint, naming the nearest variants that have one.

    Example:
        >>> from keras_resnets.weights import default_checkpoint
        >>> checkpoint = default_checkpoint("ResNeXt50")
        >>> checkpoint.tag, checkpoint.best_result.top1, checkpoint.preprocessing.size
        ('a1h_in1k', 82.016, 288)
        >>> checkpoint.training_preprocessing.size
        224
    """
    known = [c for c in checkpoints(variant) if c.classes == IMAGENET_CLASSES]
    if not known:
        raise UserError(
            f"There are no ImageNet weights of {variant}. {_nearest_variants(variant)} "
            "Or start from weights=None."
        )
    return max(known, key=_preference)


def find_checkpoint(variant: str, tag: str) -> Checkpoint:
    """The checkpoint of a variant by its tag.

    Args:
        variant: The constructor's name, such as `"ResNeXt50"`.
        tag: The tag, such as `"a1h_in1k"`.

    Raises:
        ValueError: For an unknown tag, naming the nearest ones.

    Example:
        >>> from keras_resnets.weights import find_checkpoint
        >>> find_checkpoint("ResNeXt101_32x16d", "fb_wsl_ig1b_ft_in1k").licence
        'cc-by-nc-4.0'
    """
    known = {c.tag: c for c in checkpoints(variant)}
    if tag in known:
        return known[tag]
    if not known:
        raise UserError(
            f"Unknown weights={tag!r}: {variant} has no public checkpoint. "
            f"{_nearest_variants(variant)} Or start from weights=None."
        )
    near = difflib.get_close_matches(tag, known, n=1, cutoff=0.4)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    raise UserError(
        f"Unknown weights={tag!r} of {variant}. {hint}"
        f"Expected None, 'imagenet', a path or one of {sorted(known)}."
    )


def _preference(checkpoint: Checkpoint) -> tuple[bool, float]:
    best = checkpoint.best_result
    return checkpoint.permissive, best.top1 if best else 0.0


def _nearest_variants(variant: str) -> str:
    having = [name for name, entries in _registry().items() if entries]
    near = difflib.get_close_matches(variant, having, n=3, cutoff=0.0)
    return f"The nearest variants that have some: {', '.join(near)}."


@functools.cache
def _registry() -> Mapping[str, tuple[Checkpoint, ...]]:
    return {
        variant: tuple(
            _checkpoint(variant, entry.get("timm") or entry["official"], fields)
            for fields in entry["checkpoints"]
        )
        for variant, entry in networks().items()
    }


def _checkpoint(variant: str, architecture: str, fields: Mapping[str, Any]) -> Checkpoint:
    name = f"{architecture}.{fields['tag']}"
    return Checkpoint(
        variant=variant,
        architecture=architecture,
        tag=fields["tag"],
        source=UrlSource(fields["url"], f"{name}.pth", fields.get("sha256"))
        if "url" in fields
        else HubSource(f"timm/{name}"),
        licence=fields["licence"],
        classes=fields["classes"],
        training_preprocessing=Preprocessing(
            size=fields["size"],
            crop_fraction=fields["crop_fraction"],
            interpolation=fields["interpolation"],
            mean=tuple(fields.get("mean", IMAGENET_MEAN)),
            std=tuple(fields.get("std", IMAGENET_STD)),
        ),
        results=tuple(PublishedResult(*values) for values in fields["results"]),
    )
