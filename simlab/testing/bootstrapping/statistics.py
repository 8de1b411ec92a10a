"""Statistics of fits by their names, for all draws at once.

Functions of a fit that have no name here are for `row_samples`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from simlab.errors import did_you_mean
from simlab.fitting.contrasts import Contrasts, Hypothesis
from simlab.fitting.contrasts import read as read_weights
from simlab.fitting.errors import FitError
from simlab.fitting.identified import unknown_components, unknown_elements
from simlab.fitting.result import MixedFit
from simlab.mixed.information import pairs
from simlab.mixed.optimum import SINGULAR
from simlab.moments import Floats, divide
from simlab.testing.monte_carlo import Bools

Function: TypeAlias = "Callable[[MixedFit], float | Mapping[str, float] | pd.Series[float] | Any]"
Statistic: TypeAlias = "str | Function | Hypothesis"

ALL = ("fixef", "varcorr", "sigma", "icc", "r2")  # groups of statistics that "all" stands for


class Estimates(NamedTuple):
    """B fits of one model, in units of the response; NaN where a fit failed."""

    gamma: Floats  # γ̂, (B, p)
    G: Floats  # Ĝ of the random effects of Z̃, the engine's covariates (see `Units`), (B, r, r)
    sigma2: Floats  # σ̂², (B,)
    B: Floats  # G of the covariates themselves is BGB', (r, r)
    xx: Floats  # covariance of the columns of X over the rows (over N − 1), (p, p) or (B, p, p)
    zz: Floats  # mean of z̃z̃' over the rows, (r, r) or (B, r, r)

    @property
    def user_G(self) -> Floats:
        """Ĝ of the covariates themselves, (B, r, r)."""
        G = self.B @ self.G @ self.B.T
        return (G + G.transpose(0, 2, 1)) / 2

    @property
    def failed(self) -> Bools:
        """Whether a fit failed, (B,) bool."""
        return np.isnan(self.sigma2)

    @property
    def singular(self) -> Bools:
        """Whether a combination of random effects has no variance, (B,) bool; not if it failed."""
        fine = ~self.failed
        out = np.zeros(len(fine), dtype=bool)
        Delta = self.G[fine] / self.sigma2[fine, None, None]
        out[fine] = np.linalg.eigvalsh(Delta)[:, 0] < SINGULAR**2
        return out

    @property
    def fixed_variance(self) -> Floats:
        """s_f², the variance of Xγ̂ over the rows, (B,)."""
        out: Floats = ((self.xx @ self.gamma[:, :, None])[:, :, 0] * self.gamma).sum(axis=1)
        return out

    @property
    def random_variance(self) -> Floats:
        """s_u², the mean of z'Ĝz over the rows, (B,)."""
        out: Floats = (self.zz * self.G).sum(axis=(1, 2))
        return out


class Named(NamedTuple):
    """The labels of q statistics, and the function from Estimates to their values, (B, q)."""

    labels: tuple[str, ...]
    values: Callable[[Estimates], Floats]


def read(statistic: Statistic | list[Statistic], fit: MixedFit) -> list[Named | Function]:
    """Read what is asked for, as `simlab.bootstrap` explains it; refuse what there is not."""
    pieces = [statistic]
    if isinstance(statistic, list | tuple):
        if not len(statistic):
            raise FitError('statistic is empty; name one, or take "all"')
        if any(isinstance(s, str | Mapping | pd.Series) or callable(s) for s in statistic):
            pieces = list(statistic)
    groups = _groups(fit)
    parts = [part for piece in pieces for part in _piece(piece, fit, groups)]
    labels = [label for part in parts if isinstance(part, Named) for label in part.labels]
    once(labels)
    return parts


def once(labels: list[str]) -> None:
    """Refuse two statistics of one name."""
    twice = [label for i, label in enumerate(labels) if label in labels[:i]]
    if twice:
        raise FitError(f"statistic: two are called {twice[0]!r}; ask for each of them once")


def _piece(piece: object, fit: MixedFit, groups: dict[str, Named]) -> list[Named | Function]:
    """Statistics of one piece of what was asked for: names, a function, or weights."""
    if isinstance(piece, str):
        return [groups[name] for name in ALL] if piece == "all" else [_named(piece, groups)]
    if callable(piece):
        return [piece]
    names = fit.design.fixed_names
    return [_weighted(read_weights(piece, names, fit.design.terms))]  # type: ignore[arg-type]


def _named(name: str, groups: dict[str, Named]) -> Named:
    """Return a group, or one statistic of a group."""
    if name in groups:
        return groups[name]
    for group in groups.values():
        if name in group.labels:
            return _one(group, group.labels.index(name))
    single = [label for group in groups.values() for label in group.labels]
    hint = did_you_mean(name, ["all", *groups, *single]) or "."
    raise FitError(
        f"no statistic is called {name!r}{hint} Groups: all, {', '.join(groups)}; and single "
        f"ones: {', '.join(dict.fromkeys(single))}"
    )


def _one(group: Named, index: int) -> Named:
    return Named(group.labels[index : index + 1], lambda e: group.values(e)[:, index : index + 1])


def _weighted(weights: Contrasts) -> Named:
    return Named(tuple(weights.labels), lambda e: e.gamma @ weights.L.T)


def _groups(fit: MixedFit) -> dict[str, Named]:
    """The groups of statistics that have names."""
    names, both = fit.design.random_names, pairs(fit.optimum.rotated)
    cors = [f"cor({names[a]},{names[b]})" for a, b in both]
    covs = [f"cov({names[a]},{names[b]})" for a, b in both]
    sds, variances = ([f"{what}({name})" for name in names] for what in ("sd", "var"))
    G = unknown_elements(fit.clusters)
    of_G = np.where([*np.diag(G), *(G[a, b] for a, b in both)], np.nan, 0.0)
    of_varcorr = np.where(unknown_components(fit.clusters)[:-1], np.nan, 0.0)
    return {
        "fixef": Named(fit.design.fixed_names, lambda e: e.gamma),
        "varcorr": Named((*sds, *cors), lambda e: _varcorr(e, both) + of_varcorr),
        "G": Named((*variances, *covs), lambda e: _entries(e.user_G, both) + of_G),
        "sigma": Named(("sigma",), lambda e: np.sqrt(e.sigma2)[:, None]),
        "sigma2": Named(("sigma2",), lambda e: e.sigma2[:, None]),
        "icc": Named(("icc",), _icc),
        "r2": Named(("r2_marginal", "r2_conditional"), _r2),
    }


def _entries(G: Floats, both: list[tuple[int, int]]) -> Floats:
    """Variances, then the covariances that the model allows."""
    diagonal = np.diagonal(G, axis1=1, axis2=2)
    return np.column_stack([diagonal, *(G[:, a, b] for a, b in both)])


def _varcorr(e: Estimates, both: list[tuple[int, int]]) -> Floats:
    """Standard deviations, and correlations of what varies; NaN where an effect does not."""
    G = e.user_G
    sd = np.sqrt(np.maximum(np.diagonal(G, axis1=1, axis2=2), 0.0))
    varies = sd > SINGULAR * np.sqrt(e.sigma2)[:, None] * np.linalg.norm(e.B, axis=1)
    ruler = np.where(varies, sd, np.nan)
    cors = [np.clip(G[:, a, b] / (ruler[:, a] * ruler[:, b]), -1.0, 1.0) for a, b in both]
    return np.column_stack([sd, *cors])


def _icc(e: Estimates) -> Floats:
    """s_u²/(s_u² + σ²); g_00/(g_00 + σ²) for a random intercept alone."""
    return divide(e.random_variance, e.random_variance + e.sigma2, np.nan)[:, None]


def _r2(e: Estimates) -> Floats:
    """Marginal s_f²/(s_f² + s_u² + σ²), conditional (s_f² + s_u²)/(s_f² + s_u² + σ²)."""
    fixed, random = e.fixed_variance, e.random_variance
    total = fixed + random + e.sigma2
    return np.column_stack([fixed, fixed + random]) / total[:, None]
