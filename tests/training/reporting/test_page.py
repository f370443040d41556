"""The page of a run: whole, safe whatever classes are called, and alive in a real browser."""

import dataclasses
import html
import html.parser
import json
import os
import re
import shutil

import browsers
import numpy as np
import pypdf
import pytest
from albums import album
from browsers import needs_chromium
from PIL import Image

from keras_resnets._common.phone_report import REPORT, FileRow, KerasRow, PhoneReport
from keras_resnets.card import Card
from keras_resnets.check import examine_folder
from keras_resnets.preprocessing import Preprocessing
from training import recipe
from training.cli import main
from training.reporting.label_metrics import evaluate_labels
from training.reporting.metrics import evaluate
from training.reporting.page.charts import axis, curves, reliability
from training.reporting.page.content import RunContent
from training.reporting.page.page import write_run
from training.reporting.seen import heat_name, photo_name
from training.reporting.suspects import Suspect, Suspects
from training.run.folder import RunFolder
from training.run.origin import Origin

# Pictures say numbers on a machine without a font for Chinese; tests/_common/test_fonts.py tells of it.
pytestmark = pytest.mark.filterwarnings("ignore:No font of this machine")
FOLDER = {"folder": "/<b>photos"}
NAMES = ("猫 cat", "<script>alert(1)</script>", 'a "dog" & co', "it's", "طائر", "{{ 7 * 7 }}")


def made(path, names=NAMES, *, phone=True, seed=0, data=FOLDER):
    """A finished run of which nothing was trained."""
    random = np.random.default_rng(seed)
    labels = np.arange(20 * len(names)) % len(names)
    logits = random.normal(size=(len(labels), len(names)))
    logits[np.arange(len(labels)), labels] += 2
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    evaluation = evaluate(probabilities, labels, names, "test")
    config = recipe.configure({"data": {"folder": "photos"}, "seed": seed})
    origin = Origin.now("keras-resnets train 'my </pre> photos'", {})
    with RunFolder.open(path, config, origin=origin) as folder:
        folder.begin(config, needed=1)
        folder.write_history(
            [
                {
                    "epoch": 1.0 + epoch,
                    "seconds": 30.0,
                    "loss": 2.0 / (1 + epoch),
                    "validation_loss": 2.1 / (1 + epoch),
                    "accuracy": 0.2 * epoch,
                    "validation_accuracy": 0.19 * epoch,
                }
                for epoch in range(4)
            ]
        )
        evaluation.save(folder / "evaluation.json")
        card = Card("ResNeXt", tuple(names), Preprocessing(size=32), data=data)
        card.save(folder / "best.keras")
        (folder / "best.keras").write_bytes(b"is not opened")
        (folder / "mistakes").mkdir()
        for index in range(len(evaluation.mistakes)):
            for name in (photo_name(index), heat_name(index)):
                Image.new("RGB", (32, 32), (9 * index, 0, 99)).save(folder / "mistakes" / name)
        for name in ("predictions.png", "mistakes.png"):
            Image.new("RGB", (60, 40)).save(folder / name)
    if phone:
        files = (
            FileRow("a.float32.tflite", "float32", 0.9, 1.0, 1e-6, 4_000_000, 9.0, True),
            FileRow("a.int8.tflite", "int8", 0.89, 0.98, 0.01, 1_000_000, 3.0, True),
        )
        (path / "tflite").mkdir()
        PhoneReport(KerasRow(0.9, 120, 20.0), files).save(path / "tflite" / REPORT)
    return evaluation


class References(html.parser.HTMLParser):
    """What a page refers to, and its text."""

    def __init__(self, page):
        super().__init__()
        self.found, self.texts = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found += [value for name, value in attributes if name in ("src", "href", "srcset")]

    def handle_data(self, data):
        self.texts.append(data.strip())


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs, of which the first has everything, with their evaluations."""
    folder = tmp_path_factory.mktemp("my <runs>")
    return {folder / "first": made(folder / "first"), folder / "é b": made(folder / "é b", seed=1)}


@pytest.fixture(scope="module")
def page(runs):
    run, _ = runs
    assert main(["report", str(run)]) == 0
    return (run / "report.html").read_text("utf-8")


def test_it_says_what_was_measured_and_needs_nothing_else(page, runs):
    evaluation = next(iter(runs.values()))
    references = References(page)
    assert {reference.split(":")[0] for reference in references.found} == {"data"}
    low, high = evaluation.top1_interval
    assert f"{evaluation.top1:.1%}" in references.texts
    assert f"95 % interval {low:.1%} to {high:.1%}" in references.texts
    assert "120 test photos of 6 classes" in references.texts
    assert "/<b>photos" in references.texts
    assert "keras-resnets train 'my </pre> photos'" in references.texts
    assert set(NAMES) <= set(references.texts)
    # Each cell of the confusion matrix.
    cells = [int(text) for text in re.findall(r"<td [^>]*>(\d+)<small>", page)]
    assert cells == [count for row in evaluation.confusion for count in row if count]
    assert page.count("<figure><div") == len(evaluation.mistakes) == page.count('alt="where ')


def test_what_was_found_of_the_photos_and_the_file_to_take(tmp_path):
    """Photos of any name have their picture; of one that is gone since, the name is told."""
    cats = album(tmp_path / "album") / "cat"
    for name in (b"<1>.png", "\u1100\u1161.png".encode(), b"\xff.png", b"gone.png"):
        shutil.copy(cats / "0.png", cats / os.fsdecode(name))
    (cats / "0.png").unlink()
    for number in range(4):
        shutil.copy(cats / "1.png", cats / f"1 {number}.png")
    made(tmp_path / "run", data={"folder": str(cats.parent)})
    check = tmp_path / "run" / "check.json"
    values = json.loads(examine_folder(str(cats.parent)).to_json())
    equal = [finding for finding in values["findings"] if finding["kind"] == "equal"]
    check.write_text(json.dumps({"findings": equal}), "utf-8")
    (cats / "gone.png").unlink()
    write_run(RunContent.read(tmp_path / "run"), tmp_path / "page.html")
    page = References((tmp_path / "page.html").read_text("utf-8"))
    texts = page.texts
    assert "2 groups (9 photos) of equal files" in texts
    assert {"cat/<1>.png", "cat/\uac00.png", "cat/\\xff.png", "cat/gone.png"} <= set(texts)
    assert sum(text.startswith("cat/1") for text in texts) == 4
    assert "and 1 more" in texts
    assert sum(text.startswith("data:image/jpeg") for text in page.found) == 3 + 4
    # The loss of one photo of 120 is no more than chance: the fastest.
    assert "a.int8.tflite" in texts[: texts.index("Training")]
    check.write_text('{"findings": []}')
    write_run(RunContent.read(tmp_path / "run"), tmp_path / "page.html")
    assert "Nothing was found." in (tmp_path / "page.html").read_text("utf-8")


def test_sections_without_data_name_the_command(tmp_path, capsys):
    made(tmp_path / "run", phone=False)
    (tmp_path / "run" / "origin.json").unlink()
    path = tmp_path / "run" / "evaluation.json"
    values = json.loads(path.read_text())
    del values["bins"], values["mistakes"]
    path.write_text(json.dumps(values))
    assert main(["report", str(tmp_path / "run")]) == 0
    texts = References((tmp_path / "run" / "report.html").read_text("utf-8")).texts
    run = tmp_path / "run"
    assert f"keras-resnets export {run} --quantize none float16 int8" in texts
    assert f"keras-resnets evaluate {run}" in texts
    assert "keras-resnets check '/<b>photos'" in texts
    assert "report.html" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("data", "told", "not_told"),
    [
        (
            {"dataset": "mnist_5k"},
            ["mnist_5k", "by name are not looked at"],
            "has looked at the photos",
        ),
        ({"folder": "/my photos"}, ["/my photos", "check '/my photos'"], "by name"),
        (None, ["check PHOTOS"], "by name"),
    ],
)
def test_images_from_anywhere_have_their_page(tmp_path, data, told, not_told):
    made(tmp_path / "run", data=data)
    assert main(["report", str(tmp_path / "run")]) == 0
    page = html.unescape((tmp_path / "run" / "report.html").read_text("utf-8"))
    assert all(words in page for words in told)
    assert not_told not in page


def test_a_run_of_many_labels_tells_of_each(tmp_path):
    made(tmp_path / "run")
    truth = np.random.default_rng(0).integers(0, 2, (30, 3))
    found = np.clip(truth * 0.6 + np.random.default_rng(1).random((30, 3)) * 0.4, 0, 1)
    evaluation = evaluate_labels(found, truth, ("<sun>", "moon", "never"), "test")
    evaluation.save(tmp_path / "run" / "evaluation.json")
    assert main(["report", str(tmp_path / "run")]) == 0
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    texts = References(page).texts
    assert "mean average precision" in texts
    assert f"{evaluation.mean_average_precision:.1%}" in texts
    assert {"<sun>", f"{evaluation.classes[1].f1:.1%}"} <= set(texts)
    assert "The most confident mistakes" not in texts
    assert main(["compare", str(tmp_path / "run"), "--out", str(tmp_path / "c.html")]) == 0


@pytest.mark.parametrize(("classes", "rects"), [(31, True), (200, True), (201, False)])
def test_a_matrix_of_many_classes_is_a_map(tmp_path, classes, rects):
    evaluation = made(tmp_path / "run", [f"class {i}" for i in range(classes)], phone=False)
    write_run(RunContent.read(tmp_path / "run"), tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text("utf-8")
    filled = sum(bool(count) for row in evaluation.confusion for count in row)
    assert text.count('height="1"') == filled * rects


# In a frame of a phone's width, so that its size is the page's.
FRAME = """<!doctype html><iframe style="width: 360px; height: 800px" srcdoc="PAGE"></iframe>
<pre id="result"></pre><script>
onload = () => {
  const inside = document.querySelector("iframe").contentDocument;
  const table = inside.getElementById("per-class");
  const column = (index) => [...table.tBodies[0].rows].map((row) => row.cells[index].textContent);
  const click = (index) => table.tHead.rows[0].cells[index].firstElementChild.click();
  const result = {
    width: inside.documentElement.scrollWidth,
    images: [...inside.images].every((image) => image.complete && image.naturalWidth),
    colour: inside.defaultView.getComputedStyle(inside.body).backgroundColor,
    charts: [...inside.querySelectorAll("svg.chart")].map((svg) => svg.getBBox().width),
    before: column(0),
  };
  click(2); result.up = column(2);
  click(2); result.down = column(2);
  click(0); result.names = column(0);
  result.sorted = [...table.tHead.rows[0].cells].map((cell) => cell.ariaSort);
  document.getElementById("result").textContent = JSON.stringify(result);
};
</script>"""


@needs_chromium
def test_it_lives_in_a_browser(page, tmp_path):
    (tmp_path / "frame.html").write_text(FRAME.replace("PAGE", html.escape(page)), "utf-8")
    document, console = browsers.dumped(tmp_path / "frame.html", tmp_path / "profile")
    assert console == []
    (text,) = re.findall(r'<pre id="result">(.*?)</pre>', document)
    result = json.loads(html.unescape(text))
    assert result["width"] <= 360
    assert result["images"]
    assert len(result["charts"]) == 5
    assert min(result["charts"]) > 250
    assert result["before"] == list(NAMES)
    recalls = [float(text.rstrip("%")) for text in result["up"]]
    assert recalls == sorted(recalls)
    assert [float(text.rstrip("%")) for text in result["down"]] == sorted(recalls, reverse=True)
    assert set(result["names"]) == set(NAMES)
    assert result["names"] != result["before"]
    assert result["sorted"] == ["ascending", "none", "none", "none"]


@needs_chromium
def test_it_prints(tmp_path):
    """Light on a dark system, nothing to press; where a table goes on, its heading is there again."""
    made(tmp_path / "run", [f"class {index}" for index in range(30)])
    write_run(RunContent.read(tmp_path / "run"), tmp_path / "page.html")
    pages = pypdf.PdfReader(browsers.printed(tmp_path / "page.html", tmp_path / "profile")).pages
    texts = [page.extract_text() for page in pages]
    assert sum("class photos recall precision" in text for text in texts) == 2
    assert "↕" not in "".join(texts)
    assert "label_smoothing: 0.0" in texts[-1]
    assert f"{len(pages)} / {len(pages)}" in texts[-1]
    colours = [page.get_contents().get_data() for page in pages]
    assert all(b".1098 .1255 .1412 rg" in colour for colour in colours)  # the text's
    assert not any(b".902 .9098 .9176 rg" in colour for colour in colours)
    # The matrix of 30 columns is on one page, as wide as it is between the margins.
    (matrix,) = [number for number, text in enumerate(texts) if "What is taken for what" in text]
    assert "class 29" in texts[matrix]
    places = []
    pages[matrix].extract_text(
        visitor_text=lambda text, to, at, *_: places.append((to[0] * at[4] + to[4], text.strip()))
    )
    counts = [place for place, text in places if re.fullmatch(r"\d+", text)]
    assert max(counts) < 612 - 42 < max(counts) + 30


@needs_chromium
def test_several_runs_stand_side_by_side(runs, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = runs
    made(tmp_path / "going on", phone=False)
    (tmp_path / "going on" / "evaluation.json").unlink()
    assert main(["compare", str(first), str(second), str(first), "going on"]) == 0
    assert str(second) in capsys.readouterr().out
    document, console = browsers.dumped(tmp_path / "compare.html", tmp_path / "profile")
    assert console == []
    references = References(document)
    assert {reference.split(":")[0] for reference in references.found} == {"data"}
    for run, evaluation in runs.items():
        assert str(run) in references.texts
        assert f"{evaluation.top1:.1%}" in references.texts
    assert document.count("<polyline") == 12
    assert document.count("not finished") == 1
    assert "seed" in references.texts  # the one key in which they differ
    assert "epochs" not in references.texts[references.texts.index("In what they differ") :]


def test_compare_draws_a_picture_or_a_page(runs, tmp_path, capsys):
    run = str(next(iter(runs)))
    assert main(["compare", run, "--out", str(tmp_path / "c.png")]) == 0
    with Image.open(tmp_path / "c.png") as picture:
        assert picture.width > 1000
    assert main(["compare", run, "--out", str(tmp_path / "c.pdf")]) == 2
    assert "Expected --out FILE.html or FILE.png" in capsys.readouterr().err


def test_places_in_a_chart():
    rows = [
        {"epoch": epoch, "accuracy": 0.25 * epoch, "validation_accuracy": 0.2 * epoch}
        for epoch in (1.0, 2.0, 3.0)
    ]
    chart = curves({"": rows}, "accuracy")
    assert (chart.x.low, chart.x.high, list(chart.x.ticks)) == (1, 3, [1, 2, 3])
    assert 0 <= chart.y.low <= 0.2
    assert 0.75 <= chart.y.high <= 1
    # From the left and the lower margin to the right one.
    assert [chart.place(point)[0] for point in chart.lines[0].points] == [44, 188, 332]
    assert chart.down(chart.y.low) == 176
    assert chart.down(chart.y.high) == 8
    assert reliability([0.0] * 15).place((0.5, 0.5)) == (188, 92)
    losses = [{"epoch": 1, "loss": 0.2, "validation_loss": 9.0}]
    assert curves({"": losses}, "loss").y.low == 0
    one = axis("x", [3.0])
    assert one.low < 3 < one.high
    assert dataclasses.replace(one, low=0, high=4).share(1) == 0.25


def test_labels_to_look_at_and_folds_are_told_where_there_are_some(tmp_path, page):
    assert "Nobody has looked for wrong labels yet" in page
    assert 'id="folds"' not in page
    evaluation = made(tmp_path / "run", phone=False)
    evaluation.save(tmp_path / "run" / "folds.json")
    suspect = Suspect("train", 3, "/<b>/é 1.png", NAMES[1], 0.01, NAMES[0], 0.98)
    Suspects(120, [suspect]).save(tmp_path / "run" / "suspects.json")
    (tmp_path / "run" / "suspects").mkdir()
    for name in (photo_name(0), heat_name(0)):
        Image.new("RGB", (32, 32)).save(tmp_path / "run" / "suspects" / name)
    written = tmp_path / "report.html"
    write_run(RunContent.read(tmp_path / "run"), written)
    texts = References(written.read_text("utf-8")).texts
    assert ", labelled" in texts
    assert f"where {NAMES[0]} was seen" in written.read_text("utf-8")
    start = texts.index("/<b>/é 1.png")
    assert [text for text in texts[start:] if text][:4] == [
        *("/<b>/é 1.png", NAMES[1], NAMES[0], "98.0%"),
    ]
    low, high = evaluation.top1_interval
    assert any(f"{low:.1%} to {high:.1%}) of 120 training and validation" in text for text in texts)
    Suspects(120, []).save(tmp_path / "run" / "suspects.json")
    write_run(RunContent.read(tmp_path / "run"), written)
    assert "None of 120 photos." in written.read_text("utf-8")
