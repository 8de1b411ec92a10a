"""Verdicts: known numbers give known words, and wrong numbers give other words."""

import json
import math
from pathlib import Path

import pytest
from verdict_cases import BASE, SWEEPS, J, N, R, study

import simlab
from simlab.tables import methods_table
from simlab.verdicts import judge
from simlab.verdicts.judge import (
    Number,
    agreement,
    at_least,
    equivalent,
    replicates_needed,
    together,
)
from simlab.verdicts.places import places

CONFIG = Path(__file__).parent.parent / "configs" / "methods_summary.yaml"


def swept(**changes):
    shares = {"hlm": [0.1, 0.1, 0.1, 0.03, 0.002, 0.1]}
    return study(levels=SWEEPS, config=BASE, shares=shares, **changes)


def row(ds, method):
    return next(r for r in judge(ds).rows if r.method == method)


def words(verdict, target="beta_within"):
    return [c.word for c in verdict.consistency if c.target == target]


# Numbers to words


@pytest.mark.parametrize(
    ("value", "mcse", "word"),
    [
        (0.0, 0.1, "yes"),
        (-0.7, 0.1, "yes"),
        (0.9, 0.1, "undecided"),
        (-1.1, 0.1, "undecided"),
        (1.3, 0.1, "no"),
        (-1.3, 0.1, "no"),
        (0.0, 0.6, "undecided"),
        (math.nan, math.nan, "not studied here"),
        (0.0, math.nan, "undecided"),
    ],
)
def test_an_interval_is_inside_the_margin_outside_or_neither(value, mcse, word):
    assert equivalent(Number(value, mcse, 100), 1.0) == word


def test_efficiency_is_judged_on_one_side():
    assert at_least(Number(1.4, 0.01, 100), 0.95) == "yes"
    assert at_least(Number(0.90, 0.01, 100), 0.95) == "no"
    assert at_least(Number(0.96, 0.01, 100), 0.95) == "undecided"


@pytest.mark.parametrize("value", [0.9, 1.1, -0.9, 0.2])
def test_the_replicates_that_are_needed_just_decide(value):
    n, sd = 100, 10.0
    now = Number(value, sd / math.sqrt(n), n)
    needed = replicates_needed(now, 1.0)
    assert equivalent(now, 1.0) == "undecided"
    for more, decided in ((1.01, True), (0.99, False)):
        then = Number(value, sd / math.sqrt(needed * more), int(needed * more))
        assert (equivalent(then, 1.0) != "undecided") is decided


def test_no_number_of_replicates_decides_on_the_margin_itself():
    assert replicates_needed(Number(1.0, 0.1, 100), 1.0) is None


@pytest.mark.parametrize(
    ("message", "word"),
    [
        (["yes", "yes"], "yes"),
        (["no", "no"], "no"),
        (["yes", "no", "undecided"], "it depends"),
        (["no", "undecided"], "undecided"),
        (["yes", "not studied here"], "yes"),
        ([], "not studied here"),
    ],
)
def test_conditions_together(message, word):
    assert together(message) == word


def test_marks():
    assert agreement("yes", "yes") == "✓"
    assert agreement("no", "yes") == "✗"
    assert agreement("no", "yes", frozenset({"yes", "no"})) == "≈"
    assert agreement("it depends", "yes") == "≈"
    assert agreement("no", "for what?") == "≈"
    assert agreement("undecided", "yes") == "?"
    assert agreement("yes", "") == agreement("not studied here", "yes") == ""


# Where to look


def test_the_base_is_the_condition_of_the_configuration():
    layout = places(study(levels=SWEEPS), BASE)
    assert layout.base == 1
    assert layout.sweep(J) == [0, 1, 2]
    assert layout.sweep(N) == [1, 3, 4]
    assert layout.same == 5


def test_without_a_configured_level_the_base_is_what_most_conditions_share():
    assert places(study(levels=SWEEPS), {}).base == 1


def test_a_crossing_of_laws_is_not_a_sweep_of_the_mean():
    levels = {
        N: [12.0, 48.0, math.nan, math.nan, 12.0],
        "population.cluster_sizes": ["poisson", "{mean: 48}", "equal", "equal", "poisson"],
        "population.G": ["on", "on", "on", "off", "off"],
    }
    config = BASE | {"grid": [{"population.G": {"on": [[1, 0], [0, 1]], "off": [[1, 0], [0, 0]]}}]}
    config["population"] = BASE["population"] | {"G": [[1, 0], [0, 1]]}
    layout = places(study(levels=levels), config)
    assert layout.base == 0
    assert layout.sweep(N) == [0, 1]
    assert layout.crossing(("population.cluster_sizes", "population.G")) == [0, 2, 3, 4]


def test_named_numbers_are_swept_by_their_numbers():
    config = BASE | {"grid": {J: {"many": 640, "few": 20, "some": 40}}}
    layout = places(study(levels={J: ["many", "few", "some"]}), config)
    assert layout.base == 2
    assert layout.sweep(J) == [1, 2, 0]


# Words of whole rows


def test_hlm_is_consistent_as_clusters_get_larger_and_not_as_they_get_more_numerous():
    hlm = row(swept(), "hlm")
    assert words(hlm) == ["no", "yes"]
    assert [c.mark for c in hlm.consistency[:2]] == ["✓", "✓"]
    assert hlm.estimand.word == "a mixture"
    assert hlm.estimand.mark == "✓"
    assert any("as schools get larger, not as they get more numerous" in s for s in hlm.sentences)


def test_control_a_share_that_does_not_vanish_is_not_consistent():
    shares = {"hlm": [0.1] * 6}
    assert words(row(study(levels=SWEEPS, config=BASE, shares=shares), "hlm")) == ["no", "no"]


def test_lambda_and_its_mcse():
    pooled = row(swept(), "pooled").estimand
    assert pooled.theory == pytest.approx(0.5)
    assert abs(pooled.weight.value - 0.5) < 4 * pooled.weight.mcse
    expected = 0.2 * math.sqrt(1.25) / math.sqrt(R) / 3
    assert pooled.weight.mcse == pytest.approx(expected, rel=0.1)


def test_efficiency_is_for_the_methods_own_target():
    pooled, two_stage = (row(swept(), m).efficiency for m in ("pooled", "two_stage"))
    assert pooled.base.value == pytest.approx(1 / 1.25, rel=0.1)
    assert pooled.word == "no"
    assert two_stage.word == "yes"


def test_too_small_a_standard_error_is_not_honest_and_swapping_it_flips_the_verdict():
    ds = swept(se={"pooled": [0.5] * 6})
    assert [h.word for h in row(ds, "two_stage").honesty] == ["yes", "yes"]
    assert [h.word for h in row(ds, "pooled").honesty] == ["no", "no"]
    swapped = ds.copy(deep=True)
    for name in ("std_error", "lower", "upper"):
        swapped[name].loc[{"estimator": "two_stage"}] = ds[name].sel(estimator="pooled")
    assert [h.word for h in row(swapped, "two_stage").honesty] == ["no", "no"]
    assert row(swapped, "two_stage").honesty[0].mark == "✗"


def test_failed_fits_enter_no_verdict():
    ds = swept()
    ds["estimate"][:, :100, 2] = 1e6
    ds["status"][:, :100, 2] = 2
    hlm = row(ds, "hlm")
    assert words(hlm) == ["no", "yes"]
    assert hlm.efficiency.word == "yes"
    assert hlm.efficiency.base.n == R - 100


def test_with_few_replicates_the_verdict_is_undecided_and_says_what_would_decide():
    shares = {"hlm": [0.05] * 6}
    ds = study(levels=SWEEPS, config=BASE, shares=shares, replicates=160)
    result = row(ds, "hlm").consistency[0]
    assert result.word == "undecided"
    assert result.needed > 160
    assert any("replicates would decide" in s for s in row(ds, "hlm").sentences)


def flat(table):
    """What a table prints, on one line."""
    return " ".join(str(table).split())


def test_what_the_study_lacks_is_not_studied_here():
    ds = study(methods=("pooled", "two_stage"))
    summary = judge(ds)
    for result in summary.rows:
        assert {c.word for c in result.consistency} == {"not studied here"}
        assert result.efficiency.word == "not studied here"
        assert result.honesty[1].word == "not studied here"
        assert result.honesty[0].word != "not studied here"
    assert "the oracle gls_oracle is not in this study" in flat(methods_table(ds))


def test_without_a_contextual_effect_lambda_is_not_identified():
    ds = study(levels=SWEEPS, config=BASE, beta=(2.0, 2.0))
    summary = judge(ds)
    assert "β_B = β_W here" in flat(methods_table(ds))
    assert math.isnan(summary.rows[0].estimand.weight.value)
    assert summary.rows[0].consistency[0].margin == pytest.approx(0.05 * 2)


def test_margins_come_from_the_configuration():
    strict = BASE | {"verdicts": {"margin": 0.001, "honest_margin": 0.9}}
    ds = swept(se={"pooled": [0.5] * 6})
    ds.attrs["config"] = json.dumps(strict)
    assert words(row(ds, "hlm"))[1] != "yes"
    assert row(ds, "pooled").honesty[0].word == "yes"


def test_the_oracle_is_a_yardstick_and_no_row():
    assert [r.method for r in judge(swept()).rows] == ["pooled", "two_stage", "hlm"]


def test_the_oracle_alone_is_a_row():
    alone = swept().sel(estimator=["gls_oracle"])
    assert [r.method for r in judge(alone).rows] == ["gls_oracle"]


def test_an_unknown_sector_is_refused():
    with pytest.raises(ValueError, match="'Lay' is unknown; the study has none: leave it"):
        judge(swept(), "Lay")


# The course, measured


@pytest.fixture(scope="module")
def summary():
    return simlab.run(simlab.load(CONFIG).replace(replicates=600))


def test_the_decisive_claims_of_the_course_come_out(summary):
    rows = {r.method: r for r in judge(summary).rows}
    assert len(rows) == 8
    for method in ("fixed_effects_separate", "fixed_effects_common", "two_stage", "hlm_contextual"):
        assert words(rows[method]) == ["yes", "yes"]
    assert words(rows["hlm"]) == ["no", "yes"]
    assert words(rows["pooled"]) == words(rows["pooled"], "beta_between") == ["no", "no"]
    for method in ("ecological", "hlm_contextual"):
        assert words(rows[method], "beta_between") == ["yes", "yes"]
    assert rows["hlm"].estimand.weight.value < rows["pooled"].estimand.weight.value
    for method in ("pooled", "fixed_effects_separate", "fixed_effects_common"):
        new, same = rows[method].honesty
        assert new.word == "no"
        assert new.error.value < -20
        assert abs(same.error.value) < 15
    assert rows["two_stage"].honesty[0].word in ("yes", "undecided")
    assert any("the same estimate as" in s for s in rows["two_stage"].sentences)


def test_control_with_the_pooled_standard_error_two_stage_is_dishonest(summary):
    swapped = summary.copy(deep=True)
    for name in ("std_error", "lower", "upper"):
        swapped[name].loc[{"estimator": "two_stage"}] = summary[name].sel(estimator="pooled")
    assert row(swapped, "two_stage").honesty[0].word == "no"
    assert row(summary, "two_stage").honesty[0].word != "no"


def test_control_with_the_pooled_estimates_two_stage_is_inconsistent(summary):
    swapped = summary.copy(deep=True)
    swapped["estimate"].loc[{"estimator": "two_stage"}] = summary["estimate"].sel(
        estimator="pooled"
    )
    assert words(row(swapped, "two_stage")) == ["no", "no"]
