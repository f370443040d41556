"""LiteRT in Chromium, on WebAssembly, says what Python says."""

import json

import networks
import pytest
from browsers import needs_chromium
from demo_page import PHOTOS, browse, needs_runtime

from tflite.use.classifier import Classifier

pytestmark = [pytest.mark.clients, needs_chromium, needs_runtime]


@pytest.mark.parametrize("family", networks.FAMILIES)
def test_it_says_what_we_say(family, photos, files_of, tmp_path, monkeypatch):
    shown = {photo.name: photo.read_bytes() for photo in photos}
    script = PHOTOS.replace("NAMES", json.dumps(list(shown)))
    exact, *_ = (Classifier.load(file) for file in files_of(family) if ".float32." in file.name)
    for file in files_of(family):
        profile = tmp_path / file.stem
        with monkeypatch.context() as patch:
            results, _ = browse(file.read_bytes(), script, profile, patch, photos=shown)
        ours = Classifier.load(file)
        within = 0.01
        if ".dynamic." in file.name:
            # Its kernels round each input on the fly, and another processor's otherwise, by a part of
            # what rounding does at all: to a drawn ReXNet much.
            within = max(within, max(apart(ours, exact, photo) for photo in photos) / 2)
        for photo in photos:
            found = dict(results[photo.name]["classes"])
            expected = dict(ours.classify(photo))
            assert found.keys() == expected.keys()
            for name, probability in expected.items():
                assert found[name] == pytest.approx(probability, abs=within)
            first, second = sorted(expected.values())[:-3:-1]
            assert next(iter(found)) == next(iter(expected)) or first - second < within


def apart(ours, exact, photo):
    """The largest difference of a probability between two files."""
    found = dict(ours.classify(photo))
    return max(abs(found[name] - probability) for name, probability in exact.classify(photo))
