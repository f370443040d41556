"""The runtime for browsers: fetched once by npm, whole or not at all."""

import os
from pathlib import Path

import pytest

from keras_resnets.errors import UserError
from tflite.use import browser_runtime

# An npm that does what `npm ci` does, as far as it is asked here.
NPM = """#!/bin/sh
echo "$@" >> "$(dirname "$0")/asked"
test -f package-lock.json || exit 1
mkdir -p node_modules/@litertjs/core
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path, of a machine on which nothing has been fetched."""
    web = tmp_path / "web"
    web.mkdir()
    for name in ("package.json", "package-lock.json"):
        (web / name).write_bytes((browser_runtime.WEB / name).read_bytes())
    monkeypatch.setattr(browser_runtime, "WEB", web)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a cache"))
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    return programs


def npm(folder: Path, script: str) -> None:
    (folder / "npm").write_text(script)
    (folder / "npm").chmod(0o755)


def test_it_is_fetched_once(installed: Path, tmp_path: Path) -> None:
    npm(installed, NPM)
    first, second = browser_runtime.runtime_folder(), browser_runtime.runtime_folder()
    assert first == second
    assert first.parts[-4:] == ("keras_resnets", "litertjs-2.5.3", "node_modules", "@litertjs")
    assert (first / "core").is_dir()
    assert (installed / "asked").read_text() == "ci --ignore-scripts --no-audit --no-fund\n"


def test_a_failure_leaves_nothing(installed: Path, tmp_path: Path) -> None:
    killed = tmp_path / "a cache" / "keras_resnets" / ".litertjs-2.5.3.x"
    killed.mkdir(parents=True)
    os.utime(killed, (0, 0))
    npm(installed, "#!/bin/sh\nmkdir half; echo 'npm error network' >&2; exit 1\n")
    with pytest.raises(UserError, match=r"Expected npm to fetch @litertjs/core 2.5.3. .*npm error"):
        browser_runtime.runtime_folder()
    assert list((tmp_path / "a cache" / "keras_resnets").iterdir()) == []


def test_without_npm_it_says_what_is_missing(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(installed))
    with pytest.raises(UserError, match=r"Received: no npm on the path. Install Node.js."):
        browser_runtime.runtime_folder()
