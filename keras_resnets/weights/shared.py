"""Models that people share on the Hugging Face hub: `hf://user/name`, fetched and uploaded."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from keras_resnets.errors import UserError
from keras_resnets.weights.hub import DownloadError, download, failures_named, fetch_newest
from keras_resnets.weights.registry import HubSource

MODEL_FILE, CARD_FILE = "model.keras", "model.card.json"
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_REPOSITORY = re.compile(f"{_NAME}/{_NAME}")
# A `Path` of the address has lost one of its slashes.
_ADDRESS = re.compile(r"hf:/{1,2}(.*)", re.DOTALL)


def is_shared(model: str | os.PathLike[str]) -> bool:
    """Whether something names a model on the hub.

    Args:
        model: An address, the path of a file or of a run, or a network's name.

    Example:
        >>> is_shared("hf://user/name"), is_shared("runs/mine")
        (True, False)
    """
    return _ADDRESS.fullmatch(os.fspath(model)) is not None


def fetch_shared(model: str | os.PathLike[str]) -> Path:
    """The local file of a model on the hub, its card beside it, both of the repository's newest commit.

    Where the hub is out of reach, what was fetched before serves.

    Args:
        model: An address, `hf://user/name`.

    Raises:
        UserError: For another form of address.
        DownloadError: For whatever keeps the files from arriving whole and unchanged.

    Example:
        >>> fetch_shared("hf://somebody")
        Traceback (most recent call last):
        keras_resnets.errors.UserError: Expected a repository of the hub, user/name, ...
    """
    found = _ADDRESS.fullmatch(os.fspath(model))
    repository = checked_repository(found[1] if found else os.fspath(model))
    card = _newest_card(HubSource(repository, CARD_FILE))
    return download(HubSource(repository, MODEL_FILE, revision=card.parent.name))


def checked_repository(name: str) -> str:
    """The name of a repository, as the hub takes it.

    Raises:
        UserError: For anything that is not `user/name`.
    """
    if _REPOSITORY.fullmatch(name):
        return name
    raise UserError(
        "Expected a repository of the hub, user/name, of letters, digits, '.', '_' and '-'. "
        f"Received: {name!r}."
    )


def upload(repository: str, files: Mapping[str, bytes], *, private: bool, message: str) -> str:
    """Puts files on the hub in one commit, and makes the repository where there is none.

    Args:
        repository: Owner and name of the repository.
        files: Content of each file by its name in the repository.
        private: Whether a repository that is made here is its owner's alone.
        message: The commit's message.

    Returns:
        The address of the commit.

    Raises:
        UserError: Where the hub refuses, or is out of reach.
    """
    import huggingface_hub
    from huggingface_hub import errors

    api = huggingface_hub.HfApi(token=True)  # the user's own, or an error where there is none
    additions = [
        huggingface_hub.CommitOperationAdd(path_in_repo=name, path_or_fileobj=content)
        for name, content in files.items()
    ]
    try:
        with failures_named(HubSource(repository, "")):
            api.create_repo(repository, private=private, exist_ok=True)
            commit = api.create_commit(repository, additions, commit_message=message)
    except DownloadError as error:
        cause = error.__cause__
        if isinstance(cause, errors.LocalTokenNotFoundError):
            reason = "nobody is logged in"
        elif isinstance(cause, errors.HfHubHTTPError):
            reason = f"the hub refused: {str(cause).splitlines()[0]}"
        else:
            reason = f"the hub is out of reach: {cause}"
        raise UserError(
            f"Expected to upload to {repository}. Received: {reason.rstrip('.')}. "
            "The hub knows you by `hf auth login`, or a token with write access in HF_TOKEN."
        ) from error
    return str(commit.commit_url)


def _newest_card(source: HubSource) -> Path:
    import huggingface_hub

    cached = huggingface_hub.try_to_load_from_cache(source.repository, source.file)
    try:
        with failures_named(source):
            return Path(fetch_newest(source))
    except DownloadError:
        if not isinstance(cached, str):
            raise
        return Path(cached)
