"""Downloading checkpoints, once, and never believing a byte whose hash is known and differs."""

import email.utils
import hashlib
import http.client
import logging
import re
import threading
import time
import traceback
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from keras_resnets._common.console import progress
from keras_resnets._common.files import keras_home, written_aside
from keras_resnets.errors import UserError
from keras_resnets.weights.reading import read_tensor_file
from keras_resnets.weights.registry import HubSource, UrlSource
from keras_resnets.weights.warning import warn_caller

_CHUNK = 1 << 20
_TIMEOUT = 30  # seconds without a byte
_ANSWER = 4  # seconds in which a server must answer at all
_PATIENCE = 60  # seconds that a busy server may ask for
_BUSY = {429, 503}
_ERRORS_ALONE = logging.ERROR
_SHA256 = re.compile(r"[0-9a-f]{64}")


class DownloadError(OSError):
    """A checkpoint could not be brought here whole. The cause, if any, is chained.

    Attributes:
        reason: What happened, without what to do about it.
    """

    def __init__(self, reason: str, advice: str = ""):
        super().__init__(f"{reason} {advice}".rstrip())
        self.reason = reason


class BusyWarning(UserWarning):
    """A server asks to wait, and it is waited."""


class UnverifiedWarning(UserWarning):
    """There is no hash to compare a checkpoint with."""


def download(source: HubSource | UrlSource) -> Path:
    """Returns the local file of a source, downloading it if it is not cached yet.

    The hub's files live in the hub's own cache and follow its variables (`HF_HOME`, `HF_ENDPOINT`,
    `HF_HUB_OFFLINE`, `HF_TOKEN`); files of a URL in `$KERAS_HOME/models/keras-resnets`. The sha256
    of the content is computed on every call; a file that fails is removed from the cache. One whose
    publisher gives no hash is kept if it can be read to its end. A server that is busy is waited for as
    long as it asks, a minute at most; one that does not answer within seconds is given up.

    Args:
        source: The place of the file.

    Raises:
        DownloadError: For whatever keeps the file from arriving whole and unchanged.

    Example:
        >>> import tempfile, unittest.mock
        >>> known = hashlib.sha256(b"weights").hexdigest()
        >>> source = UrlSource("https://example.org/net.pth", "net.pth", known)
        >>> with tempfile.TemporaryDirectory() as home:
        ...     cached = Path(home, "models", "keras-resnets", "net.pth")
        ...     cached.parent.mkdir(parents=True)
        ...     cached.write_bytes(b"weights")
        ...     with unittest.mock.patch.dict("os.environ", KERAS_HOME=home):
        ...         download(source) == cached
        7
        True
    """
    if isinstance(source, HubSource):
        return _from_hub(source)
    return _from_url(source)


def sha256(path: Path) -> str:
    """The sha256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _from_hub(source: HubSource) -> Path:
    import huggingface_hub

    cached = huggingface_hub.try_to_load_from_cache(
        source.repository, source.file, revision=source.revision
    )
    with failures_named(source):
        path = Path(cached if isinstance(cached, str) else fetch_newest(source))
    expected = _hash_on_hub(source, path)
    if expected is None:
        if not isinstance(cached, str):
            _check_readable(source, path)
        return path
    actual = sha256(path)
    if actual != expected:
        _forget(path)
        raise DownloadError(_corrupt(source, expected, actual))
    return path


@contextmanager
def failures_named(source: HubSource | UrlSource) -> Iterator[None]:
    """What keeps a file from arriving, from DNS to a full disk, becomes a `DownloadError`."""
    try:
        yield
    except DownloadError:
        raise
    except Exception as error:
        if not _is_failure(error):
            raise
        raise _failed(source, error) from error


def _is_failure(error: Exception) -> bool:
    """Whether the network, a server or the disk failed, and not a program."""
    from huggingface_hub import errors

    raised = OSError | http.client.HTTPException | errors.EntryNotFoundError
    if isinstance(error, raised) or _is_clients(error):
        return True
    # hf_xet, which is native, has no class for what fails in it.
    frames = traceback.extract_tb(error.__traceback__)
    own = Path(errors.__file__).parent
    return isinstance(error, RuntimeError) and own in Path(frames[-1].filename).parents


def _is_clients(error: Exception) -> bool:
    # huggingface_hub lets its client's errors through, httpx' or httpx2's depending on its version.
    return type(error).__module__.startswith("httpx")


def fetch_newest(source: HubSource) -> str:
    """Has the hub's client bring a file, and returns its path; asks whether there is a newer one."""
    import huggingface_hub
    from huggingface_hub import constants

    if not constants.is_offline_mode():
        _check_answers(huggingface_hub.hf_hub_url(source.repository, source.file))
    with _hub_that_says_how_long(_Patience(source)):
        return huggingface_hub.hf_hub_download(
            source.repository, source.file, revision=source.revision
        )


@contextmanager
def _hub_that_says_how_long(patience: "_Patience") -> Iterator[None]:
    """The hub's own client waits as long as a server asks, and writes five lines of log about it."""
    import huggingface_hub
    from huggingface_hub.utils import logging as hub_logging

    def heed(response: Any) -> None:
        if response.status_code in _BUSY:
            patience.seconds(response.headers)

    session = huggingface_hub.get_session()
    hooks, verbosity = session.event_hooks, hub_logging.get_verbosity()
    session.event_hooks = {**hooks, "response": [*hooks.get("response", []), heed]}
    hub_logging.set_verbosity(_ERRORS_ALONE)
    try:
        yield
    finally:
        session.event_hooks = hooks
        hub_logging.set_verbosity(verbosity)


class _Patience:
    """How long servers may keep us waiting for one file, in all.

    Args:
        source: The file's name in messages.
    """

    def __init__(self, source: HubSource | UrlSource):
        self._source = source
        self._left = float(_PATIENCE)

    def seconds(self, headers: Any) -> float | None:
        """How many seconds a busy server asks us to wait, said aloud; `None` where it does not.

        Raises:
            DownloadError: Where that is more than is left.
        """
        asked = retry_after(dict(headers.items()))
        if asked is None:
            return None
        if asked > self._left:
            raise DownloadError(
                f"Could not download {self._source}: the server is busy and asks to wait {asked:,.0f} "
                f"seconds, and {_PATIENCE} are waited at most. Try again then."
            )
        self._left -= asked
        warn_caller(
            f"The server of {self._source} is busy and asks to wait {asked:.0f} seconds.",
            BusyWarning,
        )
        return asked


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds after which a server wants to be asked again, by its answer's headers.

    `Retry-After` has seconds or a date (RFC 9110, 10.2.3); the hub's `RateLimit` has `t=SECONDS`.

    Example:
        >>> retry_after({"Retry-After": "30"})
        30.0
    """
    given = {name.lower(): value.strip() for name, value in headers.items()}
    limit = re.search(r"\bt=(\d+)", given.get("ratelimit", ""))
    after = given.get("retry-after", "")
    if after.isdecimal():
        return float(after)
    if limit is not None:
        return float(limit[1])
    try:
        when = email.utils.parsedate_to_datetime(after)
    except ValueError:
        return None
    return max(0.0, when.timestamp() - time.time())


def _check_answers(url: str) -> None:
    """Fails within seconds where nobody answers; clients of the network try for half a minute.

    In a thread, since a name that cannot be looked up takes as long as the system likes.
    """
    root = urllib.parse.urljoin(url, "/") if "://" in url else url  # HF_ENDPOINT is the user's
    outcome: list[Exception | None] = []

    def ask() -> None:
        try:
            request = urllib.request.Request(root, method="HEAD")
            with urllib.request.urlopen(request, timeout=_ANSWER):
                outcome.append(None)
        except urllib.error.HTTPError:  # an answer, whichever
            outcome.append(None)
        except (OSError, http.client.HTTPException, ValueError) as error:  # no URL, too
            outcome.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_ANSWER + 0.5)
    failed = outcome[0] if outcome else TimeoutError(f"nothing within {_ANSWER} seconds")
    if failed is not None:
        cause = failed.reason if isinstance(failed, urllib.error.URLError) else failed
        raise _NoAnswer(
            f"it is not in the cache, and {root} cannot be asked ({cause})."
        ) from failed


class _NoAnswer(OSError):
    """A server is out of reach."""


def _check_readable(source: HubSource | UrlSource, path: Path) -> None:
    """Removes a file that no hash vouches for unless it can be read to its end."""
    try:
        read_tensor_file(path)
    except UserError as error:
        _forget(path)
        reason = str(error).replace(str(path), "it")
        raise DownloadError(
            f"{source} arrived broken and was not kept: {reason} Its publisher gives no hash."
        ) from error


def _forget(path: Path) -> None:
    """Removes a file of the cache, and what a link in its place led to."""
    for file in (path.resolve(), _blob(path), path):
        file.unlink(missing_ok=True)


def _hash_on_hub(source: HubSource, path: Path) -> str | None:
    """What the hub says is the sha256 of a file; `None`, with a warning, where it cannot tell."""
    import huggingface_hub

    name = _blob(path).name  # in a cache with links: the ETag, which is the sha256 of large files
    if not _SHA256.fullmatch(name):
        url = huggingface_hub.hf_hub_url(source.repository, source.file, revision=source.revision)
        try:
            name = huggingface_hub.get_hf_file_metadata(url).etag or ""
        except Exception as error:
            if not _is_failure(error):
                raise
            name = ""  # no network: the file was compared when it came
    if _SHA256.fullmatch(name):
        return name
    warn_caller(
        f"The hub cannot be asked for the sha256 of {source}: the file could not be verified.",
        UnverifiedWarning,
    )
    return None


def _blob(path: Path) -> Path:
    # Not resolve(): the blob may itself be a link into a store with names of another kind.
    return path.parent / path.readlink() if path.is_symlink() else path


def _from_url(source: UrlSource) -> Path:
    path = keras_home() / "models" / "keras-resnets" / source.file
    with failures_named(source):
        if not path.exists():
            _check_online()
            _check_answers(source.url)
            with written_aside(path) as part:
                _fetch(source, part)
                _verify(source, part)
        _verify(source, path)
    if source.sha256 is None:
        warn_caller(
            f"The publisher of {source} gives no hash: the download could not be verified.",
            UnverifiedWarning,
        )
    return path


def _fetch(source: UrlSource, path: Path) -> None:
    patience = _Patience(source)
    while True:
        try:
            with urllib.request.urlopen(source.url, timeout=_TIMEOUT) as response:
                return _receive(source.url, response, path)
        except urllib.error.HTTPError as error:
            seconds = patience.seconds(error.headers) if error.code in _BUSY else None
            if seconds is None:
                raise
            time.sleep(seconds)


def _receive(url: str, response: Any, path: Path) -> None:
    if response.headers.get_content_type() == "text/html":
        raise DownloadError(f"{url} answered with a web page in place of the file.")
    length = response.headers.get("Content-Length")
    total = int(length) if length else None
    chunks = iter(lambda: response.read(_CHUNK), b"")
    if total is not None:
        chunks = progress(chunks, f"Downloading {path.name}: MB", -(-total // _CHUNK))
    with path.open("wb") as file:
        received = sum(map(file.write, chunks))
    if total not in (None, received):
        raise DownloadError(
            f"The connection to {url} broke after {received:,} of {total:,} bytes. Try again."
        )


def _verify(source: UrlSource, path: Path) -> None:
    if source.sha256 is None:
        _check_readable(source, path)
        return
    actual = sha256(path)
    if not actual.startswith(source.sha256):
        path.unlink()
        raise DownloadError(_corrupt(source, f"{source.sha256}…", actual))


def _check_online() -> None:
    from huggingface_hub import constants

    if constants.is_offline_mode():
        raise _NoAnswer("it is not in the cache, and HF_HUB_OFFLINE is set.")


def _corrupt(source: HubSource | UrlSource, expected: str, actual: str) -> str:
    return (
        f"{source} arrived corrupt and was removed from the cache. "
        f"Expected sha256 {expected}. Received: {actual}. Try again."
    )


def _failed(source: HubSource | UrlSource, error: Exception) -> DownloadError:
    mirror = "name a mirror in HF_ENDPOINT, or " if isinstance(source, HubSource) else ""
    return DownloadError(
        f"Could not download {source}: {_reason(error)}",
        f"To do without this download, {mirror}pass the path of a file that you fetched by other "
        "means as `weights`.",
    )


def _reason(error: Exception) -> str:
    from huggingface_hub import constants, errors

    if isinstance(error, _NoAnswer):
        return str(error)
    if isinstance(error, errors.GatedRepoError):
        return "its owner wants you to accept conditions on the hub first, and HF_TOKEN to be set."
    if isinstance(error, errors.RepositoryNotFoundError | errors.RemoteEntryNotFoundError):
        return f"{constants.ENDPOINT} has no such file (404), or not for you without HF_TOKEN."
    if isinstance(error, errors.LocalEntryNotFoundError):
        if constants.is_offline_mode():
            return "it is not in the cache, and HF_HUB_OFFLINE is set."
        cause = error.__cause__
        return f"it is not in the cache, and {constants.ENDPOINT} cannot be asked ({cause})."
    if isinstance(error, errors.HfHubHTTPError | urllib.error.HTTPError):
        return f"the server answered {error}."
    broken = urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError
    if _is_clients(error) or isinstance(error, broken):
        return f"the connection failed, broke or fell silent ({error}). Try again."
    if isinstance(error, OSError) and error.errno is not None:
        return (
            f"the cache cannot be written ({error}). Free some space, or set HF_HOME and "
            "KERAS_HOME to a folder that can be written."
        )
    return f"{type(error).__name__}: {error}."
