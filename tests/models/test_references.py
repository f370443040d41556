"""Every network against timm's: parameters, keys, logits at an even and an odd size, and `deploy`.

The references hold timm's logits for tensors that both sides draw from the same generator, batch-norm
statistics and classifier included: see `tests/references`.
"""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from references import draw

import keras_resnets
from keras_resnets import catalogue

REFERENCES = Path(draw.__file__).parent

# One of each block type and head in the default run; the rest are the heavy sweep.
QUICK = {
    "ResNet50D",
    "ResNeXt50",
    "ResNeSt14",
    "ResNeSt50Fast_4s2x40d",
    "Res2Net50_26w_4s",
    "Res2NeXt50",
    "ReXNet100",
    "ReXNetR100",
    "ReXNetLite100",
    "SEResNeXt26D",
}


def reference_name(name):
    entry = catalogue.networks()[name]
    return entry.get("timm") or entry["official"]


@pytest.fixture
def reference(request):
    return np.load(REFERENCES / "data" / f"{reference_name(request.param)}.npz")


def load_drawn(model, name, reference):
    """Gives the model the reference's tensors, each exactly once."""
    tensors = draw.draw_tensors(reference_name(name), json.loads(str(reference["keys"])))
    assert draw.fingerprint(tensors) == pytest.approx(float(reference["fingerprint"]), rel=1e-9)
    source_key = keras_resnets.model_info(name).source_key
    for variable in model.weights:
        tensor = tensors.pop(source_key(variable.path))
        if tensor.ndim == 4:
            tensor = tensor.transpose(2, 3, 1, 0)
        if variable.path.startswith("predictions/kernel"):
            tensor = tensor.T if tensor.ndim == 2 else tensor[0, 0]
        assert tensor.shape == tuple(variable.shape), variable.path
        variable.assign(tensor)
    assert not tensors


def predicted(model, size):
    images = np.stack([draw.draw_image(seed, size) for seed in draw.IMAGE_SEEDS])
    return model.predict(images, verbose=0)[:, draw.CLASSES]


VARIANTS = [
    pytest.param(name, name, marks=() if name in QUICK else pytest.mark.slow, id=name)
    for name in keras_resnets.list_models()
]


@pytest.mark.parametrize(("name", "reference"), VARIANTS, indirect=["reference"])
def test_equals_the_reference(name, reference):
    model = keras_resnets.create_model(
        name, weights=None, input_shape=(None, None, 3), classifier_activation=None
    )
    parameters = sum(int(np.prod(v.shape)) for v in model.trainable_weights)
    assert parameters == int(reference["parameters"]) == keras_resnets.model_info(name).parameters
    load_drawn(model, name, reference)
    for size in draw.IMAGE_SIZES:
        expected = reference[f"logits_{size}"]
        difference = np.abs(predicted(model, size) - expected).max()
        assert difference < 1e-4 * expected.std(), size
    # The odd size is the last one.
    deployed = predicted(keras_resnets.deploy(model), size)
    np.testing.assert_allclose(deployed, predicted(model, size), atol=1e-5 * np.abs(expected).max())
    keras.backend.clear_session()
