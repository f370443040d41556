import numpy as np
import pytest
from pictures import encoded, picture, png
from PIL import Image

from keras_resnets.photos import problem_of

PHOTO = picture(0, 20, 30)
HEADER = (30).to_bytes(4, "big") + (20).to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
ROWS = b"".join(b"\0" + row.tobytes() for row in np.asarray(PHOTO))


def test_whole_photos_have_no_problem():
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM"):
        assert problem_of(encoded(PHOTO, kind)) is None
    for mode in ("1", "L", "LA", "P", "RGBA"):
        assert problem_of(encoded(PHOTO.convert(mode), "PNG")) is None
    assert problem_of(png(HEADER, ROWS)) is None


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_an_interlaced_png_is_whole(mode):
    """Sizes by Adam7's definition: the pixels of each pass, counted one by one."""
    for width, height in ((30, 20), (1, 1), (3, 9), (5, 2)):
        depth, colour, bits = {"1": (1, 0, 1), "L": (8, 0, 8), "P": (8, 3, 8), "RGB": (8, 2, 24)}[
            mode
        ]
        half = ("16462646", "77777777", "56565656", "77777777")
        grid = (*half, "36463646", *half[1:])
        rows = b""
        for step in range(1, 8):
            for y in range(height):
                columns = sum(grid[y % 8][x % 8] == str(step) for x in range(width))
                if columns:
                    rows += bytes(1 + -(-columns * bits // 8))
        header = width.to_bytes(4, "big") + height.to_bytes(4, "big")
        header += bytes([depth, colour, 0, 0, 1])
        palette = [(b"PLTE", bytes(3))] if mode == "P" else []
        assert problem_of(png(header, rows, *palette)) is None
        assert "pixels for" in str(problem_of(png(header, rows[:-1], *palette)))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "an empty file"),
        (b"Dear diary", "not an image"),
        (encoded(PHOTO, "JPEG")[:-300], "Truncated"),
        (encoded(PHOTO, "PNG")[:-12], "cut short"),
        (png(HEADER, ROWS[:-90]), "pixels for 1,730 of 1,820 bytes"),
        (png(HEADER, ROWS, (b"WHAT", b"")), "unknown critical chunk WHAT"),
        (png(HEADER, ROWS, (b"IHDR", HEADER)), "not exactly one header"),
        (png(HEADER[:9] + b"\3" + HEADER[10:], bytes(20 * 31)), "no palette"),
        (encoded(Image.fromarray(np.zeros((4, 5), "float32")), "TIFF"), "the kind F"),
    ],
)
def test_what_is_wrong_is_told_in_a_few_words(content, problem):
    assert problem in str(problem_of(content))


def test_a_damaged_check_sum_is_found():
    content = bytearray(encoded(PHOTO, "PNG"))
    content[len(content) // 2] ^= 1
    assert problem_of(bytes(content)) is not None


def test_what_other_bytes_do_is_an_answer_and_no_exception():
    random = np.random.default_rng(0)
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM"):
        whole = encoded(PHOTO, kind)
        for number in range(12):
            content = bytearray(whole)
            for _ in range(1 + number % 3):
                content[random.integers(len(content))] = random.integers(256)
            problem = problem_of(bytes(content))
            assert problem is None or (problem and len(problem) < 300)
