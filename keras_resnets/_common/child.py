"""Another Python process of ours, whatever folder this one was started in."""

import os
import sys
from pathlib import Path
from typing import TypedDict


class Start(TypedDict):
    """Arguments of `subprocess.Popen` and `subprocess.run`."""

    args: list[str]
    env: dict[str, str]


def module_process(module: str, *arguments: object) -> Start:
    """How to run a module as a process that finds its imports where this process finds them.

    Args:
        module: Its full name, such as `__name__`.
        *arguments: Arguments of its command line.

    Example:
        >>> module_process("json.tool", "--help")["args"][2:]
        ['-m', 'json.tool', '--help']
    """
    # An empty entry is the folder that we are in.
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    return {
        # -P: or a file of the folder that we are in could stand in for a module.
        "args": [sys.executable, "-P", "-m", module, *map(str, arguments)],
        "env": {**os.environ, "PYTHONPATH": path},
    }
