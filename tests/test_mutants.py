"""What `make mutants` changes of a source."""

import ast

from mutants import mutants

SOURCE = '''"""Words stay."""
from keras import ops

def call(self, x: int = 3, *, é: bool = True) -> "int":
    """Words stay."""
    if x < 2 and not é:
        raise ValueError(f"{x + 1}: words stay")
    self.add(x)
    return -x * 0.5 if é is None else x
'''


def test_each_mutant_is_one_change():
    found = list(mutants(SOURCE))
    assert sorted((m.line, m.before, m.after) for m in found) == [
        (4, "3", "(4)"),
        (4, "True", "(False)"),
        (6, "2", "(3)"),
        (6, "not é", "(é)"),
        (6, "x < 2", "(x <= 2)"),
        (6, "x < 2 and not é", "(x < 2 or not é)"),
        (8, "self.add(x)", "pass"),
        (9, "-x", "(x)"),
        (9, "-x * 0.5", "(-x / 0.5)"),
        (9, "-x * 0.5 if é is None else x", "(x if é is None else -x * 0.5)"),
        (9, "0.5", "(1.0)"),
        (9, "return -x * 0.5 if é is None else x", "return None"),
        (9, "é is None", "(é is not None)"),
    ]
    for mutant in found:
        ast.parse(mutant.source)
        assert mutant.source.count("\n") == SOURCE.count("\n")
