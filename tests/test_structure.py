"""Who may import whom, what an import brings along, and what the wheel holds."""

import ast
import graphlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Part of the tree → the modules that it may import at the top of a file, besides the standard library.
# A longer path wins over a shorter one.
AT_IMPORT = {
    "keras_resnets": {"keras", "numpy", "keras_resnets"},
    "keras_resnets/errors.py": set(),
    "keras_resnets/_common": {"keras_resnets._common", "keras_resnets.errors"},
    "keras_resnets/cli.py": {
        "keras_resnets._common",
        "keras_resnets_training.cli",
        "keras_resnets_tflite.cli",
    },
    "keras_resnets/catalogue.py": set(),
    "keras_resnets/layers": {
        "keras",
        "numpy",
        "keras_resnets.layers",
        "keras_resnets.errors",
        "keras_resnets._common.drawing",
        "keras_resnets._common.types",
    },
    # Registered as soon as Keras is there, on behalf of whatever module imported it first.
    "keras_resnets/quantization": {
        "keras",
        "numpy",
        "keras_resnets.quantization",
        "keras_resnets.errors",
        "keras_resnets._common.types",
    },
    "keras_resnets/optimizers.py": {"keras"},
    # Which networks and checkpoints there are must be told at once: Keras waits for what builds.
    "keras_resnets/weights": {
        "numpy",
        "keras_resnets._common",
        "keras_resnets.catalogue",
        "keras_resnets.weights",
        "keras_resnets.preprocessing",
        "keras_resnets.errors",
    },
    "keras_resnets/photos": {
        "numpy",
        "keras_resnets._common",
        "keras_resnets.errors",
        "keras_resnets.photos",
    },
    "keras_resnets/preprocessing.py": {"numpy", "keras_resnets.errors", "keras_resnets.photos"},
    "keras_resnets/models": {
        "keras_resnets.catalogue",
        "keras_resnets.models",
        "keras_resnets.errors",
        "keras_resnets._common.drawing",
        "keras_resnets._common.types",
    },
    # Subclassing a TFDS builder registers it: the module cannot wait. Nothing imports it at the top.
    "keras_resnets/datasets/mnist_5k.py": {
        "numpy",
        "tensorflow_datasets",
        "PIL",
        "keras_resnets._common",
    },
}
# What a file may import inside its functions, besides what `AT_IMPORT` allows.
LAZILY = {
    "keras_resnets/_common/extras.py": {"packaging"},
    "keras_resnets/commands/predict.py": {"keras_resnets_tflite.use.classifier"},
    "keras_resnets/explain": {"tensorflow", "matplotlib"},
    "keras_resnets/_common/fonts.py": {"matplotlib"},
    "keras_resnets/layers/_lowering.py": {"tensorflow"},
    "keras_resnets/layers/_normalising.py": {"tensorflow"},
    "keras_resnets/layers/_placement.py": {"tensorflow"},
    "keras_resnets/layers/_swish.py": {"tensorflow"},
    "keras_resnets/layers/batch_norm.py": {"tensorflow"},
    "keras_resnets/data": {"tensorflow", "tensorflow_datasets", "PIL", "requests", "keras_resnets"},
    "keras_resnets/datasets": {"mlxtend"},
    "keras_resnets/_common/memory.py": {"psutil"},
    "keras_resnets/inference.py": {"tensorflow"},
    "keras_resnets/models": {"keras", "keras_resnets.layers", "keras_resnets.weights"},
    "keras_resnets/_common/pictures.py": {"matplotlib", "numpy"},
    "keras_resnets/_common/shares.py": {"scipy"},
    "keras_resnets/photos": {"PIL"},
    "keras_resnets/photos/looking.py": {"PIL", "imagehash"},
    "keras_resnets/photos/duplicates.py": {"scipy"},
    "keras_resnets/preprocessing.py": {"PIL", "keras"},
    "keras_resnets/quantization": {"keras_resnets.features", "keras_resnets.layers"},
    "keras_resnets/quantization/rounding.py": {"tensorflow"},
    "keras_resnets/weights": {"keras"},
    "keras_resnets/weights/hub.py": {"keras", "huggingface_hub", "httpx", "requests", "httpx2"},
    "keras_resnets/weights/reading.py": {"safetensors"},
    "keras_resnets/weights/shared.py": {"huggingface_hub"},
    "keras_resnets/weights/hdf5_file.py": {"h5py"},
    "keras_resnets/weights/hdf5_inspector.py": {"h5py"},
}
LIBRARY = sorted((ROOT / "keras_resnets").rglob("*.py"))
APPLICATIONS = {name: sorted((ROOT / name).rglob("*.py")) for name in ("training", "tflite")}
INSTALLED_AS = {"keras_resnets_training": "training", "keras_resnets_tflite": "tflite"}


def imports(path):
    """Pairs of a module's whole name and whether the import stands at the top of the file."""
    tree = ast.parse(path.read_text("utf-8"))
    package = path.relative_to(ROOT).parent.parts
    top = set(map(id, tree.body))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            yield ".".join([*above, *([node.module] if node.module else [])]), id(node) in top


def names_imported(path):
    """The whole name of each thing that a file imports, but for the types alone."""
    tree = ast.parse(path.read_text("utf-8"))
    package = path.relative_to(ROOT).parent.parts
    nodes = [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            nodes += node.orelse
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            source = [*above, *([node.module] if node.module else [])]
            yield from (".".join([*source, alias.name]) for alias in node.names)
        else:
            nodes += ast.iter_child_nodes(node)


def rules(table, path):
    relative = path.relative_to(ROOT).as_posix()
    places = [
        place for place in table if (relative + "/").startswith(place + "/") or relative == place
    ]
    return table[max(places, key=len)] if places else set()


def allowed(module, names):
    return any(module == name or module.startswith(name + ".") for name in names)


@pytest.mark.parametrize("path", LIBRARY, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_the_library_imports_what_it_may(path):
    at_import = rules(AT_IMPORT, path)
    for module, at_top in imports(path):
        if module.split(".")[0] in sys.stdlib_module_names:
            continue
        names = at_import if at_top else at_import | rules(LAZILY, path)
        assert allowed(module, names), f"{module}, {'at the top' if at_top else 'lazily'}"


@pytest.mark.parametrize(("application", "other"), [("training", "tflite"), ("tflite", "training")])
def test_applications_know_only_public_names_and_not_each_other(application, other):
    for path in APPLICATIONS[application]:
        for module, _ in imports(path):
            assert not allowed(module, {other}), f"{path} imports {module}"
            private = [p for p in module.split(".")[1:] if p.startswith("_") and p != "_common"]
            assert not (module.startswith("keras_resnets") and private), f"{path} imports {module}"


# Part of an application → the parts of it that it imports, at the top or inside a function.
WITHIN = {
    "training": {
        "config": set(),
        "cluster": set(),
        "recipe": {"config"},
        "plan": {"config", "recipe"},
        "starting": {"config", "recipe", "run"},
        "devices": {"cluster", "config"},
        "inference": set(),
        "networks": {"config", "inference"},
        "optim": {"config"},
        "average_precision": set(),
        "objective": {"average_precision"},
        "teacher": {"config", "recipe"},
        "step": {"objective", "optim", "teacher"},
        "data": {"config", "devices"},
        "cache": {"data"},
        "feeds": {"config", "data", "devices", "frozen", "networks"},
        "frozen": {"cache", "config", "data", "inference", "networks", "plan"},
        "head": {"inference", "objective"},
        "run": {"cluster", "config", "data", "optim", "plan", "recipe", "step"},
        "reporting": {"average_precision", "config", "data", "inference", "recipe", "run"},
        # The run, top to bottom.
        "folds": {"cluster", "config", "reporting", "run"},
        "preparing": {
            "cluster",
            "config",
            "data",
            "devices",
            "frozen",
            "networks",
            "objective",
            "optim",
            "plan",
            "step",
            "teacher",
        },
        "going_on": {"data", "devices", "optim", "run", "step"},
        "loop": {
            "cluster",
            "config",
            "data",
            "devices",
            "feeds",
            "folds",
            "going_on",
            "head",
            "networks",
            "objective",
            "optim",
            "preparing",
            "reporting",
            "run",
            "step",
        },
        "rate_finder": {
            "cluster",
            "config",
            "data",
            "feeds",
            "loop",
            "networks",
            "optim",
            "preparing",
            "run",
            "step",
        },
        "commands": {
            "cluster",
            "config",
            "data",
            "loop",
            "networks",
            "plan",
            "rate_finder",
            "recipe",
            "reporting",
            "run",
            "starting",
            "teacher",
        },
    },
    "tflite": {
        "formats": set(),
        "file": set(),
        "trained": {"file"},
        "use": {"file"},
        "quantize": {"file", "formats"},
        "convert": {"file", "formats", "quantize", "trained"},
        # It makes the float file again to say where an integer one departs.
        "verify": {"convert", "file", "quantize", "trained", "use"},
        "runtimes": {"convert", "quantize", "trained", "verify"},
        "commands": {"convert", "file", "formats", "runtimes", "trained", "use", "verify"},
    },
}


@pytest.mark.parametrize("application", WITHIN)
def test_the_parts_of_applications_import_one_another_as_listed(application):
    arrows: dict[str, set[str]] = {part: set() for part in WITHIN[application]}
    for path in APPLICATIONS[application]:
        inside = path.relative_to(ROOT / application).parts
        importing = Path(inside[0]).stem
        if importing not in {"__init__", "__main__", "cli"}:
            arrows.setdefault(importing, set()).update(
                name.split(".")[1]
                for name in names_imported(path)
                if allowed(name, {application}) and "." in name
            )
    assert {part: to - {part} for part, to in arrows.items()} == WITHIN[application]


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_nothing_imports_in_circles():
    """Neither at the top of a file nor inside a function."""
    paths = [*LIBRARY, *(path for paths in APPLICATIONS.values() for path in paths)]
    arrows: dict[str, set[str]] = {module_name(path): set() for path in paths}
    for path in paths:
        importing = module_name(path)
        for name in names_imported(path):
            top, *rest = name.split(".")
            imported = ".".join([INSTALLED_AS.get(top, top), *rest])
            # `from package import name` reaches for a module or for what a module holds.
            while imported and imported not in arrows:
                imported = imported.rpartition(".")[0]
            if imported and imported != importing:
                arrows[importing].add(imported)
    graphlib.TopologicalSorter(arrows).prepare()  # CycleError names the circle
