"""An engine whose calls take what the driver says, for the tests of the driver."""

from benchmarks.rivals.engines.protocol import serve


def constant(milliseconds):
    print("chatter on standard output")
    return lambda: milliseconds


def broken():
    raise ValueError("Expected a model.\nMore than one line of it.")


def dying():
    raise SystemExit(3)


if __name__ == "__main__":
    serve({"constant": constant, "broken": broken, "dying": dying})
