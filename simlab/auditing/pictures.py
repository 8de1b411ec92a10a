"""The pictures of an audit: data space, beta space, and how honest each method is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from simlab import beta, looks, plots
from simlab.auditing.findings import Findings
from simlab.auditing.studies import QUESTIONS
from simlab.auditing.subject import TRUTH, Subject
from simlab.methods import look, short
from simlab.moments import Floats
from simlab.pictures import cluster_lines
from simlab.words import NEW, Term, term_names

Figure = Any  # of matplotlib, which only plots name

LINES = tuple(name for name in beta.LINES if name != "pooled_robust")
"""Methods with a line of their own: robust standard errors change none."""

WITHIN_LINE, BETWEEN_LINE = (f"{short(TRUTH)}: {target}" for target in ("β_W", "β_B"))
LOOKS = {WITHIN_LINE: look(TRUTH), BETWEEN_LINE: look(TRUTH)._replace(dash=looks.DASHED)}


def data_picture(audit: Findings, group: str) -> Figure:
    """Draw the rows of one group, the clusters' lines, and the line of every method."""
    roles, rows = audit.subject.roles, _rows(audit.subject, group)
    figure, (ax,) = plots.canvas(10, 7)
    plots.data_space(
        *(rows[column] for column in (roles.x, roles.y, roles.cluster)),
        clusters=_cluster_lines(audit.subject, rows),
        lines={
            name: plots.Line(*line, look=LOOKS.get(name))
            for name, line in _lines(audit.subject, group).items()
        },
        ax=ax, names=(_plain(roles.x), _plain(roles.y)),
        level2=_plain(roles.cluster),
    )  # fmt: skip
    return figure


def beta_picture(audit: Findings, group: str) -> Figure:
    """Draw the lines of one group as points, with what is reported of them and what is true."""
    s = audit.subject
    g = s.groups.index(group)
    own = _cluster_lines(s, _rows(s, group))
    reported, true = reported_covariances(s, g), _true_covariances(audit, group)
    estimates = {
        name: plots.Estimate(line, reported.get(name), true.get(name), LOOKS.get(name))
        for name, line in _lines(s, group).items()
    }
    center = _lines(s, group)[WITHIN_LINE]
    figure, (ax,) = plots.canvas(10, 7)
    plots.beta_space(
        np.column_stack([own.intercept, own.slope]),
        estimates,
        {"G about γ": (center, s.parameters.G)},
        level=audit.study.level,
        level2=_plain(s.roles.cluster),
        ax=ax,
    )
    return figure


def honesty_picture(audit: Findings, question: str, place: str) -> Figure:
    """Draw bias, honesty and coverage of every method for one slope."""
    verdicts = audit.verdicts
    frame = verdicts[(verdicts["target"] == "beta_within") & (verdicts["place"] == place)]
    figure, axes = plots.canvas(12, 4.8, 3)
    term, level = str(Term("slope", place)), audit.study.level
    plots.honesty(frame, question, term, level=level, axes=list(axes))
    return figure


def reported_covariances(subject: Subject, g: int) -> dict[str, Floats]:
    """Return each method's own covariance of intercept and slope, in group g, by name."""
    sample = subject.sample
    covariances = {method: beta.points(sample, method)[g].covariance for method in LINES}
    covariances[BETWEEN_LINE] = beta.points(sample, TRUTH, "between")[g].covariance
    return covariances


def _true_covariances(audit: Findings, group: str) -> dict[str, Floats]:
    """Covariance of each method's intercept and slope over samples of new clusters, by name."""
    drawn = audit.dataset["estimate"].isel(condition=QUESTIONS.index(NEW))
    place = group if len(audit.subject.groups) > 1 else ""
    covariances = {}
    for method in (*LINES, TRUTH):
        kind = "between" if method == TRUTH else "slope"
        terms = [str(Term(name, place)) for name in ("intercept", kind)]
        values = drawn.sel(estimator=method, term=terms).values
        name = BETWEEN_LINE if method == TRUTH else method
        covariances[name] = np.cov(values[np.isfinite(values).all(axis=1)].T)
    return covariances


def _lines(s: Subject, group: str) -> dict[str, tuple[float, float]]:
    """Intercept and slope of each method in one group; of the truth, one line for each effect.

    Its line within clusters is that of a cluster with the mean of all cluster means.
    """
    estimate = s.comparison.set_index(["method", "term"])["estimate"]
    at = list(term_names(("intercept", "slope"), s.groups))
    g, width = s.groups.index(group), len(at) // 2
    lines = {
        name: (float(estimate[name, at[g]]), float(estimate[name, at[width + g]])) for name in LINES
    }
    p, m = s.parameters, s.moments
    mean = float(m.x_mean[0, m.starts[g] : m.starts[g + 1]].mean())
    intercept = float(p.gamma0[g] + (p.between[g] - p.within[g]) * mean)
    lines[WITHIN_LINE] = (intercept, float(p.within[g]))
    lines[BETWEEN_LINE] = (float(p.gamma0[g]), float(p.between[g]))
    return {name: line for name, line in lines.items() if np.isfinite(line).all()}


def _plain(name: str) -> str:
    """Keep matplotlib from reading mathematics in a user's name."""
    return name.replace("$", r"\$")


def _rows(s: Subject, group: str) -> pd.DataFrame:
    if s.roles.group is None:
        return s.rows
    return s.rows[s.rows[s.roles.group].astype(str) == group]


def _cluster_lines(s: Subject, rows: pd.DataFrame) -> plots.ClusterLines:
    lines = cluster_lines(rows, s.roles.y, s.roles.x, s.roles.cluster)
    return plots.ClusterLines(*(lines[name].to_numpy() for name in plots.ClusterLines._fields))
