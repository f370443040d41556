"""Splits that a folder does not have: copies stay together, and every class is everywhere."""

from pathlib import Path

import pytest
from albums import album, contents
from pictures import scene

from keras_resnets.data import open_data
from keras_resnets.photos import look_at


def burst(path, seed, frames):
    """Frames of one scene, each of other bytes."""
    path.mkdir(parents=True, exist_ok=True)
    photo = scene(seed, 90, 120)
    for frame in range(frames):
        photo.crop((frame, 0, 100 + frame, 90)).save(path / f"{seed}_{frame}.png")


def draw(sha):
    return int(sha[:13], 16) / 16**13


def test_frames_of_a_burst_share_a_split(tmp_path):
    for name, start in (("cat", 0), ("dog", 100)):
        for seed in range(start, start + 20):
            burst(tmp_path / name, seed, 4)
    data = open_data(folder=str(tmp_path))
    scenes = [
        {Path(photo.path).name.split("_")[0] for photo in photos} for photos in data.photos.values()
    ]
    assert sum(map(len, scenes)) == len(set.union(*scenes)) == 40
    assert min(data.sizes.values()) >= 8  # of 160; the bursts are not all trained on


def test_photos_without_copies_are_where_their_content_says(tmp_path):
    """What runs from before were trained on."""
    data = open_data(folder=str(album(tmp_path, each=60)))
    for split, (low, high) in {
        "train": (0.0, 0.8),
        "validation": (0.8, 0.9),
        "test": (0.9, 1.0),
    }.items():
        assert data.sizes[split] >= 5
        assert all(low <= draw(sha) < high for sha, _ in contents(data, split))


@pytest.mark.parametrize("each", [3, 4, 6, 12])
def test_every_class_is_in_every_split(tmp_path, each):
    data = open_data(folder=str(album(tmp_path, "abcdef", each=each)))
    assert sum(data.sizes.values()) == 6 * each
    for counts in data.counts.values():
        assert min(counts) >= 1


def test_a_class_that_is_one_burst_stays_together(tmp_path):
    album(tmp_path, ("dog",), each=20)
    burst(tmp_path / "cat", 500, 8)
    data = open_data(folder=str(tmp_path))
    assert [data.counts[split][0] for split in ("train", "validation", "test")] == [8, 0, 0]


def test_a_copy_in_another_class_goes_with_it(tmp_path):
    album(tmp_path, each=10)
    for number in range(10):
        photo = scene(number, 90, 120)
        photo.save(tmp_path / "cat" / f"scene{number}.png")
        photo.resize((60, 45)).save(tmp_path / "dog" / f"scene{number}.png")
    data = open_data(folder=str(tmp_path))
    assert all(data.sizes.values())
    for photos in data.photos.values():
        names = [path.name for path in (Path(photo.path) for photo in photos)]
        scenes = [name for name in names if name.startswith("scene")]
        assert all(scenes.count(name) == 2 for name in scenes)


def test_photos_are_the_files_of_the_examples(tmp_path):
    data = open_data(folder=str(album(tmp_path, each=10)))
    for split, photos in data.photos.items():
        assert [(photo.sha256, *photo.class_names) for photo in photos] == contents(data, split)
        for photo in photos:
            with open(photo.path, "rb") as file:
                assert photo.look == look_at(file.read())
