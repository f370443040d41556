"""Downloading checkpoints, once, and never believing a byte whose hash is known and differs."""

import hashlib
import os
import re
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from keras_resnets.weights.registry import HubSource, UrlSource
from keras_resnets.weights.warning import warn_caller

_CHUNK = 1 << 20
_TIMEOUT = 30  # seconds without a byte
_SHA256 = re.compile(r"[0-9a-f]{64}")


class DownloadError(OSError):
    """A checkpoint could not be brought here whole. The cause, if any, is chained."""


class UnverifiedWarning(UserWarning):
    """There is no hash to compare a checkpoint with."""


def download(source: HubSource | UrlSource) -> Path:
    """Returns the local file of a source, downloading it if it is not cached yet.

    The hub's files live in the hub's own cache and follow its variables (`HF_HOME`, `HF_ENDPOINT`,
    `HF_HUB_OFFLINE`, `HF_TOKEN`); files of a URL in `$KERAS_HOME/models/keras-resnets`. The sha256
    of the content is computed on every call; a file that fails is removed from the cache.

    Raises:
        DownloadError: for whatever keeps the file from arriving whole and unchanged.
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

    # Whatever goes wrong in there, from DNS to a full disk, the checkpoint did not arrive.
    try:
        path = Path(huggingface_hub.hf_hub_download(source.repository, source.file))
    except Exception as error:
        raise _failed(source, error) from error
    expected = _hash_on_hub(source, path)
    if expected is None:
        return path
    actual = sha256(path)
    if actual != expected:
        for file in (path.resolve(), _blob(path), path):
            file.unlink(missing_ok=True)
        raise DownloadError(_corrupt(source, expected, actual))
    return path


def _hash_on_hub(source: HubSource, path: Path) -> str | None:
    """What the hub says is the sha256 of a file; `None`, with a warning, where it cannot tell."""
    import huggingface_hub

    name = _blob(path).name  # in a cache with links: the ETag, which is the sha256 of large files
    if not _SHA256.fullmatch(name):
        url = huggingface_hub.hf_hub_url(source.repository, source.file)
        try:
            name = huggingface_hub.get_hf_file_metadata(url).etag or ""
        except Exception:  # no network: the file was compared when it came
            name = ""
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
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    path = home / "models" / "keras-resnets" / source.file
    try:
        if not path.exists():
            _check_online()
            path.parent.mkdir(parents=True, exist_ok=True)
            with _written_aside(path) as part:
                _fetch(source.url, part)
                _verify(source, part)
        _verify(source, path)
    except DownloadError:
        raise
    except OSError as error:
        raise _failed(source, error) from error
    if source.sha256 is None:
        warn_caller(
            f"The publisher of {source} gives no hash: the download could not be verified.",
            UnverifiedWarning,
        )
    return path


def _fetch(url: str, path: Path) -> None:
    import keras

    with urllib.request.urlopen(url, timeout=_TIMEOUT) as response, path.open("wb") as file:
        if response.headers.get_content_type() == "text/html":
            raise DownloadError(f"{url} answered with a web page in place of the file.")
        length = response.headers.get("Content-Length")
        total = int(length) if length else None
        progress = keras.utils.Progbar(total, unit_name="byte")
        received = 0
        while chunk := response.read(_CHUNK):
            file.write(chunk)
            received += len(chunk)
            progress.update(received)
    if total not in (None, received):
        raise DownloadError(
            f"The connection to {url} broke after {received:,} of {total:,} bytes. Try again."
        )


def _verify(source: UrlSource, path: Path) -> None:
    if source.sha256 is None:
        return
    actual = sha256(path)
    if not actual.startswith(source.sha256):
        path.unlink()
        raise DownloadError(_corrupt(source, f"{source.sha256}…", actual))


@contextmanager
def _written_aside(path: Path) -> Iterator[Path]:
    """Yields a new file beside `path` that takes its place at the end, or is removed on an error."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.", suffix=".part")
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _check_online() -> None:
    from huggingface_hub import constants

    if constants.is_offline_mode():
        raise FileNotFoundError("it is not in the cache, and HF_HUB_OFFLINE is set.")


def _corrupt(source: HubSource | UrlSource, expected: str, actual: str) -> str:
    return (
        f"{source} arrived corrupt and was removed from the cache. "
        f"Expected sha256 {expected}. Received: {actual}. Try again."
    )


def _failed(source: HubSource | UrlSource, error: Exception) -> DownloadError:
    mirror = "name a mirror in HF_ENDPOINT, or " if isinstance(source, HubSource) else ""
    return DownloadError(
        f"Could not download {source}: {_reason(error)} To do without this download, {mirror}pass "
        "the path of a file that you fetched by other means as `weights`."
    )


def _reason(error: Exception) -> str:
    from huggingface_hub import constants, errors

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
    # huggingface_hub lets its client's errors through, httpx' or httpx2's depending on its version.
    client_error = type(error).__module__.startswith("httpx")
    if client_error or isinstance(error, urllib.error.URLError | TimeoutError):
        return f"the connection failed, broke or fell silent ({error}). Try again."
    if isinstance(error, OSError) and error.errno is not None:
        return (
            f"the cache cannot be written ({error}). Free some space, or set HF_HOME and "
            "KERAS_HOME to a folder that can be written."
        )
    return f"{type(error).__name__}: {error}."
