"""The commands around phone files. `python -m tflite` runs them from the checkout."""

from collections.abc import Sequence

from keras_resnets._common.program import Command, run_program

COMMANDS = {
    name: Command(f"{__package__}.commands.{name}", about, extra="tflite")
    for name, about in {
        "export": "convert a model to .tflite files and compare each with Keras",
        "verify": "compare a .tflite file with its model on labelled images",
        "inspect": "show what is in a .tflite file",
        "benchmark": "measure latency and memory of .tflite files",
        "snippet": "print the code that uses a .tflite file in an app",
        "demo": "try a .tflite file on a page in the browser",
    }.items()
}
# Of any model: the library's.
COMMANDS["predict"] = Command("keras_resnets.commands.predict", "name what photos show")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns the exit code."""
    return run_program(
        "python -m tflite", "Puts the networks of keras_resnets on a phone.", COMMANDS, arguments
    )
