"""Failures in tables: who failed, how often and why, and whether it depends on the estimate."""

import json
import math

import numpy as np
import pytest
from verdict_cases import study

from simlab import archive
from simlab.archive.dependence import LEVEL
from simlab.cli import outcome
from simlab.cli.run import run
from simlab.cli.table import table
from simlab.tables import conditions_table, methods_table
from simlab.tables.failed import failure_lines
from simlab.verdicts import judge
from simlab.verdicts.judge import UNJUDGED
from simlab.words import Status

OTHER = "own:gee"
METHODS = ("pooled", "hlm", "own:picky", OTHER)


def fail(ds, method, where, status=Status.NOT_CONVERGED):
    """Let the fits of a method fail in some replicates, (condition, replicate)."""
    e = ds.get_index("estimator").get_loc(method)
    ds["status"].values[..., e][where] = status
    for name in ("estimate", "std_error", "lower", "upper", "p_value"):
        ds[name].values[:, :, e][where] = np.nan
    return ds


def slopes(ds, method="pooled"):
    return ds["estimate"].sel(estimator=method, term="slope").values


def hostile(replicates=400, keep=None):
    """One method below a threshold, one always; with the messages of the second."""
    ds = study(METHODS, replicates=replicates)
    fail(ds, "own:picky", slopes(ds) < 3.5)
    fail(ds, OTHER, np.ones((1, replicates), bool), Status.ERROR)
    record = {"estimator": OTHER, "text": "ModuleNotFoundError: no gee", "count": replicates}
    return ds.assign_attrs(messages=json.dumps([record | {"condition": 0, "replicate": 0}]))


# In the table


def test_every_method_has_its_n_and_a_line_says_who_failed():
    ds = hostile()
    frame = methods_table(ds).frame.set_index("method")
    n = int((slopes(ds) >= 3.5).sum())
    assert frame["n"].to_dict() == {"pooled": 400, "hlm": 400, "own:picky": n, OTHER: 0}
    assert frame.loc["own:picky", "failed"] == pytest.approx(1 - n / 400)
    for format in ("text", "markdown", "latex"):
        text = " ".join(methods_table(ds).render(format).replace(r"\_", "_").split())
        share = r" \%" if format == "latex" else " %"
        assert f"failed: {OTHER} 100{share} (ModuleNotFoundError: no gee); own:picky" in text
        assert "simlab failures" in text
        assert f"n_sim = {n}" in text


def test_a_method_that_failed_everywhere_is_failed_and_never_not_studied():
    frame = methods_table(hostile()).frame.set_index("method").astype(str)
    own = frame.loc[OTHER]
    questions = ["estimates", "efficient", "honest_new", "honest_same"]
    questions += [f"consistent_{target}_{sweep}" for target in "WB" for sweep in "Jn"]
    assert set(own[questions]) == {"failed"}
    assert "failed" not in set(frame.loc["pooled", questions])  # control
    text = str(methods_table(hostile()))
    line = next(line for line in text.splitlines() if line.strip().startswith(OTHER))
    assert "not studied" not in line
    assert line.split()[1:] == ["failed"] * 6


def test_no_failures_no_line():
    ds = study(METHODS, replicates=200)
    assert failure_lines(ds) == []
    assert "failed" not in str(methods_table(ds))


def test_a_method_that_failed_in_one_condition_is_failed_there_alone():
    ds = study(METHODS, levels={"population.clusters": [20, 40, 80]}, replicates=300)
    where = np.zeros((3, 300), bool)
    where[2] = True
    fail(ds, "own:picky", where)
    found = next(row for row in judge(ds).rows if row.method == "own:picky")
    more = next(c for c in found.consistency if c.sweep == "more")
    assert more.word == "failed"
    assert found.honesty[0].word not in UNJUDGED
    frame = conditions_table(ds).frame.set_index(["method", "condition"])
    assert frame["instead"].xs("own:picky").tolist() == ["", "", "failed"]
    assert set(frame["instead"].xs("pooled")) == {""}
    assert "own:picky 33.3 %, 100 % in condition 2 (not converged)" in failure_lines(ds)[0]


def test_two_methods_one_of_which_always_fails_have_not_the_same_estimate():
    sentences = {row.method: row.sentences for row in judge(hostile()).rows}
    assert not any("the same estimate" in line for line in sentences["own:picky"])
    same = study(("two_stage", "fixed_effects_separate"))  # control
    assert any("the same estimate" in line for line in judge(same).rows[1].sentences)


# Failures that depend on the estimate


def test_a_method_that_gives_up_below_a_threshold_is_pointed_out():
    lines = failure_lines(hostile())
    assert len(lines) == 2
    assert lines[1].startswith("own:picky fails where the estimate is low: median of the slope of ")
    assert lines[1].endswith("all its measures are conditional on success")
    (row,) = archive.dependent_failures(hostile()).to_dict("records")
    assert (row["estimator"], row["of"], row["failed"] < 3.5 < row["elsewhere"]) == (
        "own:picky", "middle", True,
    )  # fmt: skip
    assert row["p"] < 1e-30


def test_a_method_that_gives_up_far_from_the_middle_is_pointed_out():
    ds = study(METHODS, replicates=400)
    x = slopes(ds)
    fail(ds, "own:picky", abs(x - np.median(x)) > 0.3)
    assert "own:picky fails where the estimate is far from its middle" in failure_lines(ds)[1]


def test_control_failures_at_random_are_accused_at_the_rate_of_theory():
    """The ranks of two tests are nearly independent: P(one p ≤ α/2) = 1 − (1 − α/2)² = 0.19.

    At α = 0.2, of 1,000 studies; the estimates have no variance, since ranks do not care.
    """
    rng = np.random.default_rng(11)
    ds = study(("pooled", "own:picky"), replicates=120)
    accused = []
    for _ in range(1000):
        one = ds.copy(deep=True)
        one["estimate"].values[:] = rng.standard_cauchy((1, 120, 1, 1))
        one["estimate"].values[:, :, :, 1:] = np.nan
        fail(one, "own:picky", rng.random((1, 120)) < 0.3)
        accused.append(archive.dependent_failures(one)["p"].item() <= 0.2)
    assert abs(np.mean(accused) - 0.19) < 4 * math.sqrt(0.19 * 0.81 / 1000)


def test_control_at_random_nobody_is_accused_with_all_methods_and_conditions():
    rng = np.random.default_rng(5)
    accused = 0
    for _ in range(40):
        ds = study(METHODS, levels={"population.clusters": [20, 40, 80]}, replicates=150)
        fail(ds, "own:picky", rng.random((3, 150)) < 0.2)
        fail(ds, OTHER, rng.random((3, 150)) < 0.5)
        accused += int((archive.dependent_failures(ds)["p"] < LEVEL).sum())
    assert accused == 0  # more than one in 40 studies has a probability below 40 × 0.001


def test_where_no_other_method_has_estimates_it_is_not_known():
    ds = study(METHODS, replicates=200)
    low = slopes(ds).copy() < 3.5
    for method in METHODS:
        fail(ds, method, low)
    lines = failure_lines(ds)
    assert len(lines) == 5
    assert "whether the failures of pooled depend on the estimate is not known" in "; ".join(lines)
    alone = fail(study(("pooled",), replicates=200), "pooled", low)
    assert "is not known: no other method has" in failure_lines(alone)[1]


# Of studies that ran


OWN = """
import numpy as np
import simlab

@simlab.estimator(terms=("slope",))
def gee(df):
    import geepackpy

@simlab.estimator(needs="moments", terms=("slope",))
def picky(sample):
    m = sample.moments
    b = (m.s_xy / m.ss_x).mean(axis=1)
    return {"slope": (b, np.ones_like(b)), "status": np.where(b < 2, "not_converged", "ok")}
"""


@pytest.fixture(scope="module", params=["replicates", "measures"])
def ran(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ran")
    (folder / "failing.py").write_text(OWN)
    (folder / "s.yaml").write_text(
        f"name: s\nseed: 3\nreplicates: 300\nkeep: {request.param}\n"
        "estimators: [two_stage, failing:picky, failing:gee]\n"
        "population: {clusters: 8, gamma: [12, 2], G: [[9, 1], [1, 1.5]], sigma2: 20,\n"
        "  cluster_sizes: {law: fixed, size: 6}}\n"
    )
    return request.param, folder


def test_a_run_prints_what_failed_and_ends_with_status_3(ran, capsys):
    keep, folder = ran
    assert run(folder / "s.yaml", jobs=1, out=folder, quiet=True) == outcome.ALL_FAILED
    out, err = capsys.readouterr()
    assert "simlab: warning: failed: failing:gee 100 % (" in err
    assert "failed in every replicate of condition 0 (base): failing:gee" in err
    flat = " ".join(out.split())
    assert f"simlab failures {folder / 's.zarr'}" in flat
    page = (folder / "s.md").read_text("utf-8")
    if keep == "replicates":
        assert "ModuleNotFoundError: No module named 'geepackpy'" in flat
        assert "failing:picky fails where the estimate is low" in flat
        assert "failing:picky fails where the estimate is low" in page
    else:
        assert "whether they depend on the estimate is not known: keep: replicates" in flat
    table(folder / "s.zarr")
    assert " ".join(capsys.readouterr().out.split()) == flat


def test_failed_fits_counts_only_replicates_that_were_tried():
    ds = study(METHODS, replicates=200)
    fail(ds, "own:picky", np.arange(200)[None] < 50)
    e = ds.get_index("estimator").get_loc("own:picky")
    ds["status"].values[:, 100:, e] = -1  # as where an extension by this method was interrupted
    (row,) = archive.failed_fits(ds).to_dict("records")
    assert (row["fits"], row["replicates"], row["share"]) == (50, 100, 0.5)
