"""What a run was fed, so that going on with something else is not done unawares."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

from keras_resnets.data import ImageData


@dataclasses.dataclass(frozen=True)
class DataIdentity:
    """The images of a run, as its checkpoints remember them.

    Attributes:
        class_names: Names of the classes in the order of the labels.
        sizes: Number of images by split.
        digest: Digest of the images' names, labels and content; empty where the data set has none.
    """

    class_names: tuple[str, ...]
    sizes: Mapping[str, int]
    digest: str = ""

    @classmethod
    def of(cls, data: ImageData) -> Self:
        """What these images are."""
        return cls(data.class_names, dict(data.sizes), data.digest)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """From a checkpoint."""
        return cls(**{**values, "class_names": tuple(values["class_names"])})

    def to_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return dataclasses.asdict(self)

    def changed_classes(self, before: Self) -> str:
        """How the labels differ from those before, in words; empty where they do not."""
        if self.class_names == before.class_names:
            return ""
        gone = [name for name in before.class_names if name not in self.class_names]
        new = [name for name in self.class_names if name not in before.class_names]
        parts = [
            f"{word} {', '.join(found[:10])}"
            for word, found in (("without", gone), ("with", new))
            if found
        ]
        return f"classes {' and '.join(parts) or 'in another order'}"

    def changes(self, before: Self) -> list[str]:
        """How the images differ from those before, in words; nothing where they do not."""
        found = [
            f"{self.sizes.get(split, 0)} {split} images where there were {count}"
            for split, count in before.sizes.items()
            if self.sizes.get(split, 0) != count
        ]
        if classes := self.changed_classes(before):
            found.insert(0, classes)
        if not found and "" not in (self.digest, before.digest) and self.digest != before.digest:
            found.append("as many images as before, of which some differ")
        return found
