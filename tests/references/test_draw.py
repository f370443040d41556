"""The references are only worth something if a test draws exactly what the script drew."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from references.draw import IMAGE_SIZES, draw_image, draw_tensors, fingerprint

from keras_resnets import catalogue

REFERENCES = sorted((Path(__file__).parent / "data").glob("*.npz"))
SMALL = ("resnest14d", "rexnet_100", "rexnetr_100", "rexnet_lite_100")
COUNTERS = "num_batches_tracked"
STATISTICS = ("running_mean", "running_var")


def test_there_is_one_for_every_architecture():
    names = {entry.get("timm") or entry["official"] for entry in catalogue.networks().values()}
    assert {path.stem for path in REFERENCES} == names


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=[] if path.stem in SMALL else pytest.mark.slow)
        for path in REFERENCES
    ],
    ids=lambda path: path.stem,
)
def test_the_same_tensors_are_drawn_again(path):
    with np.load(path) as reference:
        tensors = draw_tensors(path.stem, json.loads(str(reference["keys"])))
        assert fingerprint(tensors) == pytest.approx(float(reference["fingerprint"]), rel=1e-9)
    assert all(tensor.dtype == np.float32 for tensor in tensors.values())


@pytest.mark.parametrize("path", REFERENCES, ids=lambda path: path.stem)
def test_parameters_and_logits_make_sense(path):
    with np.load(path) as reference:
        shapes = json.loads(str(reference["keys"]))
        trained = [s for k, s in shapes.items() if not k.endswith((COUNTERS, *STATISTICS))]
        assert sum(map(math.prod, trained)) == int(reference["parameters"])
        for size in IMAGE_SIZES:
            logits = reference[f"logits_{size}"]
            assert (logits.shape, logits.dtype) == ((2, 100), np.float32)
            # A hundred times the tolerance: a logit that ignores its image would prove nothing.
            assert (logits[0] - logits[1]).std() > 0.01 * logits.std()


def test_a_tensor_depends_on_its_key_alone():
    shapes = {"conv1.weight": (4, 3, 3, 3), "bn1.weight": (4,), "bn1.num_batches_tracked": ()}
    tensors = draw_tensors("resnet50", shapes)
    assert list(tensors) == ["conv1.weight", "bn1.weight"]
    alone = draw_tensors("resnet50", {"bn1.weight": (4,)})
    np.testing.assert_array_equal(tensors["bn1.weight"], alone["bn1.weight"])
    other = draw_tensors("resnet101", {"bn1.weight": (4,)})
    assert not np.array_equal(alone["bn1.weight"], other["bn1.weight"])


def test_an_unknown_kind_of_tensor_is_refused():
    with pytest.raises(ValueError, match="No rule draws 'scale'"):
        draw_tensors("resnet50", {"scale": (3,)})


def test_images_are_fixed():
    image = draw_image(1, 129)
    assert image.shape == (129, 129, 3)
    np.testing.assert_array_equal(image, draw_image(1, 129))
    assert not np.array_equal(image, draw_image(2, 129))
