"""How a program ends: with an answer, with one line for the user's mistake, with a bug's traceback."""

import gc
import io
import os
import subprocess
import sys
import types
import warnings
from importlib import metadata
from typing import Any

import pytest

from keras_resnets._common import extras
from keras_resnets._common.console import command_line
from keras_resnets._common.program import Command, run_program
from keras_resnets.errors import MissingFile, UserError


@pytest.fixture
def program(monkeypatch):
    """Runs a program whose one command does what it is given."""

    def run(do, *arguments, extra=None):
        module: Any = types.ModuleType("doing", "Does it.")
        module.add_arguments = lambda parser: parser.add_argument("--epochs", type=int)
        module.run = do
        monkeypatch.setitem(sys.modules, "doing", module)
        commands = {"do": Command("doing", "do it", extra=extra)}
        return run_program("prog", "Does things.", commands, ["do", *arguments])

    return run


def raising(error):
    def do(_):
        raise error

    return do


def test_a_program_of_its_own_imports_keras_without_looking_for_unused_objects():
    """And then looks for them as often as ever, but among those that came later."""
    code = (
        "import gc; usual = gc.get_threshold(); from keras_resnets.cli import main; main();"
        "print(gc.get_threshold()[0]); import keras; many = [[] for _ in range(200_000)];"
        "print(gc.get_threshold() == usual, gc.get_freeze_count() > 200_000, len(gc.callbacks))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert printed.stdout.splitlines()[-2:] == ["100000", "True True 0"]


def test_a_program_within_a_process_leaves_its_ways(program):
    before = gc.get_threshold(), len(gc.callbacks)
    program(lambda _: 0)
    assert (gc.get_threshold(), len(gc.callbacks)) == before


@pytest.mark.parametrize(
    "error",
    [UserError("Expected a cat."), MissingFile("no cat"), FileNotFoundError(2, "no cat", "cat")],
)
def test_what_the_user_can_mend_is_one_line(program, capsys, error):
    assert program(raising(error)) == 2
    output = capsys.readouterr()
    assert output.err == f"error: {error}\n"
    assert output.out == ""


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a bug"),
        KeyError("a bug"),
        ModuleNotFoundError("No module named 'keras_resnetz'", name="keras_resnetz"),
        BrokenPipeError(32, "of a process that we started"),
    ],
)
def test_a_bug_keeps_its_traceback(program, capsys, error):
    with pytest.raises(type(error)) as raised:
        program(raising(error))
    assert raised.value is error
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("module", "extra", "named"),
    [
        ("yaml", "training", "training"),
        ("sklearn.metrics", "training", "training"),
        ("matplotlib", "tflite", "tflite"),
        ("matplotlib", "training", "training"),
        ("ai_edge_litert", None, "tflite"),
        ("tensorflow_datasets", None, "data"),
        ("tensorflow_datasets", "tflite", "tflite"),
    ],
)
def test_a_missing_extra_is_one_line_that_names_it(program, capsys, module, extra, named):
    error = ModuleNotFoundError(f"No module named {module!r}", name=module)
    assert program(raising(error), extra=extra) == 2
    line = capsys.readouterr().err
    assert line.endswith(f"pip install 'keras-resnets[{named}]'\n")
    assert line.count("\n") == 1


def test_without_an_installation_a_missing_module_is_a_bug(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "metadata", missing)
    extras._extras.cache_clear()
    try:
        assert extras.missing_extra(ModuleNotFoundError(name="yaml")) is None
    finally:
        extras._extras.cache_clear()


def test_an_interrupt_is_a_line_and_the_shells_code(program, capsys):
    assert program(raising(KeyboardInterrupt())) == 130
    assert "Interrupted" in capsys.readouterr().err


def test_warnings_are_lines(program, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert program(lambda _: warnings.warn("a licence", UserWarning, stacklevel=1)) == 0
    assert capsys.readouterr().err == "warning: a licence\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["--epocs", "3"],
            "error: Unrecognized arguments: --epocs 3. Did you mean '--epochs'? See prog do --help.\n",
        ),
        (
            ["--epochs=3", "my photos"],
            "error: Unrecognized arguments: 'my photos'. See prog do --help.\n",
        ),
        (
            ["--epochs", "three"],
            "error: argument --epochs: invalid int value: 'three'. See prog do --help.\n",
        ),
    ],
)
def test_a_mistyped_option_is_one_line(program, capsys, arguments, line):
    assert program(lambda _: 0, *arguments) == 2
    assert capsys.readouterr().err == line


def test_an_unknown_command_names_the_near_miss(program, capsys):
    assert run_program("prog", "", {"export": Command("x", "")}, ["exprot"]) == 2
    expected = "error: Unknown command 'exprot'. Did you mean 'export'? See prog --help.\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize(
    ("encoding", "shown"), [("ascii", b"caf\\xe9 \\udce9"), ("utf-8", b"caf\xc3\xa9 \\udce9")]
)
def test_whatever_the_terminal_a_name_can_be_shown(program, monkeypatch, encoding, shown):
    terminal = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(terminal, encoding))
    assert program(lambda _: print("caf\xe9 \udce9")) == 0
    assert terminal.getvalue() == shown + b"\n"


def test_follow_up_commands_are_quoted():
    words = ["report", "runs/my photos", "it's", "søt", "$HOME", "a;b"]
    expected = """keras-resnets report 'runs/my photos' 'it'"'"'s' 'søt' '$HOME' 'a;b'"""
    assert command_line(*words) == expected


# A library's native log line, ours, a warning, and a bug, as a process of its own shows them.
CHATTY = """
import os, sys, types, warnings
from keras_resnets._common.program import Command, run_program

def run(options):
    for line in [
        "2026-01-31 10:00:00.123456: I external/local_xla/cuda.cc:31] Could not find cuda drivers",
        "I0000 00:00:1795627635.799605 25770 cudart_stub.cc:31] Could not find cuda drivers",
        "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
        "W0000 00:00:1795627635.1 1 tf_record_dataset_op.cc:396] Setting a buffer size",
        "TIFFReadDirectory: Failed to read directory at offset 1706.",
        "INFO: Created TensorFlow Lite XNNPACK delegate for CPU.",
        "F0000 00:00:1795627635.1 1 check.cc:1] what is fatal",
        "what the system says",
    ]:
        os.write(2, line.encode() + b"\\n")
    warnings.warn("a licence")
    warnings.warn_explicit("Truncated File Read", UserWarning, "", 1, "PIL.TiffImagePlugin")
    print("progress", file=sys.stderr)
    for number in range(int(options.lines)):
        print(number)
    raise ZeroDivisionError if options.bug else SystemExit(3)

module = types.ModuleType("doing", "Does it.")
module.run = run
def add_arguments(parser):
    parser.add_argument("--bug", action="store_true")
    parser.add_argument("--lines", default=1)
module.add_arguments = add_arguments
sys.modules["doing"] = module
sys.exit(run_program("prog", "", {"do": Command("doing", "")}))
"""


def chatty(*arguments):
    return [sys.executable, "-c", CHATTY, "do", *arguments]


def test_native_log_lines_stay_off_the_terminal_and_all_else_arrives():
    run = subprocess.run(chatty(), capture_output=True, text=True)
    assert run.returncode == 3
    assert sorted(run.stderr.splitlines()) == [
        "F0000 00:00:1795627635.1 1 check.cc:1] what is fatal",
        "progress",
        "warning: a licence",
        "what the system says",
    ]
    run = subprocess.run(chatty("--bug"), capture_output=True, text=True)
    assert run.returncode == 1
    assert "Traceback" in run.stderr
    assert run.stderr.rstrip().endswith("ZeroDivisionError")


@pytest.mark.skipif(os.name == "nt", reason="a closed pipe is another error there")
@pytest.mark.parametrize("unbuffered", ["1", ""])
@pytest.mark.parametrize("lines", ["1", "100000"])
def test_a_closed_pipe_is_no_error(lines, unbuffered, monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    reading, writing = os.pipe()
    os.close(reading)
    run = subprocess.run(
        chatty("--lines", lines), stdout=writing, stderr=subprocess.PIPE, text=True
    )
    os.close(writing)
    assert "Error" not in run.stderr
    assert "progress" in run.stderr
    # What waits in a buffer until the command has ended leaves it its own code.
    assert run.returncode == (3 if lines == "1" and not unbuffered else 0)
