"""Files from a run: whole, described, and as accurate as Keras."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import weakref
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from keras_resnets.preprocessing import Preprocessing
from tflite.cli import main
from tflite.convert.export import Exporter
from tflite.file.flatbuffer import ALIGNMENT
from tflite.file.inspection import inspect
from tflite.file.packing import unpack
from tflite.file.runtime import Runner
from tflite.use.classifier import Classifier
from tflite.verify.compare import compare

FORMER = ("--normalised-input", "--logits")  # the input and output that integer types are for
ACCELERATED = ("float32", "float16", "dynamic", "int8")


class Living:
    """The objects of a class, made from here on, that exist; and how many there were at most."""

    def __init__(self, kind: type, monkeypatch: pytest.MonkeyPatch):
        self.most = 0
        self._made: list[weakref.ref[Any]] = []
        original = vars(kind)["__init__"]

        def init(made: Any, *arguments: Any, **named: Any) -> None:
            original(made, *arguments, **named)
            self._made.append(weakref.ref(made))
            self.most = max(self.most, len(self))

        monkeypatch.setattr(kind, "__init__", init)

    def __len__(self) -> int:
        return sum(one() is not None for one in self._made)


def test_report_has_every_format_against_keras(run: Path, files: dict[str, Path]) -> None:
    report = json.loads((run / "tflite" / "report.json").read_text())
    assert report["keras"]["images"] == 11
    assert report["keras"]["accuracy"] >= 0.9
    rows = {row["format"]: row for row in report["files"]}
    assert list(rows) == ["float32", "float16", "dynamic", "int8", "int16x8"]
    assert rows["float32"]["max_probability_difference"] < 1e-5
    assert rows["float16"]["max_probability_difference"] < 0.01
    assert rows["int8"]["max_probability_difference"] < 0.1
    for name, row in rows.items():
        assert row["agreement"] == 1.0
        assert row["accuracy"] == report["keras"]["accuracy"]
        assert row["accelerated"] == (name in ACCELERATED)
        assert row["bytes"] == files[name].stat().st_size
        assert row["median_ms"] > 0


@pytest.mark.parametrize("name", ACCELERATED)
def test_one_partition(files: dict[str, Path], name: str) -> None:
    inspection = inspect(files[name].read_bytes())
    assert inspection.partitions == 1
    assert all(operator.delegated for operator in inspection.operators)
    assert not any(operator.kind in ("CUSTOM", "DELEGATE") for operator in inspection.operators)


def test_int8_weights_are_per_channel(files: dict[str, Path]) -> None:
    model = schema.ModelT.InitFromPackedBuf(files["int8"].read_bytes())
    graph = model.subgraphs[0]
    kernels = [
        graph.tensors[op.inputs[1]]
        for op in graph.operators
        if model.operatorCodes[op.opcodeIndex].builtinCode == schema.BuiltinOperator.CONV_2D
    ]
    assert len(kernels) > 10
    for kernel in kernels:
        assert kernel.type == schema.TensorType.INT8
        assert len(kernel.quantization.scale) == kernel.shape[0]


def test_pixels_go_in_and_probabilities_come_out_by_default(files: dict[str, Path]) -> None:
    for name, file in files.items():
        inspection = inspect(file.read_bytes())
        assert (inspection.input, inspection.output) == ("uint8[1, 16, 16, 3]", "float32[1, 3]")
        assert inspection.operators[-1].kind == "SOFTMAX", name


def test_labels_are_in_the_file(files: dict[str, Path]) -> None:
    with zipfile.ZipFile(files["int8"]) as archive:
        assert archive.read("labels.txt") == b"blue\ngreen\nred\n"
    card = unpack(files["int8"].read_bytes())
    assert card.format == "int8"
    assert card.class_names == ("blue", "green", "red")
    assert card.preprocessing == Preprocessing(size=16, crop_fraction=0.9)
    assert card.provenance == {"made for": "the tests"}
    assert card.threshold == 0.4


def test_constants_are_aligned(files: dict[str, Path]) -> None:
    model = schema.Model.GetRootAs(files["float16"].read_bytes(), 0)
    starts = []
    for index in range(model.BuffersLength()):
        table = model.Buffers(index)._tab
        field = table.Offset(4)
        if field:
            starts.append(table.Vector(field) % ALIGNMENT)
    assert len(starts) > 20
    assert not any(starts)


def test_existing_files_are_kept(fails, run: Path, files: dict[str, Path]) -> None:
    before = files["float32"].stat().st_mtime_ns
    error = fails("export", run, "--quantize", "none", "float16")
    assert "ResNeSt.float32.tflite" in error
    assert "--force" in error
    assert files["float32"].stat().st_mtime_ns == before


def test_normalised_images_go_in_and_logits_come_out_on_demand(
    run: Path, files: dict[str, Path], tmp_path: Path, photos: Path
) -> None:
    arguments = ["--quantize", "none", "int8", "--normalised-input", "--logits"]
    assert main(["export", str(run), *arguments, "--output", str(tmp_path)]) == 0
    photo = photos / "red" / "0.png"
    for name in ("float32", "int8"):
        content = (tmp_path / f"ResNeSt.{name}.tflite").read_bytes()
        inspection = inspect(content)
        assert inspection.input == "float32[1, 16, 16, 3]"
        assert inspection.partitions == 1
        assert all(operator.delegated for operator in inspection.operators)
        logits = Runner(content)(np.zeros((1, 16, 16, 3), "float32"))
        assert abs(logits.sum() - 1) > 1e-3
        expected = Classifier.load(files[name]).probabilities(photo)
        np.testing.assert_allclose(Classifier(content).probabilities(photo), expected, atol=0.02)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["files"][0]["max_probability_difference"] < 1e-5


def test_floats_from_0_to_255_are_pixels_too(
    run: Path, files: dict[str, Path], tmp_path: Path, photos: Path
) -> None:
    arguments = ["--quantize", "none", "int8", "--input", "float32", "--images", "1"]
    assert main(["export", str(run), *arguments, "--output", str(tmp_path)]) == 0
    photo = photos / "red" / "0.png"
    for name, tolerance in (("float32", 1e-6), ("int8", 0.01)):
        content = (tmp_path / f"ResNeSt.{name}.tflite").read_bytes()
        inspection = inspect(content)
        assert (inspection.input, inspection.partitions) == ("float32[1, 16, 16, 3]", 1)
        assert all(operator.delegated for operator in inspection.operators)
        expected = Classifier.load(files[name]).probabilities(photo)
        found = Classifier(content).probabilities(photo)
        np.testing.assert_allclose(found, expected, atol=tolerance)


def test_any_batch_and_integer_io(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one file at a time in the runtime, and what they were made of let go when they run."""
    exporters, runners = Living(Exporter, monkeypatch), Living(Runner, monkeypatch)
    left = []

    def comparing(*arguments: Any, **named: Any) -> Any:
        left.append(len(exporters))
        return compare(*arguments, **named)

    monkeypatch.setattr("tflite.verify.compare.compare", comparing)
    monkeypatch.setattr("tflite.file.runtime.COPIES", 0)  # as for a large file: one interpreter
    arguments = ["--quantize", "none", "int8", "--dynamic-batch", "--integer-io", *FORMER]
    assert main(["export", str(run), *arguments, "--output", str(tmp_path)]) == 0
    for name, dtype in (("float32", "float32"), ("int8", "int8")):
        inspection = inspect((tmp_path / f"ResNeSt.{name}.tflite").read_bytes())
        assert inspection.input == f"{dtype}[-1, 16, 16, 3]"
        assert inspection.output == f"{dtype}[-1, 3]"
        assert inspection.partitions == 1
    report = json.loads((tmp_path / "report.json").read_text())
    assert [row["agreement"] for row in report["files"]] == [1.0, 1.0]
    assert (exporters.most, left, runners.most) == (1, [0], 1)


def test_tensorflows_quantizer(run: Path, tmp_path: Path) -> None:
    arguments = ["--quantize", "float16", "int8", "--quantizer", "tensorflow", "--normalised-input"]
    assert main(["export", str(run), *arguments, "--output", str(tmp_path)]) == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert [row["agreement"] for row in report["files"]] == [1.0, 1.0]
    assert [row["accelerated"] for row in report["files"]] == [True, True]


def test_the_terminal_shows_no_chatter(run: Path, tmp_path: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "tflite", "export", run, "--quantize", "int8", "--output", tmp_path],
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("TF_")},
    )
    assert process.returncode == 0
    (line,) = process.stderr.splitlines()
    assert "ResNeSt.int8.tflite" in line
    assert process.stdout.startswith("peak memory ")
    assert "11 images, test split of photos" in process.stdout
    assert len(process.stdout.splitlines()) == 8


def test_a_killed_export_leaves_nothing(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", killed)
    assert main(["export", str(run), "--output", str(tmp_path / "out")]) == 130
    assert list((tmp_path / "out").iterdir()) == []


def test_the_next_export_sweeps_what_a_killed_one_left(run: Path, tmp_path: Path) -> None:
    left = tmp_path / ".ResNeSt.int8.aside-999999.tflite"  # of no living process
    left.write_bytes(b"half")
    other = tmp_path / ".mine.tflite"
    other.write_bytes(b"whole")
    assert main(["export", str(run), "--output", str(tmp_path), "--images", "1"]) == 0
    assert not left.exists()
    assert other.exists()


def test_a_process_killed_while_it_writes_leaves_no_file_of_that_name(tmp_path: Path) -> None:
    target = tmp_path / "model.tflite"
    target.write_bytes(b"old")
    code = (
        "import os, pathlib, signal, sys; from keras_resnets._common.files import write_bytes\n"
        "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_bytes(pathlib.Path(sys.argv[1]), b'new' * 1000)"
    )
    for path in (target, tmp_path / "other.tflite"):
        killed = subprocess.run([sys.executable, "-c", code, path])
        assert killed.returncode == -signal.SIGKILL
    assert target.read_bytes() == b"old"
    assert not (tmp_path / "other.tflite").exists()


@pytest.mark.slow
def test_a_large_network_takes_at_most_six_gigabytes(photos: Path, tmp_path: Path) -> None:
    """Conversion, quantisation and comparison of 111 million weights, in a process of its own."""
    for colour, known in (("blue", "ant"), ("green", "bee"), ("red", "fly")):
        shutil.copytree(photos / colour, tmp_path / "photos" / known)
    network = ["--model", "ResNeSt269", "--weights", "none", "--quantize", "int8"]
    calibration = ["--calibration-images", "10", "--calibration-method", "min-max"]
    images = ["--data", str(tmp_path / "photos"), "--images", "1", "--output", str(tmp_path)]
    process = subprocess.run(
        [sys.executable, "-m", "tflite", "export", *network, *calibration, *images],
        capture_output=True,
        text=True,
        check=True,
    )
    gigabytes = re.match(r"peak memory (\d\.\d) GB\n", process.stdout)
    assert gigabytes is not None
    assert float(gigabytes[1]) <= 6
    (row,) = (line for line in process.stdout.splitlines() if line.startswith("ResNeSt269.int8"))
    assert row.rstrip().endswith("yes")
