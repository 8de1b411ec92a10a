"""A short report: what the diagnostics say about a fit, and what to notice."""

from __future__ import annotations

import pandas as pd

from simlab.fitting.diagnostics.influences import influence
from simlab.fitting.diagnostics.singularity import near_singularity
from simlab.fitting.diagnostics.specification import hausman
from simlab.fitting.diagnostics.weighting import weights
from simlab.fitting.errors import FitError
from simlab.fitting.record import Fit

MANY = 1000  # clusters, beyond which refitting without each of them takes long
SHOWN = 3


def diagnose(fit: Fit) -> str:
    """Look at a fit from four sides, in words.

    Returns
    -------
    str
        One paragraph each from `near_singularity`, `hausman`, `influence` and `weights`. Where
        one of them has no answer, the reason.
    """
    design = fit.design
    n = fit.clusters.n
    head = (
        f"{design.formula} ({fit.method}): {fit.nobs} rows in {fit.nclusters} clusters of "
        f"{n.min()} to {n.max()}"
    )
    if not fit.converged:
        return f"{head}\nThe search did not converge: what follows from this fit means nothing."
    if fit.no_residual:
        return f"{head}\nThere is no residual variance: the likelihood means nothing."
    parts = {
        "Random effects": _random_effects,
        "Within and between": _within_between,
        "Influence": _influence,
        "Weights": _weights,
    }
    lines = [head]
    for title, part in parts.items():
        try:
            text = part(fit)
        except FitError as error:
            text = f"{str(error)[:1].upper()}{str(error)[1:]}."
        lines.append(f"{title}. {text}")
    return "\n".join(lines)


def _random_effects(fit: Fit) -> str:
    """Sentences on the combination of random effects that varies least."""
    result, advice = near_singularity(fit), ""
    if result.singular:
        advice = (
            " G is singular: leave a random effect out, or report that the data cannot tell them "
            "apart."
        )
    elif result.near:
        advice = (
            " G is nearly singular: notice how little of a random effect the others leave over."
        )
    return f"{result.sentence}{advice}"


def _within_between(fit: Fit) -> str:
    """Sentences on whether slopes within and between clusters are the same."""
    test = hausman(fit)
    if test.regression is None:
        return test.notes[1]
    p = float(test.regression.test.p_value)
    what = " and ".join(test.coefficients.index)
    if p < 0.05:
        advice = (
            f"in {what} this model mixes what happens within clusters with what happens between "
            "them; see contextual, and add the cluster means"
        )
    else:
        advice = "no sign that within and between differ, as far as these clusters can tell"
    return f"Cluster means added, {test.regression.test.joint()}: {advice}."


def _influence(fit: Fit) -> str:
    """Sentences on the clusters with most influence."""
    if fit.nclusters > MANY:
        return (
            f"{fit.nclusters} clusters would take as many fits; name some with "
            "influence(fit, clusters=…)."
        )
    table = influence(fit)
    limit = 4 / fit.nclusters
    top = table["cook"].dropna().nlargest(SHOWN)
    if top.empty:
        reasons = "; ".join(dict.fromkeys(table["note"]))
        return f"No cluster can be left out: {reasons}."
    listed = "; ".join(_cluster(table, label) for label in top.index)
    count = int((table["cook"] > limit).sum())
    known = int(table["cook"].notna().sum())
    text = f"Largest Cook's distances: {listed}. {count} of {known} are above 4/J = {limit:.2g}."
    if turned := int(((table["singular"] != fit.singular) & table["converged"]).sum()):
        other = "not singular" if fit.singular else "singular"
        text += f" G is {other} if any one of {turned} clusters is left out."
    if lost := int((table["note"] != "").sum()):
        text += f" If any one of {lost} is left out the model cannot be fitted; see the notes."
    return text


def _cluster(table: pd.DataFrame, label: object) -> str:
    """Words on the influence of one cluster."""
    row = table.loc[[label]].iloc[0]
    dfbetas = row[[name for name in table.columns if name.startswith("dfbetas ")]].astype(float)
    most = str(dfbetas.abs().idxmax())
    return (
        f"{label} {row['cook']:.2g} ({most.removeprefix('dfbetas ')} {dfbetas[most]:+.2g} "
        "standard errors with it)"
    )


def _weights(fit: Fit) -> str:
    """Sentence on how many clusters of equal weight each coefficient has."""
    effective = weights(fit).effective
    own = effective[list(fit.design.fixed_names)]
    listed = ", ".join(f"{name} {value:.3g}" for name, value in own.items())
    return (
        f"Clusters weigh in each coefficient as so many equal ones: {listed} "
        f"(a mean of rows {effective['students']:.3g}, of clusters {fit.nclusters})."
    )
