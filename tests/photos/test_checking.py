import numpy as np
import pytest
from pictures import encoded, picture, png
from PIL import Image

from keras_resnets.errors import UserError
from keras_resnets.photos import problem_of, read_image

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


FRAMES = {"save_all": True, "append_images": [picture(1, 20, 30)], "duration": 50}
WHOLE: dict[str, bytes] = {
    **{kind: encoded(PHOTO, kind) for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF", "PPM")},
    **{f"{kind} animated": encoded(PHOTO, kind, **FRAMES) for kind in ("PNG", "WEBP", "GIF")},
    **{
        f"TIFF {kind}": encoded(PHOTO, "TIFF", compression=kind)
        for kind in (None, "tiff_lzw", "jpeg", "tiff_adobe_deflate", "packbits")
    },
    "JPEG progressive": encoded(PHOTO, "JPEG", progressive=True),
    "PNG of a palette": encoded(PHOTO.quantize(16), "PNG"),
    "WEBP lossless": encoded(PHOTO, "WEBP", lossless=True),
    "TIFF of fax": encoded(PHOTO.convert("1"), "TIFF", compression="group4"),
}


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.filterwarnings("ignore:Corrupt EXIF", "ignore:Truncated File Read")
def test_a_file_that_is_cut_is_refused_or_has_all_its_pixels(kind):
    content = WHOLE[kind]
    whole = read_image(content)
    places = {
        *np.linspace(1, len(content) - 1, 40).astype(int),
        *range(len(content) - 20, len(content)),
    }
    refused = 0
    for place in places:
        cut = content[:place]
        if problem_of(cut) is None:
            np.testing.assert_array_equal(read_image(cut), whole)
        else:
            with pytest.raises(UserError, match=r"\A.*\Z"):
                read_image(cut)
            refused += 1
    assert refused > 15


@pytest.mark.parametrize("rows", range(0, 20, 3))
def test_a_png_that_ends_well_but_early_is_refused_by_every_reader(rows):
    content = png(HEADER, ROWS[: rows * 91])
    with pytest.raises(UserError, match=rf"pixels for {rows * 91:,} of 1,820 bytes"):
        read_image(content)
    assert problem_of(content) == f"pixels for {rows * 91:,} of 1,820 bytes"


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
