"""Influence of each cluster on the fit: the model is fitted again without it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from simlab.fitting.effects import clusters as labels
from simlab.fitting.errors import FitError
from simlab.fitting.record import Fit
from simlab.mixed.deletion import Deletions, delete_each
from simlab.moments import Floats, Ints, divide


def influence(fit: Fit, clusters: Sequence[Hashable] | None = None) -> pd.DataFrame:
    """Refit without each cluster, and compare.

    Nothing is approximated: G and σ² are estimated anew each time. With γ̂, V of all clusters,
    V = Var(γ̂), and γ̂₍ⱼ₎, V₍ⱼ₎ without cluster j:

        dfbetas_k  = (γ̂ − γ̂₍ⱼ₎)_k / √V_kk
        Cook's D   = (γ̂ − γ̂₍ⱼ₎)' V⁻¹ (γ̂ − γ̂₍ⱼ₎)/p
        MDFFITS    = (γ̂ − γ̂₍ⱼ₎)' V₍ⱼ₎⁻¹ (γ̂ − γ̂₍ⱼ₎)/p
        covratio   = |V₍ⱼ₎|/|V|
        covtrace   = |tr(V⁻¹V₍ⱼ₎) − p|

    Parameters
    ----------
    fit
        With J ≥ 3 clusters.
    clusters
        Labels of those to leave out, one at a time; all by default. Each costs a fit, so that
        all of them cost time in proportion to J².

    Returns
    -------
    pd.DataFrame
        One row per cluster. All differences are with the cluster less without it.

        n
            Rows of the cluster.
        cook, mdffits, covratio, covtrace
            As above. The fixed effects change much where Cook's D (scaled by the covariance with
            all clusters) or MDFFITS (without it) is large among all; covratio > 1 says that the
            cluster adds precision.
        displacement
            Rise of −2 log L of all clusters from its minimum to the estimates without the
            cluster (Cook 1986). By ML of (γ, G, σ²); the restricted likelihood has no γ in it,
            so by REML of (G, σ²).
        dfbetas …
            One for each fixed effect, in standard errors with all clusters.
        change sd(…), change cor(…, …), change sigma
            Of each standard deviation and correlation of the random effects, and of σ; in
            their units.
        singular, converged
            Of the fit without the cluster.
        note
            Why numbers are NaN: without the cluster a column is a combination of others, or the
            search did not converge. Otherwise empty.

    Raises
    ------
    FitError
        If there are fewer than three clusters, or no cluster of that label.

    Notes
    -----
    Cook's distance, MDFFITS and the ratios as in Demidenko & Stukel (2005, Statistics in Medicine
    24:893) and the R package HLMdiag, which has them for fixed G. lme4's ``cooks.distance`` of an
    ``influence`` object is smaller by the factor (J − p)/J.
    """
    J = len(fit.design.clusters)
    if J < 3:
        raise FitError(
            f"{fit.design.cluster_name} has {J} clusters; without one of them nothing is left to "
            "estimate the variance between clusters from"
        )
    which = _positions(fit, clusters)
    without = delete_each(fit.optimum, fit.clusters.rest, fit.clusters.n, which)
    change = (fit.gamma - _gamma(fit, without)) / np.sqrt(np.diag(fit.covariance))
    columns = {
        "n": fit.clusters.n[which],
        **_fixed(fit, without),
        "displacement": without.displacement,
        **{f"dfbetas {name}": change[:, a] for a, name in enumerate(fit.design.fixed_names)},
        **_variances(fit, without),
        "singular": without.singular.astype(bool),
        "converged": without.evaluations > 0,
        "note": _notes(fit, without),
    }
    return pd.DataFrame(columns, index=labels(fit)[which])


def _positions(fit: Fit, clusters: Sequence[Hashable] | None) -> Ints:
    """Positions of the clusters that are named; of all without names."""
    known = fit.design.clusters
    if clusters is None:
        return np.arange(len(known))
    wanted = [clusters] if isinstance(clusters, str) else list(clusters)
    positions = known.get_indexer(pd.Index(wanted))
    if (positions < 0).any():
        missing = wanted[int(np.argmax(positions < 0))]
        some = ", ".join(str(label) for label in known[:5])
        raise FitError(
            f"no cluster {missing!r} in {fit.design.cluster_name}; its labels are such as {some}"
        )
    return positions.astype(np.int64)


def _gamma(fit: Fit, without: Deletions) -> Floats:
    """γ̂₍ⱼ₎ in the user's units, (M, p)."""
    units = fit.clusters.units
    out: Floats = units.b + units.s_y * without.gamma @ units.A.T
    return out


def _fixed(fit: Fit, without: Deletions) -> dict[str, Floats]:
    """Cook's distance and the others, which do not depend on the units of γ."""
    o, p = fit.optimum, len(fit.gamma)
    change = (o.gamma - without.gamma)[:, :, None]
    V, V_without = o.sigma2 * o.phi, without.sigma2[:, None, None] * without.phi
    there = np.isfinite(without.sigma2)
    cook, mdffits, covratio, covtrace = np.full((4, len(there)), np.nan)
    d, V_j = change[there], V_without[there]
    cook[there] = (d.transpose(0, 2, 1) @ np.linalg.solve(V, d))[:, 0, 0] / p
    mdffits[there] = (d.transpose(0, 2, 1) @ np.linalg.solve(V_j, d))[:, 0, 0] / p
    ratio = np.linalg.solve(V, V_j)
    covratio[there] = np.linalg.det(ratio)
    covtrace[there] = np.abs(np.trace(ratio, axis1=1, axis2=2) - p)
    return {"cook": cook, "mdffits": mdffits, "covratio": covratio, "covtrace": covtrace}


def _variances(fit: Fit, without: Deletions) -> dict[str, Floats]:
    """Change of each standard deviation and correlation, in the user's units."""
    units, blocks = fit.clusters.units, fit.design.blocks
    names = fit.design.random_names
    G = units.s_y**2 * without.sigma2[:, None, None] * (units.B @ without.delta @ units.B.T)
    sd, whole_sd = (
        np.sqrt(np.maximum(np.diagonal(g, axis1=-2, axis2=-1), 0.0)) for g in (G, fit.G_matrix)
    )
    columns = {f"change sd({name})": whole_sd[a] - sd[:, a] for a, name in enumerate(names)}
    for a, b in combinations(range(len(names)), 2):
        if blocks[a] == blocks[b]:
            rho = divide(G[:, a, b], sd[:, a] * sd[:, b], np.nan)
            whole = divide(fit.G_matrix[None, a, b], whole_sd[None, a] * whole_sd[b], np.nan)
            columns[f"change cor({names[a]}, {names[b]})"] = whole - rho
    columns["change sigma"] = np.sqrt(fit.sigma2) - units.s_y * np.sqrt(without.sigma2)
    return columns


def _notes(fit: Fit, without: Deletions) -> list[str]:
    """Note on the fit without each cluster; "" where there is none."""
    fixed, random = fit.design.fixed_names, fit.design.random_names
    notes = []
    for j in range(len(without.sigma2)):
        if (a := without.fixed_aliased[j]) >= 0:
            notes.append(f"without it the column {fixed[a]} is a combination of others")
        elif (a := without.random_aliased[j]) >= 0:
            notes.append(f"without it the random effect {random[a]} cannot be told from others")
        elif without.unidentified[j] and without.evaluations[j] == 0:
            notes.append("without it the fixed effects take up what clusters differ by")
        elif without.evaluations[j] <= 0:
            notes.append("without it the fit does not converge")
        else:
            notes.append("")
    return notes
