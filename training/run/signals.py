"""Stopping between two steps, on Ctrl-C or when a machine is about to be taken away."""

import signal
from types import FrameType
from typing import Any


class Stopped(Exception):
    """Raised between two steps after a signal, once the state is on the disk."""

    def __init__(self, signum: int):
        super().__init__(signal.Signals(signum).name)
        # 130 for SIGINT and 143 for SIGTERM, as shells have it.
        self.exit_code = 128 + signum


class StopRequests:
    """Collects SIGINT and SIGTERM while it is entered; a second SIGINT stops at once."""

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopRequests":
        for signum in (signal.SIGINT, signal.SIGTERM):
            self._before[signum] = signal.signal(signum, self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)

    def check(self) -> None:
        """Raises `Stopped` once a signal has come."""
        if self.received is not None:
            raise Stopped(self.received)

    def _receive(self, signum: int, _: FrameType | None) -> None:
        if self.received is not None and signum == signal.SIGINT:
            raise KeyboardInterrupt
        self.received = signum
