"""The mixed model beside other software: the same data, the same model."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from benchmarks.clock import Action, Measured, processor
from benchmarks.populations import Responses, responses
from benchmarks.python_peers import FORMULA, PACKAGES, ask
from benchmarks.r import Wanted, offered
from benchmarks.section import BESIDE, Effort, Row, Section, beside
from simlab.estimators import REGISTRY, Sample
from simlab.fitting.model import fit
from simlab.mixed.lines import Fits, fit_lines
from simlab.moments import Floats, Moments, from_rows

TASKS = Path(__file__).with_name("peers.R")
COPIES = 50  # of each data set in a block, so that a call from Python costs as little as in a study
NO_CONTRAST = np.zeros((0, 1, 2))

# simlab's action, the peer's, and what they have in common. Refits are by ML: refitting by REML,
# lme4 1.1.31 has n − 1 in its criterion where n − p belongs (`refit(fit)@resp$REML` is 1).
PAIRS = (
    ("moments", "refit", "ML, from moments; lme4 `refit` without checks of derivatives"),
    ("moments", "refit_checked", "the same; lme4 `refit` as it comes"),
    ("rows", "refit", "ML, from rows; lme4 `refit` without checks of derivatives"),
    ("frame", "lmer", "REML, `simlab.fit` from the data frame; `lme4::lmer`"),
    ("df", "satterthwaite", "REML and df, `hlm` from moments; `summary(lmerTest::lmer)`"),
    ("table", "satterthwaite", "REML and df, `simlab.fit` and its table; the same summary"),
    ("frame", "glmm", "REML, `simlab.fit` from the data frame; `glmm.fit` (Rust) without df"),
    ("table", "glmm_df", "REML and df, `simlab.fit` and its table; `glmm.fit` (Rust)"),
    ("frame", "mixedlm", "REML, `simlab.fit` from the data frame; mixedlm `lmer`"),
    ("frame", "statsmodels", "REML, `simlab.fit` from the data frame; statsmodels `MixedLM`"),
)
CHECKED: dict[str, Literal["ML", "REML"]] = {"refit": "ML", "lmer": "REML"}
NEEDS = {"refit": "lme4", "refit_checked": "lme4", "lmer": "lme4", "satterthwaite": "lmerTest"}


class Peers(NamedTuple):
    """Other software: what is timed, what could not be, and what was found besides."""

    actions: dict[str, Action]
    skipped: dict[str, str]
    notes: tuple[str, ...]
    versions: dict[str, str]


def peers(effort: Effort, stack: ExitStack) -> Section:
    """Time simlab and whatever is installed beside it, in turn."""
    data = responses(2 if effort.quick else 10)
    r, python = _in_r(data, stack), _in_python(data)
    skipped = {**r.skipped, **python.skipped}
    return Section(
        title="Peers",
        words=(
            "Processor time of one fit of y ~ x + (1 + x | cluster), in simlab and beside "
            f"it; the same {len(data.y)} data sets of {len(data.x):,} rows in "
            f"{int(data.cluster.max()) + 1} clusters for all. From moments: the sufficient "
            "statistics are there already, as in a study. From rows: they are computed first, "
            "one data set at a time."
        ),
        actions={**_ours(data), **r.actions, **python.actions},
        columns=BESIDE,
        rows=lambda found: _rows(found, skipped),
        notes=(*r.notes, *python.notes),
        versions={**r.versions, **python.versions},
    )


def _ours(data: Responses) -> dict[str, Action]:
    """Return the ways in which simlab fits the model, each over all data sets."""
    frames = [data.frame(d) for d in range(len(data.y))]
    D, one_sector = len(frames), np.zeros(int(data.cluster.max()) + 1, dtype=np.int64)

    def moments(y: Floats) -> Moments:
        return from_rows(data.x, y, data.cluster, one_sector)

    def from_scratch(y: Floats) -> Fits:
        return fit_lines(moments(y), NO_CONTRAST, reml=False)

    each = [moments(y) for y in data.y]
    fields = zip(*(m[:-1] for m in each), strict=True)
    tiled = [np.tile(np.concatenate(field), (COPIES, 1)) for field in fields]
    block = Moments._make([*tiled, each[0].starts])
    sample, hlm = Sample(block), REGISTRY["hlm"].fit
    return {
        "moments": processor(lambda: fit_lines(block, NO_CONTRAST, reml=False), D * COPIES),
        "rows": processor(lambda: [from_scratch(y) for y in data.y], D),
        "frame": processor(lambda: [fit(FORMULA, frame) for frame in frames], D),
        "df": processor(lambda: hlm(sample), D * COPIES),
        "table": processor(lambda: [fit(FORMULA, frame).table() for frame in frames], D),
    }


def _in_r(data: Responses, stack: ExitStack) -> Peers:
    """Return what lme4 and lmerTest take, each as far as it is installed."""
    sets = len(data.y)
    wanted = {task: Wanted(package, sets) for task, package in NEEDS.items()}
    session, actions, skipped = offered(TASKS, data.wide(), stack, wanted)
    if session is None:
        return Peers({}, skipped, (), {})
    notes = []
    for task, method in CHECKED.items():
        if task in actions:
            answers = [session.answer(task, d + 1) for d in range(sets)]
            others = [(answer[:-1], answer[-1]) for answer in answers]
            notes.append(_agreement(f"lme4's `{task}`", data, method, others))
    return Peers(actions, skipped, tuple(notes), dict(session.versions))


def _in_python(data: Responses) -> Peers:
    """Return what packages for Python take, each if it is installed."""
    frames = [data.frame(d) for d in range(len(data.y))]
    actions, skipped, notes, versions = {}, {}, [], {}
    for name, package in PACKAGES.items():
        asked = ask(package, frames)
        if asked is None:
            skipped[name] = f"{package.name} is not installed"
            continue
        actions[name] = processor(asked.run, len(frames))
        if package.name not in versions:
            notes.append(
                _agreement(f"{package.name}'s `{package.call}`", data, "REML", asked.answers)
            )
            notes.append(
                f"{package.name} says that it converged for {asked.converged} of "
                f"{len(frames)} data sets."
            )
        versions[package.name] = asked.version
    return Peers(actions, skipped, tuple(notes), versions)


def _agreement(
    name: str, data: Responses, method: Literal["ML", "REML"], others: list[tuple[Any, float]]
) -> str:
    """Say how far the estimates are apart, and whose likelihood is higher."""
    apart, higher = [], []
    for d, (gamma, loglik) in enumerate(others):
        own = fit(FORMULA, data.frame(d), method)
        apart.append(np.max(np.abs(own.fixef - gamma) / own.std_error))
        higher.append(own.loglik - loglik)
    return (
        f"Fixed effects of simlab and {name} by {method} differ by at most {max(apart):.0e} "
        f"standard errors; simlab's log-likelihood is higher by {min(higher):.0e} to "
        f"{max(higher):.0e}."
    )


def _rows(found: Measured, skipped: dict[str, str]) -> list[Row]:
    return [
        beside(what, found[ours], skipped[theirs] if theirs in skipped else found[theirs])
        for ours, theirs, what in PAIRS
    ]
