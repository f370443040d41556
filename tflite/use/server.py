"""One page to try a file in the browser, where the model runs too.

The server listens on the loopback interface alone, knows a fixed list of paths and answers GET alone:
there is nothing to upload to. It answers to its own name alone, so that no page of another name, which
resolves to this machine, reads the model. The page's policy forbids it to talk to any other server.
"""

import base64
import contextlib
import hashlib
import re
import socket
import threading
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from keras_resnets.errors import UserError

from ..file.card import FileCard
from .browser_runtime import WEB, runtime_folder

CONNECTIONS = 50  # at a time; a browser opens six
IDLE = 10.0  # seconds that a client may say nothing
LONGEST = 60.0  # seconds that a connection may last
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


class PageServer(ThreadingHTTPServer):
    """A server that holds no more than `CONNECTIONS` clients, each for `LONGEST` seconds at most.

    Args:
        port: Port to listen on; 0 takes any that is free.
        answers: Answers that are served, by path.
        policy: The page's content security policy.
    """

    daemon_threads = True

    def __init__(self, port: int, answers: Mapping[str, Answer], policy: str):
        self.answers = answers
        self.policy = policy
        self._free = threading.BoundedSemaphore(CONNECTIONS)
        super().__init__(("127.0.0.1", port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        end = threading.Timer(LONGEST, _hang_up, [request])
        end.daemon = True
        end.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            end.cancel()
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no matter of the user's."""


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    timeout = IDLE

    def do_GET(self) -> None:
        port = self.server.server_port
        if self.headers.get("Host") not in (f"127.0.0.1:{port}", f"localhost:{port}"):
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
            return
        answer = self.server.answers.get(self.path)
        if answer is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.content)))
        self.send_header("Content-Security-Policy", self.server.policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *_: object) -> None:
        """The terminal shows the address, and no request."""


def make_server(content: bytes, card: FileCard, *, port: int = 0) -> PageServer:
    """A server of the page for one file.

    Args:
        content: The file's bytes.
        card: The file's card.
        port: Port to listen on, up to 65535; 0 takes any that is free.

    Raises:
        UserError: Where the runtime for browsers cannot be fetched, or the port is taken.
    """
    answers = _answers(content, card)
    policy = _policy(answers["/"].content.decode())
    try:
        return PageServer(port, answers, policy)
    except OSError as error:
        raise UserError(
            f"Expected a port that is free. Received: {port}: {error.strerror}. "
            "Give another: --port 0 takes any."
        ) from error


def _hang_up(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it ended by itself
        connection.shutdown(socket.SHUT_RDWR)


def _answers(content: bytes, card: FileCard) -> Mapping[str, Answer]:
    runtime = runtime_folder()
    answers = {
        "/": _file(WEB / "index.html"),
        "/model.tflite": Answer(content, "application/octet-stream"),
        "/card.json": Answer(card.to_json().encode(), "application/json"),
    }
    answers |= {f"/{name}": _file(WEB / name) for name in ("page.css", "page.js", "photo.js")}
    for package in ("core", "wasm-utils"):
        for path in (runtime / package / "dist").glob("*.js"):
            answers[f"/{package}/{path.name}"] = _file(path)
    answers |= {f"/wasm/{path.name}": _file(path) for path in (runtime / "core/wasm").iterdir()}
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
