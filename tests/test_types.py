"""What a type checker tells a user of the library."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy")

ROOT = Path(__file__).parent.parent
# Keras and TensorFlow have no types that are worth a minute.
SETTINGS = """
[mypy]
strict = True
follow_imports = silent
[mypy-keras.*,tensorflow.*,tensorflow_datasets.*]
follow_imports = skip
"""
RIGHT = """
import keras_resnets
from keras_resnets import ResNeSt14, Preprocessing

backbone = keras_resnets.ResNeSt50(
    include_top=False, weights=None, input_shape=(None, None, 3), output_stride=16
)
pyramid = keras_resnets.feature_extractor(backbone, layers=["stage1_block1"])
small = keras_resnets.ResNeXt(depths=(1, 1), cardinality=8, width=16, stem="small", classes=10)
fast = keras_resnets.deploy(keras_resnets.create_model("rexnet_100", weights=None))
model, card = keras_resnets.open_model("runs/mine")
names: tuple[str, ...] = card.class_names
size: int | tuple[int, int] = Preprocessing(size=160).size
best: float = keras_resnets.checkpoints("ResNeXt50")[0].results[0].top1
layer = keras_resnets.layers.GroupedConv2D(8, 3, groups=2)
positional = ResNeSt14(True, None)
version: str = keras_resnets.__version__
"""
# A wrong line → what mypy must say of it.
WRONG = {
    "keras_resnets.ResNeSt50(output_strides=16)": 'Unexpected keyword argument "output_strides"',
    "keras_resnets.ReXNetR300(classes='ten')": 'Argument "classes" has incompatible type "str"',
    "keras_resnets.Res2Net(scales=4)": 'Unexpected keyword argument "scales"',
    "keras_resnets.ResNeSt51()": 'Module has no attribute "ResNeSt51"',
    "keras_resnets.open_model('mine')[1].classes": '"Card" has no attribute "classes"',
    "keras_resnets.Preprocessing(size='224')": 'Argument "size" to "Preprocessing"',
    "keras_resnets.layers.ConvNrom()": 'Module has no attribute "ConvNrom"',
}


def test_ten_right_lines_pass_and_each_wrong_line_is_told(tmp_path):
    (tmp_path / "mypy.ini").write_text(SETTINGS)
    (tmp_path / "user.py").write_text(RIGHT + "\n".join(WRONG) + "\n")
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-error-summary", "--hide-error-codes", "user.py"],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    errors = [
        re.fullmatch(r"user\.py:(\d+): error: (.*)", line) for line in run.stdout.splitlines()
    ]
    told = {int(match[1]): match[2] for match in errors if match}
    first = RIGHT.count("\n") + 1
    assert sorted(told) == list(range(first, first + len(WRONG))), run.stdout + run.stderr
    for number, expected in enumerate(WRONG.values(), start=first):
        assert re.match(expected, told[number]), told[number]
