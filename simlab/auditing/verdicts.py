"""Verdicts from measures: whether a method's interval may be trusted for a target.

A method is trusted when its interval does what it says:

* its bias is at most 0.4 of its true standard error, beyond which coverage and error rates suffer
  (Collins, Schafer & Kam 2001, Psychological Methods 6:330);
* its interval covers the target at least as often as 1 − 1.5α, α = 1 − level (Bradley 1978,
  British Journal of Mathematical and Statistical Psychology 31:144, liberal criterion).

It is "yes" up to 1 − 0.5α, and beyond that "safe": trusted, but its interval is wider than need be.
Whether a standard error is honest is judged as in the methods table: within 5 % of the true one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from simlab.auditing.studies import METHODS, QUESTIONS
from simlab.auditing.subject import Subject
from simlab.config import Verdicts
from simlab.estimators import REGISTRY
from simlab.methods import label
from simlab.moments import Floats
from simlab.verdicts.judge import Number, at_least, equivalent
from simlab.words import NEW, TARGETS, Term, places_of

BIAS = 0.4  # of the true standard error
HONEST = 100 * Verdicts().honest_margin  # %
SURE = 0.9  # of the parameters drawn
VAGUE = 0.25  # MCSE of λ, from which on it is not reported: β_B and β_W are too close

TRUSTED = ("yes", "safe")  # verdicts of trust; the others are "no" and "not estimable"


Row = dict[str, Any]  # one row of the verdicts, by column


def rows_of(frame: pd.DataFrame) -> list[Row]:
    """Return the rows of a frame, each by column."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def by_method(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return rows by method, in their order."""
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row["method"], []).append(row)
    return grouped


def coverage_bounds(level: float) -> tuple[float, float]:
    """Coverage below which an interval is not trusted, and above which it is too wide."""
    alpha = 1 - level
    return 1 - 1.5 * alpha, 1 - 0.5 * alpha


def judged(bias: Floats, coverage: Floats, level: float) -> NDArray[np.str_]:
    """Judge numbers as they are: a bias in true standard errors, and the coverage of the target."""
    low, high = coverage_bounds(level)
    trusted = (np.abs(bias) <= BIAS) & (coverage >= low)
    words = np.where(trusted, np.where(coverage > high, "safe", "yes"), "no")
    return np.where(np.isnan(bias) | np.isnan(coverage), "not estimable", words)


def terms_of(method: str) -> tuple[tuple[str, str], ...]:
    """Return (target, kind of term) for all that a method may be used for."""
    kinds = REGISTRY[method].kinds
    between = "between" if "between" in kinds else "slope"
    contextual = (("contextual", "contextual"),) if "contextual" in kinds else ()
    return (("beta_within", "slope"), ("beta_between", between), *contextual)


def verdict_frame(subject: Subject, measures: xr.Dataset, level: float) -> pd.DataFrame:
    """Judge every method, for each question, place and target.

    Returns a tidy DataFrame; see `Audit.verdicts`. The advice is still to be added.
    """
    on_data = {(row["method"], row["term"]): row for row in rows_of(subject.comparison)}
    rows = [
        _row(measures, on_data, (question, place, method, target, kind), level)
        for question in QUESTIONS
        for place in places_of(subject.groups)
        for method in METHODS
        for target, kind in terms_of(method)
    ]
    return pd.DataFrame(rows)


def _row(
    measures: xr.Dataset, on_data: Mapping[tuple[str, str], Row],
    which: tuple[str, str, str, str, str], level: float,
) -> Row:  # fmt: skip
    """Row of one method for one target: its numbers, and what they mean."""
    question, place, method, target, kind = which
    term = str(Term(kind, place))
    here = measures.sel(question=question, estimator=method, term=term)
    base = here.isel(parameters=0)
    index = 1 if target == "beta_between" else 0
    number = {name: _number(base, name) for name in _PER_TERM}
    bias = [_number(base, "bias_in_se", i) for i in (0, 1)]
    coverage = _number(base, "coverage", index)
    error = number["relative_error"]
    words = judged(
        here["bias_in_se"].values[:, index], here["coverage"].values[:, index], level
    ).tolist()
    share = base["lambda"], base["lambda_mcse"], base["lambda_theory"]
    fitted = on_data[method, term]
    return {
        "method": method,
        "label": label(method),
        "question": question,
        "place": place,
        "term": term,
        "target": target,
        "truth": float(base["truth"][index]),
        **{name: fitted[name] for name in ("estimate", "std_error", "status")},
        **dict(zip(("lambda", "lambda_mcse", "lambda_theory"), map(float, share), strict=True)),
        **_columns({"bias_within": bias[0], "bias_between": bias[1]}),
        **_columns(number),
        "rmse": number["true_se"].value * float(np.hypot(1.0, bias[index].value)),
        **_columns({"coverage": coverage}),
        "honest": equivalent(error, HONEST),
        "verdict": words[0],
        "decided": _decided(bias[index], coverage, words[0], level),
        "certainty": _certainty(words),
    }


_PER_TERM = ("true_se", "relative_error", "own_coverage", "efficiency", "failures")


def _number(base: xr.Dataset, name: str, target: int | None = None) -> Number:
    """A measure with its interval, of one target if it has several."""
    parts = [base[f"{name}{p}"] for p in ("", "_mcse", "_low", "_high") if f"{name}{p}" in base]
    value, mcse, *ends = (float(part if target is None else part[target]) for part in parts)
    share = name in ("coverage", "own_coverage", "failures")
    return Number(value, mcse, interval=(ends[0], ends[1]) if share else None)


def _columns(numbers: Mapping[str, Number]) -> dict[str, float]:
    """Value and MCSE of numbers, by column."""
    return {
        name + suffix: value
        for name, number in numbers.items()
        for suffix, value in (("", number.value), ("_mcse", number.mcse))
    }


def _decided(bias: Number, coverage: Number, word: str, level: float) -> bool:
    """Whether more replicates would hardly turn trust into distrust, or the reverse."""
    words = {equivalent(bias, BIAS), at_least(coverage, coverage_bounds(level)[0])}
    return words == {"yes"} if word in TRUSTED else "no" in words


def _certainty(words: list[str]) -> float:
    """Share of the drawn parameters that give the trust, or the distrust, of the first."""
    first, *drawn = [word in TRUSTED for word in words]
    return float(np.mean([one == first for one in drawn])) if drawn else np.nan


def answers(verdicts: pd.DataFrame, measures: xr.Dataset, level: float) -> pd.DataFrame:
    """Say which methods to trust for all slopes at once.

    One row per question, target (β_W, β_B) and method: question, target, method, label, verdict,
    certainty, rmse (mean over places). A method is trusted when it is in every group and
    difference; `certainty` is the share of parameter draws in which that is so. Those to be trusted
    come first; of these, those with a certainty of 90 % or more; of these, the most accurate.
    """
    rows: list[Row] = []
    for (question, target), here in verdicts.groupby(["question", "target"], sort=False):
        for method, own in by_method(rows_of(here)).items() if target in TARGETS else ():
            terms = [row["term"] for row in own]
            part = measures.sel(question=question, estimator=method, term=terms, target=target)
            words = judged(part["bias_in_se"].values, part["coverage"].values, level)
            trusted = np.atleast_1d(np.isin(words, TRUSTED).all(axis=1))
            word = "not estimable" if (words[0] == "not estimable").all() else "no"
            if trusted[0]:
                word = "safe" if (words[0] == "safe").any() else "yes"
            together = _certainty(["yes" if one else "no" for one in trusted])
            rmse = float(np.mean([row["rmse"] for row in own]))
            named = {"question": question, "target": target, "method": method}
            values = {"verdict": word, "certainty": together, "rmse": rmse}
            rows.append(named | {"label": own[0]["label"]} | values)
    rank = {"yes": 0, "safe": 0, "no": 1, "not estimable": 2}
    rows.sort(
        key=lambda row: (
            QUESTIONS.index(row["question"]), TARGETS.index(row["target"]), rank[row["verdict"]],
            row["certainty"] < SURE, np.nan_to_num(row["rmse"], nan=np.inf),
        )
    )  # fmt: skip
    return pd.DataFrame(rows)


def with_lambda(measures: xr.Dataset, limit: xr.DataArray, groups: tuple[str, ...]) -> xr.Dataset:
    """Add λ to the measures, and by the limits: each term estimates β_W + λ(β_B − β_W)."""
    within, between = (measures["truth"].isel(target=i, drop=True) for i in (0, 1))
    contrast = between - within
    slopes, betweens = (_in_groups(kind, groups) for kind in ("slope", "between"))
    bias, mcse = (measures[name].isel(target=0, drop=True) for name in ("bias", "bias_mcse"))
    whole = measures["term"].isin([*slopes, *betweens])
    defined = (mcse < VAGUE * abs(contrast)) & whole
    first = {"parameters": 0}
    theory = (limit - within[first]) / contrast[first].where(contrast[first] != 0)
    known = measures["term"].isin(slopes) & (measures["question"] == NEW)
    return measures.assign(
        {
            "lambda": (bias / contrast).where(defined),
            "lambda_mcse": (mcse / abs(contrast)).where(defined),
            "lambda_theory": theory.where(known).drop_vars("parameters"),
        }
    )


def lambdas_of(measures: xr.Dataset, groups: tuple[str, ...]) -> Floats:
    """Return λ of every method's slope in every group, (E, S), from its probability limit."""
    slopes = _in_groups("slope", groups)
    shares: Floats = measures["lambda_theory"].sel(question=NEW, term=slopes).values
    return shares


def _in_groups(kind: str, groups: tuple[str, ...]) -> list[str]:
    return [str(Term(kind, place)) for place in places_of(groups, differences=False)]
