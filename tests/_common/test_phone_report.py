"""Which phone file is recommended, and how a report is shown."""

import dataclasses

import pytest

from keras_resnets._common.phone_report import FileRow, KerasRow, PhoneReport

FLOAT32 = FileRow("a.float32.tflite", "float32", 0.9, 1.0, 0.0, 4000, 2.0, accelerated=True)
FLOAT16 = dataclasses.replace(FLOAT32, file="a.float16.tflite", bytes=2000, median_ms=2.1)
INT8 = FileRow("a.int8.tflite", "int8", 0.9, 0.98, 0.1, 1000, 0.5, accelerated=True)


def report(*files: FileRow, images: int = 1000) -> PhoneReport:
    return PhoneReport(KerasRow(accuracy=0.9, images=images, median_ms=9.0), files)


def test_the_fastest_that_loses_nothing_is_recommended() -> None:
    found = report(FLOAT32, FLOAT16, INT8).recommended()
    assert found == (INT8, "the fastest here; it loses none of 1000 images")


def test_what_loses_more_than_chance_is_not() -> None:
    worse = dataclasses.replace(INT8, accuracy=0.88, lost=22, gained=2)  # p = 3.6e-5
    found = report(FLOAT32, FLOAT16, worse).recommended()
    assert found is not None
    file, why = found
    assert file == FLOAT16
    assert why == (
        "of the 2 that lose nothing the fastest here, and the smallest of those as fast; "
        "it loses none of 1000 images"
    )


def test_what_chance_may_lose_is_nothing() -> None:
    # 5 against 1: p = 2 * (1 + 6) / 64.
    close = dataclasses.replace(INT8, accuracy=0.896, lost=5, gained=1)
    found = report(FLOAT32, close).recommended()
    assert found is not None
    assert found[0] == close
    assert found[1].endswith(
        "it loses 0.40 points, which 1000 images cannot tell from chance (p = 0.22)"
    )


def test_where_all_lose_it_is_the_one_that_loses_least() -> None:
    worse = dataclasses.replace(INT8, accuracy=0.80, lost=100)
    bad = dataclasses.replace(FLOAT16, accuracy=0.85, lost=50)
    found = report(worse, bad).recommended()
    assert found == (bad, "all lose accuracy, it the least: 5.00 points")


def test_a_report_tells_intervals_and_points() -> None:
    worse = dataclasses.replace(INT8, accuracy=0.88, lost=22, gained=2)
    shown = str(report(FLOAT32, worse))
    assert "90.00% (88.0 to 91.7)" in shown  # Wilson's, of 900 among 1,000
    (row,) = (line for line in shown.splitlines() if line.startswith("a.int8"))
    assert row.split()[5:] == ["2.00", "98.00%", "0.1", "1.0", "kB", "0.50", "ms", "yes"]
    assert shown.splitlines()[-1].startswith("Take a.float32.tflite: ")


def test_without_phone_files_nothing_is_recommended() -> None:
    other = dataclasses.replace(FLOAT32, accelerated=None)
    assert report(other).recommended() is None
    assert "Take" not in str(report(other))


def test_points_lost_are_the_accuracys(tmp_path) -> None:
    made = report(dataclasses.replace(INT8, accuracy=0.905))
    assert made.points_lost(made.files[0]) == pytest.approx(-0.5)
    made.save(tmp_path / "report.json")
    assert PhoneReport.load(tmp_path / "report.json") == made
