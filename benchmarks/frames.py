"""A fit from a data frame, small and large, beside a package written in Rust; and many refits."""

from __future__ import annotations

import warnings
from contextlib import ExitStack
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.clock import Action, processor, wall
from benchmarks.section import BESIDE, Effort, Row, Section, beside
from benchmarks.units import duration, spread
from simlab.data import hs
from simlab.fitting.model import fit

FORMULA = "y ~ x * w + (1 + x | school)"
OF_HS = "mathach ~ ses * sector + (1 + ses | school)"
CALLS = 20  # of a small fit, timed as one


def frames(effort: Effort, stack: ExitStack) -> Section:  # noqa: ARG001
    """Time fits of simlab and, where it is installed, of glmm."""
    few, many, responses = ((40, 30), (100, 100), 200) if effort.quick else (
        (40, 30), (10_000, 100), 10_000
    )  # fmt: skip
    small, large = _data(*few), _data(*many)
    actions, absent = _of_simlab(small, large, responses), None
    try:
        glmm = import_module("glmm")
    except ImportError:
        absent = "glmm is not installed"
    else:
        actions |= _of_glmm(glmm, small, large)
    words = {
        "fit": f"{len(small):,} rows in {few[0]} clusters; `glmm.fit` without df",
        "table": f"{len(small):,} rows in {few[0]} clusters, and the table with df; `glmm.fit`",
        "large": f"{len(large):,} rows in {many[0]:,} clusters; `glmm.fit` without df",
    }

    def rows(found: Any) -> list[Row]:
        """Compare; the refits have no peer."""
        each = [
            beside(what, found[key], absent or found[f"glmm {key}"]) for key, what in words.items()
        ]
        refits = found["refit"]
        what = f"{responses:,} responses of hs, `fit.refit(Y)`, all threads, wall"
        return [*each, (what, duration(refits.median), spread(refits, duration), "", "", "", "")]

    return Section(
        title="Fits from a data frame",
        words=(
            f'Processor time of `simlab.fit(data, "{FORMULA}")`, text for clusters, REML, and of '
            "glmm, a package written in Rust, on the same data frame."
        ),
        actions=actions,
        columns=BESIDE,
        rows=rows,
    )


def _data(J: int, n: int) -> pd.DataFrame:
    """J schools of n students, always the same ones."""
    rng = np.random.default_rng(2)
    school = np.repeat(np.arange(J), n)
    w, u = rng.standard_normal(J)[school], rng.standard_normal((2, J))
    x = rng.standard_normal(J * n) + rng.standard_normal(J)[school]
    y = 1 + x + w + u[0][school] + 0.5 * u[1][school] * x + rng.standard_normal(J * n)
    names = np.array([f"school {j:05d}" for j in range(J)])[school]
    return pd.DataFrame({"y": y, "x": x, "w": w, "school": names})


def _of_simlab(small: pd.DataFrame, large: pd.DataFrame, responses: int) -> dict[str, Action]:
    data = hs()
    fitted = fit(data, OF_HS)
    noise = np.random.default_rng(3).standard_normal((len(data), responses))
    Y = np.asarray(fitted.fitted())[:, None] + 6 * noise
    return {
        "fit": processor(lambda: [fit(small, FORMULA) for _ in range(CALLS)], CALLS),
        "table": processor(lambda: [fit(small, FORMULA).table() for _ in range(CALLS)], CALLS),
        "large": processor(lambda: fit(large, FORMULA)),
        "refit": wall(lambda: fitted.refit(Y)),
    }


def _of_glmm(glmm: Any, small: pd.DataFrame, large: pd.DataFrame) -> dict[str, Action]:
    def fits(frame: pd.DataFrame, calls: int, df: bool) -> Action:
        """Fit a data frame a few times, whatever it warns of."""

        def run() -> None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for _ in range(calls):
                    glmm.fit(frame, FORMULA, satterthwaite=df)

        return processor(run, calls)

    return {
        "glmm fit": fits(small, CALLS, df=False),
        "glmm table": fits(small, CALLS, df=True),
        "glmm large": fits(large, 1, df=False),
    }
