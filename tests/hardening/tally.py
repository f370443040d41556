"""What became of many tries of one kind, and the table of all kinds.

`python tests/hardening/tally.py FILE` prints the table of a file of JSON lines, as the README shows it.
"""

import json
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from keras_resnets.errors import UserError

# In the table's order. Any of the last three fails the test.
OUTCOMES = ("refused", "exact", "wrong", "crashed", "hung")
FAULTS = OUTCOMES[2:]
SECONDS = 10.0
NAMED = 5  # faults that a failure tells


class Hung(BaseException):
    """Past the time; no `except Exception` on the way may take it for an error."""


class Tally:
    """Counts outcomes of one kind.

    Args:
        kind: a row of the table.
        seconds: that one try may take.
    """

    def __init__(self, kind: str, seconds: float = SECONDS):
        self.kind = kind
        self.seconds = seconds
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []

    def attempt(self, case: object, call: Callable[[], object]) -> str:
        """Runs one try.

        Args:
            case: names it where it fails.
            call: returns whether the answer was right; a `UserError` of one line is a refusal, any
                other exception a crash.

        Returns:
            The outcome.
        """
        try:
            with _at_most(self.seconds):
                outcome = "exact" if call() else "wrong"
            reason = ""
        except Hung:
            outcome, reason = "hung", f"more than {self.seconds} s"
        except UserError as error:
            reason = str(error)
            outcome = "refused" if reason and "\n" not in reason else "wrong"
        except Exception as error:
            outcome, reason = "crashed", f"{type(error).__name__}: {error}"
        self.count(outcome, f"{case}: {reason}")
        return outcome

    def count(self, outcome: str, case: str = "") -> None:
        """Counts an outcome that was found elsewhere, in another process for instance."""
        self.counts[outcome] += 1
        if outcome in FAULTS:
            self.faults.append(f"{outcome}: {case}"[:500])

    def row(self) -> dict[str, object]:
        """The row in JSON's types."""
        return {"kind": self.kind, **{name: self.counts[name] for name in OUTCOMES}}

    def check(self) -> None:
        """Fails where anything was wrong, crashed or hung."""
        assert not self.faults, f"{len(self.faults)} of {self.counts.total()}: " + "\n".join(
            self.faults[:NAMED]
        )


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raises `Hung` in the block after that time. Native code is interrupted when it returns."""
    start = time.monotonic()

    def ring(*_: object) -> None:
        raise Hung

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    if time.monotonic() - start > seconds:
        raise Hung


def table(rows: list[dict[str, object]]) -> str:
    """The rows in Markdown, those of one kind added up."""
    kinds: dict[str, Counter[str]] = {}
    for row in rows:
        counts = kinds.setdefault(str(row["kind"]), Counter())
        counts.update({name: int(str(row[name])) for name in OUTCOMES})
    lines = ["| | tried | refused with a reason | exact | wrong | crashed | hung |"]
    lines.append("|---|--:|--:|--:|--:|--:|--:|")
    for kind, counts in kinds.items():
        numbers = [counts.total(), *(counts[name] for name in OUTCOMES)]
        lines.append(f"| {kind} | {' | '.join(f'{number:,}' for number in numbers)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table([json.loads(line) for line in Path(sys.argv[1]).read_text("utf-8").splitlines()]))
