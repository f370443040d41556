"""The page in a real browser, and the server's manners."""

import contextlib
import http.client
import json
import queue
import shutil
import subprocess
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tflite import server
from tflite.classifier import Classifier

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = pytest.mark.skipif(
    not server.RUNTIME.is_dir(), reason="npm ci --prefix tflite/web was not run"
)

# Gives the page one photo after the other, as a user does, and notes what it shows.
SCRIPT = """
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
while (!document.body.dataset.ready) await wait(20);
const results = {};
for (const name of NAMES) {
  const content = await (await fetch(`/photos/${name}`)).blob();
  const transfer = new DataTransfer();
  transfer.items.add(new File([content], name));
  const input = document.getElementById('file');
  input.files = transfer.files;
  document.getElementById('classes').replaceChildren();
  input.dispatchEvent(new Event('change'));
  const items = () => [...document.querySelectorAll('#classes li')];
  for (let i = 0; i < 1000 && !items().length; i++) {
    if (document.getElementById('state').textContent.includes('cannot')) break;
    await wait(20);
  }
  results[name] = {
    classes: items().map((item) => [item.dataset.name, Number(item.dataset.probability)]),
    state: document.getElementById('state').textContent,
  };
}
await fetch('/results?' + encodeURIComponent(JSON.stringify(results)));
"""


class Answers(dict):
    """What the server answers; notes what the page reports."""

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        self.reports: queue.SimpleQueue[str] = queue.SimpleQueue()

    def get(self, path: str) -> server.Answer | None:
        if path.startswith("/results?"):
            self.reports.put(urllib.parse.unquote(path.removeprefix("/results?")))
        return super().get(path)


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


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
@pytest.mark.parametrize("mode", ["float32", "int8"])
def test_the_browser_says_what_python_says(
    files: dict[str, Path],
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
) -> None:
    shown = {
        f"{name}.png": (photos / name / "2.png").read_bytes() for name in ("blue", "green", "red")
    }
    wide = np.random.default_rng(0).integers(256, size=(61, 130, 3), dtype="uint8")
    Image.fromarray(wide).save(tmp_path / "wide.png")
    shown["wide.png"] = (tmp_path / "wide.png").read_bytes()
    content = files[mode].read_bytes()
    classifier = Classifier(content)
    answers = Answers(server._answers(content, classifier.card))
    script = b'<script type="module" src="/test.js"></script></body>'
    page = answers["/"].content.replace(b"</body>", script)
    names = json.dumps([*shown, "text.jpg"])
    answers["/"] = server.Answer(page, "text/html")
    answers["/test.js"] = server.Answer(SCRIPT.replace("NAMES", names).encode(), "text/javascript")
    for name, photo in {**shown, "text.jpg": b"not a photo"}.items():
        answers[f"/photos/{name}"] = server.Answer(photo, "image/png")
    monkeypatch.setattr(server, "_answers", lambda *_: answers)
    with serving(server.make_server(content, classifier.card)) as port:
        browser = subprocess.Popen(
            [
                *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu"),
                *(f"--user-data-dir={tmp_path / 'profile'}", f"http://127.0.0.1:{port}/"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            results = json.loads(answers.reports.get(timeout=60))
        finally:
            browser.terminate()
            browser.wait()
    for name, photo in shown.items():
        expected = dict(classifier.classify(photo))
        found = dict(results[name]["classes"])
        assert list(found) == list(expected), name
        np.testing.assert_allclose(list(found.values()), list(expected.values()), atol=1e-3)
        assert results[name]["state"].endswith(" ms")
    assert results["text.jpg"]["classes"] == []
    assert results["text.jpg"]["state"].startswith("text.jpg cannot be used")


def test_only_the_page_is_served(files: dict[str, Path]) -> None:
    content = files["float32"].read_bytes()
    instance = server.make_server(content, Classifier(content).card)
    assert instance.server_address[0] == "127.0.0.1"
    with serving(instance) as port:

        def ask(method: str, path: str) -> http.client.HTTPResponse:
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.request(method, path)
            response = connection.getresponse()
            response.read()
            connection.close()
            return response

        assert ask("GET", "/").status == 200
        assert ask("GET", "/model.tflite").getheader("Content-Length") == str(len(content))
        for path in ("/wasm/", "/core", "/../server.py", "/%2e%2e/server.py", "//etc/passwd"):
            assert ask("GET", path).status == 404
        assert ask("POST", "/").status == 501
        assert ask("PUT", "/model.tflite").status == 501
        policy = ask("GET", "/").getheader("Content-Security-Policy")
        assert "connect-src 'self';" in policy and "http" not in policy


def test_without_the_runtime_it_says_how_to_get_it(
    fails, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(server, "RUNTIME", tmp_path / "nothing")
    assert "npm ci --prefix" in fails("demo", files["float32"], "--port", "0")
