"""Tables of text that stay tables, whatever is in them."""

import pytest

from keras_resnets._common.tables import table


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("line\nbreak", r"line\nbreak"),
        ("tab\there", r"tab\there"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("next\u2028line", r"next\u2028line"),
        ("né 日本", "né 日本"),
    ],
)
def test_a_name_takes_one_line(name, shown):
    lines = table(["class", "images"], [[name, "12"], ["cat", "3"]]).splitlines()
    assert len(lines) == 4
    assert lines[2].startswith(shown + "  ")
    assert lines[2].endswith("12")


def test_the_columns_stand_under_each_other():
    lines = table(["class", "images"], [["猫", "12"], ["cat\n", "3"]]).splitlines()
    assert lines == ["class  images", "-----  ------", "猫         12", "cat\\n       3"]
