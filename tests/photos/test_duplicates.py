import colorsys
import io

import pytest
from pictures import encoded, scene
from PIL import Image, ImageDraw, ImageEnhance

from keras_resnets.photos import difference, look_at, near_duplicates


def cropped(photo, share):
    across, down = round(photo.width * share), round(photo.height * share)
    return photo.crop((across, down, photo.width - across, photo.height - down))


def recompressed(photo, quality):
    return Image.open(io.BytesIO(encoded(photo, "JPEG", quality=quality)))


def turned(photo):
    return photo.rotate(1.5, Image.Resampling.BICUBIC)


COPIES = {
    "recompressed": lambda photo: recompressed(photo, 25),
    "smaller": lambda photo: photo.resize((photo.width // 2, photo.height // 2)),
    "cropped": lambda photo: cropped(photo, 0.02),
    "brighter": lambda photo: ImageEnhance.Brightness(photo).enhance(1.2),
    "darker": lambda photo: ImageEnhance.Brightness(photo).enhance(0.6),
    "flatter": lambda photo: ImageEnhance.Contrast(photo).enhance(0.7),
    "turned": turned,
    "mirrored": lambda photo: photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
}


def looks_of(photos):
    return [look_at(encoded(photo, "BMP")) for photo in photos]


def groups(photos, class_names=None):
    return near_duplicates(looks_of(photos), class_names or ["cat"] * len(photos))


@pytest.fixture(scope="module")
def photos():
    return [scene(seed, 96, 128) for seed in range(30)]


@pytest.fixture(scope="module")
def looks(photos):
    return looks_of(photos)


@pytest.mark.parametrize("kind", COPIES)
def test_copies_are_found_and_nothing_else(kind, photos, looks):
    copies = looks_of(COPIES[kind](photo) for photo in photos[:6])
    found = near_duplicates([*looks, *copies], ["cat"] * 36)
    assert found == [[index, 30 + index] for index in range(6)]


def test_a_burst_is_one_group():
    photo = scene(0)
    burst = [photo.crop((step, 0, 200 + step, 180)) for step in range(0, 40, 4)]
    assert groups([*burst, scene(1, 180, 200)]) == [list(range(10))]


def product(number):
    """A thing on white, as shops show it: all of one shape, none of one colour and label."""
    image = Image.new("RGB", (200, 200), "white")
    draw = ImageDraw.Draw(image)
    colour = colorsys.hsv_to_rgb(number / 12, 0.8, 0.8)
    fill = tuple(round(255 * channel) for channel in colour)
    draw.rounded_rectangle((30, 40, 120, 190), 20, fill=fill)
    draw.polygon([(120, 60), (185, 90), (120, 120)], fill=fill)
    return image


def test_things_on_white_are_not_all_copies():
    photos = [product(number) for number in range(12)]
    hashes = [look.hash for look in looks_of(photos)]
    # The hash alone would take them for one.
    assert all(
        min((one ^ other).bit_count() for other in hashes if other is not one) <= 8
        for one in hashes
    )
    assert groups(photos) == []
    assert groups([*photos, recompressed(photos[4], 50)]) == [[4, 12]]


def test_mirror_images_may_be_what_tells_two_classes_apart():
    left = scene(0)
    right = left.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert groups([left, right], ["left", "right"]) == []
    assert groups([left, right], ["arrow", "arrow"]) == [[0, 1]]


def test_blank_photos_have_no_copies():
    assert (
        groups([Image.new("RGB", (40, 40), colour) for colour in ("black", "black", "red")]) == []
    )


def test_where_a_camera_stands_still_only_the_closest_are_copies():
    """A part of the picture changes, too little for the wide limits."""
    photos = []
    for number in range(40):
        photo = scene(0, 96, 128)
        photo.paste(scene(100 + number, 20, 20), (50, 30))
        photos.append(photo)
    assert groups(photos[:10]) == [list(range(10))]
    photos += [recompressed(photos[number], 60) for number in (3, 7)]
    found = groups(photos)
    assert all(len(group) <= 10 for group in found)
    assert any({3, 40} <= set(group) for group in found)
    assert any({7, 41} <= set(group) for group in found)


def test_groups_are_those_of_a_slow_comparison_of_each_with_each():
    photos = [scene(seed, 32, 40) for seed in range(60)]
    looks = looks_of([*photos, *(cropped(photo, 0.04) for photo in photos[:40])])
    group_of = list(range(len(looks)))
    for one, look in enumerate(looks):
        for other, second in enumerate(looks):
            if (look.hash ^ second.hash).bit_count() <= 10 and difference(look, second) <= 0.03:
                kept, gone = group_of[one], group_of[other]
                group_of = [kept if group == gone else group for group in group_of]
    members = [[i for i, found in enumerate(group_of) if found == group] for group in set(group_of)]
    expected = sorted(group for group in members if len(group) > 1)
    assert 10 < len(expected) < 40
    assert near_duplicates(looks, [str(index) for index in range(len(looks))]) == expected
