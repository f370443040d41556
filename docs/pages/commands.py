"""Every command with every option, as its own parser tells them."""

import argparse
import importlib

from keras_resnets._common.program import Command
from keras_resnets.cli import COMMANDS


def page() -> str:
    """A section for each command, in the order of `keras-resnets --help`."""
    lines = ["# Commands", "", "Each option of each command, from the parsers themselves.", ""]
    for name, command in COMMANDS.items():
        lines += _section(name, command)
    return "\n".join(lines) + "\n"


def _section(name: str, command: Command) -> list[str]:
    module = importlib.import_module(command.module)
    parser = argparse.ArgumentParser(prog=f"keras-resnets {name}", add_help=False)
    module.add_arguments(parser)
    about, _, examples = (module.__doc__ or "").strip().partition("\n")
    extra = f" Needs the extra `{command.extra}`." if command.extra else ""
    lines = [f"## {name}", "", about + extra, ""]
    if examples.strip():
        lines += ["```text", examples.strip("\n"), "```", ""]
    rows = [_row(action) for action in parser._actions]
    return [*lines, "| option | |", "|---|---|", *rows, ""] if rows else lines


def _row(action: argparse.Action) -> str:
    value = action.metavar or (action.dest.upper() if action.nargs != 0 else "")
    names = ", ".join(action.option_strings)
    name = " ".join(part for part in (names, str(value) if value else "") if part)
    meaning = [str(action.help or "")]
    if action.choices:
        meaning.append(f"one of {', '.join(map(str, action.choices))}")
    if action.option_strings and action.default not in (None, False, argparse.SUPPRESS, [], ()):
        meaning.append(f"by default {action.default}")
    return f"| `{name}` | {_cell('; '.join(filter(None, meaning)))} |"


def _cell(text: str) -> str:
    """Text as a Markdown table takes it."""
    for mark in "|<*_[":
        text = text.replace(mark, "\\" + mark)
    return " ".join(text.split()).replace("%%", "%")
