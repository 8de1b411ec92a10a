"""Whether the mixed model always converges, and to the best fit there is.

    python experiments/convergence.py [FITS]

Fits 100,000 simulated data sets, most of them unkind: six clusters of about five rows, no variance
of the slopes, half of all rows in one cluster, clusters of one row. Every fit must converge. For a
random thousand of them, nothing else may find a likelihood that is better by more than 1e-6: not
the same search from eight other starting points, nor BFGS from four, nor Nelder and Mead's simplex,
in data of up to 80 rows on a likelihood written with dense matrices.

Then 100,000 models inside one another are fitted to data whose covariates begin up to 10⁶ standard
deviations from 0: none may have a lower likelihood than one inside it, and none may change with
what leaves it alone (tests/nested_cases.py). Writes results/convergence.md.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from rich.progress import Progress, track
from scipy.optimize import minimize

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
os.environ["PYTHONPATH"] = str(ROOT / "tests")  # for the processes that are started

from line_cases import fitted_deviance  # noqa: E402
from nested_cases import Outcome, check_nested, check_same  # noqa: E402

from simlab.mixed.deviance import deviance  # noqa: E402
from simlab.mixed.many import minimise  # noqa: E402
from simlab.mixed.newton import SEARCH  # noqa: E402
from simlab.mixed.rotated import Rotated, allocate, rotate_line  # noqa: E402
from simlab.mixed.starts import FROM_TRIAL, ONCE  # noqa: E402
from simlab.mixed.work import allocate_work  # noqa: E402
from simlab.moments import Floats, Moments, from_rows  # noqa: E402

TOLERANCE = 1e-6
DENSE = 80  # rows up to which the likelihood is also written with dense matrices
SEED = 20261123
FAMILIES = {  # clusters, rows per cluster, Var of slopes, half of all rows in one cluster
    "6 clusters of Poisson(5) rows": (6, 5, 0.3, False),
    "the same, slopes do not vary": (6, 5, 0.0, False),
    "the same, one cluster has half of the rows": (6, 5, 0.0, True),
    "4 clusters of Poisson(8) rows": (4, 8, 0.3, False),
    "12 clusters of Poisson(3) rows, slopes do not vary": (12, 3, 0.0, False),
    "40 clusters of Poisson(5) rows": (40, 5, 0.3, False),
    "40 clusters of Poisson(30) rows, slopes do not vary": (40, 30, 0.0, False),
    "40 clusters, one has half of the rows": (40, 5, 0.3, True),
}
HEAD = (
    "| data | fits | not identified | failed "
    "| evaluations, median | of one search, max | in all, max |"
)


class Data:
    """One data set: its rows, and its rotated clusters in units of its spread."""

    def __init__(self, rng: np.random.Generator, kind: tuple[int, int, float, bool], k: int):
        J, size, g11, half = kind
        n = np.maximum(rng.poisson(size, J), 1)
        if half:
            n[0] = n[1:].sum()
        self.cluster = np.repeat(np.arange(J), n)
        N = len(self.cluster)
        u = rng.standard_normal((J, 2)) * [1, np.sqrt(g11)]
        x = (rng.standard_normal(J))[self.cluster] + rng.standard_normal(N)
        y = x + u[self.cluster, 0] + u[self.cluster, 1] * x + 2 * rng.standard_normal(N)
        self.x, self.y = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
        self.moments: Moments = from_rows(self.x, self.y, self.cluster, np.zeros(J, dtype=np.int64))
        self.k = k
        self.rotated: Rotated = allocate(self.moments.starts, 2, k)
        rotate_line(*(field[0] for field in self.moments[:-1]), k == 3, self.rotated)

    def dense(self, theta: Floats, reml: bool) -> float:
        """The deviance by textbook matrices."""
        Lambda = np.array([[theta[0], 0], [theta[1], theta[2]]])
        Z = np.column_stack([np.ones_like(self.x), self.x])
        X = np.column_stack([Z, self.moments.x_mean[0][self.cluster]])[:, : self.k]
        same = self.cluster[:, None] == self.cluster
        V = np.eye(len(self.y)) + same * (Z @ Lambda @ Lambda.T @ Z.T)
        L = np.linalg.cholesky(V)
        both = np.linalg.solve(L, np.column_stack([X, self.y]))
        A, b = both[:, :-1].T @ both[:, :-1], both[:, :-1].T @ both[:, -1]
        rest = both[:, -1] - both[:, :-1] @ np.linalg.solve(A, b)
        nu = len(self.y) - (self.k if reml else 0)
        value = 2 * np.log(np.diag(L)).sum() + nu * (1 + np.log(2 * np.pi * (rest @ rest) / nu))
        return float(value + np.linalg.slogdet(A)[1] if reml else value)


def fit(data: Data, reml: bool, restarts: int, start: Floats | None = None) -> tuple[int, float]:
    """Evaluations and deviance of a fit."""
    w = allocate_work(data.rotated)
    if start is not None:
        w.trial[...] = start
    found = minimise(data.rotated, reml, w, np.zeros((2, 2)), SEARCH, restarts)
    return found, float(w.value[0]) if found > 0 else np.inf


def best_elsewhere(data: Data, reml: bool, rng: np.random.Generator) -> float:
    """The lowest deviance that other starts and other methods find."""
    sizes = [rng.standard_normal((2, 2)) * rng.lognormal(-0.5, 1.5, (2, 1)) for _ in range(8)]
    found = [fit(data, reml, FROM_TRIAL, np.tril(size)) for size in sizes]
    values = [value for _, value in found]
    w = allocate_work(data.rotated)

    def objective(theta: Floats) -> tuple[float, Floats]:
        Lambda = np.array([[theta[0], 0], [theta[1], theta[2]]])
        return deviance(Lambda, data.rotated, reml, False, w), w.gradient.copy()

    starts = [np.array([1.0, 0, 1]), np.array([0.1, 0, 0.1]), *rng.standard_normal((2, 3))]
    ends = [minimize(objective, start, jac=True, method="BFGS") for start in starts]
    values += [end.fun for end in ends]
    around = min(ends, key=lambda end: end.fun).x + 0.01 * rng.standard_normal(3)
    simplex = {"xatol": 1e-7, "fatol": 1e-9, "maxiter": 600}

    def value_at(theta: Floats) -> float:
        return data.dense(theta, reml) if len(data.y) <= DENSE else objective(theta)[0]

    values.append(minimize(value_at, around, method="Nelder-Mead", options=simplex).fun)
    return float(np.nanmin(values))


def study(total: int, sample: int = 1000) -> str:
    """Fit everything; return the report."""
    each = -(-total // len(FAMILIES))
    compared = set(np.random.default_rng(SEED).choice(total, min(sample, total), False).tolist())
    lines, excess, single_excess, number = [], [], [], 0
    for f, (name, kind) in enumerate(FAMILIES.items()):
        rng = np.random.default_rng([SEED, f])
        searches, single = [], []
        failed = unidentified = 0
        for i in track(range(each), name, transient=True):
            data, reml = Data(rng, kind, 2 + i % 2), i % 4 < 2
            once, at_once = fit(data, reml, ONCE)
            found, value = fitted_deviance(data.moments, data.rotated, reml, data.k)
            unidentified += found == -1
            failed += found < -1
            if found > 0:
                searches.append(found)
                single.append(once)
            if number in compared and found > 0:
                lowest = best_elsewhere(data, reml, rng)
                excess.append(value - lowest)
                single_excess.append(at_once - lowest)
            number += 1
        ends = [n for n in single if n > 0]
        lines.append(
            f"| {name} | {len(searches):,} | {unidentified} | {failed} "
            f"| {np.median(ends):.0f} | {max(ends)} | {max(searches)} |"
        )
    better, before = np.array(excess), np.array(single_excess)
    return "\n".join(
        [
            f"Random intercept and slope, with and without the cluster mean of x, by REML and ML: "
            f"{number:,} data sets.",
            "",
            HEAD,
            "|---|---:|---:|---:|---:|---:|---:|",
            *lines,
            "",
            "Not identified: as many coefficients as clusters or rows allow, said at the first "
            "evaluation.",
            f"Of {len(better):,} fits drawn at random, other starting points and other optimisers "
            f"found a deviance lower by more than {2 * TOLERANCE:g} (a log-likelihood higher by "
            f"{TOLERANCE:g}) in **{(better > 2 * TOLERANCE).sum()}**; the largest difference was "
            f"{better.max():.1e}.",
            f"With one search instead of several it would have been "
            f"{(~(before <= 2 * TOLERANCE)).sum()}.",
        ]
    )


MOST = 3  # random effects beside the intercept
MANY = 5  # and in every 200th data set, where not all subsets are searched


CHUNK = 40  # data sets that a process fits at a time


def chunk(first: int) -> tuple[Outcome, Outcome]:
    """Fit the models of some data sets: inside one another, and equivalent."""
    inside, same = Outcome(), Outcome()
    for seed in range(first, first + CHUNK):
        most = MANY if seed % 200 == 199 else MOST
        if seed % 5 < 3:
            check_nested(seed, most, inside)
        else:
            check_same(seed, most, same)
    return inside, same


def nested(total: int) -> tuple[str, list[str]]:
    """Fit models inside one another, and equivalent ones; return the report and the failures."""
    inside, same, seed = Outcome(), Outcome(), 0
    chunks = Parallel(n_jobs=-1, return_as="generator")(
        delayed(chunk)(first) for first in range(0, total, CHUNK)
    )
    with Progress(transient=True) as progress:
        task = progress.add_task("models inside one another", total=total)
        for found in chunks:
            inside.add(found[0])
            same.add(found[1])
            seed += CHUNK
            progress.update(task, completed=inside.fits + same.fits)
            if inside.fits + same.fits >= total:
                break
    chunks.close()
    rows = [
        f"| {name} | {one.fits:,} | {one.refused:,} | {one.exact:,} | {len(one.unconverged)} "
        f"| {len(one.failures)} |"
        for name, one in (("models inside one another", inside), ("one model in two ways", same))
    ]
    report = "\n".join(
        [
            f"Models inside one another, and models written in two ways, by `simlab.fit`: {seed:,} "
            f"data sets of 4 to 60 clusters, up to {MOST + 1} random effects ({MANY + 1} in every "
            "200th), `|` and `||`, with and without a fixed intercept, by REML and ML; covariates "
            "from 0 to 10⁶ standard deviations from 0, in units from 10⁻⁴ to 10⁶.",
            "",
            "| what | fits | refused | exact | not converged | invariants that did not hold |",
            "|---|---:|---:|---:|---:|---:|",
            *rows,
            "",
            "Refused: the design does not identify the model. Exact: within each cluster the "
            "model leaves nothing, so that the likelihood grows without end, and a note says so; "
            "not converged: so says a note. Nothing is asked of these fits. "
            "Invariants: the log-likelihood is "
            "not below that of any model in which some variances are 0 (all subsets up to four "
            "random effects), nor, with `|`, below that of `||`; and it is the same for another "
            "origin (with `|`), scale, order of terms and reference level.",
        ]
    )
    return report, [*inside.failures, *same.failures, *inside.unconverged, *same.unconverged]


def main() -> None:
    """Run it all, print the report and keep it."""
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    began = time.perf_counter()
    report = study(total)
    more, failures = nested(total)
    report = f"{report}\n\n## Models inside one another\n\n{more}"
    print(f"{report}\n\n{time.perf_counter() - began:.0f} s", *failures, sep="\n")
    if total >= 100_000:
        (ROOT / "results" / "convergence.md").write_text(f"# Convergence\n\n{report}\n", "utf-8")


if __name__ == "__main__":
    main()
