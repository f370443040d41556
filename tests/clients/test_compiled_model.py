"""LiteRT's CompiledModel says what our interpreter says."""

import networks
import numpy as np
import pytest
from ai_edge_litert.compiled_model import CompiledModel
from PIL import Image

from tflite.use.classifier import Classifier

pytestmark = pytest.mark.clients


@pytest.mark.parametrize("family", networks.FAMILIES)
def test_it_says_what_we_say(family, photos, files_of):
    for file in files_of(family):
        model = CompiledModel.from_file(str(file))
        assert model.is_fully_accelerated()
        (image,), (answer,) = model.create_input_buffers(0), model.create_output_buffers(0)
        ours = Classifier.load(file)
        dtype = "uint8" if file.name.startswith("uint8") else "float32"
        for photo in photos:
            image.write(np.asarray(Image.open(photo))[None].astype(dtype))
            model.run_by_index(0, [image], [answer])
            found = answer.read(3, np.float32)
            expected = ours.probabilities(photo)
            np.testing.assert_allclose(found, expected, atol=0.01)
            assert found.argmax() == expected.argmax()
