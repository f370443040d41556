"""The whole way of a checkpoint, for each family: hub, cache, hash, porting, logits."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from references.draw import CLASSES, IMAGE_SEEDS, draw_image, draw_tensors
from safetensors.numpy import save

from keras_resnets.models import create_model, model_info
from keras_resnets.weights import find_checkpoint, load_checkpoint

REFERENCES = Path(__file__).parents[1] / "references" / "data"
COUNTERS = "num_batches_tracked"


@pytest.mark.parametrize(
    ("variant", "tag"),
    [
        ("ResNeXt50", "a1h_in1k"),
        ("ResNeSt14", "gluon_in1k"),
        pytest.param(
            "Res2Net50_48w_2s",
            "in1k",
            marks=pytest.mark.filterwarnings(
                "ignore:The licence of res2net50_48w_2s.in1k is 'cc-by"
            ),
        ),
        ("ReXNet100", "nav_in1k"),
        ("SEResNeXt26D", "bt_in1k"),
    ],
)
def test_a_checkpoint_of_each_family_gives_timms_logits(hub, variant, tag):
    checkpoint = find_checkpoint(variant, tag)
    with np.load(REFERENCES / f"{checkpoint.architecture}.npz") as reference:
        shapes, expected = json.loads(str(reference["keys"])), reference["logits_129"]
    tensors = draw_tensors(checkpoint.architecture, shapes)
    counters = {key: np.array(7) for key in shapes if key.endswith(COUNTERS)}
    hub.put(checkpoint.source.repository, save(tensors | counters))

    model = create_model(
        variant, weights=None, input_shape=(129, 129, 3), classifier_activation=None
    )
    load_checkpoint(model, variant, tag, key_of=model_info(variant).source_key)

    images = np.stack([draw_image(seed, 129) for seed in IMAGE_SEEDS])
    logits = keras.ops.convert_to_numpy(model(images, training=False))[:, CLASSES]
    assert np.abs(logits - expected).max() < 1e-4 * expected.std()
