"""MediaPipe Tasks takes files of either kind of pixels and says what we say."""

import json
import subprocess
from pathlib import Path

import networks
import numpy as np
import pytest

from tflite.file.packing import one_line
from tflite.use.classifier import Classifier

pytestmark = pytest.mark.clients

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / ".venvs" / "clients" / "bin" / "python"


@pytest.mark.parametrize("family", networks.FAMILIES)
def test_it_says_what_we_say(family, photos, files_of):
    files = files_of(family)
    said = subprocess.run(
        [CLIENT, ROOT / "tests" / "clients" / "classify.py", *photos, "--", *files],
        capture_output=True,
        text=True,
        check=True,
    )
    for file, answers in zip(files, json.loads(said.stdout), strict=True):
        ours = Classifier.load(file)
        for photo, answer in zip(photos, answers, strict=True):
            expected = ours.probabilities(photo)
            found = np.array([answer[one_line(name)] for name in ours.card.class_names])
            np.testing.assert_allclose(found, expected, atol=0.01)
            assert found.argmax() == expected.argmax()
