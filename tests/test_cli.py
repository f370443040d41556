"""`keras-resnets list | info | predict | convert`."""

import csv
import dataclasses
import io
import json
import re
import subprocess
import sys
import warnings
from pathlib import Path

import hubs
import keras
import numpy as np
import pytest
from networks import small
from PIL import Image, ImageOps
from references.draw import draw_image, draw_tensors
from safetensors.numpy import load_file, save_file

import keras_resnets
from keras_resnets.card import AssumptionWarning, Card
from keras_resnets.cli import main
from keras_resnets.preprocessing import Preprocessing, imagenet_classes

REFERENCES = Path(__file__).parent / "references" / "data"


@pytest.fixture
def table(capsys):
    """Runs a command that prints a table; returns its rows as dictionaries."""

    def run(*arguments):
        assert main(arguments) == 0
        header, _, *lines = capsys.readouterr().out.splitlines()
        columns = re.split(r" {2,}", header)
        return [dict(zip(columns, re.split(r" {2,}", line), strict=True)) for line in lines]

    return run


@pytest.fixture
def error(capsys):
    """Runs a command that fails; returns its one line."""

    def run(*arguments):
        assert main([str(a) for a in arguments]) == 2
        output = capsys.readouterr()
        assert output.out == ""
        assert output.err.startswith("error: "), output.err
        assert output.err.count("\n") == 1, output.err
        return output.err

    return run


def number(cell):
    return 0.0 if cell == "-" else float(cell.split()[0])


def test_list_has_every_network_and_its_numbers(table):
    rows = table("list")
    assert sorted(row["model"] for row in rows) == sorted(keras_resnets.list_models())
    (row,) = (row for row in rows if row["model"] == "ResNeXt50")
    assert row == {
        "model": "ResNeXt50",
        "family": "ResNeXt",
        "parameters": "25.0 M",
        "MACs": "4.23 G",
        "top-1": "82.02 %",
        "at": "288",
        "weights": "a1h_in1k",
        "licence": "apache-2.0",
    }


@pytest.mark.parametrize(
    ("sort", "key"),
    [
        ("name", lambda row: row["model"]),
        ("family", lambda row: (row["family"], number(row["parameters"]))),
        ("parameters", lambda row: number(row["parameters"])),
        ("macs", lambda row: number(row["MACs"])),
        ("top1", lambda row: -number(row["top-1"])),
        ("licence", lambda row: (row["licence"], row["model"])),
    ],
)
def test_list_sorts(table, sort, key):
    keys = [key(row) for row in table("list", "--sort", sort)]
    assert len(keys) == len(keras_resnets.list_models())
    assert keys == sorted(keys)


@pytest.mark.parametrize(
    ("option", "value", "holds"),
    [
        ("--family", "Res2Net", lambda row: row["family"] == "Res2Net"),
        ("--licence", "mit", lambda row: row["licence"] == "mit"),
        ("--max-parameters", "10", lambda row: number(row["parameters"]) < 10.05),
        ("--max-macs", "1", lambda row: number(row["MACs"]) <= 1),
        ("--min-top1", "82", lambda row: number(row["top-1"]) >= 82),
    ],
)
def test_list_filters(table, option, value, holds):
    everything = table("list")
    expected = [row for row in everything if holds(row)]
    assert 0 < len(expected) < len(everything)
    assert table("list", option, value) == expected


def test_filters_add_up(table):
    rows = table("list", "--family", "ReXNet", "--max-macs", "0.5", "--licence", "mit")
    assert [row["model"] for row in rows] == ["ReXNetLite100", "ReXNet100"]


def test_info_is_a_card_of_the_network(capsys):
    assert main(["info", "resnext50_32x4d"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("ResNeXt50\nAggregated residual transformations")
    assert re.search(r"^  cardinality +32$", text, re.MULTILINE)
    assert re.search(r"^  parameters +25028904$", text, re.MULTILINE)
    (line,) = (line for line in text.splitlines() if "(imagenet)" in line)
    assert re.split(r" {2,}", line) == [
        *("a1h_in1k (imagenet)", "1000", "82.02 %", "288", "1", "224", "bicubic", "apache-2.0")
    ]
    assert re.search(r"^fb_swsl_ig1b_ft_in1k .*cc-by-nc-4.0$", text, re.MULTILINE)


def test_info_says_that_there_is_no_checkpoint(capsys):
    assert main(["info", "ReXNetR100"]) == 0
    assert capsys.readouterr().out.endswith("\nNo public checkpoint.\n")


@pytest.fixture
def photo(tmp_path):
    pixels = (draw_image(1, 80) * 40 + 128).clip(0, 255).astype("uint8")
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture
def run_folder(tmp_path, randomise):
    """A run as training leaves it: a tiny model of three classes, with logits, and its card."""
    folder = tmp_path / "run"
    folder.mkdir()
    model = randomise(small("ResNeXt", classes=3, classifier_activation=None))
    model.save(folder / "best.keras")
    card = Card("ResNeXt", ("cat", "dog", "søt hest"), Preprocessing(64, 0.9, mean=(0.5,) * 3))
    card.save(folder / "best.keras")
    return folder


def test_predict_names_the_classes_of_a_run(run_folder, photo, capsys):
    model, card = keras_resnets.open_model(run_folder)
    image = card.preprocessing(np.asarray(Image.open(photo)))
    logits = model.predict(image[None], verbose=0)[0]
    probabilities = np.exp(logits) / np.exp(logits).sum()
    order = np.argsort(-probabilities)
    expected = [f"  {probabilities[i]:7.2%}  {card.class_names[i]}" for i in order]
    for given in (run_folder, run_folder / "best.keras"):
        assert main(["predict", str(given), str(photo), str(photo), "--top", "2"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines == 2 * [str(photo), *expected[:2]]


def test_predict_says_unsure_below_the_threshold_of_the_card(run_folder, photo, capsys):
    _, card = keras_resnets.open_model(run_folder)
    arguments = ["predict", str(run_folder), str(photo), "--top", "2", "--format"]
    assert main([*arguments, "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    (first, second) = answer["classes"]
    assert answer["sure"]
    assert first["probability"] > second["probability"]

    between = (first["probability"] + 1) / 2
    dataclasses.replace(card, threshold=between).save(run_folder / "best.keras")
    assert main([*arguments, "text"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"{photo}: unsure"
    assert main([*arguments, "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {**answer, "sure": False}
    assert main([*arguments, "csv"]) == 0
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows == [
        ["photo", "answer", "class", "probability"],
        *([str(photo), "unsure", c["class"], f"{c['probability']:.6f}"] for c in (first, second)),
    ]


def test_predict_by_both_sides_of_a_photo(run_folder, photo, capsys):
    found = {}
    mirrored = photo.with_name("mirrored.png")
    ImageOps.mirror(Image.open(photo)).save(mirrored)
    for path, flag in ((photo, ()), (mirrored, ()), (photo, ("--flip",))):
        words = ["predict", str(run_folder), str(path), "--format", "json", *flag]
        assert main(words) == 0
        classes = json.loads(capsys.readouterr().out)["classes"]
        found[path, flag] = {c["class"]: c["probability"] for c in classes}
    for name, probability in found[photo, ("--flip",)].items():
        mean = (found[photo, ()][name] + found[mirrored, ()][name]) / 2
        assert probability == pytest.approx(mean, abs=1e-5)
    assert found[photo, ("--flip",)] != found[photo, ()]


def test_predict_keeps_a_line_to_a_name(run_folder, photo, tmp_path, capsys):
    Card("ResNeXt", ("cat", "d\no\tg", "\x1b[2J"), Preprocessing(64)).save(
        run_folder / "best.keras"
    )
    broken = photo.rename(tmp_path / "my\nphoto.png")
    assert main(["predict", str(run_folder), str(broken)]) == 0
    first, *classes = capsys.readouterr().out.splitlines()
    assert first == str(tmp_path / r"my\nphoto.png")
    assert sorted(line.split("%  ")[1] for line in classes) == [r"\x1b[2J", "cat", r"d\no\tg"]


def test_predict_takes_a_folder_for_the_photos_in_it(run_folder, photo, tmp_path, capsys):
    folder = tmp_path / "my photos é"
    wanted = [folder / name for name in ("a 1.PNG", "b/c/ü.jpg", "b/d.png")]
    left_out = [folder / name for name in ("._a.png", "notes.txt", "e.png/f.txt")]
    for path in (*wanted, *left_out):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photo.read_bytes() if path in wanted else b"no photo")
    arguments = ["predict", str(run_folder), str(folder), str(photo), "--top", "1"]
    assert main(arguments) == 0
    assert capsys.readouterr().out.splitlines()[::2] == [*map(str, wanted), str(photo)]


def test_predict_names_a_broken_photo_and_answers_the_others(run_folder, photo, tmp_path, capsys):
    broken, missing = tmp_path / "text.png", tmp_path / "no where.png"
    broken.write_text("no photo")
    empty = tmp_path / "empty"
    empty.mkdir()
    photos = [broken, photo, missing, empty, photo]
    assert main(["predict", *map(str, [run_folder, *photos]), "--top", "1"]) == 2
    output = capsys.readouterr()
    assert output.out.splitlines()[::2] == 2 * [str(photo)]
    errors = output.err.splitlines()
    assert len(errors) == 3
    for line, path in zip(errors, [broken, missing, empty], strict=True):
        assert line.startswith(f"error: {path}: Expected ")


def test_predict_refuses_weights_for_what_has_its_own(run_folder, photo, error):
    for model in (run_folder, "phone.tflite"):
        line = error("predict", model, photo, "--weights", "a1h_in1k")
        assert "the name of a network alone" in line or "a network's name alone" in line


def test_convert_writes_a_model_with_its_card(tmp_path, photo, capsys, error):
    with np.load(REFERENCES / "rexnet_100.npz") as reference:
        shapes = json.loads(str(reference["keys"]))
    checkpoint, output = tmp_path / "mine.safetensors", tmp_path / "mine.keras"
    save_file(draw_tensors("rexnet_100", shapes), checkpoint)
    arguments = ["convert", checkpoint, "--model", "rexnet_100", "--output", output]

    with warnings.catch_warnings():
        warnings.simplefilter("default", AssumptionWarning)
        assert main([str(a) for a in arguments]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [str(output), str(tmp_path / "mine.card.json")]
    assert printed.err.startswith(
        f"warning: {checkpoint} does not tell how it was trained: assumed 22"
    )
    card = Card.load(output)
    assert card.architecture == "ReXNet100"
    assert card.class_names == tuple(name for _, name in imagenet_classes())
    assert card.provenance == {"weights": str(checkpoint)}
    images = draw_image(2, 224)[None]
    theirs = keras_resnets.ReXNet100(weights=str(checkpoint)).predict(images, verbose=0)
    loaded = keras.models.load_model(output)
    np.testing.assert_array_equal(loaded.predict(images, verbose=0), theirs)

    before = output.read_bytes()
    assert "Expected files that do not exist yet. Received: " in error(*arguments)
    assert output.read_bytes() == before
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AssumptionWarning)
        assert main([str(a) for a in [*arguments, "--force"]]) == 0
    capsys.readouterr()

    assert main(["predict", str(output), str(photo)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert lines[1].split()[1] in card.class_names


@pytest.fixture(scope="module")
def of_three(tmp_path_factory):
    path = tmp_path_factory.mktemp("of_three") / "three.safetensors"
    save_file(hubs.drawn("rexnet_lite_100", classes=3), path)
    return path


@pytest.mark.filterwarnings("ignore::keras_resnets.card.AssumptionWarning")
@pytest.mark.filterwarnings("default::keras_resnets.weights.FreshHeadWarning")
def test_convert_names_the_classes_or_gives_another_number_a_new_classifier(
    of_three, tmp_path, capsys
):
    names, output = tmp_path / "nämes.txt", tmp_path / "made.keras"
    names.write_text("cat\nbig dog\nsøt\u2028katt\n", "utf-8")
    arguments = ["convert", of_three, "--model", "ReXNetLite100", "--output", output, "--force"]
    assert main([*map(str, arguments), "--classes", str(names)]) == 0
    assert Card.load(output).class_names == ("cat", "big dog", "søt\u2028katt")
    bias = keras.models.load_model(output).get_layer("predictions").bias
    np.testing.assert_array_equal(
        bias, next(t for t in load_file(of_three).values() if t.shape == (3,))
    )
    capsys.readouterr()
    assert main([*map(str, arguments), "--classes", "7"]) == 0
    assert "has 7 classes, the checkpoint's 3" in capsys.readouterr().err
    assert Card.load(output).class_names == tuple(f"class {number}" for number in range(7))
    assert keras.models.load_model(output).output_shape == (None, 7)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "Received: names.txt, no such file"),
        (b"cat\n\ndog", "an empty line"),
        (b"cat\ndog\ncat\n", "a name twice"),
        (b"caf\xe9\n", "class names in UTF-8"),
    ],
)
def test_convert_refuses_classes_that_are_none(
    content, message, of_three, tmp_path, monkeypatch, error
):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("names.txt").write_bytes(content)
    arguments = ["--model", "ReXNetLite100", "--classes", "names.txt"]
    assert message in error("convert", of_three, *arguments)


def test_mistakes_are_one_line(run_folder, photo, tmp_path, error):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.png").write_text("no photo")
    (tmp_path / "cut.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{")

    assert "Unknown model name='resnext5'. Did you mean" in error("info", "resnext5")
    assert "Unknown model name='nowhere'" in error("predict", "nowhere", photo)
    assert "best.keras" in error("predict", tmp_path / "empty", photo)
    assert "nowhere.png" in error("predict", run_folder, tmp_path / "nowhere.png")
    assert "text.png" in error("predict", run_folder, tmp_path / "text.png")
    assert "Did you mean" in error("predict", run_folder.with_name("rnu"), photo)
    assert "Unknown weights='a1h'" in error("predict", "ResNeXt50", photo, "--weights", "a1h")
    assert "mine.pth" in error("predict", "ResNeXt50", photo, "--weights", "mine.pth")
    assert "no ImageNet weights of ReXNetR100" in error("predict", "ReXNetR100", photo)
    output = tmp_path / "new.keras"
    for name in ("nowhere", "cut"):
        checkpoint = tmp_path / f"{name}.safetensors"
        line = error("convert", checkpoint, "--model", "ReXNet100", "--output", output)
        assert f"{name}.safetensors" in line
    assert not output.exists()


def test_a_checkpoint_that_does_not_fit_is_listed(tmp_path, capsys):
    checkpoint, output = tmp_path / "odd.safetensors", tmp_path / "new.keras"
    save_file({"conv1.weight": np.ones((2, 2), "float32")}, checkpoint)
    arguments = ["convert", checkpoint, "--model", "ReXNet100", "--output", output]
    assert main([str(a) for a in arguments]) == 2
    first, *listing = capsys.readouterr().err.splitlines()
    assert first.startswith(f"error: {checkpoint} does not fit ReXNet100: none of its ")
    assert first.endswith("1 unused. Nothing was loaded.")
    assert "  conv1.weight (2, 2)" in listing
    assert not output.exists()


@pytest.mark.parametrize("arguments", [["lst"], ["list", "--sort", "beauty"], ["convert", "x"]])
def test_a_wrong_command_line_is_one_line_that_says_where_help_is(arguments, error):
    assert re.search(r"See keras-resnets( list| convert)? --help\.$", error(*arguments))


def test_the_version_is_the_packages(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"keras-resnets {keras_resnets.__version__}\n"


AT_ONCE = """
import sys
from keras_resnets.cli import COMMANDS, main

helps = [[name, "--help"] for name in COMMANDS]
for words in [[], ["--help"], *helps, ["list"], ["info", "resnext50"], ["info", "resnexd"]]:
    main(words)
    heavy = {"keras", "tensorflow", "torch", "jax", "matplotlib", "sklearn"} & set(sys.modules)
    assert not heavy, f"{words} imports {heavy}"
"""


def test_what_answers_at_once_imports_nothing_heavy():
    """Seconds go into those imports: `python -m benchmarks.commands` prints them."""
    run = subprocess.run([sys.executable, "-c", AT_ONCE], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "error: Unknown model name='resnexd'" in run.stderr
    assert run.stderr.count("\n") == 1


def test_the_installed_command():
    command = Path(sys.executable).with_name("keras-resnets")
    run = subprocess.run([command, "list", "--family", "ResNet"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert [line.split()[0] for line in run.stdout.splitlines()] == [
        *("model", "-" * 10, "ResNet50", "ResNet50D", "ResNet101", "ResNet101D")
    ]
