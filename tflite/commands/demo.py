"""Try a .tflite file on one local page: the model runs in the browser, no photo leaves it."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE.tflite")
    parser.add_argument(
        "--port", type=port, default=8000, help="0 takes any that is free (%(default)s)"
    )


def port(text: str) -> int:
    """An argparse type: an integer from 0 to 65535."""
    number = int(text) if text.strip().isdecimal() else -1
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"Expected an integer from 0 to 65535. Received: {text!r}")
    return number


def run(arguments: argparse.Namespace) -> int:
    from ..file.reading import read_file
    from ..use.classifier import Classifier
    from ..use.server import make_server

    content = read_file(arguments.file)
    classifier = Classifier(content)
    with make_server(content, classifier.card, port=arguments.port) as server:
        print(f"http://127.0.0.1:{server.server_port}/  (stop it with Ctrl-C)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0
