"""Rows to be predicted, of the data or new ones: their means and the variances of these."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simlab.fitting.errors import FitError, FitWarning
from simlab.fitting.record import Fit
from simlab.formula import Design
from simlab.formula.nodes import listed
from simlab.mixed.effects import Effects, effects
from simlab.moments import Floats, Ints

Of = Literal["population", "cluster"]
"""Whose line: that of all clusters, or each cluster's own."""


class Rows(NamedTuple):
    """M rows to be predicted by a fit, of the data or new ones."""

    fit: Fit
    random: Effects
    # (M, p), fixed part, in the user's units and in the engine's: Xγ = X̃γ̃
    X: Floats
    X_engine: Floats
    Z_engine: Floats  # (M, r), random part, in the engine's units: Zu = s_y Z̃ũ
    cluster: Ints  # (M,), −1 where the prediction is the population's
    labels: pd.Index  # names of the rows
    estimable: NDArray[np.bool_]  # (M,), whether the data let one estimate Xγ

    def mean(self) -> Floats:
        """Xγ̂, and Zû where the cluster is known; (M,); NaN where Xγ is not estimable."""
        mean: Floats = self.X @ self.fit.gamma
        known = self.cluster >= 0
        u = self.fit.clusters.units.s_y * self.random.u[self.cluster[known]]
        mean[known] += np.einsum("ia,ia->i", self.Z_engine[known], u)
        mean[~self.estimable] = np.nan
        return mean

    def variance_of_mean(self) -> Floats:
        """x'Var(γ̂)x, and w'Var(γ̂)w with w = x − D_j'z where the cluster is known; (M,)."""
        w = self.X_engine.copy()
        known = self.cluster >= 0
        D = self.random.D[self.cluster[known]]
        w[known] -= np.einsum("ia,iac->ic", self.Z_engine[known], D)
        out: Floats = self.fit.sigma2 * np.einsum("ia,ia->i", w @ self.fit.optimum.phi, w)
        return out

    def random_variance(self) -> Floats:
        """z'Gz, and z'C_jz with C_j = Var(u_j | y, γ) where the cluster is known; (M,)."""
        Z, known, s_y = self.Z_engine, self.cluster >= 0, self.fit.clusters.units.s_y
        out: Floats = s_y**2 * ((Z @ self.random.root) ** 2).sum(axis=1)
        C = s_y**2 * self.random.conditional[self.cluster[known]]
        out[known] = np.einsum("ia,iab,ib->i", Z[known], C, Z[known])
        return out


def training(fit: Fit, of: Of) -> Rows:
    """Rows of the fit, predicted for the population or for their clusters."""
    design, N = fit.design, len(fit.design.y)
    cluster = design.cluster if of == "cluster" else np.full(N, -1)
    return _rows(fit, design.X, design.Z, cluster, design.rows, np.ones(N, dtype=bool))


def _rows(
    fit: Fit, X: Floats, Z: Floats, cluster: Ints, labels: pd.Index, estimable: NDArray[np.bool_]
) -> Rows:
    """Rows with their designs in the user's and in the engine's units."""
    units, random = fit.clusters.units, effects(fit.optimum)
    return Rows(fit, random, X, X @ units.A, Z @ units.B, cluster, labels, estimable)


def new_rows(
    fit: Fit, newdata: pd.DataFrame, of: Of | None, at: Mapping[str, Any] | None
) -> tuple[Rows, str]:
    """Rows of new data, and a note on those of no known cluster, and not estimable (FitWarning).

    DataError if the new data lack what is needed; FitError if rows are to be predicted for a
    cluster that is unknown.
    """
    design = fit.design
    X, Z, labels, estimable = design.new(newdata, of == "cluster", at)
    index = newdata.index
    cluster, note = np.full(len(X), -1), ""
    if of != "population" and labels is None:
        there = (*newdata, *(at or {}))
        absent = " or ".join(repr(name) for name in design.grouping if name not in there)
        note = f"no column {absent} in the new data: predicted for the population"
    elif of != "population" and labels is not None:
        cluster = _known(fit, labels)
        unknown = pd.unique(np.asarray(labels)[cluster < 0])
        if len(unknown):
            some = ", ".join(map(str, unknown[:5])) + (", …" if len(unknown) > 5 else "")
            many = f"{len(unknown)} clusters" if len(unknown) > 1 else "1 cluster"
            what = f"{design.cluster_name}: {many} that the fit does not know"
            if of == "cluster":
                raise FitError(
                    f"the new data, {what} ({some}); leave of= out to predict these "
                    "for the population"
                )
            note = f"{what} ({some}), {int((cluster < 0).sum())} rows: predicted for the population"
    if not estimable.all():
        message = _not_estimable(design, index, estimable)
        warnings.warn(message, FitWarning, stacklevel=3)
        note = "; ".join(filter(None, (note, message)))
    return _rows(fit, X, Z, cluster, index, estimable), note


def _not_estimable(design: Design, index: pd.Index, estimable: NDArray[np.bool_]) -> str:
    """Note on rows whose mean the data do not identify."""
    bad = index[~estimable]
    which = f"row {bad[0]}" if len(bad) == 1 else f"{len(bad)} rows, the first {bad[0]}"
    return (
        f"not estimable, so NaN: {which} of {len(index)}; the data of the model have no such "
        f"combination (columns dropped: {listed(design.dropped_columns)})"
    )


def _known(fit: Fit, labels: pd.Index) -> Ints:
    """Codes of the clusters of new rows; −1 for one that the fit does not know."""
    ours, name = fit.design.clusters, fit.design.cluster_name
    are = [pd.api.types.is_numeric_dtype(index.dtype) for index in (labels.infer_objects(), ours)]
    if are[0] != are[1]:
        words = ["numbers" if number else "text" for number in are]
        raise FitError(
            f"the new data: {name!r} holds {words[0]}, and {words[1]} in the data of the model; "
            "convert it, or clusters cannot be recognised"
        )
    codes: Ints = ours.get_indexer(labels).astype(np.int64)
    return codes
