"""Several interpreters of one file, which share the images."""

import os
import threading
import time

import numpy as np
import pytest

from tflite.convert.export import Exporter
from tflite.file import runtime
from tflite.file.runtime import Runner, Tracer, on_each, workers


def test_answers_come_in_order_from_all_workers() -> None:
    used = set()
    both = threading.Barrier(2)

    def work(worker: str, image: int) -> tuple[str, int]:
        if image < 2:
            both.wait(timeout=10)  # so that one alone would not end
        time.sleep(0.001 * (5 - image % 5))
        used.add(worker)
        return worker, image

    found = list(on_each(["a", "b"], work, range(20)))
    assert [image for _, image in found] == list(range(20))
    assert used == {"a", "b"}


def test_few_answers_wait_for_whoever_takes_them() -> None:
    begun = []
    found = on_each(["a", "b"], lambda worker, image: begun.append(image), iter(range(100)))
    for _ in range(10):
        next(found)
    time.sleep(0.05)
    assert 10 <= len(begun) <= 13


def test_an_error_of_a_worker_ends_the_others() -> None:
    done = []

    def work(worker: str, image: int) -> int:
        if image == 3:
            raise ValueError("image 3")
        time.sleep(0.01)
        done.append(image)
        return image

    with pytest.raises(ValueError, match="image 3"):
        list(on_each(["a", "b"], work, range(1000)))
    assert len(done) < 20


def test_they_say_what_one_says(exporter: Exporter) -> None:
    content, images = exporter.float_model, exporter.calibration
    together = np.concatenate(list(on_each(workers(Runner, content), Runner.__call__, images)))
    np.testing.assert_array_equal(together, Runner(content)(np.concatenate(images)))


def test_large_files_have_one_interpreter_with_all_cores(
    exporter: Exporter, monkeypatch: pytest.MonkeyPatch
) -> None:

    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    content = exporter.float_model
    assert len(workers(Runner, content)) == len(workers(Tracer, content)) == 8

    def given(_: bytes, *, threads: int) -> int:
        return threads

    assert workers(given, content) == [1] * 8
    monkeypatch.setattr(runtime, "COPIES", 3 * len(content))
    assert workers(given, content) == [2] * 3
    monkeypatch.setattr(runtime, "COPIES", len(content) - 1)
    assert workers(given, content) == [8]
