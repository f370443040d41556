"""What the tests at the borders share. `make hardening` runs all of them and prints their table."""

import json
import os

import pytest
from hardening.tally import Tally


@pytest.fixture
def tally():
    """Makes a `Tally`, which is checked at the end, and whose row goes to `$HARDENING_ROWS`."""
    tallies = []

    def make(kind, **arguments):
        tallies.append(Tally(kind, **arguments))
        return tallies[-1]

    yield make
    if path := os.environ.get("HARDENING_ROWS"):
        with open(path, "a") as file:
            file.writelines(json.dumps(one.row()) + "\n" for one in tallies)
    for one in tallies:
        one.check()


def sizes(few, many):
    """Parametrises a test with how much it tries: few in `make test`, many in `make hardening`."""
    return pytest.mark.parametrize("tries", [few, pytest.param(many, marks=pytest.mark.hardening)])
