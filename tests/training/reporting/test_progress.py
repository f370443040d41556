"""The bar on a terminal, and lines elsewhere."""

import io

from training.reporting.progress import Progress


class _Terminal(io.StringIO):
    def isatty(self):
        return True


def _run(stream):
    progress = Progress(epochs=2, steps_per_epoch=4, batch_size=10, stream=stream)
    for step in range(1, 5):
        progress._drawn = 0.0  # the bar is drawn at most five times a second
        progress.step(0, step, {"loss": 0.5, "learning_rate": 0.1})
    progress.epoch({"epoch": 1, "loss": 0.5, "validation_accuracy": 0.75})
    return stream.getvalue()


def test_a_terminal_shows_rate_learning_rate_and_time_left():
    shown = _run(_Terminal())
    last = shown.split("\r")[-2]
    assert last.startswith("epoch 1/2  [====================]  4/4  loss 0.5  learning rate 0.1")
    assert "images/s" in last
    assert "left" in last


def test_a_file_gets_one_line_an_epoch():
    assert _run(io.StringIO()) == "epoch 1/2  loss 0.5  validation accuracy 0.75\n"
