import io
import os
import subprocess
import sys
import threading
import zlib
from typing import Any

import numpy as np
import pytest
from pictures import as_camera_stores, deep_png, encoded, picture, png, turned_by
from PIL import Image

from keras_resnets.errors import MissingExtra, UserError
from keras_resnets.photos import (
    MOST_PIXELS,
    format_of,
    open_photo,
    read_crop,
    read_header,
    read_image,
)

PHOTO = picture(0, 61, 83)
RGB = np.asarray(PHOTO)
LOSSLESS: dict[str, dict[str, Any]] = {
    "PNG": {},
    "WEBP": {"lossless": True},
    "TIFF": {},
    "TIFF lzw": {"compression": "tiff_lzw"},
    "BMP": {},
    "PPM": {},
}


@pytest.mark.parametrize("kind", LOSSLESS)
def test_lossless_files_give_their_pixels(kind, tmp_path):
    content = encoded(PHOTO, kind.split()[0], **LOSSLESS[kind])
    (tmp_path / "photo").write_bytes(content)
    np.testing.assert_array_equal(read_image(content), RGB)
    np.testing.assert_array_equal(read_image(tmp_path / "photo"), RGB)


@pytest.mark.parametrize("kind", ["JPEG", "AVIF", "WEBP"])
def test_lossy_files_give_nearly_their_pixels(kind):
    read = read_image(encoded(PHOTO, kind, quality=95))
    assert np.abs(read.astype(int) - RGB).mean() < 6


def test_heic_is_read():
    heif = pytest.importorskip("pillow_heif")
    content = io.BytesIO()
    heif.from_pillow(PHOTO).save(content, quality=-1, chroma=444)
    assert format_of(content.getvalue()).name == "HEIC"
    assert np.abs(read_image(content.getvalue()).astype(int) - RGB).mean() < 3


def test_heic_without_its_extra_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    extras = {"heif": {"pillow-heif"}}
    monkeypatch.setattr("keras_resnets._common.extras._extras", lambda: extras)
    with pytest.raises(MissingExtra, match=r"'pillow_heif'.*keras-resnets\[heif\]"):
        read_image(b"\0\0\0\x18ftypheic" + bytes(20))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "JPEG"])
def test_the_exif_orientation_is_obeyed(kind, orientation):
    stored = Image.fromarray(as_camera_stores(RGB, orientation))
    options: dict[str, Any] = {"quality": 95} if kind == "JPEG" else LOSSLESS[kind]
    content = encoded(stored, kind, exif=turned_by(orientation), **options)
    read = read_image(content)
    assert read_header(content)[:2] == read.shape[:2] == RGB.shape[:2]
    assert np.abs(read.astype(int) - RGB).max() <= (60 if kind == "JPEG" else 0)
    assert np.abs(read.astype(int) - RGB).mean() < 4


def test_an_orientation_behind_the_pixels_of_a_png_counts():
    content = encoded(PHOTO, "PNG")
    exif = turned_by(6).tobytes().removeprefix(b"Exif\0\0")
    chunk = b"eXIf" + exif
    chunk = len(exif).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    content = content[:-12] + chunk + content[-12:]
    assert read_image(content).shape == (83, 61, 3)
    assert read_header(content)[:3] == (83, 61, 6)


@pytest.mark.parametrize(
    "exif", [b"", b"II*\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff"]
)
@pytest.mark.filterwarnings("ignore:Corrupt EXIF")  # Pillow's, which looks for the resolution
def test_a_broken_exif_block_turns_nothing(exif):
    assert read_image(encoded(PHOTO, "JPEG", exif=b"Exif\0\0" + exif)).shape == (61, 83, 3)


def test_what_is_transparent_lies_on_white():
    alpha = Image.fromarray(np.linspace(0, 255, 61 * 83).reshape(61, 83).astype("uint8"))
    share = np.asarray(alpha)[..., None] / 255
    image = PHOTO.copy()
    image.putalpha(alpha)
    expected = RGB * share + 255 * (1 - share)
    assert np.abs(read_image(encoded(image, "PNG")) - expected).max() <= 1
    grey = image.convert("LA")
    expected = np.asarray(grey)[..., :1] * share + 255 * (1 - share)
    assert np.abs(read_image(encoded(grey, "PNG")) - expected).max() <= 1
    assert read_image(encoded(image, "PNG"))[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_transparent_colour_of_a_palette_is_white(kind):
    image = PHOTO.quantize(16)
    read = read_image(encoded(image, kind, transparency=3))
    indices = np.asarray(image)
    expected = np.where((indices == 3)[..., None], 255, np.asarray(image.convert("RGB")))
    np.testing.assert_array_equal(read, expected)


@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK"])
def test_every_mode_becomes_rgb(mode):
    image = PHOTO.convert(mode)
    content = encoded(image, "TIFF" if mode == "CMYK" else "PNG")
    np.testing.assert_array_equal(read_image(content), np.asarray(image.convert("RGB")))


def test_the_first_frame_of_an_animation_is_taken():
    frames = {"save_all": True, "append_images": [picture(1, 61, 83)], "duration": 50}
    for kind in ("GIF", "WEBP", "PNG"):
        options = {"lossless": True} if kind == "WEBP" else {}
        read = read_image(encoded(PHOTO, kind, **frames, **options))
        assert np.abs(read.astype(int) - RGB).mean() < 8


@pytest.mark.parametrize(("bits", "shift"), [(8, 0), (10, 2), (12, 4), (14, 6), (16, 8)])
def test_data_of_fewer_bits_in_a_16_bit_file_fills_the_range(bits, shift):
    values = np.linspace(0, 2**bits - 1, 300).astype("uint16").reshape(15, 20)
    expected = (values >> shift).astype("uint8")
    assert expected.max() == 255
    for kind in ("PNG", "TIFF"):
        read = read_image(encoded(Image.fromarray(values), kind))
        np.testing.assert_array_equal(read, np.repeat(expected[..., None], 3, axis=2))
    colours = np.stack([values, values[::-1], values[:, ::-1]], axis=2)
    read = read_image(deep_png(colours))
    np.testing.assert_array_equal(read, (colours >> shift).astype("uint8"))
    opaque = np.concatenate([colours, np.full((15, 20, 1), 65535, "uint16")], axis=2)
    np.testing.assert_array_equal(read_image(deep_png(opaque)), (colours >> shift).astype("uint8"))


def test_numbers_with_a_fraction_are_refused():
    content = encoded(Image.fromarray(np.zeros((4, 5), "float32")), "TIFF")
    with pytest.raises(UserError, match="the kind F; 8 or 16 bits a channel"):
        read_image(content)


@pytest.mark.parametrize("cut", [0, 10, 400])
def test_a_broken_file_is_named(cut, tmp_path):
    path = tmp_path / "broken.jpg"
    path.write_bytes(encoded(PHOTO, "JPEG")[:cut])
    with pytest.raises(UserError, match=r"can be decoded. Received: .*broken\.jpg: "):
        read_image(path)


def test_a_missing_file():
    with pytest.raises(FileNotFoundError, match=r"nowhere\.jpg"):
        read_image("nowhere.jpg")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_or_a_device_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.jpg")
    for path in (tmp_path / "x.jpg", "/dev/zero"):
        with pytest.raises(UserError, match="no file but a pipe or device"):
            read_image(path)


@pytest.mark.parametrize("name", [b"caf\xe9.png", b"two\nlines.png", "日本.png".encode()])
def test_a_name_in_any_encoding(name, tmp_path):
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(encoded(PHOTO, "PNG"))
    np.testing.assert_array_equal(read_image(path), RGB)
    path.write_bytes(b"broken")
    with pytest.raises(UserError) as caught:
        read_image(str(path))
    str(caught.value).encode("utf-8")


def huge_png(width, height):
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([1, 0, 0, 0, 0])
    return png(header, b"")


def test_a_photo_beyond_the_limit_is_refused_in_one_line():
    with pytest.raises(UserError, match=r"at most 67,108,864 pixels.*of 50000 x 50000\. Make"):
        read_image(huge_png(50_000, 50_000))
    assert MOST_PIXELS < 8193 * 8192
    with pytest.raises(UserError, match="8193 x 8192"):
        read_image(huge_png(8193, 8192))


def lying_jpeg():
    """A small one whose header says that it is large."""
    content = bytearray(encoded(PHOTO, "JPEG"))
    frame = content.index(b"\xff\xc0") + 5
    content[frame : frame + 4] = (14_000).to_bytes(2, "big") + (12_000).to_bytes(2, "big")
    return bytes(content)


def test_a_jpeg_too_short_for_its_size_is_refused():
    with pytest.raises(UserError, match="bytes cannot hold a JPEG of 12000 x 14000 pixels"):
        read_image(lying_jpeg())
    black = Image.new("RGB", (3000, 2000))  # the smallest that there are
    assert read_image(encoded(black, "JPEG", quality=1, optimize=True)).shape == (2000, 3000, 3)
    assert read_image(encoded(black.convert("L"), "JPEG", optimize=True)).shape == (2000, 3000, 3)


def test_a_very_large_jpeg_is_decoded_at_a_part_of_its_size(monkeypatch):
    content = encoded(PHOTO.resize((830, 610)), "JPEG", quality=95)
    whole = read_image(content)
    monkeypatch.setattr("keras_resnets.photos.decoding.MOST_PIXELS", 200_000)
    half = read_image(content)
    assert half.shape == (305, 415, 3)
    assert read_header(content)[:2] == (610, 830)
    window = (100, 200, 400, 500)
    small = read_crop(content, window, 40)
    expected = Image.fromarray(whole).resize(
        (40, 40), Image.Resampling.BILINEAR, box=(200, 100, 700, 500)
    )
    assert np.abs(small.astype(int) - np.asarray(expected)).max() <= 6
    with pytest.raises(UserError, match="at most 200,000|at most 67"):
        read_image(encoded(PHOTO.resize((830, 610)), "JPEG", progressive=True))


MEMORY = """
import resource, sys
import numpy as np, PIL.Image
from keras_resnets.errors import UserError
from keras_resnets.preprocessing import Preprocessing
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[1:]:
    try:
        Preprocessing(224).read(path)
    except UserError:
        pass
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) / 1024)
"""


def test_thin_and_lying_photos_take_little_memory(tmp_path):
    pytest.importorskip("resource")
    thin = {"1x20000": (1, 20000), "20000x1": (20000, 1), "3x20000": (3, 20000)}
    for name, size in thin.items():
        Image.new("RGB", size).save(tmp_path / f"{name}.png")
    (tmp_path / "lie.jpg").write_bytes(lying_jpeg())
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 300  # megabytes


def test_large_photos_are_decoded_one_at_a_time(monkeypatch):
    monkeypatch.setattr("keras_resnets.photos.decoding.LARGE", 1000)
    content = encoded(PHOTO, "PNG")
    busy, most = [0], [0]
    load = Image.Image.load

    def counted(self):
        busy[0] += 1
        most[0] = max(most[0], busy[0])
        try:
            return load(self)
        finally:
            busy[0] -= 1

    monkeypatch.setattr(
        "keras_resnets.photos.decoding._rgb", lambda name, image, _: counted(image) and image
    )
    threads = [threading.Thread(target=open_photo, args=(content,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


def test_a_crop_is_of_the_upright_photo():
    content = encoded(Image.fromarray(as_camera_stores(RGB, 6)), "PNG", exif=turned_by(6))
    np.testing.assert_array_equal(read_crop(content, (5, 7, 40, 40), 40), RGB[5:45, 7:47])
