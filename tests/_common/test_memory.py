"""The peak of a process's memory, and what it gives back."""

import subprocess
import sys

import pytest

from keras_resnets._common.memory import peak_memory

FREED = """
import re
import threading
from pathlib import Path
from keras_resnets._common.memory import give_back_memory

def resident():
    return 1024 * int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

def hold():
    held = [b"x" * 10_000 for _ in range(10_000)]
    kept.append(b"x" * 10_000)  # above them, so that the store does not shrink

kept = []
thread = threading.Thread(target=hold)
thread.start()
thread.join()
print(resident())
give_back_memory()
print(resident())
"""

HELD = """
from keras_resnets._common.memory import peak_memory
print(peak_memory())
held = b"x" * 200_000_000
del held
print(peak_memory())
"""


def test_it_counts_what_was_held_and_given_back_but_not_a_parents():
    held_here = bytearray(b"x" * 50_000_000)
    run = subprocess.run([sys.executable, "-c", HELD], capture_output=True, check=True)
    before, after = map(int, run.stdout.split())
    assert 5e6 < before < 50e6 < peak_memory()
    assert 0.99 < (after - before) / 2e8 < 1.05
    assert len(held_here)


@pytest.mark.skipif(sys.platform != "linux", reason="the C library cannot be told")
def test_what_a_thread_freed_goes_back_to_the_system():
    run = subprocess.run([sys.executable, "-c", FREED], capture_output=True, check=True)
    before, after = map(int, run.stdout.split())
    assert before - after > 8e7
