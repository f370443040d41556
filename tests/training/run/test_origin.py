"""Where a run comes from: told once, kept when it goes on, and what its model inherits."""

import pytest

from keras_resnets.card import Card
from keras_resnets.errors import UserError
from keras_resnets.preprocessing import Preprocessing
from training import recipe, starting
from training.run.folder import RunFolder
from training.run.origin import ORIGIN, Origin

CONFIG = recipe.configure({"data": {"folder": "photos"}})


def test_a_run_keeps_the_origin_that_it_began_with(tmp_path):
    origin = Origin.now(
        "keras-resnets train 'my photos'", {"weights": "net.in1k", "licence": "mit"}
    )
    for given in (origin, Origin("another command")):
        with RunFolder.open(tmp_path / "run", CONFIG, origin=given) as folder:
            folder.begin(CONFIG, needed=1)
            folder.write_history([{"epoch": 1.0}])
            assert folder.origin == origin
    with RunFolder.open(tmp_path / "run", CONFIG, force=True, origin=given) as folder:
        assert folder.origin == given
    read = Origin.load(tmp_path / "run")
    assert read == origin
    assert read.provenance == {"weights": "net.in1k", "licence": "mit"}
    assert {"keras", "tensorflow", "keras-resnets", "python"} <= read.versions.keys()
    (tmp_path / "run" / ORIGIN).write_text('{"commands": 1}')
    with pytest.raises(UserError, match="Expected the origin of a run"):
        Origin.load(tmp_path / "run")


def test_a_licence_is_inherited(tmp_path):
    assert starting.provenance_of("ReXNet100", None) == {}
    assert starting.provenance_of("ReXNet100", "imagenet") == {
        "weights": "rexnet_100.nav_in1k",
        "licence": "mit",
    }
    strict = {"weights": "resnext101_32x16d.fb_wsl_ig1b_ft_in1k", "licence": "cc-by-nc-4.0"}
    for name, provenance in (("strict", strict), ("own", {"recipe": "demo"})):
        Card("ReXNet", ("a", "b"), Preprocessing(), provenance=provenance).save(
            tmp_path / f"{name}.keras"
        )
    of = {
        name: starting.provenance_of("ReXNet", str(tmp_path / f"{name}.keras"))
        for name in ("strict", "own", "foreign")
    }
    assert of["strict"] == strict
    assert of["own"] == {"weights": "own.keras"}
    assert of["foreign"] == {"weights": "foreign.keras", "licence": "unknown"}
