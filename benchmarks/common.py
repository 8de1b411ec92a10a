"""What all benchmarks share: a clock, and the machine with its load."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

US = 1e6


def core(action: Callable[[], object], repeats: int = 7) -> float:
    """Median core seconds of an action, after one that is not counted."""
    action()
    times = []
    for _ in range(repeats):
        began = time.thread_time()
        action()
        times.append(time.thread_time() - began)
    return statistics.median(times)


def machine() -> str:
    processor = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text().splitlines()
        named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        processor = named[0] if named else processor
    packages = ("simlab", "numpy", "scipy", "numba", "joblib")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    load = f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "unknown"
    return (
        f"{processor}, {os.cpu_count()} cores, {platform.system()}; "
        f"{datetime.now(UTC):%Y-%m-%d}; load average at the start {load}; "
        f"Python {platform.python_version()}, {versions}"
    )
