"""The memory that there is, the most that a process has held, and what it can give back."""

import ctypes
import sys
from pathlib import Path


def peak_memory() -> int:
    """Bytes of this process at its largest.

    Example:
        >>> peak_memory() > 1_000_000
        True
    """
    status = Path("/proc/self/status")
    if status.exists():
        # `getrusage` would count what the parent held when it forked this process.
        (line,) = (row for row in status.read_text().splitlines() if row.startswith("VmHWM:"))
        return 1024 * int(line.split()[1])
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def free_memory() -> int:
    """Bytes that this process may still take: of the machine, or within its control group's limit.

    Example:
        >>> free_memory() > 1_000_000
        True
    """
    import psutil

    free = int(psutil.virtual_memory().available)
    limit, used = (_number(_CGROUP / name) for name in ("memory.max", "memory.current"))
    return free if limit is None or used is None else max(min(free, limit - used), 0)


def give_back_memory() -> None:
    """Hands the system what the C library keeps of memory that was freed, where it can be told to.

    A thread frees into a store of its own, which outlives it: in an int8 export a third of a gigabyte.

    Example:
        >>> give_back_memory()
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
        if trim is not None:
            trim(0)


_CGROUP = Path("/sys/fs/cgroup")  # a container's own


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # not there, or without a limit: "max"
        return None
