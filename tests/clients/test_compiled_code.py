"""The code to paste into an app compiles, against stubs of what it calls.

Kotlin by `kotlinc` of npm's package, where there is a Java; Swift by the `swiftc` on the path, where
there is one.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from keras_resnets.preprocessing import Preprocessing
from tflite.file.card import Activation, FileCard
from tflite.use.snippet import snippet

pytestmark = pytest.mark.clients

STUBS = Path(__file__).parent
KOTLINC = Path(__file__).parents[2] / ".venvs/kotlin/node_modules/kotlin-compiler/bin/kotlinc"
FILE = Path('/folder/a"\\n${System.exit(1)}\\(x) \N{LATIN SMALL LETTER E WITH ACUTE}\u202e.tflite')


OUTPUTS: tuple[tuple[Activation, bool], ...] = (
    ("softmax", False),
    ("softmax", True),
    ("sigmoid", True),
)


def codes(language: str) -> list[str]:
    """The code for files of every input, with and without logits."""
    made = []
    for takes_pixels, dtype in ((True, "uint8"), (True, "float32"), (False, "float32")):
        for activation, gives_logits in OUTPUTS:
            card = FileCard(
                architecture='Res\u202eNeSt"\n${x}',
                format="int8",
                float_layers=(),
                layers=(),
                class_names=("a", "b"),
                takes_pixels=takes_pixels,
                activation=activation,
                gives_logits=gives_logits,
                preprocessing=Preprocessing(size=(224, 192)),
                provenance={},
            )
            made.append(snippet(FILE, card, (dtype, "float32"), language))
    return made


def compile(*command: object) -> None:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning:" not in done.stderr.replace("warning: unable to find", "")


@pytest.mark.skipif(
    not (KOTLINC.is_file() and shutil.which("java")), reason="needs kotlinc and Java"
)
def test_kotlin(tmp_path):
    sources = sorted((STUBS / "kotlin").glob("*.kt"))
    for number, code in enumerate(codes("kotlin")):
        # A package each, so that one run of the compiler takes them all.
        sources.append(tmp_path / f"Classifier{number}.kt")
        sources[-1].write_text(f"package of{number}\n\n{code}")
    compile("bash", KOTLINC, "-Werror", "-d", tmp_path / "classes", *sources)


@pytest.mark.skipif(shutil.which("swiftc") is None, reason="needs swiftc")
def test_swift(tmp_path):
    for module in ("UIKit", "LiteRT"):
        stub = STUBS / "swift" / f"{module}.swift"
        target = tmp_path / f"{module}.swiftmodule"
        options = ("-parse-as-library", "-module-name", module, "-o", target)
        compile("swiftc", "-emit-module", *options, stub)
    for number, code in enumerate(codes("swift")):
        source = tmp_path / f"Classifier{number}.swift"
        source.write_text(code)
        compile("swiftc", "-typecheck", "-parse-as-library", "-I", tmp_path, source)
