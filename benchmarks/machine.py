"""Where a benchmark ran, and what else ran there."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.populations import study
from simlab.runner.provenance import provenance

QUIET = 0.3  # load for each core, above which numbers are not to be quoted
PACKAGES = ("simlab", "numpy", "scipy", "numba", "joblib", "zarr")


def usable() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor_name() -> str:
    """The processor as it calls itself."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def load() -> float | None:
    """Load average of the last minute; None where there is none."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def facts() -> dict[str, str]:
    """Return the machine and the software, by name."""
    revision = str(provenance(study())["git_revision"])
    return {
        "processor": processor_name(),
        "cores": f"{usable()} usable of {os.cpu_count()}",
        "system": platform.platform(terse=True),
        "software": ", ".join(
            [f"Python {platform.python_version()}", *(f"{p} {version(p)}" for p in PACKAGES)]
        ),
        "revision of simlab": revision or "installed, no checkout",
        "threads of BLAS": os.environ.get("OPENBLAS_NUM_THREADS", "as it comes"),
    }


def head() -> str:
    """Machine, software and load, in one line."""
    at = load()
    told = {**facts(), "load average at the start": "unknown" if at is None else f"{at:.2f}"}
    return "; ".join(f"{name}: {value}" for name, value in told.items())


@dataclass(frozen=True, slots=True)
class Use:
    """Cores in use, on average over some time, by others.

    Attributes
    ----------
    others : float
        Cores used by other processes of this machine.
    stolen : float
        Cores that the host gave to other machines when this one wanted them.
    """

    others: float
    stolen: float


class Watch:
    """Tell, from its making on, what others use; on Linux alone."""

    def __init__(self) -> None:
        self._began, self._own, self._all = time.perf_counter(), _own(), _everyone()

    def use(self) -> Use | None:
        """What others used since; None where it is not known."""
        now = _everyone()
        if now is None or self._all is None:
            return None
        seconds = time.perf_counter() - self._began
        busy, stolen = (b - a for a, b in zip(self._all, now, strict=True))
        others = busy - (_own() - self._own)
        return Use(max(others, 0.0) / seconds, stolen / seconds)


def _own() -> float:
    """Core seconds of this process and of its children that have ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def _everyone() -> tuple[float, float] | None:
    """Core seconds of all processes, and those stolen, since the machine started."""
    file = Path("/proc/stat")
    if not file.exists():
        return None
    # cpu user nice system idle iowait irq softirq steal …, in ticks
    user, nice, system, _, _, irq, softirq, steal = map(
        float, file.read_text(encoding="ascii").split(maxsplit=9)[1:9]
    )
    tick = float(os.sysconf("SC_CLK_TCK"))
    return (user + nice + system + irq + softirq) / tick, steal / tick


def disturbances(cores: int, before: float | None, use: Use | None) -> list[str]:
    """Reasons why numbers should not be quoted: what else ran on a machine with so many cores."""
    found = []
    limit = f"above {QUIET} for each of {cores} cores"
    if before is None:
        found.append("the load average is unknown")
    elif before > QUIET * cores:
        found.append(f"the load average at the start was {before:.2f}, {limit}")
    if use is not None and use.others + use.stolen > QUIET * cores:
        total = use.others + use.stolen
        found.append(f"other processes and machines used {total:.2f} cores meanwhile, {limit}")
    return found
