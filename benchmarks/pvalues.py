"""Monte Carlo p-values of simlab beside pbkrtest's parametric bootstrap, in one run.

    python benchmarks/pvalues.py

Prints a Markdown table. A draw is one response from the null model and both fits to it, by ML.
Times of a draw are processor times of one thread, of the whole call divided by its draws. Without
R, lme4 or pbkrtest their column is skipped. Run it on an idle machine: the load average is printed.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from common import US, core, machine

import simlab

DRAWS, THEIRS = 10_000, 100
R_SCRIPT = Path(__file__).with_suffix(".R")
SCHOOLS = simlab.data.hs()
TESTS = {
    "slope": ("mathach ~ ses + (1 | school)", "mathach ~ ses + (1 + ses | school)"),
    "interaction": (
        "mathach ~ ses + sector + (1 + ses | school)",
        "mathach ~ ses * sector + (1 + ses | school)",
    ),
}
NAMES = {"slope": "random slope against random intercept", "interaction": "m5 against m7"}


def pvalue(name: str, jobs: int) -> object:
    return simlab.pvalue(SCHOOLS, *TESTS[name], method="ML", draws=DRAWS, jobs=jobs)


def peers() -> dict[str, float] | str:
    """Seconds of a draw of pbkrtest, or why there are none."""
    program = shutil.which("Rscript")
    if program is None:
        return "skipped: no Rscript"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "hs.csv"
        SCHOOLS.to_csv(file, index=False)
        command = [program, str(R_SCRIPT), str(file), str(THEIRS)]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        return "skipped: lme4 or pbkrtest is not installed"
    lines = dict(line.split(maxsplit=1) for line in found.stdout.splitlines())
    print(f"<!-- R: {lines.pop('versions').strip()} -->")
    return {name: float(seconds) for name, seconds in lines.items()}


def rows(theirs: dict[str, float] | str) -> list[str]:
    found = []
    for name, words in NAMES.items():
        ours = core(lambda name=name: pvalue(name, 1), 5) / DRAWS
        what, own = f"{words} on `hs`, a draw; `PBmodcomp`", f"{ours * US:.0f} µs"
        if isinstance(theirs, str):
            found.append(f"| {what} | {own} | {theirs} | |")
        else:
            other = theirs[name]
            found.append(f"| {what} | {own} | {other * 1e3:.0f} ms | **{other / ours:,.0f} ×** |")
    return found


def wall() -> str:
    """What one waits for: the whole call on all cores."""
    times = []
    for _ in range(5):
        began = time.perf_counter()
        pvalue("slope", -1)
        times.append(time.perf_counter() - began)
    return f"| the slope's p-value from {DRAWS:,} draws, all cores, wall | " + (
        f"{statistics.median(times):.2f} s | | |"
    )


def main() -> None:
    where = machine()
    table = [*rows(peers()), wall()]
    print(f"{where}\n\n| what | simlab | pbkrtest | ratio |\n|---|---:|---:|---:|")
    print("\n".join(table))


if __name__ == "__main__":
    main()
