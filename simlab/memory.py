"""Free memory, from the standard library; and one line where something needs more."""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

SMALLER: Final = (
    "make smaller what is largest (clusters, cluster sizes, block, draws, replicates, data), or "
    "take fewer jobs; what a store has is kept, and the same command continues it"
)
"""What to do where memory ran out though nothing foresaw it."""

TOO_BIG: Final = ("array is too big", "Maximum allowed dimension exceeded")
"""What numpy says of an array whose size is no number."""

PROC, CGROUP = Path("/proc"), Path("/sys/fs/cgroup")


def available() -> float:
    """Bytes that this process may still take; infinite where nobody knows.

    The least of what the machine has (MemAvailable, or all of it where that is not known), what its
    control groups leave (version 2 and 1), and what its own limit leaves (RLIMIT_AS).
    """
    return min((room for room in map(_asked, (_machine, _groups, _limit))), default=math.inf)


def lacking(needed: float) -> str:
    """Message if there is less memory than the bytes needed; "" where it is enough."""
    there = available()
    if needed <= there:
        return ""
    return f"about {size(needed)} of memory, and {size(there)} are available"


def is_exhausted(error: BaseException) -> bool:
    """Whether an error says that there is no more memory."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    too_big = isinstance(error, ValueError) and str(error).startswith(TOO_BIG)
    return too_big or isinstance(error, MemoryError)


def out_of_memory(error: BaseException) -> str:
    """Message in one line: memory ran out, what for as far as it is known, and what to do."""
    what = "" if isinstance(error, OSError) else " ".join(str(error).split())
    return f"not enough memory{f' ({what:.200})' if what else ''}: {SMALLER}"


def size(number: float) -> str:
    """Write a number of bytes in the unit that suits it."""
    for unit in ("bytes", "kB", "MB", "GB", "TB", "PB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:,.0f} EB"


def _asked(ask: Callable[[], float]) -> float:
    """Bytes that a system tells; infinite where it does not."""
    with suppress(OSError, ValueError, AttributeError, ImportError, IndexError):
        return ask()
    return math.inf


def _machine() -> float:
    """Bytes that the machine has left, or all of them where it does not say what is left."""
    with suppress(OSError):
        for line in (PROC / "meminfo").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name == "MemAvailable":
                return 1024.0 * int(rest.split()[0])
    return float(os.sysconf("SC_PAGE_SIZE")) * os.sysconf("SC_PHYS_PAGES")


def _groups() -> float:
    """The least that the groups of this process, and those they lie in, leave."""
    left = [math.inf]
    for line in (PROC / "self" / "cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            names, root = ("memory.max", "memory.current"), CGROUP
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes")
            root = CGROUP / "memory"
        else:
            continue
        group = root / path.strip("/")  # within a container it may not be seen
        for folder in (g for g in (group, *group.parents) if g.is_relative_to(root)):
            with suppress(OSError, ValueError):
                limit, used = ((folder / name).read_text().strip() for name in names)
                if limit != "max":
                    taken = float(used) - _cached(folder)
                    left.append(max(float(limit) - max(taken, 0.0), 0.0))
    return min(left)


def _cached(group: Path) -> float:
    """Bytes of files that a group has in memory, which it gives up when it needs the room."""
    with suppress(OSError, ValueError, KeyError):
        lines = map(str.split, (group / "memory.stat").read_text().strip().splitlines())
        numbers = {name: float(value) for name, value in lines}
        # Version 1 has its own numbers without the word, and those of all below with it.
        prefix = "total_" if "total_inactive_file" in numbers else ""
        return numbers[f"{prefix}inactive_file"] + numbers[f"{prefix}active_file"]
    return 0.0


def _limit() -> float:
    """Bytes left below the limit of this process's address space."""
    import resource  # not everywhere

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return math.inf
    pages = int((PROC / "self" / "statm").read_text().split()[0])
    return max(float(limit) - pages * resource.getpagesize(), 0.0)
