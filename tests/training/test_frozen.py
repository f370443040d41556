"""What is kept of the frozen stages: how much, where, and never anything wrong."""

import errno
import os

import numpy as np
import pytest
import tensorflow as tf
from networks import randomise

from keras_resnets.classifier import activation
from keras_resnets.data import open_data
from keras_resnets.errors import UserError
from keras_resnets.features import all_layers
from training import cache, frozen, networks, recipe
from training.data.balance import Balance
from training.data.batches import Position
from training.data.maps import View, map_batches, map_validation
from training.data.views import view_batches
from training.devices import Share
from training.frozen import FrozenOutputs

NETWORK = {
    "name": "ResNeXt",
    "arguments": {"depths": [1, 1], "planes": 8, "stem": "small", "drop_path_rate": 0.5},
    "weights": "some.keras",
}
VALUES = {
    "model": {**NETWORK, "freeze": 2},
    "preprocessing": {"size": 16, "crop_fraction": 1.0},
    "augmentation": {"flip": True, "crop": {"area": [0.5, 1.0]}},
    "batch_size": 8,
    "cache": {"views": 2},
}


@pytest.fixture(scope="module")
def data(photos):
    return open_data(folder=str(photos))


@pytest.fixture(scope="module")
def network():
    config = recipe.configure(VALUES)
    return randomise(networks.served(config, networks.built(config), 3), np.random.default_rng(0))


def _outputs(network, data, **changes):
    config = recipe.configure({**VALUES, **changes})
    part, _ = networks.split(network, config.model.freeze)
    return FrozenOutputs(part, data, config)


def test_a_network_whose_weights_follow_is_not_drawn():
    """That took as long as all else that makes ResNeSt-269."""
    config = recipe.configure({**VALUES, "model": {**NETWORK, "weights": None, "freeze": 0}})
    for network, drawn in (
        (networks.served(config, networks.built(config), 3), False),
        (networks.in_training(config, ("a", "b", "c")), True),
    ):
        kernels = [w for w in network.weights if w.path.endswith("conv/kernel")]
        assert len(kernels) > 5
        assert {bool(np.any(kernel)) for kernel in kernels} == {drawn}


def test_what_is_saved_is_the_constructors_network_for_the_classes_of_the_photos():
    """It is built once, before the photos are read; then they have their classifier."""
    arguments = {"depths": [1, 1], "planes": 8, "drop_rate": 0.3}
    model = {"name": "ResNeXt", "arguments": arguments, "weights": None}
    config = recipe.configure({**VALUES, "model": {**model, "freeze": 0}})
    saved = networks.served(config, networks.built(config), 5, "sigmoid")
    expected = networks.in_training(config, tuple("abcde"), multi_label=True)
    assert [(w.path, w.shape) for w in saved.weights] == [
        (w.path, w.shape) for w in expected.weights
    ]
    assert saved.name == expected.name
    assert (activation(saved), activation(expected)) == ("sigmoid", "linear")
    for ours, theirs in zip(saved.layers, expected.layers, strict=True):
        changed = {"activation"} if ours.name == "predictions" else set()
        configs = ({**layer.get_config(), "seed": None} for layer in (ours, theirs))
        first, second = ({k: v for k, v in c.items() if k not in changed} for c in configs)
        assert first == second


def test_the_parts_of_a_network_are_the_network(network):
    images = np.random.default_rng(1).normal(size=(2, 16, 16, 3)).astype("float32")
    expected = network(images)
    for count in (1, 2, 3):
        first, second = networks.split(network, count)
        np.testing.assert_allclose(second(first(images)), expected, atol=1e-6)
    features = networks.to_features(network, 2)
    assert features.output_shape == (None, network.get_layer("predictions").kernel.shape[0])
    with pytest.raises(UserError, match=r"Expected model\.freeze from 0 to 3"):
        networks.split(network, 4)


def test_what_is_frozen_drops_nothing_and_keeps_its_statistics():
    config = recipe.configure({**VALUES, "model": {**NETWORK, "weights": None, "freeze": 2}})
    config = config.model_copy(update={"cache": config.cache.model_copy(update={"views": 0})})
    network = networks.in_training(config, ("a", "b", "c"))
    norms = [layer for layer in all_layers(network) if hasattr(layer, "moving_mean")]
    before = [layer.moving_mean.numpy() for layer in norms]
    images = np.random.default_rng(1).normal(size=(4, 16, 16, 3)).astype("float32")
    first, second = networks.split(network, 2)
    forward = networks.forward(network, config)
    forward(images, training=True)
    moved = [
        not np.array_equal(layer.moving_mean, old) for layer, old in zip(norms, before, strict=True)
    ]
    learning = {id(layer) for layer in all_layers(second)}
    assert moved == [id(layer) in learning for layer in norms]
    maps = first(images, training=False)
    np.testing.assert_array_equal(forward(images, training=False), second(maps, training=False))


def test_a_view_is_what_the_stages_give_of_the_photos_once(network, data, monkeypatch):
    outputs = _outputs(network, data)
    view = outputs.view("train", 1)
    part, _ = networks.split(network, 2)
    batches = list(view_batches(data, "train", outputs.config, 1, 8))
    maps = np.concatenate([part(images, training=False) for images, _ in batches])
    np.testing.assert_allclose(view.maps, maps, rtol=1e-3, atol=1e-3)  # float16
    np.testing.assert_array_equal(view.targets, np.concatenate([t for _, t in batches]))
    assert not np.array_equal(view.maps, outputs.view("train", 0).maps)
    monkeypatch.setattr(frozen, "view_batches", None)
    assert outputs.view("train", 1) is view
    read = np.concatenate([maps for maps, _ in outputs.batches("train", 1)])
    np.testing.assert_array_equal(read, view.maps.astype("float32"))


def test_a_folder_gives_the_same_maps_to_later_runs(network, data, tmp_path, monkeypatch):
    folder = {"cache": {"views": 2, "folder": str(tmp_path / "câche of mine")}}
    view = _outputs(network, data, **folder).view("train", 1)
    memory = _outputs(network, data).view("train", 1)
    for kept, expected in ((view.maps, memory.maps), (view.targets, memory.targets)):
        np.testing.assert_array_equal(kept, expected)
    monkeypatch.setattr(frozen, "view_batches", None)
    again = _outputs(network, data, **folder).view("train", 1)
    np.testing.assert_array_equal(again.maps, memory.maps)


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "longer"])
def test_what_is_damaged_is_computed_again_and_said(network, data, tmp_path, damage):
    folder = {"cache": {"views": 1, "folder": str(tmp_path)}}
    expected = np.array(_outputs(network, data, **folder).view("validation", 0).maps)
    (path,) = tmp_path.rglob("*.maps")
    content = bytearray(path.read_bytes())
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    path.write_bytes(
        {"flipped": flipped, "cut": content[:-9], "empty": b"", "longer": content + b"x"}[damage]
    )
    with pytest.warns(UserWarning, match="is damaged: it is computed again"):
        again = _outputs(network, data, **folder).view("validation", 0)
    np.testing.assert_array_equal(again.maps, expected)


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"augmentation": {}},
        {"preprocessing": {"size": 16, "crop_fraction": 0.9}},
        {"model": {**NETWORK, "freeze": 1}},
    ],
)
def test_another_network_or_recipe_finds_nothing_of_it(network, data, changes):
    part, _ = networks.split(network, 2)
    config = recipe.configure(VALUES)
    other = recipe.configure({**VALUES, **changes})
    assert frozen.key(part, data, config) != frozen.key(part, data, other)


def test_other_weights_and_other_photos_find_nothing_of_it(network, data):
    part, _ = networks.split(network, 2)
    config = recipe.configure(VALUES)
    before = frozen.key(part, data, config)
    assert before == frozen.key(part, data, recipe.configure({**VALUES, "epochs": 3}))
    weights = part.get_weights()
    part.set_weights([weights[0] * 1.0001, *weights[1:]])
    assert frozen.key(part, data, config) != before
    part.set_weights(weights)
    data_of = type(data)(**{**vars(data), "digest": "another"})
    assert frozen.key(part, data_of, config) != before
    with pytest.raises(UserError, match="Expected --cache with a folder of photos"):
        frozen.key(part, type(data)(**{**vars(data), "digest": ""}), config)


def test_a_full_disk_is_one_line_and_leaves_what_was_whole(network, data, tmp_path, monkeypatch):
    outputs = _outputs(network, data, cache={"views": 2, "folder": str(tmp_path)})
    outputs.view("train", 0)
    before = sorted(path.name for path in tmp_path.rglob("*"))

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(cache.Writer, "end", full)
    with pytest.raises(UserError, match="Expected room for --cache in .* leave --cache out"):
        outputs.view("train", 1)
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_a_file_is_no_folder_to_write_to(network, data, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="Expected a folder to write to for --cache"):
        _outputs(network, data, cache={"views": 1, "folder": str(tmp_path / "file")})


@pytest.mark.parametrize(("free", "views"), [(0, 0), (3, 0), (4, 4), (6, 6), (100, 8)])
def test_as_many_views_as_half_of_the_free_memory_holds(network, data, monkeypatch, free, views):
    part, _ = networks.split(network, 2)
    training, validation = (frozen.bytes_of_view(part, data, s) for s in ("train", "validation"))
    assert training == data.sizes["train"] * (2 * 16 * 16 * 32 + 4 * 3)
    monkeypatch.setattr(frozen, "free_memory", lambda: 2 * (free * training + validation))
    config = recipe.configure({**VALUES, "cache": {"views": "auto"}, "epochs": 30})
    settled = frozen.settled(config, network, data)
    assert (settled.cache.views, settled.auto) == (views, ())
    said = frozen.in_words(settled, network, data)
    assert ("computed once for" in said) == bool(views)
    assert ("--cache FOLDER" in said) == (not views)
    learns = recipe.configure({**VALUES, "model": NETWORK, "cache": {"views": "auto"}})
    assert frozen.settled(learns, network, data).cache.views == 0


def test_more_views_than_the_memory_holds_are_refused(network, data, monkeypatch):
    monkeypatch.setattr(frozen, "free_memory", lambda: 1000)
    with pytest.raises(UserError, match="of memory for 2 views of the photos. Received: 1.0 kB"):
        frozen.settled(recipe.configure(VALUES), network, data)


def _numbered(photos, classes=2):
    """A view whose maps are the photos' numbers."""
    maps = np.tile(np.arange(photos, dtype="float16")[:, None, None, None], (1, 2, 2, 1))
    return View(maps, np.eye(classes, dtype="float32")[np.arange(photos) * classes // photos])


def _photos(batches):
    return [tuple(maps[:, 0, 0, 0].numpy().astype(int).tolist()) for maps, _ in batches]


def test_an_epoch_is_the_same_in_whatever_shares_and_from_wherever_it_starts():
    view, none = _numbered(22), Balance("none", ())
    config = recipe.configure({"batch_size": 4})
    whole = _photos(map_batches(view, none, config, Position(3)))
    assert len(whole) == 5
    assert len({photo for batch in whole for photo in batch}) == 20
    assert _photos(map_batches(view, none, config, Position(3, 2))) == whole[2:]
    assert _photos(map_batches(view, none, config, Position(4))) != whole
    shares = [Share(worker, workers=2, replicas=2) for worker in range(2)]
    parts = [_photos(map_batches(view, none, config, Position(3), share)) for share in shares]
    for step, batch in enumerate(whole):
        pieces = [part[2 * step + replica] for part in parts for replica in range(2)]
        assert sum(pieces, ()) == batch


def test_an_epoch_of_maps_is_balanced_as_one_of_photos_is():
    view = _numbered(40)
    view.targets[:] = np.eye(2, dtype="float32")[(np.arange(40) < 8).astype(int)]
    config = recipe.configure({"batch_size": 4})
    batches = map_batches(view, Balance("sampling", (32, 8)), config, Position(1))
    assert sum(int(targets[:, 1].numpy().sum()) for _, targets in batches) == 20


def test_maps_are_mixed_anew_in_each_epoch():
    view, config = _numbered(8), recipe.configure({"batch_size": 4, "augmentation": {"mixup": 1.0}})
    (maps, targets), *_ = map_batches(view, Balance("none", ()), config, Position())
    share = targets[0].numpy().max()
    assert 0.5 <= share < 1 or targets[0].numpy().min() == 0
    assert maps.dtype == targets.dtype == tf.float32


def test_validation_is_filled_up_with_what_has_no_weight():
    batches = list(map_validation(_numbered(5), recipe.configure({"batch_size": 4})))
    weights = np.concatenate([weights for *_, weights in batches])
    assert weights.tolist() == [1, 1, 1, 1, 1, 0, 0, 0]
