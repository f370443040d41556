"""What the user sees: progress, and none of the chatter of C++ libraries."""

import contextlib
import os
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterable, Iterator
from typing import TextIO, TypeVar

Item = TypeVar("Item")


@contextlib.contextmanager
def quiet() -> Iterator[TextIO]:
    """Keeps whatever Python and C++ write to the standard streams out of the terminal.

    Yields:
        A stream that still reaches the terminal, for progress.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stdout.flush()
    sys.stderr.flush()
    with contextlib.ExitStack() as stack:
        terminal = stack.enter_context(os.fdopen(os.dup(2), "w"))
        log = stack.enter_context(tempfile.TemporaryFile("w+"))
        for descriptor in (1, 2):
            saved = os.dup(descriptor)
            stack.callback(os.close, saved)
            stack.callback(os.dup2, saved, descriptor)
            os.dup2(log.fileno(), descriptor)
        stack.enter_context(contextlib.redirect_stdout(log))
        stack.enter_context(contextlib.redirect_stderr(log))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        yield terminal


def progress(items: Iterable[Item], title: str, total: int, terminal: TextIO) -> Iterator[Item]:
    """Passes the items on and counts them on one line, which is gone at the end.

    Args:
        items: Anything that yields.
        title: What is being done.
        total: How many items there will be.
        terminal: Where to count; nothing is written where that is no terminal.
    """
    if not terminal.isatty():
        yield from items
        return
    for index, item in enumerate(items, start=1):
        terminal.write(f"\r{title} {index}/{total}")
        terminal.flush()
        yield item
    terminal.write("\r\x1b[K")
    terminal.flush()


@contextlib.contextmanager
def ticking(title: str, terminal: TextIO) -> Iterator[None]:
    """Counts the seconds of work without steps on one line, which is gone at the end.

    Args:
        title: What is being done.
        terminal: Where to count; nothing is written where that is no terminal.
    """
    if not terminal.isatty():
        yield
        return
    done = threading.Event()

    def tick() -> None:
        start = time.monotonic()
        while True:
            terminal.write(f"\r{title} {time.monotonic() - start:.0f} s")
            terminal.flush()
            if done.wait(1):
                return

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        terminal.write("\r\x1b[K")
        terminal.flush()
