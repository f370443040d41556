import contextlib
import hashlib
import resource
import signal

import pytest
from huggingface_hub import constants

from keras_resnets.weights import DownloadError, HubSource, UrlSource, download
from keras_resnets.weights.hub import UnverifiedWarning

SOURCE = HubSource("timm/toy.in1k")
CONTENT = bytes(range(256)) * 64
HASH = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def published(hub):
    hub.put(SOURCE.repository, CONTENT)
    return hub


def cached_files(folder):
    return [p for p in folder.rglob("*") if p.is_file() and p.stat().st_size >= len(CONTENT) // 2]


def test_a_file_is_downloaded_once(published):
    assert download(SOURCE).read_bytes() == CONTENT
    assert download(SOURCE).read_bytes() == CONTENT
    assert len(published.asked("GET")) == 1


def test_offline_a_cached_file_needs_no_request(published, monkeypatch):
    path = download(SOURCE)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    published.requests.clear()
    assert download(SOURCE) == path
    assert published.requests == []


def test_offline_without_a_cached_file(published, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(DownloadError, match="not in the cache, and HF_HUB_OFFLINE is set"):
        download(SOURCE)
    assert published.requests == []


def test_a_broken_connection_is_taken_up_again(published):
    published.fault = "dies once"
    assert download(SOURCE).read_bytes() == CONTENT
    assert len(published.asked("GET")) == 2


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("404", r"no such file \(404\)"),
        ("500", "cannot be asked .*500"),
        ("slow", "broke or fell silent .*timed out"),
        ("dies", "broke or fell silent .*received 8192 bytes, expected 16384"),
        ("corrupt", "corrupt and was removed from the cache"),
    ],
)
def test_a_faulty_hub_is_reported_and_leaves_nothing(
    published, tmp_path, monkeypatch, fault, message
):
    if fault == "slow":
        monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.2)
    published.fault = fault
    with pytest.raises(DownloadError, match=message):
        download(SOURCE)
    assert cached_files(tmp_path) == []
    published.fault = None
    assert download(SOURCE).read_bytes() == CONTENT


def test_an_unknown_repository(hub):
    with pytest.raises(DownloadError, match=r"timm/toy.in1k/model.safetensors.*\(404\)"):
        download(SOURCE)


def test_no_network(hub, monkeypatch):
    nowhere = "http://127.0.0.1:9"  # the discard port: refused at once
    template = nowhere + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", nowhere)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    with pytest.raises(
        DownloadError, match="not in the cache, and http.*cannot be asked"
    ) as failed:
        download(SOURCE)
    assert str(failed.value).endswith(
        "To do without this download, name a mirror in HF_ENDPOINT, or pass the path of a file that "
        "you fetched by other means as `weights`."
    )


def test_a_bit_that_flips_in_the_cache_is_found(published, tmp_path):
    blob = download(SOURCE).resolve()
    blob.write_bytes(CONTENT[:-1] + b"\0")
    with pytest.raises(DownloadError, match="corrupt and was removed from the cache"):
        download(SOURCE)
    assert cached_files(tmp_path) == []
    assert download(SOURCE).read_bytes() == CONTENT


def test_a_blob_may_be_a_link_into_a_shared_store(published, tmp_path):
    blob = download(SOURCE).resolve()
    blob.rename(tmp_path / ("ab" * 32))
    blob.symlink_to(tmp_path / ("ab" * 32))
    assert download(SOURCE).read_bytes() == CONTENT
    (tmp_path / ("ab" * 32)).write_bytes(CONTENT[:-1] + b"\0")
    with pytest.raises(DownloadError, match="corrupt and was removed from the cache"):
        download(SOURCE)
    assert cached_files(tmp_path) == []


def test_a_cache_without_links_asks_the_hub_for_the_hash(published, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_SYMLINKS", True)
    path = download(SOURCE)
    assert not path.is_symlink()
    with monkeypatch.context() as offline:
        offline.setattr(constants, "HF_HUB_OFFLINE", True)
        with pytest.warns(UnverifiedWarning, match="cannot be asked for the sha256"):
            assert download(SOURCE).read_bytes() == CONTENT
    path.write_bytes(CONTENT[:-1] + b"\0")
    with pytest.raises(DownloadError, match="corrupt and was removed from the cache"):
        download(SOURCE)
    assert cached_files(tmp_path) == []


def test_a_cache_that_cannot_be_written(published, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "file" / "hub"))
    with pytest.raises(DownloadError, match="the cache cannot be written.*HF_HOME"):
        download(SOURCE)


@contextlib.contextmanager
def full_disk():
    """Files stop growing at 1000 bytes, for this process alone: pytest's own output too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("at_url", [False, True])
def test_a_full_cache(published, tmp_path, at_url):
    source = _url_source(published) if at_url else SOURCE
    message = "the cache cannot be written.*Free some space"
    with full_disk(), pytest.raises(DownloadError, match=message):
        download(source)
    assert cached_files(tmp_path) == []


def _url_source(hub, sha256=HASH[:8]):
    hub.put_at("/toy.pth", CONTENT)
    return UrlSource(f"{hub.url}/toy.pth", "toy.in1k.pth", sha256)


def test_a_url_is_downloaded_once(hub, monkeypatch, tmp_path):
    source = _url_source(hub)
    path = download(source)
    assert path == tmp_path / "keras" / "models" / "keras-resnets" / "toy.in1k.pth"
    assert path.read_bytes() == CONTENT
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert download(source) == path
    assert len(hub.requests) == 1
    assert cached_files(tmp_path) == [path]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("404", "the server answered HTTP Error 404"),
        ("500", "the server answered HTTP Error 500"),
        ("dies", "broke after 8,192 of 16,384 bytes"),
        ("corrupt", "arrived corrupt and was removed"),
        ("web page", "answered with a web page"),
        ("slow", "fell silent"),
    ],
)
def test_a_faulty_url_is_reported_and_leaves_nothing(hub, tmp_path, monkeypatch, fault, message):
    monkeypatch.setattr("keras_resnets.weights.hub._TIMEOUT", 0.2)
    source = _url_source(hub)
    hub.fault = fault
    with pytest.raises(DownloadError, match=message):
        download(source)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_a_url_offline(hub, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(DownloadError, match="not in the cache, and HF_HUB_OFFLINE is set"):
        download(_url_source(hub))
    assert hub.requests == []


def test_a_bit_that_flips_in_a_cached_url_is_found(hub):
    source = _url_source(hub)
    path = download(source)
    path.write_bytes(CONTENT[:-1] + b"\0")
    with pytest.raises(DownloadError, match="corrupt and was removed"):
        download(source)
    assert not path.exists()


def test_a_publisher_without_a_hash_is_named(hub):
    with pytest.warns(UnverifiedWarning, match="gives no hash") as warned:
        assert download(_url_source(hub, sha256=None)).read_bytes() == CONTENT
    assert warned[0].filename == __file__
