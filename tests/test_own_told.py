"""What a method of the user may tell: status, intervals and p-values of its own, any term.

Numbers that two routes give are compared bit for bit. Coverage is tested by 3.5 Monte Carlo
standard errors at fixed seeds, with a control that must fail.
"""

import re
import shutil

import numpy as np
import pytest
from test_own import HERE, SMALL, messages, run, study

import simlab
from simlab import runner
from simlab.cli.check import summary_lines
from simlab.cli.measure import measure as command
from simlab.cli.run import run as run_command
from simlab.config import ConfigError, dumps
from simlab.inference import infer
from simlab.measures import measure
from simlab.words import Status

SLOPE = {"term": "slope", "condition": 0}


def of(ds, name, what, term="slope"):
    return ds[what].sel(estimator=name, term=term).values[0]


# ---------------------------------------------------------------- intervals and p-values


def test_an_interval_of_its_own_is_stored_and_measured():
    ds = run("told:interval", "told:without", replicates=60, level=0.9)
    b, lower, upper = (of(ds, "told:interval", what) for what in ("estimate", "lower", "upper"))
    np.testing.assert_array_equal(lower, b - 1)
    np.testing.assert_array_equal(upper, b + 3 * 0.9)
    assert (of(ds, "told:interval", "p_value") == 0.04).all()
    m = measure(ds).sel(estimator="told:interval", term="slope", target="beta_within")
    assert m.coverage.item() == np.mean((lower <= 2) & (upper >= 2))
    assert m.rejection_rate.item() == 1
    assert m.interval_width.item() == pytest.approx(3.7)
    assert np.isnan(m.model_se)
    students = of(ds, "told:without", "upper")
    assert not np.allclose(students, upper)  # control: Student's t is another interval


def test_what_is_not_told_is_students():
    ds = run("told:half", replicates=40, level=0.8)
    for term in ("intercept", "slope"):
        b, se, df = (of(ds, "told:half", what, term) for what in ("estimate", "std_error", "df"))
        students = infer(b, se, df, 0.8)
        own = (b > 2) & (term == "slope")
        assert term == "intercept" or 0 < own.sum() < 40
        np.testing.assert_array_equal(
            of(ds, "told:half", "lower", term), np.where(own, b - 9, students.lower)
        )
        np.testing.assert_array_equal(of(ds, "told:half", "p_value", term), students.p_value)


def test_methods_on_moments_tell_the_same():
    ds = run("told:together", "pooled", replicates=40)
    status = ds.status.sel(estimator="told:together").values[0]
    assert set(status.tolist()) == {Status.OK, Status.SINGULAR, Status.NOT_CONVERGED}
    b, lower, p = (of(ds, "told:together", what) for what in ("estimate", "lower", "p_value"))
    failed = status == Status.NOT_CONVERGED
    assert np.isnan(b[failed]).all()
    assert np.isfinite(b[~failed]).all()
    assert (b[status == Status.SINGULAR] < 1.5).all()
    known = ~failed & (b >= 2)
    np.testing.assert_array_equal(lower[known], b[known] - 1)
    assert np.isnan(lower[~known]).all()  # not told here, and not Student's either
    assert np.isfinite(p[~failed]).all()
    assert measure(ds).failures.sel(estimator="told:together").item() == failed.mean()


def test_an_estimator_tells_its_intervals():
    ds = run("told:WHOLE", "pooled", replicates=20)
    b = of(ds, "told:WHOLE", "estimate")
    np.testing.assert_array_equal(of(ds, "told:WHOLE", "upper"), b + 0.25)
    np.testing.assert_array_equal(b, of(ds, "pooled", "estimate"))
    np.testing.assert_array_equal(of(ds, "told:WHOLE", "p_value"), of(ds, "pooled", "p_value"))
    assert (of(ds, "told:WHOLE", "lower", "tau") == 3).all()
    assert ds.truth.sel(term="tau").values.tolist() == [[3.5, 3.5]]


@pytest.mark.parametrize(
    ("how", "text"),
    {
        "upside_down": "slope: the interval is from 3 to 1",
        "one_end": "slope: has one end of an interval",
        "half_nan": "slope: the interval is from nan to 1",
        "nowhere": "slope: the interval is from inf to inf",
        "p_above": "slope: p_value is 1.5",
        "p_below": "slope: p_value is -0.1",
        "p_text": "slope: p_value is a str, not a number",
        "infinite_error": "slope: std_error is inf",
    }.items(),
)
def test_what_cannot_be_is_an_error_of_its_replicate(how, text):
    name = f"told:wrong_{how}"
    s = study(name, "pooled", replicates=3)
    ds = simlab.run(s, jobs=1)
    assert (ds.status.sel(estimator=name) == Status.ERROR).all()
    assert (ds.status.sel(estimator="pooled") == Status.OK).all()
    assert [(b, e) for b, e, _ in messages(s)] == [(b, name) for b in range(3)]
    assert all(message.startswith(text) for *_, message in messages(s))


# ---------------------------------------------------------------- status, and what is not known


def test_a_method_says_how_its_fit_ended():
    ds = run("told:words", replicates=60)
    status = ds.status.values[0, :, 0]
    assert set(status.tolist()) == {*Status} - {Status.ERROR}
    b = of(ds, "told:words", "estimate")
    assert (np.isfinite(b) == (status <= Status.SINGULAR)).all()
    assert messages(study("told:words", replicates=60)) == []
    alone = run("told:status_alone", replicates=3)
    assert (alone.status == Status.NOT_ESTIMABLE).all()


@pytest.mark.parametrize("how", ["word", "true", "number", "error", "several"])
def test_a_status_that_is_none_is_an_error(how):
    s = study(f"told:status_{how}", replicates=2)
    assert (simlab.run(s, jobs=1).status == Status.ERROR).all()
    assert all(re.match(r"status (is|has the shape)", text) for *_, text in messages(s))


def test_an_unknown_standard_error_costs_no_estimate():
    ds = run("told:nan_error", "told:without", replicates=40)
    assert (ds.status == Status.OK).all()
    b, se, lower = (of(ds, "told:nan_error", what) for what in ("estimate", "std_error", "lower"))
    np.testing.assert_array_equal(b, of(ds, "told:without", "estimate"))
    assert (np.isnan(se) == (b > 2)).all()
    assert (np.isnan(lower) == (b > 2)).all()
    m = measure(ds).sel(estimator="told:nan_error", term="slope", target="beta_within")
    assert m.n.item() == m.empirical_se_n.item() == 40
    assert m.model_se_n.item() == m.coverage_n.item() == (b <= 2).sum()
    ds = run("told:nan_df", replicates=5)
    assert (ds.status == Status.OK).all()
    assert np.isnan(of(ds, "told:nan_df", "upper")).all()


# ---------------------------------------------------------------- any term


def test_any_declared_term_is_measured_as_far_as_it_can_be():
    grid = {"population.G": [[[1, 0], [0, 4]], [[1, 0], [0, 9]]]}
    s = study("hlm", "told:others", replicates=40, grid=grid)
    ds = simlab.run(s, jobs=1)
    assert ds.term.values.tolist() == ["intercept", "slope", "tau2", "icc"]
    assert ds.truth.sel(term="tau2").values.tolist() == [[4, 4], [9, 9]]
    assert np.isnan(ds.truth.sel(term="icc")).all()
    assert np.isnan(ds.limit.sel(estimator="told:others")).all()
    assert np.isfinite(ds.limit.sel(estimator="hlm", term="slope")).all()
    assert np.isnan(ds.estimate.sel(estimator="hlm", term=["tau2", "icc"])).all()
    m = measure(ds).sel(estimator="told:others", target="beta_within")
    for name in ("empirical_se", "model_se", "bias_eliminated_coverage", "rejection_rate"):
        assert np.isfinite(m[name].sel(term="tau2")).all(), name
    assert np.isfinite(m.bias.sel(term="tau2")).all()
    assert np.isfinite(m.coverage.sel(term="tau2")).all()
    assert np.isnan(m.bias.sel(term="icc")).all()
    assert np.isnan(m.coverage.sel(term="icc")).all()
    assert (m.n.sel(term="icc") == 40).all()
    assert len(simlab.methods_table(ds).frame) == 2


def test_why_there_is_no_bias_is_said(tmp_path, capsys):
    s = study("told:others", replicates=20)
    text = "\n".join(summary_lines(s))
    assert "without bias and coverage of icc: what is true is not told" in text
    ds = simlab.run(s, jobs=1, out=tmp_path / "s.zarr")
    why = "what is true of icc is not told"
    assert measure(ds).bias.attrs["comment"].startswith(why)
    assert "comment" not in measure(ds).empirical_se.attrs
    assert "comment" not in measure(run("told:interval", replicates=20)).bias.attrs
    command(tmp_path / "s.zarr")
    text = capsys.readouterr().err
    assert re.search(rf"^simlab: bias, .*coverage: {why}", text, re.M)


def test_terms_of_several_sectors_keep_their_names():
    sectors = {"clusters": {"A": 4, "B": 5}}
    ds = run("told:WHOLE", "pooled", population=SMALL | sectors, replicates=6)
    assert ds.term.values.tolist()[-2:] == ["slope[B - A]", "tau"]
    assert (of(ds, "told:WHOLE", "estimate", "tau") == 3).all()
    np.testing.assert_array_equal(
        of(ds, "told:WHOLE", "estimate", "slope[B]"), of(ds, "pooled", "estimate", "slope[B]")
    )
    assert np.isfinite(ds.limit.sel(estimator="told:WHOLE", term="slope[B]")).all()


def test_a_study_without_a_slope_has_measures_and_no_table(tmp_path, capsys):
    s = study("told:icc", replicates=10).replace(name="flat")
    shutil.copy(HERE / "told.py", tmp_path)
    file = tmp_path / "flat.yaml"
    file.write_text(dumps(s), encoding="utf-8")
    assert run_command(file, jobs=1, out=tmp_path, quiet=True) == 0
    assert "no method estimates a slope, so there is no table" in capsys.readouterr().out
    ds = simlab.open_dataset(tmp_path / "flat.zarr")
    assert measure(ds).n.sel(term="icc").item() == 10


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["told:others", "told:disagrees"], "told:others says that the truth of tau2 is 25, and"),
        (["told:untellable"], r"told:untellable: its truth fails: ZeroDivisionError.*told.py:\d+"),
        (["told:misplaced"], "told:misplaced: its truth fails: is no mapping of numbers to icc"),
    ],
)
def test_truths_that_do_not_fit_are_refused_in_one_line(names, text):
    with pytest.raises(ConfigError, match=text) as caught:
        runner.prepare(study(*names))
    assert "\n" not in str(caught.value).strip()


@pytest.mark.parametrize(
    "terms", [(), ("a", "a"), ("slope[A]",), ("",), (" a",), ("status",), ("a\nb",), ("x" * 61,)]
)
def test_a_name_that_is_none_is_refused(terms):
    with pytest.raises(ValueError, match="term"):
        simlab.estimator(terms=terms)
    with pytest.raises(ValueError, match="truth is of other terms"):
        simlab.estimator(terms=("icc",), truth={"slope": 1.0})


# ---------------------------------------------------------------- columns of a generator


def test_columns_of_a_generator_reach_methods():
    s = study("told:adjusted", "fixed_effects_common", population="told:with_z", replicates=1200)
    m = measure(simlab.run(s)).sel(target="beta_within", condition=0)
    assert np.isnan(m.bias.sel(estimator="fixed_effects_common", term="slope_z"))
    for term in ("slope", "slope_z"):
        z = (m.coverage - 0.95).sel(estimator="told:adjusted", term=term) / (
            0.95 * 0.05 / 1200
        ) ** 0.5
        assert abs(z) < 3.5
    control = m.coverage.sel(estimator="fixed_effects_common", term="slope")
    assert control < 0.8  # who does not know z is biased


def test_what_a_study_says_is_true_comes_first():
    population = {"generator": "told:with_z", "truth": {"terms": {"slope_z": 7, "unused": 1}}}
    ds = run("told:adjusted", population=population, replicates=3)
    assert ds.truth.sel(term="slope_z").values.tolist() == [[7, 7]]
    assert "unused" not in ds.term.values
