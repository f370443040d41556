"""Epochs and batches by the number of photos."""

import pytest

from training import plan, recipe
from training.run.journal import Journal


@pytest.mark.parametrize(
    ("photos", "epochs", "batch"),
    [(2, 60, 2), (50, 60, 8), (500, 34, 32), (5_000, 19, 32), (50_000, 11, 32), (10**7, 8, 32)],
)
def test_they_follow_from_the_number_of_photos(photos, epochs, batch):
    config = recipe.configure(recipe.read(recipe.find("photos")))
    settled = plan.settled(config, photos)
    assert (settled.epochs, settled.batch_size) == (epochs, batch)
    assert plan.with_views(settled, 3).auto == ()
    scratch = recipe.configure(recipe.read(recipe.find("photos_from_scratch")))
    assert plan.settled(scratch, photos).epochs == 5 * epochs


def test_a_batch_of_large_images_is_smaller():
    assert [plan.batch_size(10**4, side) for side in (224, 288, 289, 600, 4096)] == [
        32,
        32,
        16,
        4,
        1,
    ]


def test_what_is_said_is_not_chosen():
    config = recipe.configure(recipe.read(recipe.find("photos")), ["epochs=3"])
    assert "epochs" not in config.auto
    assert "batch_size" in config.auto
    assert plan.settled(config, 50).epochs == 3
    whole = recipe.configure({"epochs": 7})
    assert plan.settled(whole, 50) == whole


def test_a_run_that_has_begun_keeps_its_numbers():
    config = recipe.configure({"epochs": "auto", "seed": 3})
    begun = plan.settled(config, 500)
    assert plan.as_begun(config, begun) == begun
    other = recipe.configure({"epochs": "auto", "seed": 4})
    assert plan.as_begun(other, begun) != begun


def test_patience_counts_epochs_since_the_best():
    journal = Journal()
    for accuracy in (0.5, 0.6, 0.6, 0.55):
        assert not journal.is_over(epochs=9, patience=2)
        journal.totals = {"images": 1.0, "loss": 1.0, "correct": 1.0}
        journal.end_epoch({"accuracy": accuracy, "loss": 1.0}, 0.1)
    assert journal.best_epoch == 2
    assert journal.is_over(epochs=9, patience=2)
    assert not journal.is_over(epochs=9, patience=None)
    again = Journal.from_dict(journal.to_dict(), 0)
    assert again.is_over(epochs=9, patience=2)
    again.go_on_with_other_data()
    assert not again.is_over(epochs=9, patience=2)
