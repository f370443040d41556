"""The reference: every public name with its docstring, by the module that offers it."""

import importlib
import inspect
from types import ModuleType

import keras_resnets

# Module → title of its section. The networks' own constructors share one docstring: two stand for all.
MODULES = {
    "keras_resnets": "The package",
    "keras_resnets.layers": "Layers",
    "keras_resnets.weights": "Weights",
    "keras_resnets.data": "Data",
    "keras_resnets.optimizers": "Optimizers",
    "keras_resnets.explain": "Explanations",
    "keras_resnets.inference": "Inference",
    "keras_resnets.classifier": "A classifier",
    "keras_resnets.errors": "Errors",
}
STAND_FOR_ALL = "ResNeXt50"


def names(module: ModuleType) -> list[str]:
    """The public names of a module that are functions or classes of this package, once each."""
    variants = set(keras_resnets.list_models()) - {STAND_FOR_ALL}
    found = []
    for name in getattr(module, "__all__", None) or sorted(vars(module)):
        thing = getattr(module, name)
        home = getattr(thing, "__module__", None) or ""
        if name.startswith("_") or inspect.ismodule(thing) or not home.startswith("keras_resnets"):
            continue
        if module is keras_resnets and name in variants:
            continue
        if not hasattr(module, "__all__") and home != module.__name__:
            continue
        found.append(name)
    return found


def page() -> str:
    """The page's directives, for autodoc to fill."""
    lines = [
        "# Reference",
        "",
        f"The constructors of all networks ({{doc}}`models`) have the arguments of `{STAND_FOR_ALL}`.",
        "",
    ]
    for name, title in MODULES.items():
        module = importlib.import_module(name)
        lines += [f"## {title}", "", f"`import {name}`", ""]
        for member in names(module):
            kind = "autoclass" if inspect.isclass(getattr(module, member)) else "autofunction"
            members = [":members:"] if kind == "autoclass" else []
            lines += [
                "```{eval-rst}",
                f".. {kind}:: {name}.{member}",
                *(f"   {option}" for option in members),
                "```",
                "",
            ]
    return "\n".join(lines)
