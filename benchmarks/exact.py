"""The exact null of one variance beside RLRsim: 100,000 draws on the same data in one run.

    python benchmarks/exact.py

Prints a Markdown table of processor times of one thread: simlab's are medians, R's the mean of a
loop. Both start from a fitted model's design: the eigenvalues are part of the work. Without R or
RLRsim it says so. Run it on an idle machine: the load average is printed.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Literal

import pandas as pd
from common import core, machine

import simlab
from simlab.data import hs
from simlab.resampling.exact import exact_null

R_SCRIPT = Path(__file__).with_suffix(".R")
METHODS: tuple[Literal["REML", "ML"], ...] = ("REML", "ML")


def peers(df: pd.DataFrame) -> dict[str, float] | str:
    """Seconds of RLRTSim ("REML") and LRTSim ("ML"), or why there are none."""
    program = shutil.which("Rscript")
    if program is None:
        return "skipped: no Rscript"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "data.csv"
        df.to_csv(file, index=False)
        found = subprocess.run(
            [program, str(R_SCRIPT), str(file)], capture_output=True, text=True, check=False
        )
    if found.returncode:
        return "skipped: RLRsim is not installed"
    lines = dict(line.split(maxsplit=1) for line in found.stdout.splitlines())
    print(f"<!-- R: {lines.pop('versions').strip()} -->")
    return {name: float(value) for name, value in lines.items()}


def compare(name: str, df: pd.DataFrame) -> list[str]:
    """One line of the table for each method."""
    theirs = peers(df)
    rows = []
    for method in METHODS:
        fit = simlab.fit("mathach ~ ses + (1 | school)", df, method)
        own = core(lambda fit=fit: exact_null(fit, (), 0, jobs=1), 9)
        what = f"| {name}, J = {fit.nclusters}, {method} | {own * 1e3:.0f} ms "
        if isinstance(theirs, str):
            rows.append(f"{what}| {theirs} | |")
        else:
            other = theirs[method]
            rows.append(f"{what}| {other * 1e3:.0f} ms | **{other / own:.1f} ×** |")
    return rows


def main() -> None:
    where = machine()
    rows = [*compare("hs", hs()), *compare("hsb", hs(full=True))]
    print(f"{where}\n\n| 100,000 draws | simlab | RLRsim | ratio |\n|---|---:|---:|---:|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
