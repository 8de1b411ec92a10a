"""The measures that a results Dataset is read with: what each needs, is called, and means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from simlab.performance import replicates as core
from simlab.performance.formulas import Measured


@dataclass(frozen=True, slots=True)
class Definition:
    """One measure of a results Dataset.

    Attributes
    ----------
    name : str
        Name of the variable; `<name>_mcse` and `<name>_n` go with it.
    compute : callable
        Function of `simlab.performance.replicates`; takes `needs`, then θ if `against_target`.
    needs : tuple of str
        Variables with a replicate dimension, in the order of `compute`'s arguments.
    against_target : bool
        Whether the measure has one value per target.
    long_name, units : str
        As in the CF conventions; units "1" is a ratio or a share.
    value, mcse : str
        Formulae, in the notation of `simlab.performance.replicates`.
    """

    name: str
    compute: Callable[..., Measured]
    needs: tuple[str, ...]
    against_target: bool
    long_name: str
    units: str
    value: str
    mcse: str

    @property
    def dims(self) -> tuple[str, ...]:
        """What the measure has one value for: a fit, each of its terms, or each target of these."""
        if PER_FIT.intersection(self.needs):
            return ("estimator",)
        return ("estimator", "term", "target") if self.against_target else ("estimator", "term")


PER_FIT = frozenset({"failed", "singular", "dropped"})
"""What measures need that a fit has once, not term by term."""

_ESTIMATE = "unit of the estimate"
_SHARE = "√(p(1 − p)/n)"
_INTERVAL = ("lower", "upper")

DEFINITIONS = (
    Definition(
        "bias", core.bias, ("estimate",), True,
        "bias", _ESTIMATE, "mean θ̂ − θ", "S/√n",
    ),
    Definition(
        "relative_bias", core.relative_bias, ("estimate",), True,
        "relative bias", "1", "(mean θ̂ − θ)/θ", "S/(|θ|√n)",
    ),
    Definition(
        "empirical_se", core.empirical_se, ("estimate",), False,
        "empirical standard error", _ESTIMATE, "S = sd(θ̂)", "S/√(2(n − 1))",
    ),
    Definition(
        "mse", core.mse, ("estimate",), True,
        "mean squared error", f"squared {_ESTIMATE}",
        "mean (θ̂ − θ)²", "√(Σ((θ̂ − θ)² − MSE)²/(n(n − 1)))",
    ),
    Definition(
        "rmse", core.rmse, ("estimate",), True,
        "root mean squared error", _ESTIMATE, "√MSE", "mcse(MSE)/(2 RMSE)",
    ),
    Definition(
        "model_se", core.model_se, ("std_error",), False,
        "model standard error", _ESTIMATE, "M = √mean(s²)", "√(var(s²)/(4 n M²))",
    ),
    Definition(
        "relative_error", core.relative_error, ("estimate", "std_error"), False,
        "relative error of the model standard error", "%",
        "100(M/S − 1)", "100(M/S)√(var(s²)/(4 n M⁴) + 1/(2(n − 1)))",
    ),
    Definition(
        "coverage", core.coverage, _INTERVAL, True,
        "coverage of the interval", "1", "p = share of lower ≤ θ ≤ upper", _SHARE,
    ),
    Definition(
        "bias_eliminated_coverage", core.bias_eliminated_coverage, ("estimate", *_INTERVAL), False,
        "bias-eliminated coverage of the interval", "1",
        "p = share of lower ≤ mean θ̂ ≤ upper", _SHARE,
    ),
    Definition(
        "rejection_rate", core.rejection_rate, ("p_value",), False,
        "rejection rate of the term's null value", "1", "p = share of p-values ≤ α", _SHARE,
    ),
    Definition(
        "interval_width", core.interval_width, _INTERVAL, False,
        "width of the interval", _ESTIMATE,
        "mean (upper − lower)", "sd(upper − lower)/√n",
    ),
    Definition(
        "failures", core.share, ("failed",), False,
        "share of replicates without an estimate", "1",
        "p = share with status not_converged, not_estimable or error", _SHARE,
    ),
    Definition(
        "singular", core.share, ("singular",), False,
        "share of replicates with a singular fit", "1", "p = share with status singular", _SHARE,
    ),
    Definition(
        "dropped_clusters", core.average, ("dropped",), False,
        "clusters left out by the estimator", "clusters per replicate",
        "mean number of clusters left out, over replicates with an estimate", "sd/√n",
    ),
)  # fmt: skip

COMPARISONS = (
    Definition(
        "relative_precision", core.relative_precision, ("estimate", "reference"), False,
        "relative precision against the reference", "%",
        "100((S_ref/S)² − 1)", "200(S_ref/S)²√((1 − ρ²)/(n − 1)), ρ = corr(θ̂, θ̂_ref)",
    ),
    Definition(
        "efficiency", core.efficiency, ("estimate", "reference"), False,
        "efficiency against the reference", "1",
        "(S_ref/S)²", "2(S_ref/S)²√((1 − ρ²)/(n − 1)), ρ = corr(θ̂, θ̂_ref)",
    ),
)  # fmt: skip
