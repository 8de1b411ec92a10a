"""A fitted model with everything that one can ask of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from simlab.fitting import anova, diagnostics, effects, hypotheses, intervals, prediction, summary
from simlab.fitting.diagnostics import ThreeMeans
from simlab.fitting.estimation import estimate
from simlab.fitting.record import Fit, Method
from simlab.fitting.response import response
from simlab.moments import Floats
from simlab.text import Part, Printable


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MixedFit(Fit, Printable):
    """A linear mixed model with two levels, fitted by REML or ML.

        y_j = X_j γ + Z_j u_j + ε_j,   u_j ~ N(0, G),   ε_j ~ N(0, σ²I)

    It is a `Fit`, whose questions are its methods: `fit.wald(L)` is `hypotheses.wald(fit, L)`.
    """

    ranef = effects.ranef
    coef = effects.coef
    blue = effects.blue

    table = hypotheses.table
    wald = hypotheses.wald
    anova = anova.anova

    conf_int = intervals.conf_int
    profile = intervals.profile
    varcorr = intervals.varcorr

    fitted = prediction.fitted
    residuals = prediction.residuals
    predict = prediction.predict
    simulate = prediction.simulate
    r2 = prediction.r2
    icc = prediction.icc

    hausman = diagnostics.hausman
    contextual = diagnostics.contextual
    influence = diagnostics.influence
    near_singularity = diagnostics.near_singularity
    weights = diagnostics.weights
    diagnose = diagnostics.diagnose

    summary = summary.summary

    @classmethod
    def of(cls, fit: Fit) -> MixedFit:
        """Give a record its questions."""
        return cls(fit.design, fit.clusters, fit.optimum, fit.method, fit.notes)

    def refit(
        self, y: Floats | pd.Series[float] | None = None, method: Method | None = None
    ) -> MixedFit:
        """Fit the same model to another response, or by another method.

        Parameters
        ----------
        y : (N,), optional
            The response. A Series goes by its index, which must be that of the rows; an array
            goes by position. See `response.response`.
        method : {"REML", "ML"}, optional
            By default that of this fit.

        Raises
        ------
        FitError
            If y is not one finite number for each row that was used.
        """
        design = self.design
        if y is not None:
            design = replace(design, y=response(y, design.rows))
        return MixedFit.of(estimate(design, method or self.method))

    def three_means(self) -> ThreeMeans:
        """Mean of students, mean of schools, and GLS; see `diagnostics.three_means`."""
        return diagnostics.three_means(self)

    def to_frame(self) -> pd.DataFrame:
        """Every number of the summary, tidy; see `summary.Summary.to_frame`."""
        return self.summary().to_frame()

    def parts(self) -> list[Part | list[Part]]:
        """The model and its estimates in a few lines; see `summary.brief`."""
        return summary.brief(self)

    def to_html(self) -> str:
        """The whole summary in HTML."""
        return self.summary().to_html()
