"""The Python of each rival, in an environment of its own that is built when first needed."""

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.rivals.process import ROOT
from benchmarks.rivals.tasks import HOME

RIVALS = ("timm", "kecam", "zeromodels", "ultralytics", "timmx")
REQUIREMENTS = Path(__file__).parent / "engines"  # NAME.txt of each


class Environments:
    """Finds or builds environments; one that cannot be built is tried once."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}

    def python(self, name: str) -> Path:
        """The interpreter of an environment.

        Args:
            name: `HOME`, or one of `RIVALS`.

        Raises:
            OSError: Where the environment cannot be built, with the reason.
        """
        if name == HOME:
            return Path(sys.executable)
        if name not in self._reasons:
            self._reasons[name] = _build(name)
        if self._reasons[name]:
            raise OSError(self._reasons[name])
        return _interpreter(name)


def _folder(name: str) -> Path:
    return ROOT / ".venvs" / f"bench-{name}"


def _interpreter(name: str) -> Path:
    return _folder(name) / "bin" / "python"


def _build(name: str) -> str:
    """Installs what the rival's requirements pin; returns why it could not, or nothing."""
    requirements = REQUIREMENTS / f"{name}.txt"
    mark = _folder(name) / ".ready"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if mark.is_file() and mark.read_text() == wanted:
        return ""
    print(f"building the environment of {name}", flush=True)
    venv.create(_folder(name), with_pip=True)
    pip = [str(_interpreter(name)), "-m", "pip", "install", "--quiet"]
    installed = subprocess.run(
        [*pip, "--requirement", str(requirements)], capture_output=True, text=True
    )
    if installed.returncode:
        errors = [line for line in installed.stderr.splitlines() if line.startswith("ERROR")]
        return errors[-1] if errors else f"pip ended with exit status {installed.returncode}"
    mark.write_text(wanted)
    return ""
