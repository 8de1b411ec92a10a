"""The audit, against theory.

Statistical tolerances are 4 Monte Carlo standard errors, as the audit itself reports them; a
negative control stands beside each claim.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from audit_cases import ROLES, clustered, contextual

import simlab
from simlab import config, runner
from simlab.auditing import audit
from simlab.auditing.sensitivity import measure_others
from simlab.auditing.studies import METHODS, parameter_sets
from simlab.auditing.verdicts import BIAS, answers, coverage_bounds, judged
from simlab.data import DataError

NEW, SAME = "new-clusters", "same-clusters"
TRUSTED = ("yes", "safe")


def look(result, question=NEW, target="beta_within", place=""):
    """Verdicts by method."""
    v = result.verdicts
    here = v[(v.question == question) & (v.target == target) & (v.place == place)]
    return here.set_index("method")


@pytest.fixture(scope="module")
def reversal():
    """β_W = −1, β_B = 2, slopes that vary: Robinson's reversal."""
    df = clustered()
    return df, audit(df, **ROLES, replicates=1500, draws=8, seed=3)


@pytest.fixture(scope="module")
def none():
    """The same data with β_B = β_W as estimated, exactly."""
    df, _ = contextual(clustered(), between=-1.0, within=-1.0)
    return audit(df, **ROLES, replicates=1000, draws=0, seed=3)


# ---- verdicts ----------------------------------------------------------------------------------


def test_which_methods_are_trusted_for_other_clusters(reversal):
    within, between = look(reversal[1]), look(reversal[1], target="beta_between")
    for method in ("two_stage", "hlm_contextual"):
        assert within.verdict[method] in TRUSTED
    assert between.verdict["hlm_contextual"] in TRUSTED
    # Unbiased, but its residuals have not one variance where slopes vary.
    assert abs(between.bias_between["ecological"]) < 4 * between.bias_between_mcse["ecological"]
    for method in ("pooled", "pooled_robust", "ecological"):
        assert within.verdict[method] == "no"  # control: biased
    for method in ("pooled", "two_stage", "hlm"):
        assert between.verdict[method] == "no"


def test_fixed_effects_answer_the_question_about_these_clusters_only(reversal):
    for method in ("fixed_effects_separate", "fixed_effects_common"):
        assert look(reversal[1]).verdict[method] == "no"
        assert look(reversal[1]).honest[method] == "no"
    same = look(reversal[1], SAME)
    assert same.verdict["fixed_effects_separate"] in TRUSTED
    assert same.honest["fixed_effects_separate"] != "no"


def test_the_pooled_standard_error_is_dishonest_and_a_true_one_is_not(reversal):
    result = look(reversal[1])
    assert result.honest["pooled"] == "no"
    assert result.relative_error["pooled"] < -30
    assert result.honest["hlm_contextual"] != "no"


def test_the_error_of_fixed_effects_is_that_of_theory(reversal):
    """Var = g11/J + σ²Σ(1/ss_j)/J² for other clusters; only the second part is reported."""
    _, result = reversal
    m, p = result.subject.moments, result.subject.parameters
    J, reported = m.n.shape[-1], p.sigma2 * (1 / m.ss_x).sum() / m.n.shape[-1] ** 2
    theory = 100 * (np.sqrt(reported / (p.G[1, 1] / J + reported)) - 1)
    row = look(result).loc["fixed_effects_separate"]
    assert abs(row.relative_error - theory) < 4 * row.relative_error_mcse
    assert abs(row.relative_error) > 10 * row.relative_error_mcse  # control
    row = look(result, SAME).loc["fixed_effects_separate"]
    assert abs(row.relative_error) < 4 * row.relative_error_mcse


def test_what_each_method_estimates_is_that_of_theory(reversal):
    """λ of pooled data is the between share of the sum of squares of x."""
    df, result = reversal
    deviation = df.groupby("g")["x"].transform("mean") - df["x"].mean()
    share = (deviation**2).sum() / ((df["x"] - df["x"].mean()) ** 2).sum()
    rows = look(result)
    theory = {"pooled": share, "two_stage": 0, "fixed_effects_common": 0, "ecological": 1}
    for method, value in theory.items():
        assert rows["lambda_theory"][method] == pytest.approx(value, abs=1e-10)
        assert abs(rows["lambda"][method] - value) < 4 * rows["lambda_mcse"][method]
    hlm = rows.loc["hlm"]
    assert 0 < hlm["lambda_theory"] < share
    # With 30 clusters the variances are estimated, on which λ depends a little.
    assert abs(hlm["lambda"] - hlm["lambda_theory"]) < 4 * hlm["lambda_mcse"] + 0.01
    assert abs(hlm["lambda"] - share) > 10 * hlm["lambda_mcse"]  # control


def test_nothing_is_more_efficient_than_what_theory_allows(reversal):
    """Aitken for other clusters; Gauss and Markov, among unbiased methods, for the same ones."""
    _, result = reversal
    new = look(result)
    assert (new.efficiency < 1 + 4 * new.efficiency_mcse).all()
    assert new.efficiency["hlm_contextual"] > 0.9
    same = look(result, SAME)
    assert same.efficiency["fixed_effects_separate"] == pytest.approx(1, abs=1e-9)
    assert same.efficiency["two_stage"] == pytest.approx(1, abs=1e-9)


def test_without_a_contextual_effect_all_slopes_are_right(none):
    rows = look(none)
    off = rows.bias_within.abs()
    assert (off < 4 * rows.bias_within_mcse).all()
    assert rows.verdict["hlm"] in TRUSTED
    assert look(none, target="beta_between").verdict["hlm"] in TRUSTED
    assert rows["lambda"].isna().all()
    assert rows.honest["pooled"] == "no"  # its standard error is still that of independent rows


def test_verdicts_follow_from_the_numbers(reversal):
    low, high = coverage_bounds(0.95)
    assert (low, high) == (pytest.approx(0.925), pytest.approx(0.975))
    bias = np.array([0, 0, 0, BIAS + 0.01, np.nan])
    covers = np.array([0.95, 0.99, 0.9, 0.95, 0.95])
    assert judged(bias, covers, 0.95).tolist() == ["yes", "safe", "no", "no", "not estimable"]
    v = reversal[1].verdicts
    own = np.where(v.target == "beta_between", v.bias_between, v.bias_within)
    assert judged(own, v.coverage.to_numpy(), 0.95).tolist() == v.verdict.tolist()


# ---- how sure ----------------------------------------------------------------------------------


def test_parameters_are_drawn_from_the_sampling_distribution_of_the_fit(reversal):
    _, result = reversal
    sets = parameter_sets(result.subject, result.dataset, 400)
    assert len(sets) == 400
    within = np.array([p.within[0] for p in sets])
    sd = look(result).true_se["hlm_contextual"]
    assert within.std(ddof=1) == pytest.approx(sd, rel=4 / np.sqrt(2 * 400))
    assert abs(within.mean() - result.subject.parameters.within[0]) < 4 * sd / np.sqrt(400)
    assert np.std([p.sigma2 for p in sets]) > 0
    assert all(np.linalg.eigvalsh(p.G)[0] > -1e-9 for p in sets)


def test_certainty_is_the_share_of_parameters_with_the_same_trust(reversal):
    _, result = reversal
    part = result.measures.sel(question=NEW, term="slope", target="beta_within")
    for method, row in look(result).iterrows():
        one = part.sel(estimator=method)
        words = judged(one.bias_in_se.values, one.coverage.values, 0.95)
        trusted = np.isin(words, TRUSTED)
        assert row.certainty == pytest.approx((trusted[1:] == trusted[0]).mean())
    assert look(result).certainty["pooled"] == 1  # 3 SE off, whatever the data allow
    assert look(result).certainty["two_stage"] == 1


def test_a_verdict_that_hangs_on_the_parameters_is_not_sure():
    """A bias of 0.4 SE of the HLM: which side it falls depends on what the data leave open."""
    df, _ = contextual(clustered(), within=-1.0, between=-0.35)
    result = audit(df, **ROLES, replicates=600, draws=16, seed=1)
    assert 0.1 < look(result).certainty["hlm"] < 0.95
    assert look(result).certainty["two_stage"] > 0.9  # control


def test_without_draws_there_is_no_certainty(none):
    assert none.draws == 0
    assert none.verdicts.certainty.isna().all()
    assert none.answer.certainty.isna().all()


def test_threads_change_no_number(reversal):
    _, result = reversal
    sets = parameter_sets(result.subject, result.dataset, 3)
    base = result.study.replace(replicates=100)
    one, two = (list(measure_others(result.subject, sets, base, jobs, None)) for jobs in (1, 2))
    for a, b in zip(one, two, strict=True):
        assert a.equals(b)


def test_the_answer_joins_the_places_and_leads_with_the_accurate():
    df = pd.concat(
        [clustered(seed=1).assign(s="b"), clustered(seed=2).assign(s="a", g=lambda d: d.g + "x")]
    )
    result = audit(df, **ROLES, group="s", replicates=400, draws=2)
    assert result.subject.groups == ("b", "a")  # in order of appearance, as a study has it
    assert set(result.verdicts.place) == {"b", "a", "a - b"}
    again = answers(result.verdicts, result.measures, 0.95)
    pd.testing.assert_frame_equal(again, result.answer)
    v = result.verdicts
    for _, row in result.answer.iterrows():
        own = v[(v.method == row.method) & (v.question == row.question) & (v.target == row.target)]
        assert own.verdict.isin(TRUSTED).all() == (row.verdict in TRUSTED)
    assert "a - b" in str(result)


# ---- reversals ---------------------------------------------------------------------------------


def test_robinson_is_named_and_sure(reversal):
    (result,) = reversal[1].paradox
    assert result.name.startswith("Robinson")
    assert (result.within, result.between) == (-1, 1)
    assert result.certainty > 0.9
    assert "negative within clusters" in str(reversal[1])


def test_simpson_is_named():
    df = clustered(between=4.0, spread=2.0)
    (result,) = audit(df, **ROLES, replicates=300, draws=0).paradox
    assert result.name == "Robinson and Simpson"
    assert (result.within, result.between, result.pooled) == (-1, 1, 1)


def test_no_reversal_is_seen_where_there_is_none(none):
    assert none.paradox == ()
    assert "reversal" not in str(none)


def test_a_doubtful_reversal_is_called_doubtful():
    """β_B half a standard error above 0, β_W and pooled far below: sure to about Φ(0.5) = 0.69."""
    df, se = contextual(clustered(spread=0.5, within=-4, between=0), within=-4.0, between=0.0)
    df, _ = contextual(df, between=0.5 * se)
    (result,) = audit(df, **ROLES, replicates=1500, draws=0).paradox
    assert result.name == "Robinson"
    # 0.03: the standard error is itself an estimate, and the law is t rather than normal.
    assert result.certainty == pytest.approx(0.6915, abs=4 * np.sqrt(0.69 * 0.31 / 1500) + 0.03)


# ---- the same again ----------------------------------------------------------------------------


def test_the_configuration_reproduces_the_estimates_bit_for_bit(reversal):
    df, result = reversal
    study = config.loads(result.config)
    assert study == result.study
    ds = simlab.run(study, data={"the data": df}, jobs=1)
    for name in ("estimate", "std_error", "lower", "truth", "limit"):
        assert np.array_equal(ds[name], result.dataset[name], equal_nan=True)
    other = runner.run(study.replace(seed=4), data={"the data": df})
    assert not np.array_equal(other["estimate"], result.dataset["estimate"], equal_nan=True)


def test_the_data_of_the_audit_are_those_of_compare(reversal):
    df, result = reversal
    numbers = ["estimate", "std_error", "df", "lower", "upper"]
    table = simlab.compare(df, **ROLES)
    pd.testing.assert_frame_equal(result.comparison, table)
    hs = simlab.data.hs()
    roles = {"y": "mathach", "x": "ses", "cluster": "school", "group": "sector"}
    result = audit(hs, **roles, replicates=100, draws=0)
    table = simlab.compare(hs, **roles).set_index(["method", "term"])
    own = result.comparison.set_index(["method", "term"])
    np.testing.assert_array_equal(own[numbers], table.loc[own.index, numbers])


def test_missing_rows_are_counted_and_left_out(reversal):
    df, _ = reversal
    holes = df.copy()
    holes.loc[[3, 7], "x"] = np.nan
    holes.loc[7, "y"] = np.nan
    result = audit(holes, **ROLES, replicates=100, draws=0)
    assert dict(result.missing) == {"x": 2, "y": 1}
    assert result.subject.dropped == 2
    again = audit(holes.dropna(), **ROLES, replicates=100, draws=0, source=result.subject.name)
    assert np.array_equal(result.dataset["estimate"], again.dataset["estimate"], equal_nan=True)
    assert "2 rows with missing values left out (y 1, x 2)" in str(result)


# ---- words -------------------------------------------------------------------------------------


def test_every_method_has_advice_made_of_its_numbers(reversal):
    v = reversal[1].verdicts
    assert set(v.method) == set(METHODS)
    assert v.groupby(["question", "method"]).advice.nunique().max() == 1
    row = look(reversal[1]).loc["pooled"]
    assert f"SE is {abs(row.relative_error):.0f} % too small" in row.advice
    assert f"covers {100 * row.own_coverage:.0f} %" in row.advice
    assert "use " in row.advice
    assert look(reversal[1]).advice["hlm_contextual"].startswith("Trust it for β_W")


def test_the_report_fits_100_columns_and_leads_with_the_answer(reversal):
    lines = str(reversal[1]).splitlines()
    assert max(map(len, lines)) <= 100
    assert "Which methods to trust" in "\n".join(lines[:10])
    assert "…" not in str(reversal[1])


# ---- misuse ------------------------------------------------------------------------------------


def small(J=6, n=5, **columns):
    df = clustered(J=J, n=n).assign(s=lambda d: np.where(d.g < "c03", "u", "v"))
    return df.assign(**columns)


MISUSE = [
    (small(), {"x": "z"}, "no column 'z'"),
    (small(y=1.0), {}, "same value in every row"),
    (small(x=lambda d: d.g.str[1:].astype(float)), {}, "constant within every"),
    (
        small(x=lambda d: d.groupby("g").cumcount()),
        {},
        "same mean in every 'g', .* no β_B",
    ),
    (small(s=lambda d: np.where(d.index % 2, "u", "v")), {"group": "s"}, "varies within 6 of"),
    (small(s=lambda d: np.where(d.g < "c01", "u", "v")), {"group": "s"}, "only one cluster of 'g'"),
    (small(J=2), {}, "2 clusters are too few .* 3 or more; there remain Pooled, .*Fixed effects"),
    (small(J=4, s=lambda d: np.where(d.g < "c02", "u", "v")), {"group": "s"}, "4 clusters in 2"),
    (small(y=lambda d: 2 * d.x + d.g.str[1:].astype(float)), {}, "lies on a line"),
    (small(x=lambda d: d.x + 1e9), {}, "subtract its mean"),
    (
        small(x=lambda d: np.where(d.s == "u", d.g.str[1:].astype(float), d.x)),
        {"group": "s"},
        "constant within every 'g' where 's' is 'u'",
    ),
]


@pytest.mark.parametrize(("frame", "roles", "phrase"), MISUSE)
def test_misuse_gets_one_clear_line(frame, roles, phrase):
    with pytest.raises(DataError, match=phrase) as caught:
        audit(frame, **{**ROLES, **roles}, replicates=100, draws=0, source="file.csv")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("file.csv")


@pytest.mark.parametrize(
    ("options", "phrase"),
    [
        ({"draws": 101}, "draws: must be 100 or less, not 101: each is the fit to one of the 100"),
        ({"draws": -1}, "draws: must be 0 or more, not -1$"),
        ({"replicates": 99}, "replicates: must be 100 or more, not 99: with fewer no verdict"),
    ],
)
def test_impossible_settings_are_refused(options, phrase):
    with pytest.raises(config.ConfigError, match=phrase):
        audit(small(), **ROLES, **{"replicates": 100, "draws": 0} | options)
