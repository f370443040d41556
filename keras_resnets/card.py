"""The model card: what a file of weights does not say about the model it holds.

It lies beside the model (`best.keras`, `best.card.json`), written by training and read by
whatever evaluates, predicts with or exports the model.
"""

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_resnets.errors import UserError
from keras_resnets.preprocessing import Preprocessing


@dataclasses.dataclass(frozen=True)
class Card:
    """What must be known to use a model.

    Attributes:
        architecture: The constructor's name, such as `"ResNeSt14"`.
        class_names: In the order of the logits.
        preprocessing: The evaluation transform.
        data: The arguments of `keras_resnets.data.open_data` that open what it was trained on;
            `None` where that is not at hand.
        provenance: Free text by keyword: who made it, when, from what.
    """

    architecture: str
    class_names: tuple[str, ...]
    preprocessing: Preprocessing
    data: Mapping[str, Any] | None = None
    provenance: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def save(self, model_file: str | os.PathLike[str]) -> Path:
        """Writes the card of `model_file`, aside and renamed, so that none is ever half there."""
        path = card_path(model_file)
        values = {
            "architecture": self.architecture,
            "class_names": list(self.class_names),
            "preprocessing": self.preprocessing.to_dict(),
            "data": None if self.data is None else dict(self.data),
            "provenance": dict(self.provenance),
        }
        aside = path.with_name(path.name + ".tmp")
        with open(aside, "w", encoding="utf-8") as file:
            json.dump(values, file, indent=2, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        return path

    @classmethod
    def load(cls, model_file: str | os.PathLike[str]) -> "Card":
        """Reads the card of `model_file`.

        Raises:
            FileNotFoundError: where the model has no card.
            ValueError: where the file is no card.
        """
        path = card_path(model_file)
        if not path.is_file():
            raise FileNotFoundError(
                f"Expected a model card beside {model_file}: its classes and preprocessing are not "
                f"known without it. Received: no file {path}. Training writes one; "
                "`keras_resnets.card.Card(...).save(model_file)` makes one by hand."
            )
        try:
            values = json.loads(path.read_text("utf-8"))
            return cls._from_dict(values)
        except (ValueError, TypeError) as error:
            raise UserError(f"Expected a model card. Received: {path}: {error}") from error

    @classmethod
    def _from_dict(cls, values: Any) -> "Card":
        names = {field.name for field in dataclasses.fields(cls)}
        if not isinstance(values, dict) or set(values) != names:
            found = sorted(values) if isinstance(values, dict) else type(values).__name__
            raise UserError(f"expected the keys {sorted(names)}, found {found}")
        types = {"architecture": str, "class_names": list, "preprocessing": dict}
        for name, expected in types.items():
            if not isinstance(values[name], expected):
                raise UserError(f"expected {name} to be a {expected.__name__}")
        return cls(
            **{
                **values,
                "class_names": tuple(values["class_names"]),
                "preprocessing": Preprocessing.from_dict(values["preprocessing"]),
            }
        )


def card_path(model_file: str | os.PathLike[str]) -> Path:
    """`runs/demo/best.card.json` for `runs/demo/best.keras`."""
    return Path(model_file).with_suffix(".card.json")


def find_model(run_or_model: str | os.PathLike[str]) -> Path:
    """The model file that the user means.

    Args:
        run_or_model: A `.keras` file, or a run folder, which stands for its `best.keras`.

    Raises:
        FileNotFoundError: where there is none.
    """
    path = Path(run_or_model)
    model = path / "best.keras" if path.is_dir() else path
    if model.suffix == ".keras" and model.is_file():
        return model
    if path.is_dir():
        found = f"a folder that holds {sorted(p.name for p in path.iterdir())[:10]}"
    else:
        found = "a file of another kind" if path.exists() else "no such file or folder"
    raise FileNotFoundError(
        "Expected a .keras file, or a run folder with best.keras in it. "
        f"Received: {run_or_model}: {found}"
    )
