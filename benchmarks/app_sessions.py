"""What many visitors of `simlab app` cost at once: memory, and how long each of them waits.

    python benchmarks/app_sessions.py --sessions 50

A visitor is a websocket, as a browser opens it, without a browser. All open the page at once and
wait for their thousand samples. Then each in turn moves the slider of β_B and waits for the new
sample. Then all move it at the same moment: they wait for the new sample, and for a thousand
samples of it. Nothing is asserted; a busy machine is slow.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import panel  # noqa: F401  (its models are in the documents)
from bokeh.client import pull_session
from browser import serving

PATIENCE = 600.0
"""Seconds."""


class Visitor:
    """One session of the page, driven from here; each in a thread of its own."""

    def __init__(self, address: str) -> None:
        start = time.perf_counter()
        self._session = pull_session(url=address.rstrip("/"))
        document = self._session.document
        models = list(document.models)
        self._slider = next(m for m in models if "β_B" in str(getattr(m, "title", "")))
        picture = document.select_one({"name": "data picture"})
        self._students = picture.renderers[0].data_source
        self._wait(lambda: self.count == 1000)
        self.opened = time.perf_counter() - start

    @property
    def count(self) -> int:
        """Samples in the table, −1 where there is none."""
        for model in self._session.document.models:
            if match := re.search(r"data-count=\D*(\d+)", str(getattr(model, "text", ""))):
                return int(match[1])
        return -1

    def move(self, value: float) -> float:
        """Move the slider, and return the seconds until there is a new sample."""
        before, start = self._students.data, time.perf_counter()
        self._slider.value = value
        self._wait(lambda: self._students.data is not before)
        return time.perf_counter() - start

    def moved_and_sampled(self, value: float) -> tuple[float, float]:
        """Move the slider; return the seconds until a new sample, and until a thousand of them."""
        start = time.perf_counter()
        first = self.move(value)
        self._wait(lambda: self.count == 0)
        self._wait(lambda: self.count == 1000)
        return first, time.perf_counter() - start

    def _wait(self, done: Callable[[], bool]) -> None:
        end = time.perf_counter() + PATIENCE
        connection: Any = self._session._connection
        connection._loop_until(lambda: done() or time.perf_counter() > end)
        if not done():
            raise TimeoutError("the page did not answer")


def memory(process: int) -> float:
    """Resident memory of a process in MB."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


def line(what: str, seconds: Sequence[float]) -> str:
    """Return the median and the worst, in ms."""
    middle, worst = 1000 * statistics.median(seconds), 1000 * max(seconds)
    return f"{what:48}{middle:>10,.0f}{worst:>10,.0f}"


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=50)
    n = parser.parse_args().sessions
    with serving() as (address, process), ThreadPoolExecutor(n) as threads:
        threads.submit(Visitor, address).result()  # compiles, or reads what was compiled
        before = memory(process)
        load = os.getloadavg()[0]
        visitors = list(threads.map(Visitor, [address] * n))
        opened = memory(process)
        print(f"{n} sessions, {os.cpu_count()} cores, load {load:.1f} at the start\n")
        print(f"{'milliseconds':48}{'median':>10}{'worst':>10}")
        print(line("all open the page: until 1,000 samples", [v.opened for v in visitors]))
        print(line("one moves a slider: until a new sample", [v.move(2.0) for v in visitors]))
        time.sleep(10)  # they all sample anew
        both = list(threads.map(lambda v: v.moved_and_sampled(3.0), visitors))
        print(line("all move it: until a new sample", [first for first, _ in both]))
        print(line("all move it: until 1,000 samples", [last for _, last in both]))
        print(f"\nmemory: {before:,.0f} MB with one session, {opened:,.0f} MB with {n + 1},")
        print(f"{(opened - before) / n:.1f} MB a session; {memory(process):,.0f} MB at the end")


if __name__ == "__main__":
    main()
