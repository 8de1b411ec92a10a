"""Combination of the random effects that varies least: a pancake in so many dimensions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from simlab.fitting.contrasts import signed_sum
from simlab.fitting.identified import traded
from simlab.fitting.record import Fit
from simlab.mixed.optimum import SINGULAR
from simlab.moments import Floats
from simlab.text import Paragraph, Part, Printable, frame_table

THIN = 0.01  # share of the variance below which the thinnest direction is called nearly singular
ROUNDING = 1e-12  # share of the variance that is none
NONE = 1e-6  # of a unit vector: a random effect that takes no part in a direction


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class NearSingularity(Printable):
    """The directions in which the random effects vary, and the one in which they vary least."""

    # (r,), of Δ = G/σ², descending, the random effects standardised: columns of Z centred where the
    # random intercept can take their mean up, and of unit root mean square
    eigenvalues: Floats
    shares: Floats  # (r,), the same as shares of their sum
    # directions with a standard deviation above 1e-4 σ; −1 where the data do not identify G
    rank: int
    # of the random effects as the user wrote them, (r, r); NaN for one without variance
    correlation: pd.DataFrame
    # (r,), its eigenvalues, descending; NaN if it has NaN. They change with the origin of the
    # covariates, `eigenvalues` do not
    correlation_eigenvalues: Floats
    # weights c of the thinnest direction, Var(c'u) small, by random effect in the user's units; the
    # intercept's weight is 1 where it takes part, otherwise the largest is
    combination: pd.Series[float]
    variance: float  # Var(c'u)/σ²
    # rank below r; or thinnest share below 1%
    singular: bool
    near: bool
    sentence: str  # the same in words

    def to_frame(self) -> pd.DataFrame:
        """Correlations of the random effects; see `correlation`."""
        return self.correlation

    def parts(self) -> list[Part | list[Part]]:
        """Shares of the variance, correlations, and the sentence."""
        if self.rank < 0:
            return [Paragraph(f"Random effects: {self.sentence}")]
        shares = ", ".join(
            "0%" if share < ROUNDING else f"{100 * share:.3g}%" for share in self.shares
        )
        head = (
            f"Random effects: rank {self.rank} of {len(self.shares)}; the variance of the "
            f"standardised effects lies along perpendicular directions as {shares}"
        )
        shown: list[Part] = [Paragraph(head)]
        if len(self.shares) > 1:
            shown += [Paragraph("Correlations:"), frame_table(self.correlation, ".3f")]
        return [[*shown, Paragraph(self.sentence)]]


def near_singularity(fit: Fit) -> NearSingularity:
    """Find the combination of random effects that varies least.

    An estimated G of less than full rank says that some combination c'u of the random effects is
    the same in every cluster: the ellipsoid of the u_j is a pancake. The intercepts and slopes
    may each vary much, and be one quantity.

    Returns
    -------
    NearSingularity
        Eigenvalues are those of Δ in standardised units, so that they do not depend on the units
        or the origin of the covariates.
    """
    units, names = fit.clusters.units, list(fit.design.random_names)
    if len(fit.clusters.identification.flat):
        return _unknown(fit, names)
    values, vectors = np.linalg.eigh(fit.optimum.delta)
    values = np.maximum(values, 0.0)
    total = float(values.sum())
    shares = values / total if total > 0 else np.zeros_like(values)
    rank = int((np.sqrt(values) >= SINGULAR).sum())
    c, part = _combination(vectors[:, 0], units.B, names)
    G = fit.G_matrix
    variance = max(float(c @ G @ c) / fit.sigma2, 0.0)
    sd = np.sqrt(np.diag(G))
    with_nan = np.where(sd > 0, sd, np.nan)
    correlation = G / np.outer(with_nan, with_nan)
    finite = bool(np.isfinite(correlation).all())
    singular = rank < len(names)
    near = not singular and len(names) > 1 and bool(shares[0] < THIN)
    combination = pd.Series(c, index=names, name="weight")
    return NearSingularity(
        values[::-1], shares[::-1], rank, pd.DataFrame(correlation, index=names, columns=names),
        np.linalg.eigvalsh(correlation)[::-1] if finite else np.full(len(names), np.nan),
        combination, variance, singular, near,
        _sentence(combination, part, variance, shares, singular),
    )  # fmt: skip


def _unknown(fit: Fit, names: list[str]) -> NearSingularity:
    """Result where the data do not identify G: only whether all of it could be singular."""
    nothing = np.full(len(names), np.nan)
    correlation = pd.DataFrame(np.nan, index=names, columns=names)
    sentence = "; ".join(traded(fit.design, fit.clusters))
    return NearSingularity(
        nothing, nothing, -1, correlation, nothing,
        pd.Series(nothing, index=names, name="weight"), np.nan, fit.singular, False, sentence,
    )  # fmt: skip


def _combination(w: Floats, B: Floats, names: list[str]) -> tuple[Floats, list[int]]:
    """Find c with c'u ∝ w'ũ, u = s_y Bũ; and the random effects that take part in it."""
    w = np.where(np.abs(w) < NONE, 0.0, w)
    c = np.linalg.solve(B.T, w)
    size = np.abs(c) * np.abs(B).max(axis=1)  # in standardised units, for what is rounding
    c = np.where(size < NONE * size.max(), 0.0, c)
    part = [a for a in range(len(names)) if c[a] != 0.0]
    lead = next((a for a in part if names[a] == "(Intercept)"), int(np.argmax(np.abs(c))))
    return c / c[lead], part


def _sentence(
    c: pd.Series[float], part: list[int], variance: float, shares: Floats, singular: bool
) -> str:
    """Sentence on the combination that varies least, or not at all."""
    if not shares.any():
        return "G is 0: the clusters do not differ."
    terms = [(float(c.iloc[a]), str(c.index[a])) for a in part]
    text = f"{_sum(terms)} has " + ("no variance" if singular else f"variance {variance:.2g} σ²")
    if len(c) == 1:
        return f"{text}."
    if not singular and shares[0] >= THIN:
        return (
            f"G is not singular: {_sum(terms)}, the combination that varies least, still has "
            f"{100 * shares[0]:.2g}% of the variance."
        )
    nearly = "" if singular else "nearly "
    if len(part) == 1:
        name = terms[0][1]
        where = " where the covariates of Z are 0" if name == "(Intercept)" else f" in {name}"
        differ = "do not differ" if singular else "hardly differ"
        return f"{text}: the clusters {differ}{where}."
    together = f"{', '.join(f'u_{name}' for _, name in terms)} {nearly}vary as one"
    if len(c) == 2 and terms[0][1] == "(Intercept)":
        value, name = terms[1]
        return f"{text}: {together}; at {name} = {value:.3g} the clusters' lines {nearly}meet."
    return f"{text}: {together}."


def _sum(terms: list[tuple[float, str]]) -> str:
    """Sum of random effects with their weights, in words."""
    return signed_sum(
        (value, f"{'' if abs(abs(value) - 1) < 1e-12 else f'{abs(value):.3g} '}u_{name}")
        for value, name in terms
    )
