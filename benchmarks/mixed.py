"""What `make bench` leaves out of the mixed model, because it takes long or is not about time.

    python -m benchmarks.mixed

Kenward and Roger's degrees of freedom, 4,000 clusters, a million rows and the memory they ask for,
and data sets with hardly any variance of slopes, beside lme4, lmerTest and statsmodels. Prints a
Markdown table of processor times. What is not installed is skipped. Run it on an idle machine: the
load average is printed.
"""

from __future__ import annotations

import importlib.util
import tracemalloc
import warnings
from contextlib import ExitStack
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

import simlab
from benchmarks.clock import Action, measure, processor
from benchmarks.machine import head
from benchmarks.r import Wanted, offered
from benchmarks.report import table
from benchmarks.section import BESIDE, Row, beside
from benchmarks.units import factor, spread, three
from simlab.formula import build
from simlab.mixed.kenward_roger import kenward_roger
from simlab.mixed.lines import fit_lines
from simlab.mixed.optimum import optimise
from simlab.mixed.rows import rotate_rows
from simlab.moments import Moments, from_rows

FORMULA = "y ~ x * w + (1 + x | cluster)"
TASKS = Path(__file__).with_suffix(".R")
REPEATS = 5
CALLS = 200  # of what takes microseconds


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


def from_moments(df: pd.DataFrame, copies: int) -> Action:
    """An ML fit from moments, w making two sectors, of several copies in one block."""
    sector = df.groupby("cluster")["w"].first().to_numpy(int)
    m = from_rows(df["x"].to_numpy(), df["y"].to_numpy(), df["cluster"].to_numpy(), sector)
    block = Moments(*(np.repeat(field, copies, axis=0) for field in m[:-1]), m.starts)
    return processor(lambda: fit_lines(block, np.zeros((0, 2, 2)), reml=False), copies)


def with_kenward_roger(df: pd.DataFrame) -> Action:
    """REML, the adjusted covariance and the df of four coefficients, called from Python."""
    design = build(FORMULA, df)
    clusters = rotate_rows(design.D, design.y, design.cluster, design.fixed, design.random)

    def work() -> None:
        for _ in range(CALLS):
            kenward_roger(optimise(clusters.rotated, True))

    return processor(work, CALLS)


def against_lme4() -> list[Row]:
    small, many = data(40, 30), data(4000, 30)
    ours = {
        "kr": with_kenward_roger(small),
        "small": from_moments(small, 500),
        "many": from_moments(many, 5),
    }
    with ExitStack() as stack:
        kr = offered(TASKS, small, stack, {"kenward_roger": Wanted("pbkrtest", 1)})
        refit = offered(TASKS, many, stack, {"refit": Wanted("lme4", 1)})
        found = measure({**ours, **kr.actions, **refit.actions}, REPEATS)
    skipped = {**kr.skipped, **refit.skipped}
    growth = found["many"].over(found["small"])
    return [
        beside(
            "J = 40, REML and Kenward–Roger df, from rotated clusters; "
            '`summary(lmerTest::lmer, ddf = "Kenward-Roger")`',
            found["kr"], skipped.get("kenward_roger") or found["kenward_roger"],
        ),
        beside(
            "J = 4000, ML, from moments; lme4 `refit`",
            found["many"], skipped.get("refit") or found["refit"],
        ),
        ("J = 4000 over J = 40", factor(growth.median), spread(growth, three), "", "", "", ""),
    ]  # fmt: skip


def large_data() -> list[Row]:
    df = data(10_000, 100)
    with ExitStack() as stack:
        # Half a minute each in R: one round is enough to see a factor of a hundred.
        _, theirs, skipped = offered(TASKS, df, stack, {"lmer": Wanted("lme4", 1, once=True)})
        found = measure({"simlab": processor(partial(simlab.fit, FORMULA, df)), **theirs}, 1)
    tracemalloc.start()
    simlab.fit(FORMULA, df)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    size = df.memory_usage(index=False).sum()
    what = f"{len(df):,} rows in 10,000 clusters, REML, from the data frame; `lmer`"
    memory = f"peak memory beside the data frame's own {size / 1e6:.0f} MB"
    return [
        beside(what, found["simlab"], skipped.get("lmer") or found["lmer"]),
        (memory, f"{peak / 1e6:.0f} MB", "", "", "", factor(peak / size), ""),
    ]


def against_statsmodels(sets: int = 20) -> list[Row]:
    what = f"{sets} data sets with g11 = 0.05, REML; statsmodels `MixedLM`"
    frames = [data(40, 30, seed, g11=0.05) for seed in range(sets)]
    fits = [simlab.fit(FORMULA, df) for df in frames]
    ours = processor(lambda: [simlab.fit(FORMULA, df) for df in frames], sets)
    if importlib.util.find_spec("statsmodels") is None:
        return [beside(what, measure({"": ours}, REPEATS)[""], "statsmodels is not installed")]
    import statsmodels.formula.api as smf

    def other(df: pd.DataFrame) -> object:
        return smf.mixedlm("y ~ x * w", df, groups="cluster", re_formula="~x").fit()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        others = [other(df) for df in frames]
        theirs = processor(lambda: [other(df) for df in frames], sets)
        found = measure({"simlab": ours, "statsmodels": theirs}, REPEATS)
    worse = sum(o.llf < fit.loglik - 1e-4 for o, fit in zip(others, fits, strict=True))
    ends = (
        f"{sum(fit.converged for fit in fits)} of {sets}",
        f"{sum(o.converged for o in others)} of {sets}; "
        f"{worse} with a likelihood lower by 1e-4 or more",
    )
    return [
        beside(f"{what} {version('statsmodels')}", found["simlab"], found["statsmodels"]),
        ("of these converged", ends[0], "", ends[1], "", "", ""),
    ]


def main() -> None:
    where = head()
    rows = [row for part in (against_lme4, large_data, against_statsmodels) for row in part()]
    print(f"{where}\n\n{table(BESIDE, rows)}")


if __name__ == "__main__":
    main()
