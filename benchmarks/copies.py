"""How many copies of photos are found, by the kind of copy, and how many pairs that are none.

python -m benchmarks.copies PHOTOS
"""

import argparse
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from keras_resnets._common.tables import table
from keras_resnets.data import open_data
from keras_resnets.photos import Look, look_at, near_duplicates, open_photo

Change = Callable[[Image.Image], Image.Image]


def encoded(photo: Image.Image, quality: int = 92) -> bytes:
    content = io.BytesIO()
    photo.save(content, "JPEG", quality=quality)
    return content.getvalue()


def cropped(left: float, top: float, right: float, bottom: float) -> Change:
    def change(photo: Image.Image) -> Image.Image:
        width, height = photo.size
        return photo.crop(
            (
                round(width * left),
                round(height * top),
                round(width * (1 - right)),
                round(height * (1 - bottom)),
            )
        )

    return change


def blurred(sigma: float) -> Change:
    """By a Gaussian of so many pixels, were the shorter side 224."""
    return lambda photo: photo.filter(ImageFilter.GaussianBlur(sigma * min(photo.size) / 224))


def moved(share: float) -> Change:
    """As by a camera that moves to the side by so much of the shorter side."""

    def change(photo: Image.Image) -> Image.Image:
        steps = range(max(round(share * min(photo.size)), 1))
        frames = [np.roll(np.asarray(photo, np.float32), step, axis=1) for step in steps]
        return Image.fromarray(np.mean(frames, axis=0).astype(np.uint8))

    return change


COPIES: dict[str, Change] = {
    "recompressed, quality 30": lambda photo: Image.open(io.BytesIO(encoded(photo, 30))),
    "recompressed, quality 10": lambda photo: Image.open(io.BytesIO(encoded(photo, 10))),
    "half the size": lambda photo: photo.reduce(2),
    "brighter by 30 %": lambda photo: ImageEnhance.Brightness(photo).enhance(1.3),
    "darker by 40 %": lambda photo: ImageEnhance.Brightness(photo).enhance(0.6),
    "contrast less by 30 %": lambda photo: ImageEnhance.Contrast(photo).enhance(0.7),
    "turned by 2°": lambda photo: photo.rotate(2, Image.Resampling.BICUBIC),
    "mirrored": lambda photo: photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "2 % off each side": cropped(0.02, 0.02, 0.02, 0.02),
    "4 % off each side": cropped(0.04, 0.04, 0.04, 0.04),
    "8 % off each side": cropped(0.08, 0.08, 0.08, 0.08),
    "5 % off the left": cropped(0.05, 0, 0, 0),
    "10 % off the left": cropped(0.1, 0, 0, 0),
}
BLURS: dict[str, Change] = {
    "as they are": lambda photo: photo,
    "Gaussian of 1 pixel at 224": blurred(1),
    "Gaussian of 2": blurred(2),
    "Gaussian of 3": blurred(3),
    "moved by 9 pixels at 224": moved(9 / 224),
    "moved by 15": moved(15 / 224),
}


def is_copy(one: Look, other: Look) -> bool:
    return bool(near_duplicates([one, other], ["", ""]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("photos", type=Path, help="a folder of photos, one folder a class")
    folder = parser.parse_args().photos
    found = open_data(folder=str(folder), everything=True).photos["test"]
    looks = [photo.look for photo in found]
    groups = near_duplicates(looks, [photo.class_names for photo in found])
    print(f"{len(looks)} photos; as they are, copies of one another: {groups}\n")
    photos = [open_photo(photo.path).image for photo in found]

    def share(change: Change, answer: Callable[[Look, Look], bool]) -> str:
        pairs = zip(photos, looks, strict=True)
        hits = [answer(look, look_at(encoded(change(photo)))) for photo, look in pairs]
        return f"{np.mean(hits):.1%}"

    rows = [[kind, share(change, is_copy)] for kind, change in COPIES.items()]
    print(table(["copy", "found"], rows), "\n")
    rows = [
        [kind, share(change, lambda _, look: look.is_blurred)] for kind, change in BLURS.items()
    ]
    print(table(["photos", "called blurred"], rows))


if __name__ == "__main__":
    main()
