"""The three means that the course compares: of rows, of clusters, and the mixed model's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from simlab.data import DataError
from simlab.data.levels import other_rows
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
