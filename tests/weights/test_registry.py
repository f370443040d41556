import re
from pathlib import Path

import pytest

from keras_resnets.preprocessing import IMAGENET_MEAN, Preprocessing
from keras_resnets.weights import (
    HubSource,
    PublishedResult,
    UrlSource,
    checkpoints,
    default_checkpoint,
    find_checkpoint,
)
from keras_resnets.weights.registry import _registry

REFERENCES = Path(__file__).parents[1] / "references" / "data"
ALL = [checkpoint for entries in _registry().values() for checkpoint in entries]


@pytest.mark.parametrize(
    ("pattern", "on_the_hub", "elsewhere"),
    [
        (r"ResNeXt", 26, 0),
        (r"ResNeSt", 8, 5),
        (r"Res2Ne[tX]", 9, 0),
        (r"ReXNetR?\d", 9, 0),
        (r"ReXNetLite", 0, 4),
    ],
)
def test_every_public_checkpoint_is_there(pattern, on_the_hub, elsewhere):
    family = [c.source for c in ALL if re.match(pattern, c.variant)]
    assert sum(isinstance(source, HubSource) for source in family) == on_the_hub
    assert sum(isinstance(source, UrlSource) for source in family) == elsewhere


def test_an_entry_says_all_that_is_known():
    checkpoint = find_checkpoint("ResNeXt50", "a1h_in1k")
    assert checkpoint.name == "resnext50_32x4d.a1h_in1k"
    assert checkpoint.source == HubSource("timm/resnext50_32x4d.a1h_in1k", "model.safetensors")
    assert (checkpoint.licence, checkpoint.permissive) == ("apache-2.0", True)
    assert checkpoint.training_preprocessing == Preprocessing(224, 0.95, "bicubic")
    assert checkpoint.preprocessing == Preprocessing(288, 1.0, "bicubic")
    assert checkpoint.results == (
        PublishedResult(81.14, 224, 0.95),
        PublishedResult(82.016, 288, 1.0),
    )
    assert checkpoint.best_result == PublishedResult(82.016, 288, 1.0)
    assert checkpoint.preprocessing_at(checkpoint.results[0]) == Preprocessing(224, 0.95, "bicubic")


def test_preprocessing_is_not_uniform():
    assert find_checkpoint("ResNet50D", "ra4_e3600_r224_in1k").preprocessing.mean == (0.5,) * 3
    assert find_checkpoint("ResNet50D", "ra2_in1k").preprocessing.mean == IMAGENET_MEAN
    assert find_checkpoint("ResNeSt269", "in1k").preprocessing == Preprocessing(
        416, 0.928, "bicubic"
    )
    torchvision = find_checkpoint("ResNeXt101_32x8d", "tv2_in1k")
    assert torchvision.training_preprocessing == Preprocessing(176)
    assert torchvision.preprocessing == Preprocessing(224, 0.965)


@pytest.mark.parametrize(
    ("variant", "top1", "size"),
    [
        ("ResNet50", 81.240, 288),
        ("ResNeXt50", 82.016, 288),
        ("ResNeXt101_32x8d", 82.834, 224),
        ("ResNeXt101_64x4d", 83.156, 288),
        ("ReXNetR200", 83.164, 288),
        ("ReXNetR300", 84.582, 288),
        ("ResNeSt269", 84.542, 416),
    ],
)
def test_imagenet_is_used_at_the_size_of_its_best_result(variant, top1, size):
    checkpoint = default_checkpoint(variant)
    assert checkpoint.best_result.top1 == pytest.approx(top1, abs=5e-3)
    assert checkpoint.preprocessing.size == size
    known = [c for c in checkpoints(variant) if c.permissive and c.classes == 1000]
    assert checkpoint.best_result.top1 == max(r.top1 for c in known for r in c.results)


def test_without_a_published_result_the_size_is_that_of_training():
    checkpoint = find_checkpoint("ReXNetR200", "sw_in12k")
    assert not checkpoint.results
    assert (
        checkpoint.preprocessing
        == checkpoint.training_preprocessing
        == Preprocessing(224, 0.95, "bicubic")
    )


@pytest.mark.parametrize(
    ("variant", "tag", "licence"),
    [
        ("ResNeXt50", "a1h_in1k", "apache-2.0"),  # not fb_swsl, better at 224 but non-commercial
        ("ResNeXt101_32x8d", "tv2_in1k", "bsd-3-clause"),
        ("ResNeXt101_32x16d", "fb_wsl_ig1b_ft_in1k", "cc-by-nc-4.0"),
        ("Res2Net50_26w_4s", "in1k", "cc-by-nc-sa-4.0"),
        ("ReXNetR200", "sw_in12k_ft_in1k", "apache-2.0"),  # not the one of 11821 classes
        ("ReXNet100", "nav_in1k", "mit"),
        ("ResNeSt50Fast_2s2x40d", "in1k", "apache-2.0"),
        ("ResNet50", "a1_in1k", "apache-2.0"),
    ],
)
def test_imagenet_is_the_best_permissive_checkpoint(variant, tag, licence):
    checkpoint = default_checkpoint(variant)
    assert (checkpoint.tag, checkpoint.licence) == (tag, licence)


def test_without_any_checkpoint_the_nearest_variants_are_named():
    assert checkpoints("ReXNetR100") == ()
    with pytest.raises(ValueError, match="no ImageNet weights of ReXNetR100.*ReXNetR200"):
        default_checkpoint("ReXNetR100")
    with pytest.raises(ValueError, match="ReXNetR130 has no public checkpoint.*ReXNetR300"):
        find_checkpoint("ReXNetR130", "in1k")
    with pytest.raises(ValueError, match="no ImageNet weights of ResNeXt.*ResNeXt50"):
        default_checkpoint("ResNeXt")  # the free-form constructor


def test_an_unknown_tag_names_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'a1h_in1k'.*'tv2_in1k'"):
        find_checkpoint("ResNeXt50", "a1h_1k")


def test_classes():
    assert find_checkpoint("ReXNetR200", "sw_in12k").classes == 11821
    assert {c.classes for c in ALL} == {1000, 11821}
    assert all(c.results for c in ALL if c.classes == 1000)


@pytest.mark.parametrize("checkpoint", [c for c in ALL if isinstance(c.source, UrlSource)])
def test_urls_agree_with_their_hashes(checkpoint):
    if checkpoint.variant.startswith("ReXNetLite"):
        assert checkpoint.source.sha256 is None
    else:
        assert checkpoint.source.url.endswith(f"-{checkpoint.source.sha256}.pth")
        assert len(checkpoint.source.sha256) == 8


def test_tags_are_unique_and_architectures_have_references():
    for variant, entries in _registry().items():
        assert len({c.tag for c in entries}) == len(entries), variant
    assert {c.architecture for c in ALL} <= {path.stem for path in REFERENCES.glob("*.npz")}
