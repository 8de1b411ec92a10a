"""A fitted model with everything that one can ask of it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, overload

import numpy as np
import pandas as pd
from narwhals.dependencies import is_into_dataframe
from numpy.typing import ArrayLike

from simlab.data.frames import as_pandas
from simlab.fitting import anova, diagnostics, effects, hypotheses, intervals, prediction, summary
from simlab.fitting.diagnostics import ThreeMeans
from simlab.fitting.errors import FitError, one_of
from simlab.fitting.estimation import estimate
from simlab.fitting.record import Fit, Method
from simlab.fitting.refits import Refits, refits
from simlab.formula.nodes import listed
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

    @overload
    def refit(
        self, y: pd.Series[float] | None = None, method: Method | None = None, jobs: int = -1
    ) -> MixedFit: ...

    @overload
    def refit(self, y: pd.DataFrame, method: Method | None = None, jobs: int = -1) -> Refits: ...

    @overload
    def refit(self, y: ArrayLike, method: Method | None = None, jobs: int = -1) -> Any: ...

    def refit(
        self,
        y: ArrayLike | pd.Series[float] | pd.DataFrame | None = None,
        method: Method | None = None,
        jobs: int = -1,
    ) -> MixedFit | Refits:
        """Fit the same model to another response or to many, or by another method.

        Parameters
        ----------
        y : (N,) or (N, K), optional
            The response, or K of them in columns. A Series or data frame goes by its index, which
            must be that of the rows; an array goes by position.
        method : {"REML", "ML"}, optional
            By default that of this fit.
        jobs : int
            Threads for many responses; −1 for all processors.

        Returns
        -------
        MixedFit or Refits
            A fit of one response. Of many the estimates, in arrays; a response that has no fit has
            NaN, a status and a message, and the others theirs.

        Raises
        ------
        FitError
            If y is not one number for each row that was used; of a single response, if one is not
            finite.

        Examples
        --------
        >>> import simlab
        >>> fit = simlab.fit(simlab.data.hs(), "mathach ~ ses + (1 | school)")
        >>> many = fit.refit(fit.simulate(100, seed=1))
        >>> many.estimate.shape
        (100, 2)
        """
        design, method = self.design, method or self.method
        one_of(method, ("REML", "ML"), "method")
        if jobs != -1:
            from simlab.parallel.batch import check_jobs  # joblib: mostly nobody asks

            check_jobs(jobs)
        if y is not None:
            values, names = _response(y, design.rows)
            if names is not None:
                return refits(self, values, names, method, jobs)
            design = replace(design, y=values)
        return MixedFit.of(estimate(design, method))

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


def _response(y: object, rows: pd.Index) -> tuple[Floats, pd.Index | None]:
    """Put one number for each row of a fit, (N,) or (N, K), into the order of these rows.

    A Series or data frame goes by its index, anything else by position. With the names of the K
    responses, None for one alone. FitError if y does not hold numbers, or N of them, or its index
    is not that of the rows: a label that lacks, occurs twice or is another; or if one response
    alone has a number that is not finite.
    """
    names = y.columns if isinstance(y, pd.DataFrame) else None
    if names is None and is_into_dataframe(y):  # of a library whose rows have no labels
        frame = as_pandas(y, "refit: y")
        y, names = _numbers(frame), frame.columns
    values = _numbers(y)
    if isinstance(y, pd.Series | pd.DataFrame) and not y.index.equals(rows):
        values = values[_order(y.index, rows)]
    if values.ndim not in (1, 2) or len(values) != len(rows):
        raise FitError(
            f"refit: y has shape {values.shape}; the model used {len(rows)} rows, "
            "and needs one number for each"
        )
    if values.ndim == 2:
        return values, pd.RangeIndex(values.shape[1]) if names is None else names
    if not np.isfinite(values).all():
        first_bad = rows[int(np.argmin(np.isfinite(values)))]
        raise FitError(f"refit: y is not a finite number in row {first_bad}")
    return values, None


def _numbers(y: object, what: str = "y") -> Floats:
    """Numbers of a response or several, NaN where one is missing; FitError, which names `what`."""
    if isinstance(y, pd.DataFrame) and not all(map(_is_real, y.dtypes)):
        each = [_numbers(column, f"column {name!r} of y") for name, column in y.items()]
        return np.column_stack(each)
    if isinstance(y, pd.DataFrame) or (isinstance(y, pd.Series) and _is_real(y.dtype)):
        y = y.to_numpy(np.float64, na_value=np.nan)
    elif isinstance(y, pd.Series) and y.dtype == object:
        y = y.to_numpy(object, na_value=np.nan)
    if isinstance(y, np.ma.MaskedArray):  # what is masked is missing
        y = np.ma.filled(y.astype(object), np.nan)
    try:
        values = np.asarray(y)
    except ValueError:
        raise FitError(f"refit: {what} is no table of numbers; its rows differ in length") from None
    text = values.dtype.kind in "USO" and any(isinstance(v, str | bytes) for v in values.flat)
    if not text and values.dtype.kind in "biufO":
        with suppress(TypeError, ValueError, OverflowError):
            return np.ascontiguousarray(values, dtype=np.float64)
    kind = type(y).__name__ if values.dtype.kind == "O" else values.dtype
    raise FitError(
        f"refit: {what} holds {'text' if text else kind}; it must be numbers, one for each row"
    )


def _is_real(dtype: Any) -> bool:
    types = pd.api.types
    return types.is_numeric_dtype(dtype) and not types.is_complex_dtype(dtype)


def _order(index: pd.Index, rows: pd.Index) -> np.ndarray:
    """Positions in the index of the rows of the fit."""
    what = "to go by position give an array, y.to_numpy()"
    for labels, whose in ((rows, "the model"), (index, "y")):
        if not labels.is_unique:
            twice = labels[labels.duplicated()][0]
            raise FitError(
                f"refit: y needs one number for each row that the model used, and its index cannot "
                f"be matched with theirs, as {_word(twice)} occurs twice in {whose}; {what}"
            )
    lacking, extra = rows.difference(index, sort=False), index.difference(rows, sort=False)
    if len(lacking) or len(extra):
        wrong = [
            f"{words} {len(labels)} {which} ({listed(map(_word, labels), 3)})"
            for words, labels, which in (
                ("lacks", lacking, "of them"), ("has", extra, "that are none"),
            )
            if len(labels)
        ]  # fmt: skip
        how = what if len(lacking) else "give y.loc[fit.design.rows]"
        raise FitError(
            "refit: y needs one number for each row that the model used, and its index "
            f"{' and '.join(wrong)}; {how}"
        )
    return index.get_indexer(rows)


def _word(label: object) -> str:
    return f"{label!r:.40}" if isinstance(label, str) else f"{label!s:.40}"
