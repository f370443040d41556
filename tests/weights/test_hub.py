import contextlib
import hashlib
import http.client
import resource
import signal
import socket
import threading
from typing import Any

import huggingface_hub
import pytest
import torch_files
from huggingface_hub import constants

from keras_resnets.weights import DownloadError, HubSource, UrlSource, download
from keras_resnets.weights.hub import BusyWarning, UnverifiedWarning, retry_after

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
    assert len(hub.asked("GET")) == 1
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


@pytest.fixture
def unhashed(hub, toy, rng, tmp_path):
    """A source of a whole checkpoint without a hash, and its content."""
    content = torch_files.save(toy.tensors(rng), tmp_path / "toy.pth").read_bytes()
    (tmp_path / "toy.pth").unlink()
    hub.put_at("/toy.pth", content)
    return UrlSource(f"{hub.url}/toy.pth", "toy.in1k.pth", None), content


def test_a_publisher_without_a_hash_is_named(unhashed):
    source, content = unhashed
    with pytest.warns(UnverifiedWarning, match="gives no hash") as warned:
        assert download(source).read_bytes() == content
    assert warned[0].filename == __file__


@pytest.mark.parametrize(
    "spoil", [lambda c: c[:-100], lambda c: c.replace(b"fc.bias", b"fc.bi\xff\xff")]
)
def test_without_a_hash_a_file_is_read_before_it_is_kept(hub, unhashed, tmp_path, spoil):
    source, content = unhashed
    hub.put_at("/toy.pth", spoil(content))
    with pytest.raises(
        DownloadError, match="toy.pth arrived broken and was not kept: it is not a whole .*no hash"
    ):
        download(source)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_what_a_killed_download_left_is_swept(hub, tmp_path):
    folder = tmp_path / "keras" / "models" / "keras-resnets"
    folder.mkdir(parents=True)
    left = folder / ".toy.in1k.aside-999999999.pth"
    left.write_bytes(b"half")
    download(_url_source(hub))
    assert not left.exists()


@pytest.fixture
def waited(monkeypatch):
    """The seconds that a download from a URL slept."""
    slept: list[float] = []
    monkeypatch.setattr("keras_resnets.weights.hub.time.sleep", slept.append)
    return slept


def test_a_busy_server_is_waited_for_and_that_is_said(hub, waited):
    source = _url_source(hub)
    hub.fault, hub.busy = "busy once", {"Retry-After": "30"}
    with pytest.warns(BusyWarning, match="toy.pth is busy and asks to wait 30 seconds"):
        assert download(source).read_bytes() == CONTENT
    assert waited == [30]


@pytest.mark.parametrize(
    "busy", [{"Retry-After": "100000"}, {"RateLimit": '"resolvers";r=0;t=100000'}]
)
def test_a_server_that_asks_for_longer_than_a_minute_is_given_up(hub, waited, published, busy):
    source = _url_source(hub)
    hub.fault, hub.busy = "busy", busy
    for one in (source, SOURCE):
        with pytest.raises(DownloadError, match="busy and asks to wait 100,000 seconds, and 60"):
            download(one)
    assert waited == []


def test_a_minute_is_waited_in_all(hub, waited):
    source = _url_source(hub)
    hub.fault, hub.busy = "busy", {"Retry-After": "25"}
    with (
        pytest.warns(BusyWarning, match="asks to wait 25 seconds"),
        pytest.raises(DownloadError, match="asks to wait 25 seconds, and 60"),
    ):
        download(source)
    assert waited == [25, 25]


def test_a_busy_hub_is_waited_for(published):
    published.fault, published.busy = "busy once", {"Retry-After": "7"}
    with pytest.warns(BusyWarning, match="timm/toy.in1k.* is busy and asks to wait 7 seconds"):
        assert download(SOURCE).read_bytes() == CONTENT


def test_when_to_ask_again():
    assert retry_after({"retry-after": "120"}) == 120
    assert retry_after({"RateLimit": '"api";r=0;t=17'}) == 17
    assert retry_after({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert retry_after({"Retry-After": "soon"}) is None
    assert retry_after({}) is None


@pytest.fixture
def silent_server():
    """Takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("at_url", [False, True])
def test_a_server_that_does_not_answer_is_given_up_soon(hub, monkeypatch, silent_server, at_url):
    monkeypatch.setattr("keras_resnets.weights.hub._ANSWER", 0.1)
    template = silent_server + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    source = UrlSource(f"{silent_server}/toy.pth", "toy.pth", None) if at_url else SOURCE
    with pytest.raises(
        DownloadError, match="not in the cache, and http.*cannot be asked"
    ) as failed:
        download(source)
    assert "\n" not in str(failed.value)


def test_a_name_that_takes_long_to_look_up_is_given_up_soon(hub, monkeypatch):
    release = threading.Event()
    monkeypatch.setattr("keras_resnets.weights.hub._ANSWER", 0.1)

    def look_up(*_, **__):
        release.wait(60)
        raise OSError("Name or service not known")

    monkeypatch.setattr("urllib.request.urlopen", look_up)
    with pytest.raises(DownloadError, match="cannot be asked \\(nothing within 0.1 seconds\\)"):
        download(_url_source(hub))
    release.set()


def test_an_endpoint_that_is_no_url_is_named(hub, monkeypatch):
    template = "hub.example/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", "hub.example")
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    with pytest.raises(DownloadError, match="hub.example/timm.*cannot be asked .*unknown url type"):
        download(SOURCE)


def _fails(error):
    def fail(*_, **__):
        raise error

    return fail


@pytest.mark.parametrize("error", [KeyError("etag"), TypeError("no number"), RuntimeError("ours")])
@pytest.mark.parametrize("at_url", [False, True])
def test_a_bug_is_no_failed_download(published, monkeypatch, error, at_url):
    source = _url_source(published) if at_url else SOURCE
    monkeypatch.setattr("keras_resnets.weights.hub._Patience", _fails(error))
    with pytest.raises(type(error)):
        download(source)


def test_what_the_native_client_raises_is_a_failed_download(published, monkeypatch):
    code = compile(
        "def get(*_, **__): raise RuntimeError('CAS', 7)", huggingface_hub.__file__, "exec"
    )
    functions: dict[str, Any] = {}
    exec(code, functions)
    monkeypatch.setattr("huggingface_hub.file_download.http_get", functions["get"])
    with pytest.raises(DownloadError, match=r"Could not download .*RuntimeError: .*CAS"):
        download(SOURCE)


def test_a_server_that_speaks_no_http_is_a_failed_download(hub, monkeypatch):
    monkeypatch.setattr(
        "keras_resnets.weights.hub._fetch", _fails(http.client.BadStatusLine("SSH-2.0"))
    )
    with pytest.raises(DownloadError, match="the connection failed, broke or fell silent"):
        download(_url_source(hub))
