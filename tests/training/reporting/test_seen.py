"""The small images of photos in doubt."""

import networks
import numpy as np
from PIL import Image

from keras_resnets.card import Card
from keras_resnets.explain import grad_cam, overlay
from keras_resnets.preprocessing import Preprocessing
from training.reporting.seen import heat_name, photo_name, save_seen


def test_each_is_what_the_network_saw_and_where(tmp_path, randomise, rng):
    model = networks.small("ResNeXt", input_shape=(32, 32, 3), classes=3)
    randomise(model)
    card = Card("ResNeXt", ("a", "b", "c"), Preprocessing(size=32))
    images = list(rng.integers(0, 256, (2, 32, 32, 3), "uint8"))
    classes = [1, 2]
    (tmp_path / "mistakes").mkdir()
    (tmp_path / "mistakes" / "05.webp").write_bytes(b"of the run before")
    save_seen(tmp_path / "mistakes", model, card, classes, images)
    names = {name(index) for index in (0, 1) for name in (photo_name, heat_name)}
    assert {path.name for path in (tmp_path / "mistakes").iterdir()} == names
    for index, (label, pixels) in enumerate(zip(classes, images, strict=True)):
        with Image.open(tmp_path / "mistakes" / photo_name(index)) as photo:
            np.testing.assert_array_equal(np.asarray(photo), pixels)
        heat = grad_cam(model, card.preprocessing.normalize(pixels), class_index=label)
        with Image.open(tmp_path / "mistakes" / heat_name(index)) as photo:
            np.testing.assert_allclose(np.asarray(photo), overlay(pixels, heat), atol=1)


def test_no_more_photos_are_explained_at_once_than_are_seen_at_once(
    tmp_path, randomise, rng, monkeypatch
):
    """24 at once held 0.4 GB, more than all of the training before."""
    model = networks.small("ReXNet", input_shape=(32, 32, 3), classes=3)
    randomise(model)
    card = Card("ReXNet", ("a", "b", "c"), Preprocessing(size=32))
    images = list(rng.integers(0, 256, (5, 32, 32, 3), "uint8"))
    counts = []

    def counted(model, batch, **options):
        counts.append(len(batch))
        return grad_cam(model, batch, **options)

    save_seen(tmp_path / "together", model, card, [0, 1, 2, 0, 1], images)
    monkeypatch.setattr("training.reporting.seen.images_at_once", lambda height, width: 2)
    monkeypatch.setattr("keras_resnets.explain.grad_cam", counted)
    save_seen(tmp_path / "apart", model, card, [0, 1, 2, 0, 1], images)
    assert counts == [2, 2, 1]
    for index in range(5):
        for name in (photo_name(index), heat_name(index)):
            together, apart = (
                np.asarray(Image.open(tmp_path / way / name), int) for way in ("together", "apart")
            )
            np.testing.assert_allclose(apart, together, atol=1)


def test_without_photos_there_is_no_folder(tmp_path):
    card = Card("ResNeXt", ("a",), Preprocessing())
    save_seen(tmp_path / "mistakes", None, card, [], [])
    assert not (tmp_path / "mistakes").exists()
