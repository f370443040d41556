"""The tally of the tests at the borders tells outcomes apart."""

import time

import pytest
from hardening.tally import Tally, table

from keras_resnets.errors import UserError


def refusing():
    raise UserError("Expected a photo. Received: nothing.")


def test_outcomes_are_told_apart():
    tally = Tally("calls", seconds=0.05)
    outcomes = [
        tally.attempt("right", lambda: True),
        tally.attempt("wrong", lambda: False),
        tally.attempt("refused", refusing),
        tally.attempt("crashed", lambda: [][0]),
        tally.attempt("hung", lambda: time.sleep(5)),
    ]
    assert outcomes == ["exact", "wrong", "refused", "crashed", "hung"]
    with pytest.raises(AssertionError, match=r"3 of 5: wrong: wrong: \ncrashed: crashed: IndexErr"):
        tally.check()


def test_rows_of_one_kind_are_added_up():
    tally = Tally("calls")
    tally.attempt("right", lambda: True)
    tally.count("refused")
    assert table([tally.row(), tally.row()]).splitlines()[2:] == [
        "| calls | 4 | 2 | 2 | 0 | 0 | 0 |"
    ]
    tally.check()
