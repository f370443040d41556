"""What the user sees: progress and warnings, and none of the chatter of native libraries."""

import contextlib
import io
import logging
import os
import shlex
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterable, Iterator
from typing import Any, TextIO, TypeVar

from keras_resnets.errors import UserError

Item = TypeVar("Item")

# Lines that TensorFlow, absl, LiteRT and libtiff write to descriptor 2 however their log levels are set.
# What is fatal ("F") passes, and so does everything else.
CHATTER = (
    r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWE] "
    r"|^[IWE]\d{4} [\d:.]+ "
    r"|^WARNING: All log messages before absl::InitializeLog"
    r"|^To enable the following instructions:"
    r"|^(INFO|WARNING|VERBOSE|W): "
    r"|^└ Could not load shared library "
    r"|^_?(TIFF|LZW|ZIP|PackBits|Fax|O?JPEG|JBIG|LERC|LZMA|ZSTD|WebP|Pred|PixarLog|LogL|SGILog)\w*: "
)
# Run by an interpreter of its own, so that the last words of a process that dies in native code arrive.
_FILTER = (
    "import re, signal, sys\n"
    "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"  # the program's, which may save a run at it
    "chatter = re.compile(sys.argv[1].encode())\n"
    "for line in sys.stdin.buffer:\n"
    "    if not chatter.match(line):\n"
    "        sys.stdout.buffer.write(line); sys.stdout.buffer.flush()\n"
)


def prepare_tensorflow() -> None:
    """Settings that TensorFlow reads once, when it is imported: call it before that.

    TensorFlow turns oneDNN on by itself only where a CPU has AVX-512's neural instructions. With AVX2
    alone it trains 1.1 to 1.7 times as fast by it (docs/performance.md).
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    for name in ("absl", "tensorflow"):
        logging.getLogger(name).setLevel(logging.ERROR)


@contextlib.contextmanager
def without_chatter() -> Iterator[None]:
    """Keeps the log lines of native libraries off the terminal while the block lasts.

    Python's own standard error, with warnings, progress and tracebacks, reaches the terminal as ever.
    """
    sys.stderr.flush()
    terminal = os.dup(2)
    reader = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _FILTER, CHATTER],
        stdin=subprocess.PIPE,
        stdout=terminal,
        stderr=subprocess.DEVNULL,
    )
    assert reader.stdin is not None
    os.dup2(reader.stdin.fileno(), 2)
    reader.stdin.close()
    before = sys.stderr
    # A test may have put another stream in the place of descriptor 2's: that one is left alone.
    own = _writes_to_descriptor_2(before)
    if own:
        sys.stderr = os.fdopen(
            os.dup(terminal), "w", 1, encoding="utf-8", errors="backslashreplace"
        )
    try:
        yield
    finally:
        if own:
            sys.stderr.close()
            sys.stderr = before
        os.dup2(terminal, 2)
        os.close(terminal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            reader.wait(timeout=2)


def _writes_to_descriptor_2(stream: TextIO) -> bool:
    try:
        return stream.fileno() == 2
    except (OSError, ValueError, AttributeError):
        return False


@contextlib.contextmanager
def silent_output(*, bars: bool = False) -> Iterator[None]:
    """Keeps what libraries print to the standard output off the terminal while the block lasts.

    Where the block fails, what was printed until then is shown: it may say why.

    Args:
        bars: Whether they draw progress bars too, for which the standard error is kept off as well.
    """
    printed = io.StringIO()
    terminal = sys.stderr
    try:
        with contextlib.redirect_stdout(printed), contextlib.ExitStack() as more:
            if bars:
                more.enter_context(contextlib.redirect_stderr(printed))
            yield
    except Exception as error:
        if not isinstance(error, UserError):
            terminal.write(printed.getvalue())
        raise


def show_any_text() -> None:
    """From here on no name is refused by the terminal: what its encoding lacks is spelled `\\xe9`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def on_one_line(name: object) -> str:
    r"""A name, such as a file's, with what would break the line escaped.

    Example:
        >>> print(on_one_line("my\ncat.jpg"))
        my\ncat.jpg
    """
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in str(name)
    )


def show_warnings() -> None:
    """From here on each of our warnings is one line on the terminal."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        print(f"warning: {message}", file=sys.stderr)

    warnings.showwarning = show
    # Of damaged photos, which are named in an error of ours or are read all the same.
    warnings.filterwarnings("ignore", module=r"PIL\.")


def command_line(*words: object) -> str:
    """A command of ours as the user would type it, quoted for the shell.

    Example:
        >>> command_line("report", "runs/my photos")
        "keras-resnets report 'runs/my photos'"
    """
    return shlex.join(["keras-resnets", *map(str, words)])


def progress(
    items: Iterable[Item],
    title: str,
    total: int,
    terminal: TextIO | None = None,
    *,
    each: int = 1,
) -> Iterator[Item]:
    """Passes the items on and counts them on one line, which is gone at the end.

    After a second, and the first item, the line tells the time left too.

    Args:
        items: The items, from anything that yields.
        title: What is being done.
        total: Number of things there will be.
        terminal: The stream to count on, standard error by default; nothing is written where that
            is no terminal.
        each: Number of things that an item stands for, such as the images of a batch.
    """
    terminal = terminal or sys.stderr
    if not terminal.isatty():
        yield from items
        return
    start = time.monotonic()
    try:
        for index, item in enumerate(items):
            seconds = time.monotonic() - start
            done = index * each
            left = (
                f", {clock(seconds / done * (total - done))} left" if index and seconds > 1 else ""
            )
            terminal.write(f"\r{title} {min(done + each, total)}/{total}{left}\x1b[K")
            terminal.flush()
            yield item
    finally:
        terminal.write("\r\x1b[K")
        terminal.flush()


def clock(seconds: float) -> str:
    """A duration as a clock shows it.

    Example:
        >>> clock(75), clock(3675)
        ('1:15', '1:01:15')
    """
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


@contextlib.contextmanager
def ticking(title: str, terminal: TextIO | None = None) -> Iterator[None]:
    """Counts the seconds of work without steps on one line, which is gone at the end.

    Args:
        title: What is being done.
        terminal: The stream to count on, standard error by default; nothing is written where that
            is no terminal.
    """
    terminal = terminal or sys.stderr
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

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        terminal.write("\r\x1b[K")
        terminal.flush()
