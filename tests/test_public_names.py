"""`import keras_resnets`: light, whole for editors and for people, and enough to load a saved model."""

import ast
import pydoc
import subprocess
import sys
from pathlib import Path

import pytest
from networks import small

import keras_resnets

INIT = Path(keras_resnets.__file__)


def python(code, *arguments):
    """Runs code in a fresh interpreter from another folder; returns what it printed."""
    run = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_importing_it_is_light_and_quiet():
    code = "import sys, keras_resnets; print(*{m.split('.')[0] for m in sys.modules})"
    foreign = set(python(code).split()) - sys.stdlib_module_names - {"keras_resnets"}
    foreign -= {"coverage", "$coverage"}  # what `make coverage` puts into every process
    assert {name for name in foreign if not name.startswith("_")} == set()


def test_a_saved_model_loads_wherever_keras_is_imported(tmp_path):
    """Whatever is imported first, in one process: what Keras registered is forgotten between."""
    model = small("ResNeXt", classes=3)
    model.save(tmp_path / "best.keras")
    code = """
import importlib, sys

def load(*modules):
    for name in list(sys.modules):
        if name.split(".")[0] == "keras_resnets" or name == "keras":
            del sys.modules[name]
    for name in modules:
        importlib.import_module(name)
    import keras
    print(keras.models.load_model(sys.argv[1]).count_params())
    assert keras.saving.get_registered_object("keras_resnets>Int8Simulation")
    keras.saving.get_custom_objects().clear()

import keras_resnets
assert "keras" not in sys.modules
load("keras_resnets", "keras")
load("keras", "keras_resnets")
for name in ("layers", "features", "quantization", "optimizers", "layers.stem", "explain"):
    load("keras_resnets." + name)
"""
    assert python(code, tmp_path / "best.keras").split() == 8 * [str(model.count_params())]


def test_every_public_name_is_there():
    names: dict[str, object] = {}
    exec("from keras_resnets import *", names)
    assert {"ResNeSt50", "ReXNet", "deploy", "open_data", "Card"} <= set(names)
    assert set(keras_resnets.list_models()) <= set(keras_resnets.__all__) <= set(names)
    assert set(keras_resnets.__all__) | {"layers", "weights"} <= set(dir(keras_resnets))
    assert callable(keras_resnets.deploy)
    assert "open_data(" in pydoc.plain(pydoc.render_doc(keras_resnets))


def test_editors_see_what_is_there():
    """The imports for type checkers alone name the homes that the fetching goes by."""
    tree = ast.parse(INIT.read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname: str(node.module).removeprefix("keras_resnets.")
        for node in block.body
        if isinstance(node, ast.ImportFrom) and node.module != "keras_resnets"
        for alias in node.names
        if alias.name != "*"
    }
    assert seen | {"deploy": "deploy"} == keras_resnets._HOMES


@pytest.mark.parametrize("name", ["ResNeSt51", "keras", "_private", "cli_"])
def test_an_unknown_name_is_an_attribute_error(name):
    with pytest.raises(AttributeError, match=f"'keras_resnets' has no attribute '{name}'"):
        getattr(keras_resnets, name)
