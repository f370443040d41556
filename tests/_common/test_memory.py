"""The peak of a process's memory."""

import subprocess
import sys

from keras_resnets._common.memory import peak_memory

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
