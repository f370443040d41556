"""What is counted on the terminal, and where nothing is."""

import io
import time

from keras_resnets._common.console import progress, ticking


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_counts_and_leaves_no_trace() -> None:
    terminal = Terminal()
    assert list(progress("ab", "image", 2, terminal)) == ["a", "b"]
    assert terminal.getvalue() == "\rimage 1/2\x1b[K\rimage 2/2\x1b[K\r\x1b[K"


def test_progress_counts_what_items_stand_for_and_tells_the_time_left(monkeypatch) -> None:
    terminal, times = Terminal(), iter([0.0, 0.0, 3.0, 6.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(times))
    list(progress("abc", "image", 25, terminal, each=10))
    shown = terminal.getvalue().split("\x1b[K")
    assert shown[:3] == ["\rimage 10/25", "\rimage 20/25, 0:04 left", "\rimage 25/25, 0:02 left"]


def test_seconds_are_counted_while_work_goes_on() -> None:
    terminal = Terminal()
    with ticking("converting,", terminal):
        time.sleep(1.3)
    assert terminal.getvalue() == "\rconverting, 0 s\rconverting, 1 s\r\x1b[K"


def test_a_file_gets_nothing() -> None:
    log = io.StringIO()
    with ticking("converting,", log):
        assert list(progress("ab", "image", 2, log)) == ["a", "b"]
    assert log.getvalue() == ""
