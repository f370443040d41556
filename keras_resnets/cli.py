"""The one command, `keras-resnets`: the commands of the library, of training and of the phone."""

from collections.abc import Sequence

from keras_resnets_tflite.cli import COMMANDS as PHONE
from keras_resnets_training.cli import COMMANDS as TRAINING

from keras_resnets._common.program import Command, run_program

ABOUT = "ResNeXt, ResNeSt, Res2Net, ReXNet and kin for Keras 3: from a folder of photos to a phone."
LIBRARY = {
    name: Command(f"{__package__}.commands.{name}", about)
    for name, about in {
        "check": "look at photos before training: copies, wrong labels, what is not used",
        "list": "print a table of all networks",
        "info": "print what a network is, and its checkpoints",
        "convert": "make a .keras file of a checkpoint",
        "explain": "show where in photos a class was seen, and by which paths",
    }.items()
}
COMMANDS = {**TRAINING, **PHONE, **LIBRARY}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns the exit code."""
    return run_program("keras-resnets", ABOUT, COMMANDS, arguments)
