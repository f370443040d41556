"""What is put on the hub of a run: its best model, the model's card, and a README."""

import dataclasses
from pathlib import Path
from typing import Any

from keras_resnets.card import Card, find_model
from keras_resnets.errors import UserError
from keras_resnets.weights.shared import CARD_FILE, MODEL_FILE

from .label_metrics import LabelEvaluation
from .page.content import RunContent
from .page.page import rendered

UNKNOWN = "unknown"
# Creative Commons' clause that a changed work may not be handed on.
NO_DERIVATIVES = "-nd"


def shared_files(run: Path, repository: str, licence: str | None) -> dict[str, bytes]:
    """The files of a repository by their names.

    Args:
        run: Folder of a finished run.
        repository: Owner and name of the repository.
        licence: The licence of a model that inherits none, or `None`.

    Raises:
        UserError: Where the licence of the weights that the run began with forbids to hand them on, or
            nobody said which licence the model has.
    """
    content = RunContent.read(run)
    model = find_model(run)
    card = Card.load(model)
    given = _licence(content, card, licence)
    public = dataclasses.replace(card.public(), provenance={**card.provenance, "licence": given})
    return {
        MODEL_FILE: model.read_bytes(),
        CARD_FILE: public.to_json().encode(),
        "README.md": _readme(content, public, repository, given).encode(),
    }


def _licence(content: RunContent, card: Card, asked: str | None) -> str:
    inherited = card.provenance.get("licence")
    if inherited is None and content.origin is None and content.config.model.weights is not None:
        inherited = UNKNOWN  # a run from before origins were kept
    if inherited is None:
        if asked is None:
            raise UserError(
                "Expected a licence for this model, which began with random weights or with your own. "
                "Received: none. Choose one: --licence apache-2.0, or another SPDX identifier."
            )
        return asked
    began = card.provenance.get("weights", "other weights")
    if inherited == UNKNOWN or NO_DERIVATIVES in inherited:
        raise UserError(
            "Expected weights whose licence allows to hand on what was trained from them. Received: "
            f"a run that began with {began}, whose licence is {inherited!r}. Train from others: "
            "--weights imagenet takes permissive ones where there are such."
        )
    if asked not in (None, inherited):
        raise UserError(
            f"Expected the licence {inherited}, which this model inherits from {began}. "
            f"Received: --licence {asked}. Leave it out."
        )
    return inherited


def _readme(content: RunContent, card: Card, repository: str, licence: str) -> str:
    return rendered(
        "readme.md",
        front=_front_matter(content, card, licence),
        run=content,
        card=card,
        repository=repository,
        licence=licence,
        labelled=isinstance(content.evaluation, LabelEvaluation),
    )


def _front_matter(content: RunContent, card: Card, licence: str) -> str:
    """What the hub reads of a README."""
    from huggingface_hub import EvalResult, ModelCardData

    quality = content.evaluation.headline
    data = content.config.data.dataset or "own photos"
    result = EvalResult(
        task_type="image-classification",
        dataset_type=data,
        dataset_name=data,
        dataset_split=content.evaluation.split,
        metric_type="accuracy" if quality.name == "right" else "mean_average_precision",
        metric_value=round(quality.value, 4),
    )
    values: Any = ModelCardData(
        license=licence,
        library_name="keras",
        pipeline_tag="image-classification",
        tags=["keras-resnets", card.architecture],
        model_name=content.name,
        eval_results=[result],
    )
    return str(values.to_yaml()).rstrip()
