"""The weight that each cluster has in the fixed effects; and three means with other weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from simlab.data import DataError
from simlab.data.levels import other_rows
from simlab.fitting.effects import clusters
from simlab.fitting.record import Fit
from simlab.mixed.optimum import optimise
from simlab.mixed.rows import rotate_rows
from simlab.moments import Floats, Ints
from simlab.text import Paragraph, Part, Printable, frame_table

_MEANING = {
    "students": "the units of these clusters: a large cluster counts more",
    "schools": "these clusters, each counting the same",
    "GLS": "the population of clusters of which these are a sample",
}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Weights(Printable):
    """Weights of the clusters in γ̂."""

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


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ThreeMeans(Printable):
    """Three weighted means Σ_j w_j ȳ_j of the same clusters.

    Attributes
    ----------
    table : pd.DataFrame
        Rows students (w_j = n_j/N), schools (1/J) and GLS (∝ 1/(g₀₀ + σ²/n_j)); columns

        * estimate
        * se_these: √Σ w_j²σ²/n_j, for the mean of these very clusters with these weights;
        * se_population: √Σ w_j²(g₀₀ + σ²/n_j), for γ₀₀, the mean of all clusters they are a
          sample of;
        * generalises_to: what the estimate is naturally the mean of.
    g00, sigma2 : float
        Ĝ and σ̂² by REML, with a mean and a random intercept.
    """

    table: pd.DataFrame
    g00: float
    sigma2: float

    def to_frame(self) -> pd.DataFrame:
        """The three means; see `table`."""
        return self.table

    def parts(self) -> list[Part | list[Part]]:
        """The three means, and what their standard errors are of."""
        meaning = (
            "se_these holds the clusters fixed; se_population is for the mean of the population "
            "of clusters, for which all three are unbiased if size has nothing to do with level"
        )
        head = f"Three means (g00 = {self.g00:.4g}, σ² = {self.sigma2:.4g} by REML)"
        return [[Paragraph(head), frame_table(self.table, ".5f"), Paragraph(meaning)]]


def three_means(y: Fit | Floats | pd.Series, cluster: object = None) -> ThreeMeans:
    """Compare the mean of all rows, the mean of cluster means, and the mixed model's.

    Parameters
    ----------
    y : Fit or (N,)
        The response; or a fit, of which only the response and the clusters are used.
    cluster : (N,), optional
        Label of each row's cluster; needed unless y is a fit.

    Raises
    ------
    DataError
        If lengths or the indexes of Series differ, a value is missing or infinite, or there are
        fewer than two clusters or no two rows in one.
    """
    if isinstance(y, Fit):
        response, codes = y.design.y, y.design.cluster
    else:
        response, codes = _checked(y, cluster)
    n = np.bincount(codes)
    J, N = len(n), len(codes)
    if J < 2 or N == J:
        raise DataError(
            f"{N} rows in {J} clusters; two means need at least two clusters, and one of them "
            "with two rows"
        )
    zero = np.zeros(1, dtype=np.int64)
    clusters = rotate_rows(np.ones((N, 1)), response, codes, zero, zero)
    o, units = optimise(clusters.rotated, True), clusters.units
    if o.evaluations <= 0:
        raise DataError("the response does not vary within clusters, so σ² is 0; nothing to weigh")
    sigma2 = o.sigma2 * units.s_y**2
    g00 = sigma2 * float(o.delta[0, 0]) * float(units.B[0, 0]) ** 2
    origin = float(response[0])
    means = origin + np.bincount(codes, response - origin) / n
    precision = 1.0 / (g00 + sigma2 / n)
    rows = {}
    for name, w in (
        ("students", n / N),
        ("schools", np.full(J, 1.0 / J)),
        ("GLS", precision / precision.sum()),
    ):
        rows[name] = {
            "estimate": origin + float(w @ (means - origin)),
            "se_these": float(np.sqrt(np.sum(w**2 * sigma2 / n))),
            "se_population": float(np.sqrt(np.sum(w**2 / precision))),
            "generalises_to": _MEANING[name],
        }
    return ThreeMeans(pd.DataFrame.from_dict(rows, orient="index"), g00, sigma2)


def _checked(y: object, cluster: object) -> tuple[Floats, Ints]:
    """Numbers of y and codes of the clusters; a DataError where they do not fit."""
    if cluster is None:
        raise DataError("three_means needs the cluster of each row beside y, or a fit")
    if message := other_rows({"y": y, "the cluster": cluster}):
        raise DataError(message)
    try:
        response = np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"y must be numbers: {error}") from error
    labels = pd.Series(cluster)
    if response.ndim != 1 or len(response) != len(labels):
        raise DataError(
            f"y has shape {response.shape} and the cluster {len(labels)} values; give one per row"
        )
    if not len(response):
        raise DataError("y has no values")
    bad = ~np.isfinite(response) | labels.isna().to_numpy()
    if bad.any():
        raise DataError(
            f"row {int(np.argmax(bad))}: y or its cluster is missing or infinite ({bad.sum()} such "
            "rows); leave them out before"
        )
    return response, pd.factorize(labels)[0].astype(np.int64)
