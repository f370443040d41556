"""`import keras_resnets` is enough for Keras to load our saved models.

Keras finds the class of a saved layer in a dictionary that importing the class fills, and importing it
imports Keras. Where Keras is not there yet, our classes follow as soon as it is.
"""

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

# Importing one registers all classes in it that a saved model may name. At its top none imports another
# module of ours that imports Keras: that one may be half imported, and Keras on its behalf.
HOMES = ("keras_resnets.layers", "keras_resnets.optimizers", "keras_resnets.quantization")


def register_with_keras() -> None:
    """Registers every layer with Keras: at once if it is imported, else once it will be."""
    if "keras" in sys.modules:
        _register()
    else:
        sys.meta_path.insert(0, _AfterKeras())


class _AfterKeras:
    """A finder that lets the others find Keras, and then adds to what its import does."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "keras":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def execute_and_register(module: ModuleType) -> None:
            execute(module)
            _register()

        spec.loader.exec_module = execute_and_register  # type: ignore[method-assign]
        return spec


def _register() -> None:
    for home in HOMES:
        # One that is there is being imported, and Keras on its behalf: it registers all by itself.
        if home not in sys.modules:
            importlib.import_module(home)
