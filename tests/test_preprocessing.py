import io
import json
import math

import keras
import numpy as np
import pytest
from pictures import as_camera_stores, encoded, scene, turned_by
from PIL import Image

from keras_resnets.photos import open_photo
from keras_resnets.preprocessing import (
    IMAGENET_MEAN,
    Preprocessing,
    decode_predictions,
    imagenet_classes,
    preprocess_input,
    read_image,
)


def photo(height, width, seed=0):
    """Smooth blobs with some grain: what a photo looks like to a resizer."""
    random = np.random.default_rng(seed)
    blobs = Image.fromarray(random.integers(0, 256, (9, 12, 3), dtype="uint8"))
    smooth = np.asarray(blobs.resize((width, height), Image.Resampling.BICUBIC)).astype(int)
    return (smooth + random.integers(-12, 13, smooth.shape)).clip(0, 255).astype("uint8")


def kernel(interpolation, x):
    x = abs(x)
    if interpolation == "bilinear":
        return max(0.0, 1 - x)
    if x < 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def resize_axis(image, new, interpolation, antialias):
    """The definition: each new pixel is the kernel's average over the old ones, axis 0 only."""
    old = image.shape[0]
    scale = max(1.0, old / new) if antialias else 1.0
    rows = []
    for i in range(new):
        centre = (i + 0.5) * old / new
        weights = [kernel(interpolation, (j + 0.5 - centre) / scale) for j in range(old)]
        rows.append(np.tensordot(weights, image, 1) / sum(weights))
    return np.array(rows)


def expected_pixels(image, size, crop_fraction, interpolation, antialias):
    """timm's evaluation transform, by loops: resize the short side, crop the centre."""
    height, width = image.shape[:2]
    target = math.floor(size / crop_fraction)
    if height <= width:
        resized = target, int(target * width / height)
    else:
        resized = int(target * height / width), target
    whole = image
    # Pillow 12 and later begin with the axis that shrinks most, and keep bytes between the two.
    for axis in sorted((1, 0), key=lambda axis: resized[axis] / image.shape[axis]):
        whole = resize_axis(whole.swapaxes(0, axis), resized[axis], interpolation, antialias)
        whole = whole.swapaxes(0, axis)
        whole = np.rint(whole).clip(0, 255) if antialias else whole
    whole = np.rint(whole).clip(0, 255)
    top = round((resized[0] - size) / 2.0)
    left = round((resized[1] - size) / 2.0)
    return whole[top : top + size, left : left + size]


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize(
    ("height", "width", "size", "crop_fraction"),
    [(61, 83, 32, 0.875), (90, 40, 31, 0.9), (20, 33, 32, 1.0), (41, 41, 24, 0.95)],
)
def test_pixels_follow_the_definition(height, width, size, crop_fraction, interpolation, antialias):
    image = photo(height, width)
    pixels = Preprocessing(size, crop_fraction, interpolation, antialias).pixels(image)
    expected = expected_pixels(image, size, crop_fraction, interpolation, antialias)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (size, size, 3)
    # Pillow rounds halves up, the formula to even: a grey level for a few pixels.
    assert np.abs(pixels - expected).max() <= 1
    assert np.abs(pixels - expected).mean() < 0.05


@pytest.mark.parametrize(
    ("height", "width", "resized"),
    # torchvision cuts the long side down; 256 * 500 / 375 = 341.33, 256 * 334 / 500 is the short one
    [
        (375, 500, (256, 341)),
        (500, 334, (383, 256)),
        (100, 199, (256, 509)),
        (256, 256, (256, 256)),
    ],
)
def test_resized_size_of_a_square_crop(height, width, resized):
    assert Preprocessing(224, 0.875).resized(height, width) == resized


@pytest.mark.parametrize(
    ("height", "width", "resized"),
    # timm's ResizeKeepRatio to cover (256, 292): ratio 375 / 256, 400 / 292, 100 / 292 (rounded)
    [(375, 500, (256, 341)), (480, 400, (350, 292)), (99, 100, (289, 292))],
)
def test_resized_size_of_an_oblong_crop(height, width, resized):
    preprocessing = Preprocessing((224, 256), 0.875)
    assert preprocessing.resized(height, width) == resized
    assert preprocessing.pixels(photo(height, width)).shape == (224, 256, 3)


def test_the_crop_rounds_halves_to_even():
    # 35 - 32 = 3 spare pixels: round(1.5) = 2 above; 33 - 32 = 1: round(0.5) = 0 on the left
    ramp = np.arange(35 * 33, dtype="uint16").reshape(35, 33, 1) % 251
    image = np.repeat(ramp.astype("uint8"), 3, axis=2)
    kept = Preprocessing((32, 32), 32 / 33).pixels(image)
    assert Preprocessing(32, 32 / 33).resized(35, 33) == (35, 33)
    np.testing.assert_array_equal(kept, image[2:34, 0:32])


def test_every_crop_is_covered():
    random = np.random.default_rng(0)
    for _ in range(300):
        height, width = random.integers(1, 400, 2).tolist()
        preprocessing = Preprocessing((height, width), float(random.uniform(0.3, 1)))
        resized = preprocessing.resized(*random.integers(1, 2000, 2).tolist())
        assert resized[0] >= height
        assert resized[1] >= width


def test_normalize_is_float32_arithmetic():
    x = np.array([[[0, 128, 255]]], "uint8")
    expected = (x / 255 - np.array(IMAGENET_MEAN)) / np.array((0.229, 0.224, 0.225))
    for values in (x, x.astype("float32"), keras.ops.convert_to_tensor(x.astype("float32"))):
        normalized = keras.ops.convert_to_numpy(Preprocessing().normalize(values))
        assert normalized.dtype == np.float32
        np.testing.assert_allclose(normalized, expected, rtol=1e-6)
    one_channel = Preprocessing(mean=(0.5,), std=(0.25,)).normalize(np.array([255], "uint8"))
    np.testing.assert_array_equal(one_channel, np.array([2], "float32"))


def test_call_is_pixels_then_normalize():
    preprocessing = Preprocessing(24, mean=(0.5,) * 3, std=(0.5,) * 3)
    image = photo(30, 40)
    batch = preprocessing(image)
    assert batch.dtype == np.float32
    np.testing.assert_allclose(batch, preprocessing.pixels(image) / 127.5 - 1, atol=1e-6)


@pytest.mark.parametrize(
    "preprocessing",
    [Preprocessing(), Preprocessing((160, 192), 1.0, "bicubic", False, (0.0,), (1.0,))],
)
def test_json_round_trip(preprocessing):
    values = json.loads(json.dumps(preprocessing.to_dict()))
    assert Preprocessing.from_dict(values) == preprocessing


def test_from_dict_names_the_keys():
    with pytest.raises(ValueError, match="antialias.*Received.*'side'"):
        Preprocessing.from_dict({"side": 224})
    with pytest.raises(ValueError, match="Received: list"):
        Preprocessing.from_dict([1])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="size="):
        Preprocessing.from_dict({**Preprocessing().to_dict(), "size": [[224], 1]})


@pytest.mark.parametrize(
    ("arguments", "received"),
    [
        ({"size": 0}, "size=0"),
        ({"size": (1, 2, 3)}, r"size=\(1, 2, 3\)"),
        ({"size": 224.0}, "size=224.0"),
        ({"crop_fraction": 1.5}, "crop_fraction=1.5"),
        ({"crop_fraction": 0}, "crop_fraction=0"),
        ({"interpolation": "lanczos"}, "'bilinear' or 'bicubic'.*'lanczos'"),
        ({"mean": (0.5,)}, r"mean=\(0.5,\)"),
        ({"std": (0.2, 0.2, 0)}, "std"),
        ({"std": (0.2, 0.2, -1)}, "std"),
        ({"std": (0.2, 0.2, math.inf)}, "std=.*inf"),
        ({"std": (0.2, 0.2, 1e-320)}, "std"),
        ({"std": [0.2, 0.2, 0.2]}, "std"),
        ({"mean": (0.5, 0.5, math.nan)}, "mean=.*nan"),
        ({"mean": (0.5, 0.5, 1e300)}, "mean"),
        ({"mean": (0.5, 0.5, "0.5")}, "mean"),
        ({"mean": None}, "mean=None"),
        ({"mean": (), "std": ()}, "one length"),
        ({"size": True}, "size=True"),
        ({"size": "224"}, "size='224'"),
        ({"size": 10**9}, "at most 16,384 pixels"),
        ({"size": 224, "crop_fraction": 1e-9}, "at most 16,384 pixels"),
        ({"crop_fraction": math.nan}, "crop_fraction=nan"),
        ({"crop_fraction": "1"}, "crop_fraction='1'"),
        ({"interpolation": ["bilinear"]}, "bicubic"),
        ({"antialias": 1}, "antialias=1"),
    ],
)
def test_what_cannot_be_is_refused(arguments, received):
    with pytest.raises(ValueError, match=received):
        Preprocessing(**arguments)


@pytest.mark.parametrize("image", [np.zeros((4, 4), "uint8"), np.zeros((4, 4, 3), "float32")])
def test_pixels_wants_an_rgb_image(image):
    with pytest.raises(ValueError, match="uint8. Received: shape="):
        Preprocessing(4).pixels(image)


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize(("height", "width"), [(9, 90), (120, 20), (40, 300), (1, 77)])
def test_elongated_photos_follow_the_definition_too(height, width, interpolation, antialias):
    image = photo(height, width)
    pixels = Preprocessing(32, 0.875, interpolation, antialias).pixels(image)
    expected = expected_pixels(image, 32, 0.875, interpolation, antialias)
    assert np.abs(pixels - expected).max() <= 1
    assert np.abs(pixels - expected).mean() < 0.05


def test_the_ends_of_a_thin_photo_are_not_resized():
    image = np.zeros((1, 20_000, 3), "uint8")
    image[:, 10_000:] = 200
    pixels = Preprocessing(224).pixels(image)
    # A pixel of the photo is 256 wide: of 224 columns the left half shows the last black one.
    assert pixels[:, 0].max() < 20
    assert pixels[:, -1].min() > 180
    assert np.abs(pixels[:, 111:113].mean() - 100) < 2


def test_read_is_pixels_of_read_image():
    preprocessing = Preprocessing(32, interpolation="bicubic")
    content = io.BytesIO()
    Image.fromarray(photo(61, 83)).save(content, "JPEG")
    np.testing.assert_array_equal(
        preprocessing.read(content.getvalue()), preprocessing.pixels(read_image(content.getvalue()))
    )


LARGE = scene(3, 573, 901)  # no multiples of 2


def jpeg(image, orientation=1, **options):
    stored = Image.fromarray(as_camera_stores(np.asarray(image), orientation))
    return encoded(stored, "JPEG", quality=92, exif=turned_by(orientation), **options)


def most_apart(preprocessing, content):
    """Grey levels between what is read at once and what is decoded whole, and the largest."""
    whole = preprocessing.pixels(read_image(content)).astype(int)
    apart = np.abs(preprocessing.read(content) - whole)
    return apart.mean(), apart.max()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [31, (31, 26), 70])
def test_a_large_jpeg_is_decoded_at_a_part_of_its_size_as_if_it_were_whole(size, orientation):
    content = jpeg(LARGE, orientation)
    preprocessing = Preprocessing(size, crop_fraction=1.0, interpolation="bicubic")
    shown = open_photo(content, 4 * np.max(size)).image.size
    assert shown == ((226, 144) if np.max(size) < 70 else (451, 287))
    mean, most = most_apart(preprocessing, content)
    assert 0 < mean < 0.2
    assert most <= 2


@pytest.mark.parametrize("options", [{"progressive": True}, {"subsampling": 0}])
def test_so_are_other_kinds_of_jpeg(options):
    for image in (LARGE, LARGE.convert("L"), LARGE.convert("CMYK")):
        content = encoded(image, "JPEG", quality=92, **options)
        mean, most = most_apart(Preprocessing(31, crop_fraction=0.9), content)
        assert 0 < mean < 0.4
        assert most <= 3


def test_a_large_elongated_jpeg_is_too():
    content = jpeg(scene(4, 257, 2003), 6)
    mean, most = most_apart(Preprocessing(30, crop_fraction=1.0, interpolation="bicubic"), content)
    assert 0 < mean < 0.3
    assert most <= 2


def test_what_is_sampled_and_what_is_hardly_larger_is_decoded_whole():
    content = jpeg(LARGE)
    assert most_apart(Preprocessing(31, crop_fraction=1.0, antialias=False), content) == (0, 0)
    assert most_apart(Preprocessing(72, crop_fraction=1.0), content) == (0, 0)


def test_preprocess_input_is_the_torch_mode_of_keras_applications():
    x = photo(5, 4)[None]
    theirs = keras.applications.imagenet_utils.preprocess_input(x.astype("float32"), mode="torch")
    ours = preprocess_input(x)
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
    tensor = preprocess_input(keras.ops.convert_to_tensor(x))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(tensor), ours, atol=1e-6)
    assert keras.backend.standardize_dtype(tensor.dtype) == "float32"


def test_preprocess_input_refuses_channels_first():
    with pytest.raises(ValueError, match="channels_last.*Received: data_format='channels_first'"):
        preprocess_input(np.zeros((1, 3, 4, 4)), data_format="channels_first")
    with pytest.raises(ValueError, match=r"RGB in the last axis. Received: shape=\(1, 3, 4, 4\)"):
        preprocess_input(np.zeros((1, 3, 4, 4)))


def test_the_imagenet_classes_are_in_order():
    classes = imagenet_classes()
    assert len(classes) == len({wnid for wnid, _ in classes}) == 1000
    assert [wnid for wnid, _ in classes] == sorted(wnid for wnid, _ in classes)
    assert classes[0] == ("n01440764", "tench")
    assert classes[207] == ("n02099601", "golden_retriever")
    assert classes[386] == ("n02504458", "African_elephant")
    assert classes[999] == ("n15075141", "toilet_tissue")


def test_decode_predictions_names_the_best_first():
    preds = np.zeros((2, 1000), "float32")
    preds[0, [207, 0]] = 0.7, 0.2
    preds[1, 999] = 1
    first, second = decode_predictions(preds, top=2)
    assert [(wnid, name) for wnid, name, _ in first] == [
        ("n02099601", "golden_retriever"),
        ("n01440764", "tench"),
    ]
    assert [score for *_, score in first] == pytest.approx([0.7, 0.2])
    assert second[0] == ("n15075141", "toilet_tissue", 1.0)
    assert [len(row) for row in decode_predictions(keras.ops.convert_to_tensor(preds))] == [5, 5]


@pytest.mark.parametrize("shape", [(1000,), (1, 10), (1, 1000, 1)])
def test_decode_predictions_wants_the_imagenet_classes(shape):
    with pytest.raises(ValueError, match=r"\(samples, 1000\). Received: shape="):
        decode_predictions(np.zeros(shape))
