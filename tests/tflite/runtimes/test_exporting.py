"""Files for other runtimes say what Keras says, hold the class names, and keep groups one operator."""

import io
import json
import re
from pathlib import Path

import keras
import networks
import numpy as np
import onnx
import openvino
import pytest
import tensorflow as tf
from PIL import Image

from keras_resnets.card import Card
from keras_resnets.classifier import Classifier
from keras_resnets.data import ImageData
from keras_resnets.preprocessing import Preprocessing
from tflite.cli import main
from tflite.runtimes import RUNTIMES
from tflite.runtimes.exporting import compared, export
from tflite.runtimes.served import CARD
from tflite.trained import TrainedModel

NAMES = ('a, "b"', "猫", "c")


@pytest.fixture(scope="module")
def grouped(tmp_path_factory):
    """A ResNeXt with random weights, its files, and pixels with what Keras says of them."""
    random = np.random.default_rng(0)
    keras.utils.set_random_seed(0)
    model = networks.small("ResNeXt", input_shape=(32, 40, 3), classes=3)
    networks.randomise(model, random)
    preprocessing = Preprocessing(size=(32, 40))
    card = Card("ResNeXt", NAMES, preprocessing, data={"folder": "/home/me"})
    trained = TrainedModel(model, card, Path())
    folder = tmp_path_factory.mktemp("é runtimes")
    pixels = random.integers(0, 256, (5, 32, 40, 3), "uint8")
    expected = trained.probabilities(preprocessing.normalize(pixels))
    return export(trained, list(RUNTIMES), folder, force=False), pixels, expected


def test_each_says_what_keras_says_of_any_number_of_images(grouped):
    exported, pixels, expected = grouped
    assert expected.std() > 0.01
    for one in exported:
        for count in (1, 5):
            found = one.run(pixels[:count])
            np.testing.assert_allclose(found, expected[:count], atol=1e-5, err_msg=one.path.name)
        assert one.bytes > 10_000


def test_the_class_names_are_inside(grouped):
    saved_model, onnx_file, openvino_file = (one.path for one in grouped[0])
    made = onnx.load(str(onnx_file))
    cards = [{entry.key: entry.value for entry in made.metadata_props}[CARD]]
    read = openvino.Core().read_model(str(openvino_file))
    cards += [read.get_rt_info(CARD).value]
    cards += [(saved_model / "assets.extra" / "card.json").read_text("utf-8")]
    for card in map(json.loads, cards):
        assert card["class_names"] == list(NAMES)
        assert card["preprocessing"]["size"] == [32, 40]
        assert card["data"] is None
    classes = (saved_model / "assets.extra" / "classes.txt").read_text("utf-8")
    assert classes.splitlines() == list(NAMES)


def test_grouped_convolutions_are_one_operator_each(grouped):
    """Two blocks, so two of them, of as many groups as the deployed form has."""
    saved_model, onnx_file, openvino_file = (one.path for one in grouped[0])
    nodes = onnx.load(str(onnx_file)).graph.node
    groups = [a.i for node in nodes for a in node.attribute if a.name == "group" and a.i > 1]
    assert len(groups) == 2
    kinds = [op.get_type_name() for op in openvino.Core().read_model(str(openvino_file)).get_ops()]
    assert kinds.count("GroupConvolution") == 2
    assert kinds.count("Convolution") == sum(n.op_type == "Conv" for n in nodes) - 2
    loaded = tf.saved_model.load(str(saved_model))
    definition = loaded.signatures["serving_default"].graph.as_graph_def()
    operators = [
        node.op
        for nodes in (definition.node, *(f.node_def for f in definition.library.function))
        for node in nodes
    ]
    assert operators.count("Conv2D") == sum(
        n.op_type == "Conv" for n in onnx.load(str(onnx_file)).graph.node
    )
    assert not any(re.search("Py|Xla", operator) for operator in operators)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_each_is_exported_alone(run, tmp_path, capsys, runtime):
    """Keras refuses some of them where no other was made before."""
    arguments = ["export", str(run), "--to", runtime, "--output", str(tmp_path), "--images", "10"]
    assert main(arguments) == 0
    assert re.search(r"^(\S+) +100.00% +100.00% ", capsys.readouterr().out, re.MULTILINE)


def test_many_labels_are_compared_as_a_whole(tmp_path):
    keras.utils.set_random_seed(0)
    model = networks.small(
        "ResNeXt", input_shape=(32, 32, 3), classes=3, classifier_activation="sigmoid"
    )
    networks.randomise(model, np.random.default_rng(0))
    card = Card("ResNeXt", NAMES, Preprocessing(size=32), multi_label=True)
    trained = TrainedModel(model, card, Path())
    pictures = np.random.default_rng(1).integers(0, 256, (6, 32, 32, 3), "uint8")
    content = [tf.io.encode_png(picture).numpy() for picture in pictures]
    said = trained.probabilities(card.preprocessing.normalize(pictures)) > 0.5
    labels = said.astype("uint8")
    labels[0, 1] ^= 1  # one of its labels is wrong, and so is the photo
    data = ImageData(
        "some",
        NAMES,
        {"test": 6},
        lambda split, *, shuffle_files: tf.data.Dataset.from_tensor_slices((content, labels)),
        multi_label=True,
    )
    exported = export(trained, ["onnx"], tmp_path, force=False)
    rows = compared(trained, exported, data, split="test", limit=None).splitlines()[2:]
    assert [row.split()[:2] for row in rows] == [["Keras", "83.33%"], ["ResNeXt.onnx", "83.33%"]]
    assert "100.00%" in rows[1]


def test_encoded_photos_are_read_as_predict_reads_them(run, tmp_path, capsys):
    assert main(["export", str(run), "--to", *RUNTIMES, "--output", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    rows = re.findall(r"^(\S+) +100.00% +100.00% +(\S+) ", printed, re.MULTILINE)
    assert [name for name, _ in rows] == [f"ResNeSt{suffix}" for suffix in RUNTIMES.values()]
    assert max(float(difference) for _, difference in rows) < 1e-4

    random = np.random.default_rng(0)
    contents = []
    for kind, (height, width) in (("JPEG", (90, 70)), ("PNG", (16, 60)), ("BMP", (40, 33))):
        blobs = Image.fromarray(random.integers(0, 256, (6, 7, 3), "uint8"))
        file = io.BytesIO()
        blobs.resize((width, height), Image.Resampling.BICUBIC).save(file, kind)
        contents.append(file.getvalue())
    loaded = tf.saved_model.load(str(tmp_path / "ResNeSt.saved_model"))
    found = loaded.signatures["encoded"](content=tf.constant(contents))["probabilities"].numpy()
    classifier = Classifier.load(run)
    for answer, content in zip(found, contents, strict=True):
        expected = dict(classifier.classify(content, top=3))
        told = dict(zip(("blue", "green", "red"), answer, strict=True))
        for name, probability in expected.items():
            assert told[name] == pytest.approx(probability, abs=0.02)

    assert main(["export", str(run), "--to", "onnx", "--output", str(tmp_path)]) == 2
    assert "ResNeSt.onnx. Overwrite" in capsys.readouterr().err
    again = ["export", str(run), "--to", "saved_model", "--output", str(tmp_path), "--force"]
    assert main(again) == 0
    assert not list(tmp_path.glob(".*"))
