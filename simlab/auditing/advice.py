"""One sentence of advice for each method and question, made of the measured numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from simlab.auditing.verdicts import BIAS, HONEST, SURE, TRUSTED, Row, by_method, rows_of
from simlab.estimators import REGISTRY
from simlab.methods import short
from simlab.text.numbers import wrong
from simlab.words import SYMBOLS, TARGETS

MANY_FAILURES = 0.01  # share of data sets without an estimate, worth a word

Targets = Mapping[str, Row]  # the rows of one method, by target


def with_advice(verdicts: pd.DataFrame, level: float) -> pd.DataFrame:
    """Add the column `advice`: one sentence for each method, question and place."""
    sentences: dict[tuple[str, str, str], str] = {}
    for (question, place), part in verdicts.groupby(["question", "place"], sort=False):
        rows = rows_of(part)
        best = {target: _best(rows, target) for target in TARGETS}
        for method, own in by_method(rows).items():
            here = {row["target"]: row for row in own}
            sentences[str(question), str(place), method] = _sentence(method, here, best, level)
    keys = zip(verdicts["question"], verdicts["place"], verdicts["method"], strict=True)
    return verdicts.assign(advice=[sentences[key] for key in keys])


def aims_of(method: str) -> tuple[str, ...]:
    """Targets that a user of the method may want it for: β_W, β_B or both."""
    estimator = REGISTRY[method]
    if estimator.estimand == "mixture" or "between" in estimator.kinds:
        return TARGETS
    return (estimator.estimand,)


def _best(rows: Sequence[Row], target: str) -> str:
    """Label of the most accurate method to trust: surely and no wider than need be, if there is."""
    trusted = [row for row in rows if row["target"] == target and row["verdict"] in TRUSTED]
    sure = [row for row in trusted if row["decided"] and not row["certainty"] < SURE]
    for usable in ([row for row in sure if row["verdict"] == "yes"], sure, trusted):
        if usable:
            return short(min(usable, key=lambda row: float(row["rmse"]))["method"])
    return ""


def _sentence(method: str, own: Targets, best: Mapping[str, str], level: float) -> str:
    """Say what to trust the method for, what is wrong with it, and what to use instead."""
    verdict = {target: own[target]["verdict"] for target in TARGETS}
    if set(verdict.values()) == {"not estimable"}:
        return "It cannot be estimated here."
    trusted = [own[t] for t in verdict if verdict[t] in TRUSTED]
    failing = [own[t] for t in aims_of(method) if verdict[t] == "no"]
    clauses = _trust(trusted, level)
    if failing:
        clauses.append(_fault(failing, level))
        instead = {row["target"]: best[row["target"]] for row in failing if best[row["target"]]}
        clauses += _instead(instead, alone=not trusted)
    elif not trusted:
        clauses.append("no use for β_W or β_B here")
    clauses += _doubt([*trusted, *failing])
    failures = own["beta_within"]["failures"]
    if failures > MANY_FAILURES:
        clauses.append(f"it fails in {100 * failures:.0f} % of data sets")
    sentence = "; ".join(clauses)
    return sentence[0].upper() + sentence[1:] + "."


def _trust(trusted: Sequence[Row], level: float) -> list[str]:
    """Clause on what the method may be trusted for, and where it is wasteful."""
    clauses = []
    good = [row for row in trusted if row["verdict"] == "yes"]
    if good:
        interval = "intervals cover" if len(good) > 1 else "interval covers"
        clauses.append(
            f"trust it for {_symbols(good)}: its {100 * level:g} % {interval} {_covers(good)}"
        )
        if len(good) == 1 and abs(good[0]["relative_error"]) > HONEST:
            clauses[-1] += f", though its SE is {wrong(good[0]['relative_error'])}"
    for row in trusted:
        if row["verdict"] == "safe":
            wide = row["relative_error"] > HONEST
            why = (
                f"its SE is {wrong(row['relative_error'])}" if wide else "its interval is too wide"
            )
            clauses.append(
                f"safe for {SYMBOLS[row['target']]}, but wider than need be: {why}, and its "
                f"{100 * level:g} % interval covers {_covers([row])}"
            )
    return clauses


def _fault(failing: Sequence[Row], level: float) -> str:
    """Clause on what is wrong: the standard error, the bias, or both."""
    first, interval = failing[0], f"its {100 * level:g} % interval covers"
    off = [row for row in failing if abs(bias_of(row)) > BIAS]
    off_by = " and ".join(f"{abs(bias_of(row)):.2g} SE off {SYMBOLS[row['target']]}" for row in off)
    if abs(first["relative_error"]) <= HONEST:
        covers = f"{interval} {_covers(off or failing)}"
        return f"its SE is right, but it is {off_by}: {covers}" if off else covers
    fault = f"its SE is {wrong(first['relative_error'])} here: {interval} "
    if not off:
        return fault + _covers([first])
    return f"{fault}{100 * first['own_coverage']:.0f} % of what it estimates, which is {off_by}"


def _instead(best: Mapping[str, str], alone: bool) -> list[str]:
    """Clause on what to use for the targets that the method fails."""
    if not best:
        return []
    if alone and len(set(best.values())) == 1:
        return [f"use {next(iter(best.values()))}"]
    return ["use " + " and ".join(f"{label} for {SYMBOLS[t]}" for t, label in best.items())]


def _doubt(rows: Sequence[Row]) -> list[str]:
    """Clause on other parameters that the data allow, under which the verdict turns."""
    unsure = [row for row in rows if row["certainty"] < SURE]
    if not unsure:
        return []
    shares = " and ".join(f"{100 * row['certainty']:.0f} %" for row in unsure)
    what = "" if len(unsure) == len(rows) else f" for {_symbols(unsure)}"
    return [f"so it is{what} with {shares} of the parameters that the data allow"]


def bias_of(row: Row) -> float:
    """Bias of a row for its own target, in true standard errors."""
    return float(row["bias_between" if row["target"] == "beta_between" else "bias_within"])


def _symbols(rows: Sequence[Row]) -> str:
    return " and ".join(SYMBOLS[row["target"]] for row in rows)


def _covers(rows: Sequence[Row]) -> str:
    return " and ".join(f"{100 * row['coverage']:.0f} %" for row in rows)
