"""The page of `keras-resnets demo` in a real Chromium, driven by a script."""

import contextlib
import json
import queue
import subprocess
import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any

import browsers
import pytest

from tflite.use import server
from tflite.use.browser_runtime import WEB
from tflite.use.classifier import Classifier

needs_runtime = pytest.mark.skipif(
    not (WEB / "node_modules").is_dir(), reason="npm ci --prefix tflite/use/web was not run"
)

# What every script begins with.
READY = """
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const until = async (condition) => {
  for (let i = 0; i < 1000 && !condition(); i++) await wait(20);
};
const element = (id) => document.getElementById(id);
const items = () => [...document.querySelectorAll('#classes li')];
const classes = () => items().map((item) => [item.dataset.name, Number(item.dataset.probability)]);
const report = (results) => fetch('/results?' + encodeURIComponent(JSON.stringify(results)));
await until(() => document.body.dataset.ready);
"""

# Gives the page one photo after the other, as a user does, and notes what it shows.
PHOTOS = """
const results = {};
for (const name of NAMES) {
  const content = await (await fetch(`/photos/${name}`)).blob();
  const transfer = new DataTransfer();
  transfer.items.add(new File([content], name));
  element('file').files = transfer.files;
  element('classes').replaceChildren();
  element('file').dispatchEvent(new Event('change'));
  await until(() => items().length || element('state').textContent.includes('cannot'));
  const [state, unsure] = [element('state').textContent, !element('unsure').hidden];
  results[name] = {classes: classes(), state, unsure};
}
await report(results);
"""


class Answers(dict[str, server.Answer]):
    """What the server answers; notes what it is asked, and what the page reports."""

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        self.asked: list[str] = []
        self.reports: queue.SimpleQueue[str] = queue.SimpleQueue()

    def get(self, path, default=None):
        if path.startswith("/results?"):
            self.reports.put(urllib.parse.unquote(path.removeprefix("/results?")))
        else:
            self.asked.append(path)
        return super().get(path, default)


@contextlib.contextmanager
def serving(instance: ThreadingHTTPServer) -> Iterator[int]:
    thread = threading.Thread(target=instance.serve_forever)
    thread.start()
    try:
        yield instance.server_port
    finally:
        instance.shutdown()
        thread.join()
        instance.server_close()


def browse(
    content: bytes,
    script: str,
    profile: Path,
    monkeypatch: pytest.MonkeyPatch,
    *flags: str,
    photos: Mapping[str, bytes] = MappingProxyType({}),
) -> tuple[Any, list[str]]:
    """Opens the page of a file in Chromium: what the script reports, and what was asked for."""
    card = Classifier(content).card
    answers = Answers(server._answers(content, card))
    module = b'<script type="module" src="/test.js"></script></body>'
    page = answers["/"].content.replace(b"</body>", module)
    answers["/"] = server.Answer(page, "text/html")
    answers["/test.js"] = server.Answer((READY + script).encode(), "text/javascript")
    for name, photo in photos.items():
        answers[f"/photos/{name}"] = server.Answer(photo, "image/png")
    monkeypatch.setattr(server, "_answers", lambda *_: answers)
    with serving(server.make_server(content, card)) as port:
        browser = subprocess.Popen(
            browsers.command(profile, *flags, f"http://127.0.0.1:{port}/"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            return json.loads(answers.reports.get(timeout=120)), answers.asked
        finally:
            browser.terminate()
            browser.wait()
