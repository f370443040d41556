"""Writes the page of a run, and that of several side by side."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from keras_resnets._common.console import command_line
from keras_resnets._common.files import write_text
from keras_resnets._common.tables import size

from ... import recipe
from ..label_metrics import LabelEvaluation
from ..metrics import Evaluation
from .charts import Axis, Chart, axis, curves, percent, reliability, scatter
from .content import ComparedRun, RunContent

TEMPLATES = Path(__file__).parent / "templates"
MOST_CELLS = 30  # classes up to which every cell of the confusion matrix has its numbers written in
MOST_CLASSES = 200  # up to which there is a confusion matrix


def write_run(content: RunContent, path: Path) -> None:
    """Writes the page of a run as one HTML file, whole or not at all."""
    classes = len(content.evaluation.classes)
    charts = {
        "curves": [curves({"": content.rows}, quantity) for quantity in ("loss", "accuracy")],
        "phone": phone_charts(content),
        "reliability": _reliability(content.evaluation),
    }
    text = rendered(
        "run.html",
        run=content,
        charts=charts,
        matrix="cells" if classes <= MOST_CELLS else "map" if classes <= MOST_CLASSES else None,
        config=recipe.dump(content.config),
    )
    write_text(path, text)


def write_comparison(runs: Sequence[ComparedRun], path: Path) -> None:
    """Writes the page of several runs side by side as one HTML file, whole or not at all."""
    named = {str(run.folder): run.rows for run in runs if run.rows}
    text = rendered(
        "compare.html",
        runs=runs,
        curves=[curves(named, quantity) for quantity in ("loss", "accuracy")],
        differences=differences(runs),
        recalls=recalls(runs),
    )
    write_text(path, text)


def rendered(template: str, **values: Any) -> str:
    """The text of a template; in HTML what is inserted is escaped."""
    return str(_environment().get_template(template).render(values))


def phone_charts(content: RunContent) -> list[Chart]:
    """The accuracy of the phone files against their latency and against their size."""
    if content.phone is None or not content.phone.files:
        return []
    files = content.phone.files
    accuracy = axis("", [file.accuracy for file in files], percent, bounds=(0, 1))

    def chart(title: str, along: Axis, values: Sequence[float]) -> Chart:
        places = zip(values, (file.accuracy for file in files), strict=True)
        return scatter(
            title,
            along,
            accuracy,
            dict(zip((file.file for file in files), places, strict=True)),
        )

    latencies = [file.median_ms for file in files]
    sizes = [file.bytes / 1e6 for file in files]
    return [
        chart("accuracy against latency", axis("milliseconds a photo", latencies), latencies),
        chart("accuracy against size", axis("megabytes", sizes), sizes),
    ]


def differences(runs: Sequence[ComparedRun]) -> dict[str, list[str]]:
    """The keys of the configuration in which runs differ, with each run's value."""
    flat = [_flat(yaml.safe_load(recipe.dump(run.config))) for run in runs]
    keys = dict.fromkeys(key for values in flat for key in values)
    texts = {key: [str(values.get(key, "")) for values in flat] for key in keys}
    return {key: values for key, values in texts.items() if len(set(values)) > 1}


def recalls(runs: Sequence[ComparedRun]) -> dict[str, list[float | None]]:
    """Each class's recall in each run, `None` where the run does not have the class."""
    scores = [
        {one.name: one.recall for one in run.evaluation.classes} if run.evaluation else {}
        for run in runs
    ]
    names = dict.fromkeys(name for of_run in scores for name in of_run)
    return {name: [of_run.get(name) for of_run in scores] for name in names}


def _reliability(evaluation: Evaluation | LabelEvaluation) -> list[Chart]:
    bins = [] if isinstance(evaluation, LabelEvaluation) else evaluation.bins
    return [reliability([bin.right for bin in bins])] if bins else []


def _flat(values: Any, above: str = "") -> dict[str, Any]:
    if not isinstance(values, dict):
        return {above: values}
    return {
        key: value
        for name, inner in values.items()
        for key, value in _flat(inner, f"{above}.{name}" if above else str(name)).items()
    }


def _environment() -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=lambda name: name is not None and name.endswith(".html"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"size": size, "share": _share, "minutes": _minutes, "line": _line}
    environment.globals |= {"command": command_line}
    return environment


def _line(text: str) -> str:
    """A text within a line of Markdown, or a cell of its table, none of which it can leave."""
    marked = re.sub(r"([\\`*_{}\[\]<>()#+!|~&$-])", r"\\\1", text)
    return " ".join(marked.split())


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 100 else f"{seconds / 60:.0f} minutes"


def _share(value: float, digits: int = 1) -> str:
    return f"{value:.{digits}%}"
