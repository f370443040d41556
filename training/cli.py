"""The commands of training. `python -m training` runs them from the checkout."""

from collections.abc import Sequence

from keras_resnets._common.program import Command, run_program

COMMANDS = {
    name: Command(f"{__package__}.commands.{name}", about, extra="training")
    for name, about in {
        "train": "train a network on photos or on a data set",
        "resume": "continue a run where it was stopped",
        "evaluate": "measure a model on labelled images",
        "suspects": "find photos whose labels are probably wrong",
        "report": "write a page of what is known of a run",
        "compare": "put several runs side by side on a page",
        "push": "put a run's model on the Hugging Face hub",
        "show": "draw augmented training images",
    }.items()
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command, `train` where none is named, and returns the exit code."""
    return run_program(
        "python -m training",
        "Trains the networks of keras_resnets.",
        COMMANDS,
        arguments,
        default="train",
    )
