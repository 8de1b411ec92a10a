"""Results of a bootstrap: replicates, standard errors, intervals of any level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from simlab.errors import check_level
from simlab.fitting.errors import FitError, one_of
from simlab.moments import Floats
from simlab.testing.bootstrapping import quantiles
from simlab.testing.bootstrapping.quantiles import Ends
from simlab.text import Formula, Note, Paragraph, Part, Printable, Table
from simlab.text.numbers import number

Kind = Literal["parametric", "clusters"]
Interval = Literal["percentile", "basic", "bca"]
INTERVALS: tuple[Interval, ...] = ("percentile", "basic", "bca")

WORDS = {"percentile": "percentile", "basic": "basic", "bca": "BCa"}
TITLES = {"parametric": "Parametric bootstrap", "clusters": "Bootstrap of whole clusters"}
COLUMNS = ["lower", "upper", "lower_mcse", "upper_mcse"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Bootstrap(Printable):
    """Bootstrap distribution of q statistics of a fit, from B draws.

    Attributes
    ----------
    formula, method : str
        What was fitted, by REML or ML.
    kind : {"parametric", "clusters"}
        How draws were made.
    estimate : pd.Series
        The statistics of the fit itself, (q,).
    replicates : pd.DataFrame
        (B, q), one row per draw. NaN where the fit failed, or a statistic does not exist.
    singular : pd.Series
        Whether G of the draw is singular, (B,) bool.
    failed : pd.Series
        Whether no fit was found, or not all fixed effects could be estimated, (B,) bool. Failed
        draws are not redrawn.
    jackknife : pd.DataFrame or None
        (J, q), the statistics with one cluster left out, for the acceleration of BCa; None if
        it was not asked for.
    intervals : pd.DataFrame
        Index (statistic, interval); see `conf_int` for the columns.
    level : float
        Confidence level of these intervals.
    seed : int
        Seed of the draws.
    notes : tuple of str
        What the reader must know: failures, what is undefined, why intervals are lacking.
    """

    formula: str
    method: str
    kind: Kind
    estimate: pd.Series[float]
    replicates: pd.DataFrame
    singular: pd.Series[bool]
    failed: pd.Series[bool]
    jackknife: pd.DataFrame | None
    intervals: pd.DataFrame
    level: float
    seed: int
    notes: tuple[str, ...]

    @property
    def draws(self) -> int:
        """Draws B, failed ones included."""
        return len(self.replicates)

    @property
    def failures(self) -> int:
        """Draws without a fit."""
        return int(self.failed.sum())

    @property
    def singular_share(self) -> float:
        """Share of singular fits among those that did not fail."""
        fits = self.draws - self.failures
        return float(self.singular.sum()) / fits if fits else np.nan

    @property
    def bias(self) -> pd.DataFrame:
        """Mean of the draws less the estimate: `estimate`, and its Monte Carlo error `mcse`."""
        n = self.replicates.count()
        columns = {
            "estimate": self.replicates.mean() - self.estimate,
            "mcse": self.replicates.std() / np.sqrt(n),
        }
        return pd.DataFrame(columns)

    @property
    def std_error(self) -> pd.DataFrame:
        """Bootstrap standard error: `estimate`, S of the draws, and its Monte Carlo error `mcse`.

        The latter is √((m₄ − m₂²)/(4 m₂ B)) with m_k the central moments: S/√(2B) for the normal
        law, and more where tails are long.
        """
        centred = self.replicates - self.replicates.mean()
        m2, m4 = (centred**2).mean(), (centred**4).mean()
        mcse = np.sqrt((m4 - m2**2).clip(lower=0) / (4 * m2.where(m2 > 0) * centred.count()))
        return pd.DataFrame({"estimate": self.replicates.std(), "mcse": mcse})

    def conf_int(self, kind: Interval = "percentile", level: float | None = None) -> pd.DataFrame:
        """Intervals of any kind and level, from the draws that there are.

        Parameters
        ----------
        kind
            ``"percentile"``, ``"basic"`` or ``"bca"``; see `quantiles` for the formulas.
        level
            Confidence level; that of the bootstrap by default.

        Returns
        -------
        pd.DataFrame
            Index "statistic"; `lower` and `upper`, with their Monte Carlo standard errors
            `lower_mcse` and `upper_mcse`. NaN where there is no interval, for reasons in
            ``attrs["notes"]``.

        Raises
        ------
        FitError
            If there is no such kind or level, or BCa was not asked for when drawing.
        """
        one_of(kind, INTERVALS, "kind")
        level = self.level if level is None else check_level(level)
        if kind == "bca" and self.jackknife is None:
            raise FitError(
                "there are no fits with one cluster left out, which BCa needs; call bootstrap with "
                '"bca" among its intervals'
            )
        return interval_table(self.replicates, self.estimate, self.jackknife, kind, level)

    def to_frame(self) -> pd.DataFrame:
        """Everything but the draws, tidy: one row per statistic and interval, with every digit.

        Returns
        -------
        pd.DataFrame
            Columns ``statistic``, ``estimate``, ``bias``, ``bias_mcse``, ``std_error``,
            ``std_error_mcse``, ``interval``, ``level``, ``lower``, ``upper``, ``lower_mcse``,
            ``upper_mcse``, ``draws`` (those that have the statistic).
        """
        bias, error = self.bias, self.std_error
        about = pd.DataFrame(
            {
                "estimate": self.estimate,
                "bias": bias["estimate"],
                "bias_mcse": bias["mcse"],
                "std_error": error["estimate"],
                "std_error_mcse": error["mcse"],
                "draws": self.replicates.count(),
            }
        ).rename_axis("statistic")
        frame = self.intervals.reset_index().assign(level=self.level)
        columns = [
            "statistic", "estimate", "bias", "bias_mcse", "std_error", "std_error_mcse",
            "interval", "level", *COLUMNS, "draws",
        ]  # fmt: skip
        return frame.join(about, on="statistic")[columns]

    def parts(self) -> list[Part | list[Part]]:
        """Number of draws, standard errors, intervals, and how well the draws know their ends."""
        failures = f"{self.failures} failed" if self.failures else "none failed"
        drawn = f"{self.draws} draws from seed {self.seed}: {failures}, "
        shown: list[Part | list[Part]] = [
            [
                Paragraph(f"{TITLES[self.kind]}, fitted by {self.method}"),
                Formula(self.formula),
                Paragraph(f"{drawn}{100 * self.singular_share:.1f} % singular", "  ", "    "),
            ],
            *(Note(f"Note: {note}", "  ") for note in self.notes),
            _estimates(self),
        ]
        if len(self.intervals):
            shown += [_intervals(self), Paragraph(_precision(self), indent="")]
        return shown


def interval_table(
    replicates: pd.DataFrame,
    estimate: pd.Series[float],
    jackknife: pd.DataFrame | None,
    kind: Interval,
    level: float,
) -> pd.DataFrame:
    """Return the intervals of all statistics; the reasons for NaN in ``attrs["notes"]``."""
    draws = np.sort(replicates.to_numpy(), axis=0)  # NaN come last
    counts = np.isfinite(draws).sum(axis=0)
    without = np.full((1, len(estimate)), np.nan) if jackknife is None else jackknife.to_numpy()
    limits = [
        _ends(draws[:n, i], value, without[:, i], kind, level)
        for i, (n, value) in enumerate(zip(counts, estimate.tolist(), strict=True))
    ]
    lacking: dict[str, list[str]] = {}
    for name, ends in zip(estimate.index, limits, strict=True):
        if ends.reason:
            lacking.setdefault(ends.reason, []).append(name)
    rows = [ends[:4] for ends in limits]
    table = pd.DataFrame(rows, index=estimate.index, columns=COLUMNS, dtype=float)
    table.attrs["notes"] = tuple(
        f"no {WORDS[kind]} interval of {', '.join(names)}: {reason}"
        for reason, names in lacking.items()
    )
    return table


def _ends(draws: Floats, estimate: float, without: Floats, kind: Interval, level: float) -> Ends:
    """Interval of one statistic, from its sorted draws."""
    if np.isnan(estimate):
        return quantiles.none("the statistic does not exist in the data")
    if len(draws) < 2:
        return quantiles.none(quantiles.TOO_FEW)
    if kind == "percentile":
        return quantiles.percentile(draws, level)
    if kind == "basic":
        return quantiles.basic(draws, level, estimate)
    a = quantiles.acceleration(without, float(draws.std()))
    return quantiles.bca(draws, level, estimate, a)


def _estimates(b: Bootstrap) -> Table:
    """Table of estimates, biases and standard errors with their MCSE."""
    table = np.column_stack([b.estimate, b.bias, b.std_error])
    rows = []
    for name, numbers in zip(b.estimate.index, table.tolist(), strict=True):
        estimate, bias, bias_mcse, error, error_mcse = numbers
        cells = [number(estimate, error), number(bias, error), _bracketed(bias_mcse)]
        rows.append([str(name), *cells, number(error), _bracketed(error_mcse)])
    header = ["", "estimate", "bias", "(mcse)", "std. error", "(mcse)"]
    return Table(header, rows, indent="  ")


def _bracketed(mcse: float) -> str:
    return "" if np.isnan(mcse) else f"({number(mcse, digits=2)})"


def _intervals(b: Bootstrap) -> Table:
    """Table of intervals, a pair of columns for each kind."""
    kinds = dict.fromkeys(b.intervals.index.get_level_values("interval"))
    header = ["", *(cell for kind in kinds for cell in (WORDS[kind], ""))]
    ends = b.intervals[COLUMNS[:2]].to_numpy().reshape(len(b.estimate), -1)
    units = b.std_error["estimate"].to_numpy()
    names = map(str, b.estimate.index)
    rows = [
        [name, *(number(end, unit) for end in row)]
        for name, row, unit in zip(names, ends.tolist(), units.tolist(), strict=True)
    ]
    return Table(header, rows, f"{100 * b.level:g} % intervals", indent="  ")


def _precision(b: Bootstrap) -> str:
    """Line on the largest Monte Carlo errors of the ends."""
    units = b.std_error["estimate"].reindex(b.intervals.index.get_level_values("statistic"))
    share = b.intervals[COLUMNS[2:]].div(units.where(units > 0).to_numpy(), axis=0).to_numpy()
    if np.isnan(share).all():
        return "Monte Carlo standard errors (mcse) are of the draws alone."
    return (
        f"Monte Carlo standard errors of the ends: at most {np.nanmax(share):.2f} of the standard "
        "error; to_frame() in Python and --format csv have each of them."
    )
