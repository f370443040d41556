"""How a program of ours runs one of its commands: parsed, dispatched, its errors shown.

A command is a module with `add_arguments(parser)` and `run(arguments)`, which returns an exit code or
`None` for 0; `arguments.as_typed` is the whole command, quoted for the shell. It is light to import:
what it needs, it imports when it runs, so that `--help` answers at once.
"""

import argparse
import atexit
import contextlib
import gc
import importlib
import os
import select
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any, NoReturn, TextIO

from keras_resnets._common.console import (
    command_line,
    prepare_tensorflow,
    show_any_text,
    show_warnings,
    without_chatter,
)
from keras_resnets._common.extras import DISTRIBUTION, missing_extra
from keras_resnets.errors import USAGE, UserError, near_miss

INTERRUPTED = 130  # as shells have it
SELDOM = 100_000  # new objects until Python looks for unused ones


@dataclass(frozen=True)
class Command:
    """One command of a program.

    Attributes:
        module: The module's full name.
        about: One line for the list of commands.
        quiet: Whether native libraries run in it, whose log lines are to be kept off the terminal.
        extra: The extra of this package that brings what the command needs.
    """

    module: str
    about: str
    quiet: bool = True
    extra: str | None = None


class Parser(argparse.ArgumentParser):
    """An `ArgumentParser` whose errors are one line that names the near miss."""

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        options, unknown = self.parse_known_args(args, namespace)
        if unknown:
            known = {flag for action in self._actions for flag in action.option_strings} - {
                "--help"
            }
            flags = [word.split("=")[0] for word in unknown if word.startswith("--")]
            near = [near_miss(flag, known) for flag in flags if flag not in known]
            hints = [hint for hint in near if hint.startswith("Did")]
            self.error(" ".join([f"Unrecognized arguments: {shlex.join(unknown)}.", *hints]))
        return options

    def error(self, message: str) -> NoReturn:
        end = "" if message.endswith((".", "?")) else "."
        print(f"error: {message}{end} See {self.prog} --help.", file=sys.stderr)
        raise SystemExit(USAGE)


def run_program(
    prog: str,
    about: str,
    commands: Mapping[str, Command],
    arguments: Sequence[str] | None = None,
    *,
    default: str | None = None,
) -> int:
    """Runs one command and returns the exit code.

    A `UserError`, and what the operating system refuses, is one line on standard error. Any other
    exception is a bug and passes with its traceback. A pipe that its reader closed is no error.

    Args:
        prog: Name of the program, as the user types it, such as `"keras-resnets"`.
        about: What the program is for.
        commands: The commands by name, in the order in which they are listed.
        arguments: Arguments of the command line, by default the process's.
        default: The command that is meant where none is named.
    """
    if arguments is None:
        _import_at_once()
    given = list(sys.argv[1:] if arguments is None else arguments)
    show_any_text()
    code = 0
    with _closed_pipe_is_no_error():
        try:
            code = _run(prog, about, commands, given, default)
        except SystemExit as end:  # argparse ends so, after --help too
            code = end.code if isinstance(end.code, int) else 0
    return code


def _import_at_once() -> None:
    """Has Python seldom look for unused objects until Keras is there, and then among later ones alone.

    TensorFlow and Keras make some hundred thousand that stay. To look through them again and again takes
    a sixth of their import, and a second when the process ends (docs/performance.md).
    """
    usual = gc.get_threshold()

    def settle(phase: str, _: Mapping[str, int]) -> None:
        if phase == "stop" and hasattr(sys.modules.get("keras"), "Model"):
            gc.callbacks.remove(settle)
            gc.freeze()
            gc.set_threshold(*usual)

    gc.callbacks.append(settle)
    gc.set_threshold(SELDOM, *usual[1:])
    atexit.register(gc.freeze)


def _run(
    prog: str,
    about: str,
    commands: Mapping[str, Command],
    given: list[str],
    default: str | None,
) -> int:
    if given == ["--version"]:
        print(f"{DISTRIBUTION} {metadata.version(DISTRIBUTION)}")
        return 0
    named = bool(given) and given[0] in commands
    if not named and (default is None or given[:1] in (["-h"], ["--help"])):
        return _overview(prog, about, commands, given, default)
    name = given.pop(0) if named else default
    assert name is not None
    with _user_errors_are_lines(commands[name].extra):
        return _run_command(
            commands[name],
            f"{prog} {name}" if named else prog,
            given,
            as_typed=command_line(name, *given),
        )


def _run_command(command: Command, prog: str, given: list[str], *, as_typed: str) -> int:
    module = importlib.import_module(command.module)
    parser = Parser(
        prog=prog,
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    options = parser.parse_args(given, argparse.Namespace(as_typed=as_typed))
    show_warnings()
    prepare_tensorflow()
    with without_chatter() if command.quiet else contextlib.nullcontext():
        return module.run(options) or 0


@contextlib.contextmanager
def _user_errors_are_lines(extra: str | None) -> Iterator[None]:
    """Ends the program with one line for what the user can mend; a bug passes with its traceback."""
    try:
        yield
    except KeyboardInterrupt:
        print("\nInterrupted; no file is half written.", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None
    except UserError as error:
        _show_error(error)
        raise SystemExit(error.exit_code) from None
    except ModuleNotFoundError as error:
        missing = missing_extra(error, extra)
        if missing is None:
            raise
        _show_error(missing)
        raise SystemExit(missing.exit_code) from None
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        _show_error(error)
        raise SystemExit(USAGE) from None


def _show_error(error: Exception) -> None:
    sys.stdout.flush()
    print(f"error: {error}", file=sys.stderr)


def _overview(
    prog: str, about: str, commands: Mapping[str, Command], given: list[str], default: str | None
) -> int:
    """The list of commands; an error where the user named another."""
    if given and given[0] not in ("-h", "--help"):
        print(
            f"error: Unknown command {given[0]!r}. {near_miss(given[0], commands)} "
            f"See {prog} --help.",
            file=sys.stderr,
        )
        return USAGE
    width = max(map(len, commands))
    lines = [f"  {name:{width}}  {command.about}" for name, command in commands.items()]
    print(f"usage: {prog} COMMAND …\n\n{about}\n\ncommands:")
    print("\n".join(lines))
    print(f"\n{prog} COMMAND --help tells a command's options." + _meant(default))
    return 0


def _meant(default: str | None) -> str:
    return "" if default is None else f" Without a command, {default} is meant."


@contextlib.contextmanager
def _closed_pipe_is_no_error() -> Iterator[None]:
    """As `keras-resnets list | head` closes it."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        closed = [stream for stream in (sys.stdout, sys.stderr) if _is_closed(stream)]
        if not closed:  # another pipe broke: a bug
            raise
        # Python would complain once more when it flushes at its end.
        for stream in closed:
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _is_closed(stream: TextIO) -> bool:
    """Whether nobody reads at the other end any more."""
    if not hasattr(select, "poll"):  # as on Windows
        return False
    poll = select.poll()
    try:
        poll.register(stream.fileno(), 0)
    except (OSError, ValueError):  # no file of the system's
        return False
    return any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0))
