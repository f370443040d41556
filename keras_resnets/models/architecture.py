"""`Architecture`: a named network, its configuration and what is known of it."""

from dataclasses import dataclass
from typing import Self

from keras_resnets.catalogue import networks, paper
from keras_resnets.models.config import NetworkConfig


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A named network.

    Attributes:
        name: The constructor's name.
        family: The free-form constructor's name; `"ResNet"` for the yardsticks.
        paper: Place where the network was published.
        timm: The architecture's name in timm, or `None` where timm has none.
        parameters: Trainable parameters with 1000 classes.
        gmacs: Billions of multiply-accumulates at 224x224.
        config: What the network is built of.
    """

    name: str
    family: str
    paper: str
    timm: str | None
    parameters: int
    gmacs: float
    config: NetworkConfig

    @classmethod
    def named(cls, name: str, config: NetworkConfig) -> Self:
        """The network of that name, with the catalogue's facts."""
        entry = networks()[name]
        return cls(
            name=name,
            family=entry["family"],
            paper=paper(name),
            timm=entry.get("timm"),
            parameters=entry["parameters"],
            gmacs=entry["gmacs"],
            config=config,
        )

    def source_key(self, path: str) -> str:
        """The name in timm's or the authors' checkpoints of our variable `path`."""
        return self.config.source_key(path)

    @property
    def summary(self) -> str:
        """Two or three lines of text for people."""
        lines = [
            f"{self.name} ({self.paper}).",
            f"{self.parameters:,} parameters with 1000 classes; "
            f"{self.gmacs} billion multiply-accumulates at 224x224.",
        ]
        if self.timm is not None:
            lines.append(f"timm's name: {self.timm}.")
        return "\n".join(lines)
