"""Windows and macOS lack modules and functions that Linux has: nothing of ours needs one at import."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
# What others import may rely on Linux while it runs there; what we import may not.
WITHOUT = """
import importlib, os, pkgutil, select, signal, sys

import filelock, keras, matplotlib.pyplot, tensorflow, tensorflow_datasets

for name in "fcntl grp pty pwd resource syslog termios tty".split():
    sys.modules[name] = None
for module, names in {
    os: "O_NOFOLLOW O_NONBLOCK fork geteuid getpgid getuid killpg mkfifo register_at_fork "
        "sched_getaffinity setsid sysconf uname",
    select: "epoll poll",
    signal: "SIGALRM SIGCHLD SIGHUP SIGKILL SIGPIPE SIGQUIT SIGUSR1 SIGUSR2 alarm setitimer",
}.items():
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)

imported = 0
for root in "keras_resnets keras_resnets_training keras_resnets_tflite benchmarks".split():
    package = importlib.import_module(root)
    for module in pkgutil.walk_packages(package.__path__, f"{root}."):
        # A rival's engine runs in an environment of the rival's.
        if not module.name.endswith("__main__") and ".engines." not in module.name:
            importlib.import_module(module.name)
            imported += 1

from keras_resnets.cli import COMMANDS, main

for name in COMMANDS:
    assert main([name, "--help"]) == 0
print(imported)
"""


def test_everything_is_imported_without_what_linux_alone_has():
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WITHOUT], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout.split()[-1]) > 120
