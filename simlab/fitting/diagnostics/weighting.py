"""The weight that each cluster has in the fixed effects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from simlab.fitting.effects import clusters
from simlab.fitting.record import Fit
from simlab.moments import Floats
from simlab.text import Paragraph, Part, Printable, frame_table


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Weights(Printable):
    """How γ̂ is put together from the clusters."""

    # per cluster: n, ``students`` n_j/N (the weights of a mean of all rows), ``schools`` 1/J (of a
    # mean of cluster means), and for each fixed effect the diagonal entry of W_j
    table: pd.DataFrame
    array: Floats  # (J, p, p), W_j; they sum to the identity

    @property
    def effective(self) -> pd.Series[float]:
        """1/Σ_j w_j² for each column of weights: as many equal clusters would do the same."""
        return 1.0 / (self.table.drop(columns="n") ** 2).sum()

    def to_frame(self) -> pd.DataFrame:
        """The weights of each cluster; see `table`."""
        return self.table

    def parts(self) -> list[Part | list[Part]]:
        """Range of the weights in each coefficient."""
        weights = self.table.drop(columns="n")
        least, most = weights.min().round(12) + 0.0, weights.max()  # no −0
        shown = pd.DataFrame({"least": least, "most": most, "effective": self.effective})
        head = (
            f"Weights of {len(self.table)} clusters of {self.table['n'].min()} to "
            f"{self.table['n'].max()} rows; each column sums to 1"
        )
        return [[Paragraph(head), frame_table(shown)]]


def weights(fit: Fit) -> Weights:
    """Weight of each cluster in γ̂.

        γ̂ = Σ_j Φ X_j'V_j⁻¹y_j = Σ_j W_j γ̂_j,   W_j = Φ X_j'V_j⁻¹X_j,   Σ_j W_j = I,

    the second where the cluster has its own generalised least squares estimate γ̂_j. With a mean
    and a random intercept only, W_j is the scalar 1/(g₀₀ + σ²/n_j) over the sum of these: between
    n_j/N where clusters do not differ, and 1/J where they differ much.

    Returns
    -------
    Weights
        A diagonal entry of W_j is the weight of the cluster's own coefficient in the same
        coefficient. It depends on what the other columns are: of an intercept, on the origin of
        the covariates. It may be negative, and is 0 for a coefficient the cluster says nothing
        about.
    """
    o, design, A = fit.optimum, fit.design, fit.clusters.units.A
    k = len(o.gamma)
    J, r = o.rotated.xy.shape[:2]
    x, K = o.rotated.xy[:, :, :k], o.rotated.K
    V = np.eye(r) + K.transpose(0, 2, 1) @ o.delta @ K
    L_inverse_x = np.linalg.solve(np.linalg.cholesky(V), x)
    information = L_inverse_x.transpose(0, 2, 1) @ L_inverse_x + fit.clusters.rest[:, :k, :k]
    engine = np.linalg.solve(information.sum(axis=0), information)
    array = A @ np.linalg.solve(A.T, engine.transpose(0, 2, 1)).transpose(0, 2, 1)
    n = fit.clusters.n
    table = pd.DataFrame(
        {"n": n, "students": n / n.sum(), "schools": np.full(J, 1.0 / J)}, index=clusters(fit)
    )
    diagonal = np.diagonal(array, axis1=1, axis2=2)
    own = pd.DataFrame(diagonal, index=table.index, columns=list(design.fixed_names))
    return Weights(pd.concat([table, own], axis=1), array)
