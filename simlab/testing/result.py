"""What a test by simulation found: one hypothesis, or several that share their draws."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from simlab.errors import NoSuchError
from simlab.fitting.record import Method
from simlab.fitting.result import MixedFit
from simlab.moments import Floats
from simlab.testing.likelihood_ratio import Mixture
from simlab.testing.text import one, several


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PValue:
    """A likelihood-ratio test with its Monte Carlo p-value.

    Attributes
    ----------
    statistic : float
        T = D₀ − D₁, the difference of the deviances; 0 or more.
    p_value : float
        (1 + exceedances)/(draws + 1); exceedances/draws if it stopped early.
    interval : tuple of float
        Of P(T* ≥ T), which infinitely many draws would give; exact for the number of draws.
    level : float
        Its coverage.
    exceedances : int
        Draws with T* ≥ T, failures among them.
    draws : int
        Draws from the null model.
    failures : int
        Draws in which a fit did not converge; they count as T* ≥ T, and can only raise p.
    zeros : float
        Share of the draws with T* = 0; they are kept.
    simulated : (B,) array
        T* in the order of the draws; NaN for failures.
    stopped : bool
        Whether it ended with the h-th exceedance that was asked for.
    references : pd.DataFrame
        Other p-values; index "reference": law, statistic, num_df, den_df, p_value (NaN where
        there is none), remark.
    method : {"REML", "ML"}
        Which likelihood.
    formulas : tuple of str
        Of the null model and of the alternative.
    hypothesis : str
        What the null model says, in words.
    naive_df : int
        Parameters that the alternative has more.
    mixture : tuple of (weight, df)
        Chi-bar-square law with many clusters; df 0 is a point mass at 0. Empty if there is none
        with fixed weights, or none is needed.
    notes : tuple of str
        What the reader must know: rows left out, singular fits.
    fits : tuple of MixedFit
        The null model (with G = 0 if it is linear) and the alternative.
    """

    statistic: float
    p_value: float
    interval: tuple[float, float]
    level: float
    exceedances: int
    draws: int
    failures: int
    zeros: float
    simulated: Floats
    stopped: bool
    references: pd.DataFrame
    method: Method
    formulas: tuple[str, str]
    hypothesis: str
    naive_df: int
    mixture: Mixture
    notes: tuple[str, ...]
    fits: tuple[MixedFit, MixedFit]

    @property
    def title(self) -> str:
        """What a picture of it is called."""
        return f"H0: {self.hypothesis}"

    def to_frame(self) -> pd.DataFrame:
        """The simulated p-value and all others, tidy.

        Returns
        -------
        pd.DataFrame
            Index "reference", "simulated" first; law, statistic, num_df, den_df, p_value, lower,
            upper (ends of the interval), exceedances, draws, failures, zeros, remark.
        """
        own = {
            "law": f"{self.draws:,} draws", "statistic": self.statistic, "p_value": self.p_value,
            "lower": self.interval[0], "upper": self.interval[1], "exceedances": self.exceedances,
            "draws": self.draws, "failures": self.failures, "zeros": self.zeros,
            "remark": f"H0: {self.hypothesis}",
        }  # fmt: skip
        columns = [
            "law", "statistic", "num_df", "den_df", "p_value", "lower", "upper", "exceedances",
            "draws", "failures", "zeros", "remark",
        ]  # fmt: skip
        rows = {"simulated": own} | self.references.to_dict("index")
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis(
            "reference"
        )

    def __str__(self) -> str:
        return one(self)

    __repr__ = __str__


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PValues:
    """Several alternatives of one null model, tested with the same draws.

    Attributes
    ----------
    tests : dict of str to PValue
        Each by itself.
    procedure : {"max-T", "min-P"}
        Whether the draws' statistics were compared, or, as these have different reference
        distributions, their p-values.
    adjusted : pd.DataFrame
        Index "alternative"; statistic, p_value (raw), single_step, step_down (adjusted by the
        draws), holm, bonferroni (adjusted by the number of hypotheses).
    """

    tests: dict[str, PValue]
    procedure: str
    adjusted: pd.DataFrame

    def __getitem__(self, name: str) -> PValue:
        if name not in self.tests:
            raise NoSuchError(f"no alternative {name!r}; there are {', '.join(self.tests)}")
        return self.tests[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.tests)

    def __len__(self) -> int:
        return len(self.tests)

    def to_frame(self) -> pd.DataFrame:
        """Every p-value, tidy.

        Returns
        -------
        pd.DataFrame
            Index "alternative", "reference"; the columns of `PValue.to_frame`, and in the rows
            "simulated" those of `adjusted`.
        """
        frames = {name: test.to_frame() for name, test in self.tests.items()}
        whole = pd.concat(frames, names=["alternative"])
        added = self.adjusted.drop(columns=["statistic", "p_value"])
        keys = pd.MultiIndex.from_product([added.index, ["simulated"]], names=whole.index.names)
        return whole.join(added.set_axis(keys))

    def __str__(self) -> str:
        return several(self)

    __repr__ = __str__
