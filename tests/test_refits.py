"""One model fitted to many responses at once, against a loop of single fits.

Both search the same likelihood in units that differ in rounding, so that they stop at places that
differ by what the deviance, known to 1e-13 of itself, cannot tell: log-likelihoods agree to 1e-12
of their size, estimates to 1e-5 standard errors and to 1e-5 of the largest element of G.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pytest

import simlab
from simlab.fitting import refits
from simlab.fitting.errors import FitError, FitWarning
from simlab.words import Status

LOGLIK, ESTIMATE = 1e-12, 1e-5

hs = simlab.data.hs


def unkind() -> pd.DataFrame:
    """Small clusters of unequal size, two collinear columns, and one far from 0."""
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(25), rng.integers(1, 9, 25))
    x = rng.normal(size=len(g))
    return pd.DataFrame(
        {
            "g": g, "x": x, "near": x + 1e-3 * rng.normal(size=len(g)),
            "far": 1e6 + rng.normal(size=len(g)), "f": rng.choice(list("abc"), len(g)),
            "y": rng.normal(size=len(g)) + rng.normal(size=25)[g],
        }
    )  # fmt: skip


def single(fit, Y, method=None):
    """The fits of each column on its own."""
    return [fit.refit(y, method) for y in Y.T]


def check(many, fits):
    """Compare with single fits."""
    for i, one in enumerate(fits):
        assert Status(many.status[i]) == (Status.SINGULAR if one.singular else Status.OK)
        assert many.loglik[i] == pytest.approx(one.loglik, rel=LOGLIK, abs=1e-9)
        assert many.sigma2[i] == pytest.approx(one.sigma2, rel=ESTIMATE)
        se = one.std_error.to_numpy()
        np.testing.assert_array_less(abs(many.estimate[i] - one.gamma), ESTIMATE * se)
        np.testing.assert_allclose(many.std_error[i], se, rtol=ESTIMATE)
        np.testing.assert_allclose(
            many.G[i], one.G_matrix, rtol=0, atol=ESTIMATE * np.nanmax(abs(one.G_matrix), initial=1)
        )
    assert many.messages == {}


MODELS = {
    "slope": "mathach ~ ses * sector + (1 + ses | school)",
    "apart": "mathach ~ ses + (1 + ses || school)",
    "no intercept": "mathach ~ 0 + ses + (0 + ses | school)",
    "factor": "mathach ~ sex + minority + (1 + sex | school)",
}


@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize("model", MODELS)
def test_many_fits_are_a_loop_of_single_ones(model, method):
    fit = simlab.fit(hs(), MODELS[model])
    Y = fit.simulate(12, seed=2).to_numpy()
    check(fit.refit(Y, method), single(fit, Y, method))


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ x + (1 | g)", "y ~ x + near + (1 | g)", "y ~ far + (1 + far | g)",
        "y ~ x + f + (1 | g)",
    ],
)  # fmt: skip
@pytest.mark.parametrize("offset", [0.0, 1e7])
def test_also_where_a_fit_is_not_easy(formula, offset):
    fit = simlab.fit(unkind(), formula)
    Y = fit.simulate(12, seed=1).to_numpy() * np.tile([1e-3, 1, 1e3], 4) + offset
    check(fit.refit(Y), single(fit, Y))


def test_no_variance_is_0_as_in_a_fit():
    fit = simlab.fit(unkind(), "y ~ x + (1 + x || g)")
    Y = np.random.default_rng(4).normal(size=(fit.nobs, 30))
    many, fits = fit.refit(Y), single(fit, Y)
    check(many, fits)
    zeros = [many.G[i] == 0 for i in range(30)]
    assert 5 < sum(zero.all() for zero in zeros) < 30
    assert all((zero == (one.G_matrix == 0)).all() for zero, one in zip(zeros, fits, strict=True))


def test_what_the_data_cannot_tell_is_nan_in_all():
    """Each cluster has one value of x, so that only sums of elements of G are known."""
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(20), 6)
    df = pd.DataFrame({"g": g, "x": (g % 2).astype(float), "y": rng.normal(size=120)})
    with pytest.warns(FitWarning, match="G is not identified"):
        fit = simlab.fit(df, "y ~ x + (1 + x | g)")
    unknown = np.isnan(fit.G_matrix)
    assert unknown.any()
    assert not unknown.all()
    many = fit.refit(fit.design.y[:, None] + rng.normal(size=(120, 5)))
    assert (np.isnan(many.G) == unknown).all()
    assert np.isfinite(many.loglik).all()


def test_another_response_has_another_fit():
    """A control: the check would notice the estimates of a neighbour."""
    fit = simlab.fit(hs(), MODELS["slope"])
    Y = fit.simulate(3, seed=2).to_numpy()
    many = fit.refit(Y)
    with pytest.raises(AssertionError):
        check(many, single(fit, Y[:, [1, 2, 0]]))
    assert all((a != b).all() for a, b in pairwise(many.estimate))


def test_no_bit_depends_on_threads_or_neighbours():
    fit = simlab.fit(hs(), MODELS["slope"])
    Y = fit.simulate(refits.CHUNK + 10, seed=2).to_numpy()
    one, two, few = fit.refit(Y, jobs=1), fit.refit(Y, jobs=2), fit.refit(Y[:, -20:])
    for name in ("estimate", "std_error", "G", "sigma2", "loglik", "status"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
        np.testing.assert_array_equal(getattr(one, name)[-20:], getattr(few, name))


def test_a_response_that_cannot_be_fitted_does_the_others_no_harm():
    df = hs().set_axis([f"s{i}" for i in range(1977)])
    fit = simlab.fit(df, "mathach ~ ses + (1 | school)")
    Y = pd.DataFrame(fit.simulate(8, seed=1).to_numpy(), df.index, list("abcdefgh"))
    whole = fit.refit(Y)
    Y.loc["s7", "b"] = np.nan
    Y.loc["s9", "c"] = -np.inf
    Y["d"] = 5.0
    Y["e"] = 1 + 2 * df.ses
    Y["f"] *= 1e200
    Y["g"] *= 1e-9  # a control: small, and as good as any
    many = fit.refit(Y)
    bad = [1, 2, 3, 4, 5]
    assert many.messages.keys() == set(bad)
    said = "not a finite number in row s7", "row s9", "explain", "explain", "cannot be squared"
    assert all(words in many.messages[i] for i, words in zip(bad, said, strict=True))
    assert (many.status[bad] == Status.NOT_ESTIMABLE).all()
    for name in ("estimate", "std_error", "G", "sigma2", "loglik"):
        assert np.isnan(getattr(many, name)[bad]).all()
        np.testing.assert_array_equal(getattr(many, name)[[0, 7]], getattr(whole, name)[[0, 7]])
    np.testing.assert_allclose(many.estimate[6], 1e-9 * whole.estimate[6], rtol=1e-6)
    assert "5 not estimable" in str(many)
    assert "b: not a finite number in row s7" in str(many)


def test_what_may_lose_digits_is_fitted_by_itself(monkeypatch):
    fit = simlab.fit(hs(), MODELS["slope"])
    Y = fit.simulate(4, seed=1).to_numpy()
    plain = fit.refit(Y)

    def unsure(*args):
        fits = refits_of(*args)
        return fits._replace(sure=np.zeros_like(fits.sure), gamma=0 * fits.gamma)

    refits_of = refits.fit_responses
    monkeypatch.setattr(refits, "fit_responses", unsure)
    alone, fits = fit.refit(Y), single(fit, Y)
    assert [one.loglik for one in fits] == alone.loglik.tolist()
    np.testing.assert_allclose(alone.estimate, plain.estimate, rtol=1e-6)

    def lost(*args):
        one = estimate(*args)
        failed = one.optimum._replace(evaluations=-7)
        return replace(one, optimum=failed, notes=("no convergence in 7 evaluations",))

    estimate = refits.estimate
    monkeypatch.setattr(refits, "estimate", lost)
    failed = fit.refit(Y)
    assert (failed.status == Status.NOT_CONVERGED).all()
    assert np.isnan(failed.loglik).all()
    assert failed.messages[3] == "no convergence in 7 evaluations"


def test_where_clusters_differ_far_more_than_rows():
    """A single fit is made again in better units, and so is each of many."""
    rng = np.random.default_rng(1)
    df = unkind()
    level = 1e6 * rng.normal(size=25)
    fit = simlab.fit(df, "y ~ x + (1 | g)")
    Y = fit.simulate(3, seed=1).to_numpy() + level[df.g.to_numpy()][:, None]
    check(fit.refit(Y), single(fit, Y))


def test_responses_go_by_their_index_and_have_their_names():
    df = hs().set_axis([f"s{i}" for i in range(1977)])
    fit = simlab.fit(df, "mathach ~ ses + (1 | school)")
    Y = fit.simulate(3, seed=1).set_axis(df.index).set_axis(list("abc"), axis=1)
    many = fit.refit(Y)
    assert many.responses.tolist() == list("abc")
    assert many.coefficients == ("(Intercept)", "ses")
    assert many.random_effects == ("(Intercept)",)
    mixed = fit.refit(Y.sample(frac=1, random_state=1))
    np.testing.assert_array_equal(mixed.estimate, many.estimate)
    by_position = fit.refit(Y.to_numpy())
    np.testing.assert_array_equal(by_position.estimate, many.estimate)
    assert by_position.responses.tolist() == [0, 1, 2]
    other = fit.refit(pl.from_pandas(Y.reset_index(drop=True)))
    np.testing.assert_array_equal(other.estimate, many.estimate)
    assert other.responses.tolist() == list("abc")
    nullable = fit.refit(Y.convert_dtypes())
    np.testing.assert_array_equal(nullable.estimate, many.estimate)
    assert fit.refit(Y[[]]).estimate.shape == (0, 2)
    assert "0 responses" in str(fit.refit(Y[[]]))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda Y: Y.iloc[:-1], "its index lacks 1 of them"),
        (lambda Y: Y.to_numpy()[:-1], r"y has shape \(1976, 2\); the model used 1977 rows"),
        (lambda Y: Y.to_numpy().T, r"y has shape \(2, 1977\)"),
        (lambda Y: Y.to_numpy()[:, :, None], r"y has shape \(1977, 2, 1\)"),
        (lambda Y: Y.astype(str), "y holds text; it must be numbers"),
        (lambda Y: Y.assign(b="x"), "y holds text; it must be numbers"),
        (lambda Y: Y + 1j, "y holds complex128; it must be numbers"),
        (lambda Y: pl.from_pandas(Y).lazy(), "y holds LazyFrame"),
    ],
)
def test_a_matrix_that_is_none_of_responses_is_refused(change, says):
    fit = simlab.fit(hs(), "mathach ~ ses + (1 | school)")
    Y = fit.simulate(2, seed=1).set_axis(hs().index)
    with pytest.raises(FitError, match=says) as error:
        fit.refit(change(Y))
    assert "\n" not in str(error.value)


def test_every_number_is_in_the_frame():
    fit = simlab.fit(hs(), MODELS["apart"])
    many = fit.refit(fit.simulate(3, seed=1))
    frame = many.to_frame()
    assert len(frame) == 3 * (2 + 3 + 1 + 1)
    by_term = frame.pivot(index="response", columns="term", values="estimate")
    np.testing.assert_array_equal(by_term["ses"], many.estimate[:, 1])
    np.testing.assert_array_equal(by_term["var(ses)"], many.G[:, 1, 1])
    np.testing.assert_array_equal(by_term["cov((Intercept), ses)"], 0)
    np.testing.assert_array_equal(by_term["logLik"], many.loglik)
    errors = frame.pivot(index="response", columns="term", values="std_error")
    np.testing.assert_array_equal(errors["ses"], many.std_error[:, 1])
    assert errors.notna().sum().sum() == 6


@pytest.mark.parametrize("jobs", [0, "a", None, np.nan, 1.5, True, 10**6])
@pytest.mark.parametrize("columns", [1, 2])
def test_a_number_of_threads_that_cannot_be_is_refused(jobs, columns):
    fit = simlab.fit(simlab.data.hs(), "mathach ~ ses + (1 | school)")
    y = fit.simulate(2, seed=1).to_numpy()
    with pytest.raises(simlab.Error, match=r"^jobs is "):
        fit.refit(y if columns == 2 else y[:, 0], jobs=jobs)


def test_what_is_masked_or_missing_is_no_number():
    fit = simlab.fit(simlab.data.hs(), "mathach ~ ses + (1 | school)")
    Y = fit.simulate(3, seed=1).to_numpy()
    masked = np.ma.masked_array(Y.copy())
    masked[5, 1] = 1e6
    masked[5, 1] = np.ma.masked
    among = pd.DataFrame(Y, index=fit.design.rows).astype(object)
    among.iloc[5, 1] = pd.NA
    for many in (fit.refit(masked), fit.refit(among)):
        assert many.status.tolist() == [0, 3, 0]
        assert many.messages == {1: f"not a finite number in row {fit.design.rows[5]}"}
    with pytest.raises(simlab.Error, match="not a finite number"):
        fit.refit(masked[:, 1])
    assert fit.refit(masked[:, 0]).loglik == pytest.approx(fit.refit(Y[:, 0]).loglik, rel=1e-12)


def test_what_is_no_table_of_numbers_is_refused_by_its_column():
    fit = simlab.fit(simlab.data.hs(), "mathach ~ ses + (1 | school)")
    frame = pd.DataFrame(fit.simulate(2, seed=1).to_numpy(), index=fit.design.rows)
    for bad in ("x", pd.Timestamp("2020-01-01")):
        with pytest.raises(simlab.Error, match=r"column 'third' of y holds"):
            fit.refit(frame.assign(third=bad))
    with pytest.raises(simlab.Error, match="rows differ in length"):
        fit.refit([[1, 2], [3]])
    with pytest.raises(simlab.Error, match="it must be numbers"):
        fit.refit(np.array([[10**400, 1]] * len(frame), dtype=object))


def test_messages_name_their_response_and_come_in_order():
    fit = simlab.fit(simlab.data.hs(), "mathach ~ ses + (1 | school)")
    y = fit.simulate(1, seed=1).to_numpy()[:, 0]
    bad = np.where(np.arange(len(y)) == 3, np.nan, y)
    frame = {"none": 0 * y, "fine": y, "lacks": bad, "large": y * 1e200}
    many = fit.refit(pd.DataFrame(frame, index=fit.design.rows))
    assert list(many.messages) == [0, 2, 3]
    assert "'none'" in many.messages[0]
    assert "of large" in many.messages[3]
