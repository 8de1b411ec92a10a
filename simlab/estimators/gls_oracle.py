"""The yardstick: the contextual model by generalised least squares with the true G and σ².

No linear unbiased estimator of its terms has a smaller variance (Aitken 1935);
the efficiency of every other method is measured against it.
"""

from __future__ import annotations

from simlab.errors import ArgumentError
from simlab.estimators.base import Estimates, Estimator, Sample, none_between
from simlab.estimators.hlm import mixed_estimates
from simlab.estimators.hlm_contextual import WEIGHTS
from simlab.words import ORACLE


def fit(sample: Sample) -> Estimates:
    """Estimate intercept, within, between and contextual effect of each sector."""
    if sample.known is None:
        raise ArgumentError("gls_oracle needs the true G and sigma2, which data do not tell")
    return mixed_estimates(sample, WEIGHTS, known=sample.known)


METHOD = Estimator(
    name=ORACLE,
    kinds=("intercept", "slope", "between", "contextual"),
    estimand="beta_within",
    fit=fit,
    lambda_=none_between,
    oracle=True,
)
