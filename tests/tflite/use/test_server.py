"""The page in a real browser, and the server's manners."""

import contextlib
import http.client
import io
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import networks
import numpy as np
import pytest
from browsers import needs_chromium
from demo_page import PHOTOS, browse, needs_runtime, serving
from PIL import Image

from keras_resnets.card import Card
from keras_resnets.preprocessing import Preprocessing
from tflite.convert.export import Exporter, Options
from tflite.file.runtime import Runner
from tflite.formats import FLOAT32
from tflite.trained import TrainedModel
from tflite.use import server
from tflite.use.classifier import Classifier

pytestmark = needs_runtime

# Starts the camera and stops it twice, by the button and by a photo; notes each frame's pixels and
# classes as they are shown.
CAMERA = """
const streams = [];
const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wish) => {
  streams.push(await ask(wish));
  return streams.at(-1);
};
const frames = [];
new MutationObserver(() => {
  const {width, height} = element('seen');
  const {data} = element('seen').getContext('2d').getImageData(0, 0, width, height);
  const pixels = [...data.filter((_, i) => i % 4 !== 3)];
  const unsure = !element('unsure').hidden;
  if (items().length) frames.push({pixels, classes: classes(), unsure});
}).observe(element('classes'), {childList: true});
const state = () => ({
  tracks: streams.flatMap((stream) => stream.getTracks().map((track) => track.readyState)),
  hidden: element('video').hidden,
  button: element('camera').textContent,
});
const results = {before: state()};
element('camera').click();
await until(() => frames.length > 1);
results.on = {...state(), bars: document.querySelectorAll('#classes meter').length};
results.frames = frames.slice(0, 2);
element('camera').click();
results.off = state();
const shown = frames.length;
await wait(300);
results.later = frames.length - shown;
element('camera').click();
await until(() => frames.length > shown);
results.again = state();
const transfer = new DataTransfer();
transfer.items.add(new File(['no photo'], 'text.jpg'));
element('file').files = transfer.files;
element('file').dispatchEvent(new Event('change'));
await until(() => element('state').textContent.includes('cannot'));
results.photo = state();
await report(results);
"""


@needs_chromium
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
    turned, transparent = io.BytesIO(), io.BytesIO()
    corner = wide.copy()
    corner[:20, :40] = (255, 0, 0)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(corner).save(turned, "PNG", exif=exif)
    alpha = np.where(np.arange(130) < 65, 0, 255).astype("uint8")
    clear = np.dstack([wide, np.broadcast_to(alpha, (61, 130))])
    Image.fromarray(clear).save(transparent, "PNG")
    shown |= {"turned.png": turned.getvalue(), "transparent.png": transparent.getvalue()}
    content = files[mode].read_bytes()
    script = PHOTOS.replace("NAMES", json.dumps([*shown, "text.jpg"]))
    results, asked = browse(
        content,
        script,
        tmp_path / "profile",
        monkeypatch,
        photos={**shown, "text.jpg": b"not a photo"},
    )
    classifier = Classifier(content)
    for name, photo in shown.items():
        expected = dict(classifier.classify(photo))
        found = dict(results[name]["classes"])
        assert list(found) == list(expected), name
        # In int8 the kernels of the browser may round another way, by a step of the logits.
        tolerance = 1e-3 if mode == "float32" else 1e-2
        np.testing.assert_allclose(list(found.values()), list(expected.values()), atol=tolerance)
        assert results[name]["state"].endswith(" ms")
        assert results[name]["unsure"] is (max(expected.values()) < 0.4)
    assert results["text.jpg"]["classes"] == []
    assert results["text.jpg"]["unsure"] is False
    assert results["text.jpg"]["state"].startswith("text.jpg cannot be used")
    # Nothing was asked for but the page's own parts and the test's photos.
    assert {path.split("/")[1] for path in asked} == {
        *("", "page.css", "page.js", "photo.js", "card.json", "model.tflite"),
        *("core", "wasm-utils", "wasm", "test.js", "photos"),
    }


@pytest.fixture(scope="module")
def seven_classes() -> bytes:
    """A file that takes pixels as floats and tells seven classes apart, as chance has it."""
    model = networks.small("Res2Net", input_shape=(32, 32, 3), classes=7)
    networks.randomise(model, np.random.default_rng(0))
    names = tuple(f"class {index}" for index in range(7))
    card = Card("Res2Net", names, Preprocessing(size=32), threshold=0.9995)
    options = Options(input="float32")
    return Exporter(TrainedModel(model, card, Path()), None, options).file(FLOAT32)


@needs_chromium
def test_the_camera_is_seen_and_let_go(
    seven_classes: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    results, _ = browse(seven_classes, CAMERA, tmp_path / "profile", monkeypatch, *flags)
    off = {"hidden": True, "button": "Use the camera"}
    on = {"hidden": False, "button": "Stop the camera"}
    assert results["before"] == {**off, "tracks": []}
    assert results["on"] == {**on, "tracks": ["live"], "bars": 5}
    assert results["off"] == {**off, "tracks": ["ended"]}
    assert results["later"] == 0
    assert results["again"] == {**on, "tracks": ["ended", "live"]}
    assert results["photo"] == {**off, "tracks": ["ended", "ended"]}
    runner = Runner(seven_classes)
    assert len(results["frames"]) == 2
    for frame in results["frames"]:
        pixels = np.array(frame["pixels"], "uint8").reshape(32, 32, 3)
        assert pixels.std() > 10  # the fake camera's pattern, not a black frame
        expected = runner(pixels[None])[0]
        found = {int(name.removeprefix("class ")): value for name, value in frame["classes"]}
        assert list(found) == np.argsort(-expected)[:5].tolist()
        assert frame["unsure"] == (expected.max() < 0.9995)
        np.testing.assert_allclose(list(found.values()), expected[list(found)], atol=1e-3)


@needs_chromium
def test_without_a_camera_or_a_gpu_it_says_so(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = """
    element('camera').click();
    await until(() => element('state').textContent.startsWith('No camera'));
    const camera = element('state').textContent;
    element('processor').value = 'webgpu';
    element('processor').dispatchEvent(new Event('change'));
    await until(() => element('state').textContent.includes('WebGPU'));
    const gpu = [element('state').textContent, element('processor').value];
    await report([camera, element('camera').disabled, ...gpu]);
    """
    content = files["float32"].read_bytes()
    flags = ("--use-fake-device-for-media-stream=device-count=0", "--use-fake-ui-for-media-stream")
    found, _ = browse(content, script, tmp_path / "profile", monkeypatch, *flags)
    camera, disabled, gpu, processor = found
    assert camera == "No camera: Requested device not found"
    assert disabled is False
    assert gpu == "This browser offers no WebGPU. The model runs on the CPU."
    assert processor == "wasm"


@needs_chromium
def test_the_gpu_says_what_the_cpu_says(
    files: dict[str, Path], photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a GPU that Chromium emulates."""
    choice = """
    element('processor').value = 'webgpu';
    element('processor').dispatchEvent(new Event('change'));
    await until(() => /runs on the/.test(element('state').textContent));
    const chosen = element('state').textContent;
    """
    script = choice + PHOTOS.replace("NAMES", '["red.png"]').replace(
        "report(results)", "report([chosen, results['red.png']])"
    )
    flags = ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader")
    content = files["float32"].read_bytes()
    photo = (photos / "red" / "2.png").read_bytes()
    profile = tmp_path / "profile"
    found, _ = browse(content, script, profile, monkeypatch, *flags, photos={"red.png": photo})
    chosen, result = found
    if "no WebGPU" in chosen:
        pytest.skip("this Chromium emulates no GPU")
    expected = dict(Classifier(content).classify(photo))
    assert chosen == "The model runs on the GPU, and on the CPU to compare."
    assert [name for name, _ in result["classes"]] == list(expected)
    values = [probability for _, probability in result["classes"]]
    # Its arithmetic is coarser.
    np.testing.assert_allclose(values, list(expected.values()), atol=0.02)
    assert result["state"].startswith("GPU ")
    assert "The same class, probabilities differ by at most" in result["state"]


@pytest.fixture
def page(files: dict[str, Path]) -> Iterator[int]:
    """The port of a server of the page."""
    content = files["float32"].read_bytes()
    with serving(server.make_server(content, Classifier(content).card)) as port:
        yield port


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
        policy = ask("GET", "/").getheader("Content-Security-Policy", "")
        assert "connect-src 'self';" in policy
        assert "http" not in policy


def test_only_its_own_name_is_answered(page: int) -> None:
    for host, status in (
        (f"127.0.0.1:{page}", 200),
        (f"localhost:{page}", 200),
        ("elsewhere.example", 421),
        (f"elsewhere.example:{page}", 421),
        ("127.0.0.1:1", 421),
    ):
        connection = http.client.HTTPConnection("127.0.0.1", page)
        connection.request("GET", "/card.json", headers={"Host": host})
        assert connection.getresponse().status == status, host
        connection.close()


def test_idle_clients_are_few_and_hung_up_on(page: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server._Handler, "timeout", 0.5)
    before = threading.active_count()
    with contextlib.ExitStack() as stack:
        idle = [
            stack.enter_context(socket.create_connection(("127.0.0.1", page), timeout=20))
            for _ in range(server.CONNECTIONS + 20)
        ]
        # Those beyond the fiftieth are hung up on at once, the others when they have said nothing.
        assert threading.active_count() - before <= 2 * server.CONNECTIONS
        for client in idle:
            with contextlib.suppress(ConnectionResetError):
                assert client.recv(1) == b""
    connection = http.client.HTTPConnection("127.0.0.1", page)
    connection.request("GET", "/")
    assert connection.getresponse().status == 200
    connection.close()


def test_a_port_that_is_taken_or_none(fails, files: dict[str, Path], page: int) -> None:
    assert f"Received: {page}: Address already in use" in fails(
        "demo", files["float32"], "--port", page
    )
    assert "from 0 to 65535. Received: '70000'" in fails("demo", files["float32"], "--port", 70000)
