"""A hub on localhost with switchable faults, and drawn checkpoints to put on it."""

import base64
import contextlib
import hashlib
import http.server
import json
import threading
import time
import types
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from references.draw import draw_tensors
from safetensors.numpy import save

from keras_resnets.weights import find_checkpoint

REFERENCES = Path(__file__).parent / "references" / "data"
COMMIT = "c0ffee" + "0" * 34
TOKEN = "hf_writes"


class Hub(http.server.ThreadingHTTPServer):
    """Speaks what `huggingface_hub` needs: HEAD and GET of /{repo}/resolve/{revision}/{file}, and what
    makes a repository and commits small files to it, where the token is `TOKEN`.

    `fault` is one of `None`, `"404"`, `"500"`, `"slow"`, `"dies"`, `"dies once"`, `"corrupt"`,
    `"web page"`, and `"busy"` or `"busy once"`: 429 with the headers of `busy`.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.files: dict[str, bytes] = {}
        self.digests: dict[str, str] = {}
        self.fault: str | None = None
        self.busy: dict[str, str] = {}
        self.requests: list[tuple[str, str | None]] = []  # (method, range)
        self.released = threading.Event()
        self.repositories: dict[str, bool] = {}  # whether each is private
        self.commit = COMMIT  # the newest

    def put(self, repository: str, content: bytes, file: str = "model.safetensors") -> None:
        self.put_at(f"/{repository}/resolve/main/{file}", content)

    def put_at(self, path: str, content: bytes) -> None:
        self.files[path] = content
        self.digests[path] = hashlib.sha256(content).hexdigest()

    def commit_files(self, repository: str, files: dict[str, bytes]) -> str:
        """Puts files on the main branch and under a commit of their own, which it returns."""
        self.commit = hashlib.sha1(self.commit.encode()).hexdigest()
        for name, content in files.items():
            for revision in ("main", self.commit):
                self.put_at(f"/{repository}/resolve/{revision}/{name}", content)
        return self.commit

    def asked(self, method: str) -> list[str | None]:
        return [span for verb, span in self.requests if verb == method]


class Handler(http.server.BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self._answer(with_body=False)

    def do_GET(self):
        self._answer(with_body=True)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._status(401)
        if self.server.fault == "500":
            return self._status(500)
        if self.path == "/api/validate-yaml":  # of the README
            return self._json({"errors": [], "warnings": []})
        if self.path == "/api/repos/create":
            asked = json.loads(body)
            name = (
                f"{asked['organization']}/{asked['name']}"
                if asked.get("organization")
                else asked["name"]
            )
            if name in self.server.repositories:
                return self._json({"url": f"{self.server.url}/{name}"}, status=409)
            # huggingface_hub 1 said it by `private`.
            private = asked.get("private", asked.get("visibility") == "private")
            self.server.repositories[name] = private
            return self._json({"url": f"{self.server.url}/{name}"})
        kind, user, name, action, _ = self.path.removeprefix("/api/").split("/", 4)
        assert kind == "models"
        if action == "preupload":
            files = [
                {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                for file in json.loads(body)["files"]
            ]
            return self._json({"files": files})
        assert action == "commit"
        added: dict[str, bytes] = {}
        for entry in map(json.loads, body.splitlines()):
            value = entry["value"]
            if entry["key"] == "header":
                assert value["summary"]
            else:
                added[value["path"]] = base64.b64decode(value["content"])
        commit = self.server.commit_files(f"{user}/{name}", added)
        url = f"{self.server.url}/{user}/{name}/commit/{commit}"
        return self._json({"commitUrl": url, "commitOid": commit, "success": True})

    def _json(self, values, status=200):
        content = json.dumps(values).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _answer(self, *, with_body):
        if self.path.startswith("/api/"):
            return self._status(404)
        self.server.requests.append((self.command, self.headers.get("Range")))
        content = self.server.files.get(self.path)
        fault = self.server.fault
        if content is None or fault == "404":
            error = "EntryNotFound" if content is not None else "RepoNotFound"
            return self._status(404, {"X-Error-Code": error})
        if fault == "500":
            return self._status(500)
        if fault in ("busy", "busy once"):
            if fault == "busy once":
                self.server.fault = None
            return self._status(429, self.server.busy)
        if not with_body:
            return self._headers(200, content, len(content))
        if fault == "slow":
            self.server.released.wait(5)
            self.close_connection = True
            return None
        return self._body(content, fault)

    def _body(self, content, fault):
        span = self.headers.get("Range")
        start = int(span.removeprefix("bytes=").rstrip("-")) if span else 0
        body = bytearray(content[start:])
        self._headers(206 if span else 200, content, len(body), start, fault == "web page")
        if fault == "corrupt":
            body[len(body) // 2] ^= 0x10
        if fault in ("dies", "dies once"):
            body = body[: len(body) // 2]
            self.close_connection = True
            if fault == "dies once":
                self.server.fault = None
        self.wfile.write(body)

    def _headers(self, status, content, length, start=0, page=False):
        digest = self.server.digests[self.path]
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if page else "application/octet-stream")
        self.send_header("Content-Length", str(length))
        self.send_header("ETag", f'"{digest}"')
        self.send_header("X-Linked-Etag", f'"{digest}"')
        self.send_header("X-Linked-Size", str(len(content)))
        self.send_header("X-Repo-Commit", self.server.commit)
        self.send_header("Accept-Ranges", "bytes")
        if status == 206:
            total = len(content)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        self.end_headers()

    def _status(self, status, headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[Hub]:
    """A running hub that the real client uses with an empty cache in a folder and no back-off."""
    import huggingface_hub
    from huggingface_hub import constants, file_download
    from huggingface_hub.utils import _http

    server = Hub()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("KERAS_HOME", str(folder / "keras"))
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    template = "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_IMPLICIT_TOKEN", True)
    no_wait = types.SimpleNamespace(sleep=lambda _: None, time=time.time)
    for module in (_http, file_download):  # both wait before they try again
        monkeypatch.setattr(module, "time", no_wait)
    huggingface_hub.utils.disable_progress_bars()  # type: ignore[attr-defined]
    huggingface_hub.close_session()  # a client made by another test may know a proxy
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
        huggingface_hub.close_session()


def drawn(architecture: str, classes: int = 1000) -> dict[str, np.ndarray]:
    """A checkpoint of an architecture, with a head of so many classes."""
    with np.load(REFERENCES / f"{architecture}.npz") as reference:
        shapes = json.loads(str(reference["keys"]))
    heads = [
        key for key, shape in shapes.items() if shape[:1] == [1000] and not key.startswith("layer")
    ]
    assert len(heads) == 2
    shapes |= {key: [classes, *shapes[key][1:]] for key in heads}
    return draw_tensors(architecture, shapes)


def publish(hub: Hub, variant: str, tag: str) -> dict[str, np.ndarray]:
    """Puts a drawn checkpoint on the hub, and returns its tensors."""
    checkpoint = find_checkpoint(variant, tag)
    tensors = drawn(checkpoint.architecture, checkpoint.classes)
    hub.put(checkpoint.source.repository, save(tensors))
    return tensors
