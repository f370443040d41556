"""The profile of a file: XNNPACK's operators of a network that is known."""

import subprocess
import sys

import keras
import pytest

from benchmarks.operators import Operator, profile, table
from tflite.convert.converter import convert


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Two 3x3 convolutions, the second strided, and a residual sum."""
    images = keras.Input((16, 16, 8), batch_size=1)
    x = keras.layers.Conv2D(8, 3, padding="same", activation="relu")(images)
    x = keras.layers.Add()([x, images])
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(x)
    path = tmp_path_factory.mktemp("profile") / "net.tflite"
    path.write_bytes(convert(keras.Model(images, x)))
    return path


def test_the_operators_are_the_networks_own(file):
    operators = profile(file, threads=1, runs=3)
    kinds = [operator.name.split(" (")[0] for operator in operators]
    assert kinds == ["Convolution", "Add", "Convolution"]
    assert all(0 <= operator.milliseconds < 1000 for operator in operators)


def test_the_command_prints_a_table(file):
    # In a process of its own: the library writes to the terminal from C++.
    command = [sys.executable, "-m", "benchmarks.operators", file, "--runs", "2"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed.splitlines()[0] == "| operator | times | ms | share |"
    assert "| Convolution (NHWC, F32) IGEMM | 2 |" in printed


def test_a_file_that_is_none_is_refused(tmp_path):
    (tmp_path / "no.tflite").write_bytes(b"nothing")
    with pytest.raises(RuntimeError, match="LiteRtCreateModelFromFile failed"):
        profile(tmp_path / "no.tflite")


def test_the_table_sums_kinds_and_orders_them():
    operators = [Operator("Add", 1.0), Operator("Convolution", 6.0), Operator("Add", 1.0)]
    assert table(operators).splitlines()[2:] == [
        "| Convolution | 1 | 6.00 | 75.0% |",
        "| Add | 2 | 2.00 | 25.0% |",
        "| all | 3 | 8.00 | |",
    ]
    assert table(operators, each=True).splitlines()[2].startswith("| 0 Add | 1 | 1.00 |")
