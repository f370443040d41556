"""Types of command-line options."""

import argparse


def positive(text: str) -> int:
    """An integer above 0.

    Raises:
        argparse.ArgumentTypeError: For anything else.
    """
    number = int(text) if text.strip().isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"Expected an integer above 0. Received: {text!r}")
    return number
