"""Chromium without a window, for pages that are tried in a real browser."""

import shutil
import subprocess
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")


def command(profile: Path, *words: str) -> list[str]:
    """Chromium's command line, with an empty profile of its own."""
    return [
        *(str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
        # Else it calls home at every start.
        *("--disable-background-networking", "--disable-component-update"),
        *("--disable-sync", "--disable-quic", f"--user-data-dir={profile}", *words),
    ]


def printed(page: Path, profile: Path) -> Path:
    """A page of the disk as a PDF, printed by a reader who prefers dark colours."""
    paper = profile.with_suffix(".pdf")
    words = ("--blink-settings=preferredColorScheme=0", "--no-pdf-header-footer")
    subprocess.run(
        command(profile, *words, f"--print-to-pdf={paper}", page.as_uri()),
        capture_output=True,
        check=True,
        timeout=120,
    )
    return paper


def dumped(page: Path, profile: Path) -> tuple[str, list[str]]:
    """A page of the disk after its scripts ran, and what they wrote to the console."""
    words = ("--dump-dom", "--enable-logging=stderr", "--virtual-time-budget=5000")
    done = subprocess.run(
        command(profile, *words, page.as_uri()), capture_output=True, text=True, timeout=120
    )
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]
