"""The mixed model of simlab beside lme4, lmerTest and statsmodels, on the same data in one run.

    python benchmarks/mixed.py

Prints a Markdown table. Times are processor times of one thread: simlab's are medians, R's the mean
of a loop; those of a million rows and of statsmodels are wall times. What is not installed is
skipped. Run it on an idle machine: the load average is printed.
"""

from __future__ import annotations

import importlib.util
import shutil
import statistics
import subprocess
import tempfile
import time
import tracemalloc
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from common import US, core, machine

import simlab
from simlab.formula import build
from simlab.mixed.kenward_roger import kenward_roger
from simlab.mixed.lines import fit_lines
from simlab.mixed.optimum import optimise
from simlab.mixed.rows import rotate_rows
from simlab.moments import Moments, from_rows

FORMULA = "y ~ x * w + (1 + x | cluster)"
COPIES = 500  # of one data set in a block, so that a call from Python costs nothing
R_SCRIPT = Path(__file__).with_suffix(".R")


def data(clusters: int, size: float, seed: int = 1, g11: float = 0.5) -> pd.DataFrame:
    """A random-slope model in which w, 0 or 1, is a property of the cluster."""
    rng = np.random.default_rng(seed)
    n = np.maximum(rng.poisson(size, clusters), 2)
    cluster = np.repeat(np.arange(clusters), n)
    w = (np.arange(clusters) >= clusters // 2).astype(float)
    G = np.array([[1, 0.2], [0.2, g11]])
    u = rng.multivariate_normal([0, 0], G, clusters, method="eigh")
    x = rng.standard_normal(clusters)[cluster] + rng.standard_normal(len(cluster))
    y = 1 + x + w[cluster] * (0.5 + 0.3 * x) + u[cluster, 0] + u[cluster, 1] * x
    y += 2 * rng.standard_normal(len(cluster))
    return pd.DataFrame({"cluster": cluster, "x": x, "w": w[cluster], "y": y})


def block(df: pd.DataFrame, copies: int) -> Moments:
    """The moments of a data set, w making two sectors, several times over."""
    sector = df.groupby("cluster")["w"].first().to_numpy(int)
    m = from_rows(df["x"].to_numpy(), df["y"].to_numpy(), df["cluster"].to_numpy(), sector)
    return Moments(*(np.repeat(field, copies, axis=0) for field in m[:-1]), m.starts)


def peers(df: pd.DataFrame, task: str) -> dict[str, float] | str:
    """Seconds of each R function, or why there are none."""
    program = shutil.which("Rscript")
    if program is None:
        return "skipped: no Rscript"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "data.csv"
        df.to_csv(file, index=False)
        found = subprocess.run(
            [program, str(R_SCRIPT), str(file), task], capture_output=True, text=True, check=False
        )
    if found.returncode:
        return "skipped: lme4, lmerTest or pbkrtest is not installed"
    lines = [line.split(maxsplit=1) for line in found.stdout.splitlines()]
    print(f"<!-- R: {dict(lines)['versions'].strip()} -->")
    return {name: float(value) for name, value in lines if name != "versions"}


def beside(what: str, ours: float, theirs: dict[str, float] | str, name: str) -> str:
    """One line of the table."""
    own = f"{ours * US:.1f} µs" if ours < 1e-3 else f"{ours * 1e3:.1f} ms"
    if isinstance(theirs, str):
        return f"| {what} | {own} | {theirs} | |"
    other = theirs[name]
    shown = f"{other * 1e3:.1f} ms" if other < 1 else f"{other:.1f} s"
    return f"| {what} | {own} | {shown} | **{other / ours:,.0f} ×** |"


def fit_time(df: pd.DataFrame, copies: int, df_too: bool) -> float:
    """Core seconds of a REML fit from moments; with Satterthwaite's df of p = 4 coefficients."""
    moments = block(df, copies)
    weights = np.zeros((4 if df_too else 0, 2, 2))
    if df_too:  # intercept, slope, and their differences between the sectors
        weights[[0, 1], 0, [0, 1]] = weights[[2, 3], 1, [0, 1]] = 1
        weights[[2, 3], 0, [0, 1]] = -1
    return core(lambda: fit_lines(moments, weights), 15) / copies


def kenward_roger_time(df: pd.DataFrame) -> float:
    """Core seconds of the adjusted covariance and df of four coefficients, called from Python."""
    design = build(FORMULA, df)
    clusters = rotate_rows(design.D, design.y, design.cluster, design.fixed, design.random)
    optimum = optimise(clusters.rotated, True)
    return core(lambda: [kenward_roger(optimum) for _ in range(200)], 9) / 200


def against_lme4() -> list[str]:
    small, many = data(40, 30), data(4000, 30)
    theirs, theirs_many = peers(small, "small"), peers(many, "many clusters")
    plain, with_df = fit_time(small, COPIES, False), fit_time(small, COPIES, True)
    roger = kenward_roger_time(small)
    large = fit_time(many, 5, False)
    whole = core(lambda: simlab.fit(FORMULA, small), 15)
    return [
        beside("J = 40, REML from moments; lme4 `refit`", plain, theirs, "refit"),
        beside(
            "and Satterthwaite df; `summary(lmerTest::lmer)`", with_df, theirs, "satterthwaite"
        ),
        beside(
            "REML and Kenward–Roger df; the same with `ddf = \"Kenward-Roger\"`",
            plain + roger, theirs, "kenward-roger",
        ),
        beside("`simlab.fit` from the data frame; `lmer`", whole, theirs, "lmer"),
        beside("J = 4000, REML from moments; lme4 `refit`", large, theirs_many, "refit"),
        f"| J = 4000 against J = 40, simlab | {large / plain:.0f} × for 100 × the clusters | | |",
    ]  # fmt: skip


def large_data() -> list[str]:
    df = data(10_000, 100)
    theirs = peers(df, "large")
    simlab.fit(FORMULA, df[df["cluster"] % 2 == 0])
    times = []
    for _ in range(5):
        began = time.perf_counter()
        simlab.fit(FORMULA, df)
        times.append(time.perf_counter() - began)
    tracemalloc.start()
    simlab.fit(FORMULA, df)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    size = df.memory_usage(index=False).sum()
    what = f"{len(df):,} rows in 10,000 clusters, from the data frame; `lmer`"
    return [
        beside(what, statistics.median(times), theirs, "lmer"),
        f"| peak memory beside the data frame's own {size / 1e6:.0f} MB | "
        f"{peak / 1e6:.0f} MB, {peak / size:.1f} × | | |",
    ]


def against_statsmodels(sets: int = 20) -> list[str]:
    what = f"statsmodels `MixedLM`, {sets} data sets with g11 = 0.05"
    if importlib.util.find_spec("statsmodels") is None:
        return [f"| {what} | | skipped: no statsmodels | |"]
    import statsmodels.formula.api as smf

    ours, theirs, ends = [], [], [0, 0]
    worse = 0
    for seed in range(sets):
        df = data(40, 30, seed, g11=0.05)
        began = time.perf_counter()
        fit = simlab.fit(FORMULA, df)
        ours.append(time.perf_counter() - began)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            began = time.perf_counter()
            other = smf.mixedlm("y ~ x * w", df, groups="cluster", re_formula="~x").fit()
            theirs.append(time.perf_counter() - began)
        ends[0] += fit.converged
        ends[1] += other.converged
        worse += bool(other.llf < fit.loglik - 1e-4)
    a, b = statistics.median(ours), statistics.median(theirs)
    return [
        f"| {what} ({version('statsmodels')}); `simlab.fit` | {a * 1e3:.1f} ms | {b * 1e3:.0f} ms "
        f"| {b / a:,.0f} × |",
        f"| converged | {ends[0]} of {sets} | {ends[1]} of {sets}; "
        f"{worse} with a likelihood lower by 1e-4 or more | |",
    ]


def main() -> None:
    where = machine()
    rows = [row for part in (against_lme4, large_data, against_statsmodels) for row in part()]
    print(f"{where}\n\n| what | simlab | peer | ratio |\n|---|---:|---:|---:|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
