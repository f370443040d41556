"""LiteRT's runtime for browsers, which npm brings once, at a pinned version."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from keras_resnets.errors import UserError

WEB = Path(__file__).with_name("web")
PACKAGE = "@litertjs/core"
SECONDS = 300  # for npm


def runtime_folder() -> Path:
    """The folder `@litertjs` with the runtime, fetched where it is not there yet.

    In a checkout `npm ci` may have put it beside the page; else it lies in the user's cache, by its
    version.

    Raises:
        UserError: Where npm is needed and not there, or fails.
    """
    beside = WEB / "node_modules" / "@litertjs"
    if beside.is_dir():
        return beside
    cached = _cache() / f"litertjs-{_version()}"
    if not cached.is_dir():
        _fetch(cached)
    return cached / "node_modules" / "@litertjs"


def _version() -> str:
    dependencies = json.loads((WEB / "package.json").read_text("utf-8"))["dependencies"]
    return str(dependencies[PACKAGE])


def _cache() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(root) if root else Path.home() / ".cache") / "keras_resnets"


def _fetch(target: Path) -> None:
    """Has npm install what `package-lock.json` pins. The target is whole then, or not there."""
    npm = shutil.which("npm")
    if npm is None:
        raise UserError(
            f"Expected npm, which fetches {PACKAGE} {_version()}, LiteRT's runtime for browsers, once. "
            "Received: no npm on the path. Install Node.js."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    for left in target.parent.glob(f".{target.name}.*"):  # by a process that was killed
        if time.time() - left.stat().st_mtime > 2 * SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as aside:
        folder = Path(aside) / "whole"
        folder.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(WEB / name, folder)
        # Nothing that a package brings is run.
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=SECONDS
            )
        except subprocess.TimeoutExpired as error:
            raise UserError(
                f"Expected npm to fetch {PACKAGE} within {SECONDS} s. Received: nothing. "
                "Is there a connection? Try it again."
            ) from error
        if done.returncode:
            last = (done.stderr.strip() or "no word").splitlines()[-1]
            raise UserError(
                f"Expected npm to fetch {PACKAGE} {_version()}. Received: {last}. "
                "It needs a connection, this once."
            )
        # Another process may have been faster.
        if not target.is_dir():
            folder.replace(target)
