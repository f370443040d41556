"""One page to try a file in the browser, where the model runs too.

The server listens on the loopback interface alone, knows a fixed list of paths and answers GET alone:
there is nothing to upload to. The page's policy forbids it to talk to any other server.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from ..file.card import FileCard

WEB = Path(__file__).with_name("web")
RUNTIME = WEB / "node_modules" / "@litertjs"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".wasm": "application/wasm",
}


class Answer(NamedTuple):
    """What is served at one path."""

    content: bytes
    kind: str


def make_server(content: bytes, card: FileCard, *, port: int = 0) -> ThreadingHTTPServer:
    """A server of the page for one file.

    Args:
        content: the file's bytes.
        card: the file's.
        port: where to listen; 0 takes any that is free.

    Raises:
        FileNotFoundError: where npm has not brought the runtime.
        OSError: where the port is taken.
    """
    answers = _answers(content, card)
    policy = _policy(answers["/"].content.decode())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers.get(self.path)
            if answer is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", answer.kind)
            self.send_header("Content-Length", str(len(answer.content)))
            self.send_header("Content-Security-Policy", policy)
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            """The terminal shows the address, and no request."""

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def _answers(content: bytes, card: FileCard) -> Mapping[str, Answer]:
    if not RUNTIME.is_dir():
        raise FileNotFoundError(
            f"Expected LiteRT's runtime for browsers in {RUNTIME}. Received: no such folder. "
            f"npm brings it once: npm ci --prefix {WEB}"
        )
    answers = {
        "/": _file(WEB / "index.html"),
        "/model.tflite": Answer(content, "application/octet-stream"),
        "/card.json": Answer(card.to_json().encode(), "application/json"),
    }
    answers |= {f"/{name}": _file(WEB / name) for name in ("page.css", "page.js", "photo.js")}
    for package in ("core", "wasm-utils"):
        for path in (RUNTIME / package / "dist").glob("*.js"):
            answers[f"/{package}/{path.name}"] = _file(path)
    answers |= {f"/wasm/{path.name}": _file(path) for path in (RUNTIME / "core/wasm").iterdir()}
    return answers


def _file(path: Path) -> Answer:
    return Answer(path.read_bytes(), TYPES[path.suffix])


def _policy(page: str) -> str:
    """Scripts of this server and the page's import map; connections to this server alone."""
    (import_map,) = re.findall(r'<script type="importmap">(.*?)</script>', page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(import_map.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'self' 'wasm-unsafe-eval' 'sha256-{digest}'; "
        "style-src 'self'; connect-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
