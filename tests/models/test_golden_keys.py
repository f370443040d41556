"""What is file format: the keys of `.weights.h5`, and the layers that a summary shows.

`golden/FAMILY.txt` holds a line for each dataset of a small network's file: its key, which Keras makes
of the classes' and attributes' names, and the names that `keras_resnets.weights` finds it by. A test
that fails here means that files saved by an earlier version no longer load. `make golden` writes the
file of a family that has none.
"""

import io
import tempfile
from pathlib import Path

import h5py
import keras
import pytest
from networks import FAMILIES, small

import keras_resnets

GOLDEN = Path(__file__).parent / "golden"


def keys(group, names=""):
    """Lines of `key names/position`, in alphabetical order."""
    own = group.get("vars")
    if own is not None:
        names = f"{names}{own.attrs['name']}/"
    for child in group.values():
        if isinstance(child, h5py.Dataset):
            yield f"{child.name} {names}{child.name.rsplit('/', 1)[1]}"
        elif child.name.endswith("/vars"):
            yield from (f"{v.name} {names}{v.name.rsplit('/', 1)[1]}" for v in child.values())
        else:
            yield from keys(child, names)


def saved_keys(model, folder):
    """The lines of the file that a model's weights are saved in."""
    model.save_weights(folder / "model.weights.h5")
    with h5py.File(folder / "model.weights.h5") as file:
        return list(keys(file["layers"]))


def golden(family):
    return GOLDEN / f"{family}.txt"


def test_every_family_is_pinned():
    assert sorted(FAMILIES) == sorted(keras_resnets.list_families())
    assert sorted(GOLDEN.iterdir()) == sorted(golden(family) for family in FAMILIES)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_keys_of_saved_weights_stay(family, tmp_path):
    model = small(family)
    actual = saved_keys(model, tmp_path)
    assert len(actual) == len(model.weights)
    assert actual == golden(family).read_text("utf-8").splitlines(), "a break of the file format"


@pytest.fixture(scope="module")
def resnest50():
    return keras_resnets.ResNeSt50(weights=None)


def test_a_summary_reads_like_the_papers_table(resnest50):
    blocks = {
        f"stage{stage}_block{block}": (None, side, side, filters)
        for stage, (depth, side, filters) in enumerate(
            [(3, 56, 256), (4, 28, 512), (6, 14, 1024), (3, 7, 2048)], start=1
        )
        for block in range(1, depth + 1)
    }
    shapes = {
        "images": (None, 224, 224, 3),
        "stem": (None, 56, 56, 64),
        **blocks,
        "avg_pool": (None, 2048),
        "predictions": (None, 1000),
    }
    assert [(layer.name, layer.output.shape) for layer in resnest50.layers] == list(shapes.items())
    text = io.StringIO()
    resnest50.summary(print_fn=lambda line: print(line, file=text))
    places = [text.getvalue().index(f" {name}") for name in shapes]
    assert places == sorted(places)
    assert "Trainable params: 27,483,240" in text.getvalue()


def test_a_model_is_plotted_as_a_chain_of_its_blocks(resnest50):
    graph = keras.utils.model_to_dot(resnest50, show_layer_names=True, show_shapes=True)
    assert len(graph.get_edges()) == len(resnest50.layers) - 1
    text = graph.to_string()
    assert all(layer.name in text for layer in resnest50.layers)
    assert "28, 28, 512" in text


if __name__ == "__main__":
    # What is pinned stays: to break the file format on purpose, delete the family's file first.
    for name in FAMILIES:
        if not golden(name).exists():
            with tempfile.TemporaryDirectory() as scratch:
                lines = saved_keys(small(name), Path(scratch))
            golden(name).write_text("".join(f"{line}\n" for line in lines), "utf-8")
            print(golden(name))
