"""Measures against what Stata's simsum prints for two published simulation studies.

Data and output are those of the R package rsimsum (Gasparini 2018, Journal of Open Source Software
3:739; GPL, so read from outside and not committed): MIsim, missing covariates handled in three
ways, true value 0.5, complete cases as reference method; relhaz, a log hazard ratio, true value
−0.5, the Cox model as reference; tt, a difference of means under four mechanisms, true value −1,
for which there is no Stata output.

Tolerance. Stata stores its results as 4-byte floats: 6e-8 relative, 4e-7 after the arithmetic it
does on them; hence RTOL. The relative error of the model SE is 100(M/S − 1) from a rounded M/S ≈ 1,
so its last digit is 100 · 6e-8 whatever its size; hence ATOL for measures in %.

Definitions that differ: one. Stata's MCSE of the relative precision has n − 2 where rsimsum and we
have n − 1, so ours is multiplied by √((n − 1)/(n − 2)) before it is compared; without that
it differs by 5e-4 (MIsim) and 5e-3 (relhaz), which a test below insists on. All others, the MCSE of
the MSE included, are the same formulae, of mcse="normal". Stata's "power" is |b/se| > 1.959964.
"""

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from outside import outside
from scipy.special import ndtr

from simlab import measures

RTOL = 1e-6
ATOL = {"relprec": 1e-5, "relerror": 1e-5}
Z = 1.959964
STATISTICS = ("bias", "empse", "relprec", "mse", "modelse", "relerror", "cover", "power")


class Study(NamedTuple):
    """Estimates and standard errors (cell, method, replicate), and Stata's output."""

    estimate: np.ndarray
    std_error: np.ndarray
    theta: float
    stata: pd.DataFrame


def misim() -> Study:
    data = pd.read_csv(outside("measures", "MIsim.csv")).sort_values("dataset")
    stata = pd.read_csv(outside("measures", "MIsim_res_stata.csv"))
    methods = ["CC", "MI_T", "MI_LOGT"]
    b, se = (np.array([[data[c][data.method == m] for m in methods]]) for c in ("b", "se"))
    stata["column"] = stata.method.map(methods.index)
    return Study(b, se, 0.5, stata.assign(cell=0))


def relhaz() -> Study:
    data = pd.read_csv(outside("measures", "relhaz.csv")).sort_values("dataset")
    stata = pd.read_csv(outside("measures", "relhaz_res_stata.csv"))
    cells = [(n, law) for n in (50, 250) for law in ("Exponential", "Weibull")]
    models = ["Cox", "Exp", "RP(2)"]
    b, se = (
        np.array(
            [
                [
                    data[c][(data.n == n) & (data.baseline == law) & (data.model == m)]
                    for m in models
                ]
                for n, law in cells
            ]
        )
        for c in ("theta", "se")
    )
    stata["column"] = stata.model - 1
    stata["cell"] = [cells.index((n, law)) for n, law in zip(stata.n, stata.baseline, strict=True)]
    return Study(b, se, -0.5, stata)


STUDIES = {"MIsim": misim, "relhaz": relhaz}


def ours(study: Study, statistic: str) -> measures.Measured:
    b, se, theta = study.estimate, study.std_error, study.theta
    normal = {"mcse": "normal"}
    match statistic:
        case "bias":
            return measures.bias(b, theta, **normal)
        case "empse":
            return measures.empirical_se(b, **normal)
        case "relprec":
            return measures.relative_precision(b, b[:, :1], **normal)
        case "mse":
            return measures.mse(b, theta, **normal)
        case "modelse":
            return measures.model_se(se, **normal)
        case "relerror":
            return measures.relative_error(b, se, **normal)
        case "cover":
            return measures.coverage(b - Z * se, b + Z * se, theta, **normal)
        case _:
            return measures.rejection_rate(2 * ndtr(-np.abs(b / se)), alpha=2 * ndtr(-Z), **normal)


def stata(study: Study, statistic: str, column: str) -> np.ndarray:
    rows = study.stata[study.stata["stat"] == statistic]
    table = rows.pivot(index="cell", columns="column", values=column).to_numpy()
    assert table.shape == study.estimate.shape[:2]
    assert not np.isnan(table).any()
    return table


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("name", STUDIES)
def test_agrees_with_stata(name: str, statistic: str) -> None:
    study = STUDIES[name]()
    value, mcse, n = ours(study, statistic)
    if statistic == "relprec":
        mcse = mcse * np.sqrt((n - 1) / (n - 2))
    atol = ATOL.get(statistic, 0)
    np.testing.assert_allclose(value, stata(study, statistic, "est"), rtol=RTOL, atol=atol)
    np.testing.assert_allclose(mcse, stata(study, statistic, "mcse"), rtol=RTOL)
    assert (n == study.estimate.shape[-1]).all()


@pytest.mark.parametrize("name", STUDIES)
def test_no_statistic_of_stata_is_left_out(name: str) -> None:
    assert set(STUDIES[name]().stata["stat"]) == set(STATISTICS)


@pytest.mark.parametrize("name", STUDIES)
def test_the_one_known_difference_is_visible_at_this_tolerance(name: str) -> None:
    study = STUDIES[name]()
    mcse = ours(study, "relprec").mcse[:, 1:]
    n = study.estimate.shape[-1]
    ratio = stata(study, "relprec", "mcse")[:, 1:] / mcse
    np.testing.assert_allclose(ratio, math.sqrt((n - 1) / (n - 2)), rtol=RTOL)
    assert (ratio - 1 > 100 * RTOL).all()


@pytest.mark.parametrize("method", [1, 2])
@pytest.mark.parametrize("dgm", [1, 2, 3, 4])
def test_coverage_and_width_of_given_intervals(dgm: int, method: int) -> None:
    tt = pd.read_csv(outside("measures", "tt.csv"))
    rows = tt[(tt.dgm == dgm) & (tt.method == method)]
    lower, upper = rows["conf.low"].to_list(), rows["conf.high"].to_list()
    centre = math.fsum(rows["diff"]) / len(rows)
    n = len(rows)
    assert n == 500

    hits = centred = 0
    for low, high in zip(lower, upper, strict=True):
        hits += low <= -1 <= high
        centred += low <= centre <= high
    for measured, count in (
        (measures.coverage(lower, upper, -1), hits),
        (
            measures.bias_eliminated_coverage(rows["diff"], lower, upper, mcse="normal"),
            centred,
        ),
    ):
        p = count / n
        assert measured.value == p
        assert measured.mcse == pytest.approx(math.sqrt(p * (1 - p) / n), rel=1e-14)

    widths = [high - low for low, high in zip(lower, upper, strict=True)]
    mean = math.fsum(widths) / n
    sd = math.sqrt(math.fsum((w - mean) ** 2 for w in widths) / (n - 1))
    width = measures.interval_width(lower, upper)
    assert width.value == pytest.approx(mean, rel=1e-13)
    assert width.mcse == pytest.approx(sd / math.sqrt(n), rel=1e-12)


def test_t_intervals_that_ignore_unequal_variances_cover_less() -> None:
    """Known law: Welch's intervals (method 2) are nominal; Student's (method 1) are not always."""
    tt = pd.read_csv(outside("measures", "tt.csv")).sort_values("repno")

    def cells(column: str) -> np.ndarray:
        each = [(tt.method == m) & (tt.dgm == d) for m in (1, 2) for d in (1, 2, 3, 4)]
        return np.array([tt[column][cell] for cell in each]).reshape(2, 4, -1)

    value, mcse, _ = measures.coverage(cells("conf.low"), cells("conf.high"), -1.0)
    z = (value - 0.95) / mcse
    assert (np.abs(z[1]) < 4).all()
    assert z[0].min() < -4
