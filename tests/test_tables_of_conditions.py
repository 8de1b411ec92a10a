"""Tables say which condition they speak of, what is unfinished, and what is too few to judge."""

import io
import json
import math
import re

import numpy as np
import pandas as pd
import pytest
from study_cases import study as declared
from verdict_cases import BASE, SCHEME, SWEEPS, J, N, study

import simlab
from simlab.cli.contrast import contrast
from simlab.cli.export import export
from simlab.cli.measure import measure as command
from simlab.cli.run import run
from simlab.cli.table import table
from simlab.config import dumps
from simlab.tables import (
    conditions_table,
    methods_table,
    study_tables,
    wide_measures,
)
from simlab.tables.notes import unfinished
from simlab.text.numbers import named_level
from simlab.verdicts import judge
from simlab.verdicts.judge import LEAST
from simlab.verdicts.places import places

LAWS = {
    J: [10, 20, 40] * 4,
    "population.errors": (["normal"] * 3 + ["t5"] * 3) * 2,
    "population.random_effects": ["normal"] * 6 + ["t5"] * 6,
}
"""A crossing that is no sweep: 12 conditions."""


def flat(text):
    return " ".join(text.split())


# Names of conditions


@pytest.mark.parametrize(
    ("factor", "level", "shared", "name"),
    [
        ("population.random_effects", "t5", False, "t5 random effects"),
        ("population.errors", "heavy tails", False, "heavy tails"),
        ("population.errors", "heavy tails", True, "heavy tails errors"),
        ("population.G", "random slopes", False, "random slopes"),
        (J, 40.0, False, "J = 40"),
        (N, 12.0, False, "n = 12"),
        ("population.x.between_sd", 0.5, False, "x between sd = 0.5"),
        ("population.errors", "{law: student-t, df: 5}", False, "errors {law: student-t, df: 5}"),
        ("scheme", "same-clusters", False, "same-clusters"),
    ],
)
def test_a_level_says_of_what_it_is(factor, level, shared, name):
    assert named_level(factor, level, shared) == name


def test_cells_of_a_crossing_are_named_without_ambiguity():
    factors = ("population.errors", "population.random_effects")
    layout = places(study(levels=LAWS, replicates=100), {})
    assert layout.label(6, factors) == "normal errors, t5 random effects"
    twice = study(levels={f: ["light tails", "heavy tails"] for f in factors}, replicates=100)
    assert places(twice, {}).label(1, factors) == "heavy tails errors, heavy tails random effects"
    words = study(levels={"population.G": ["random slopes", "none"], J: [9, 9]}, replicates=100)
    assert places(words, {}).label(0, ("population.G", J)) == "random slopes, J = 9"


# Which condition a column speaks of


def test_the_table_names_the_condition_of_each_column():
    table = methods_table(study(levels=SWEEPS, config=BASE, replicates=200))
    frame = table.frame
    (row, *_) = frame[["condition", "condition_J", "condition_n", "condition_same"]].to_numpy()
    assert row.tolist() == [1, 2, 4, 5]
    text = flat(str(table))
    assert "Honest? new schools: condition 1 (the base), J = 40, n = 12, new-clusters" in text
    assert "J→∞: condition 2, J = 640, as the base otherwise" in text
    assert "n→∞: condition 4, n = 768, as the base otherwise" in text
    assert "Honest? same schools: condition 5, as the base otherwise" in text


def test_a_sweep_by_size_counts_as_larger_clusters():
    size = "population.cluster_sizes.size"
    levels = {J: [40.0] * 3, size: [10.0, 40.0, 160.0]}
    ds = study(levels=levels, shares={"hlm": [0.1, 0.03, 0.001]}, config={"population": {
        "clusters": 40, "cluster_sizes": {"law": "fixed", "size": 10}}})  # fmt: skip
    hlm = next(row for row in judge(ds).rows if row.method == "hlm")
    larger = next(c for c in hlm.consistency if c.sweep == "larger" and c.target == "beta_within")
    assert (larger.word, larger.level, larger.mark) == ("yes", 160, "✓")
    assert "n→∞: condition 2, n = 160" in flat(str(methods_table(ds)))


def test_conditions_that_are_no_sweep_have_a_line_each(capsys, tmp_path):
    ds = study(("pooled", "hlm", "gls_oracle"), levels=LAWS, replicates=150)
    assert "Conditions: " in str(study_tables(ds))
    table = conditions_table(ds)
    frame = table.frame
    assert len(frame) == 2 * 12
    text = str(table)
    lines = [line.split() for line in text.splitlines() if re.match(r" *\d+ +\d", line)]
    assert len(lines) == 24
    assert [line[0] for line in lines[:12]] == [str(c) for c in range(12)]
    one = frame.set_index(["method", "condition"]).loc[("pooled", 7)]
    shown = next(line for line in lines if line[0] == "7")
    assert shown[1:5] == ["20", "normal", "t5", "150"]
    assert shown[5] == f"{one['lambda']:.3f}"
    control = study_tables(study(levels=SWEEPS, config=BASE, replicates=100))
    assert "Conditions: " not in str(control)


def test_lines_are_sorted_by_the_factors_that_are_named():
    table = conditions_table(study(("pooled",), levels=LAWS, replicates=100), by=["errors"])
    frame = table.frame
    assert list(frame.columns[3:6]) == ["population.errors", J, "population.random_effects"]
    assert frame["population.errors"].tolist() == ["normal"] * 6 + ["t5"] * 6
    back = pd.read_csv(io.StringIO(table.to_csv()))
    assert back["condition"].tolist() == [0, 1, 2, 6, 7, 8, 3, 4, 5, 9, 10, 11]
    for format in ("markdown", "latex"):
        assert "random effects" in table.render(format)


def test_every_range_has_its_standard_errors():
    shares = {"hlm": [0.1] * 4}
    levels = {"population.G": ["on", "off"] * 2, "population.cluster_sizes": ["a", "a", "b", "b"]}
    config = {"verdicts": {"efficiency": list(levels)}}
    se = {"pooled": [0.5, 1.118, 0.6, 1.118], "hlm": [0.5, 0.6, 0.7, 0.8]}
    ds = study(levels=levels, shares=shares, config=config, se=se)
    sentences = [s for row in judge(ds).rows for s in row.sentences]
    ranges = [s for s in sentences if " against " in s or " of the best precision" in s]
    assert ranges
    for sentence in ranges:
        numbers = re.findall(r"[+−]?\d+\.\d+", sentence.partition(": ")[2] or sentence)
        assert sentence.count("±") * 2 == len(numbers), sentence


# Claims of the course


def test_a_claim_is_judged_under_its_own_condition():
    alike = study(levels=SWEEPS, config=BASE, beta=(2.0, 2.0))
    for row in judge(alike).rows:
        for one in row.consistency:
            assert one.mark in ("✓", ""), (row.method, one)
            assert one.course != "no"
    frame = methods_table(alike).frame.set_index("method")
    assert frame.loc["pooled", "consistent_W_J_course"] == "yes"
    apart = methods_table(study(levels=SWEEPS, config=BASE)).frame.set_index("method")  # control
    assert apart.loc["pooled", "consistent_W_J_course"] == "no"
    wrong = study(levels=SWEEPS, config=BASE, beta=(2.0, 2.0))  # control: a bias is seen
    wrong["estimate"].loc[{"estimator": "hlm", "term": "slope"}] += 1
    hlm = next(row for row in judge(wrong).rows if row.method == "hlm")
    assert hlm.consistency[0].mark == "✗"


def test_a_bias_within_the_margin_does_not_refute_that_there_is_one():
    hlm = {"hlm": [0.02] * 6}
    marks = {}
    for limit in (0.02, 0.0):
        ds = study(levels=SWEEPS, config=BASE, shares=hlm)
        ds["limit"].loc[{"estimator": "hlm", "term": "slope"}] = 2 + 3 * limit
        row = next(row for row in judge(ds).rows if row.method == "hlm")
        marks[limit] = row.consistency[0].word, row.consistency[0].mark
    assert marks == {0.02: ("yes", "≈"), 0.0: ("yes", "✗")}


@pytest.mark.parametrize(
    ("G", "beta", "marks"),
    [
        ([[9, 1], [1, 1.5]], (2.0, 5.0), {"pooled": "✗", "fixed_effects_common": "✗"}),
        ([[9, 0], [0, 0]], (2.0, 5.0), {"pooled": "✗", "fixed_effects_common": ""}),
        ([[0, 0], [0, 0]], (2.0, 5.0), {"pooled": "✗", "fixed_effects_common": ""}),
        ([[0, 0], [0, 0]], (2.0, 2.0), {"pooled": "", "fixed_effects_common": ""}),
    ],
)
def test_an_se_is_called_dishonest_where_clusters_differ(G, beta, marks):
    """Every SE is honest here; the claim that it is not supposes that clusters differ."""
    se = {"pooled": [math.sqrt(1.25)]}
    ds = study(tuple(marks), beta=beta, config={"population": {"G": G}}, se=se)
    assert {row.method: row.honesty[0].word for row in judge(ds).rows} == dict.fromkeys(
        marks, "yes"
    )
    assert {row.method: row.honesty[0].mark for row in judge(ds).rows} == marks


# Few replicates


@pytest.mark.parametrize("replicates", [1, 2, 20, LEAST - 1])
@pytest.mark.parametrize("format", ["text", "markdown", "latex"])
def test_fewer_than_100_replicates_are_too_few(replicates, format):
    ds = study(levels=SWEEPS, config=BASE, replicates=replicates)
    table = methods_table(ds)
    frame = table.frame
    wanted = [c for c in frame if f"{c}_mark" in frame and c != "estimates"]
    assert set(frame[[*wanted, "estimates"]].to_numpy().ravel()) == {"too few"}
    for text in (table.render(format), conditions_table(ds).render(format)):
        assert "nan" not in text
        assert "undecided" not in text.replace("? undecided", "")
    assert not any("would decide" in s for row in judge(ds).rows for s in row.sentences)


def test_control_100_replicates_are_judged():
    frame = methods_table(study(levels=SWEEPS, config=BASE, replicates=LEAST)).frame
    assert "too few" not in set(frame.astype(str).to_numpy().ravel())


def test_a_method_that_mostly_failed_has_too_few():
    ds = study(replicates=300)
    ds["status"].loc[{"estimator": "hlm"}] = np.where(np.arange(300) < 250, 2, 0)
    words = {row.method: row.honesty[0].word for row in judge(ds).rows}
    assert words["hlm"] == "too few"
    assert words["two_stage"] != "too few"


@pytest.mark.parametrize("replicates", [1, 2, 3])
def test_no_table_has_nan_with_one_replicate(tmp_path, capsys, replicates):
    s = declared(replicates, estimators=["pooled", "hlm"], grid={J: [20, 40]},
                 tests={"names": ["fixed_slope"]}, common_random_numbers=True)  # fmt: skip
    file = tmp_path / "s.yaml"
    file.write_text(dumps(s), encoding="utf-8")
    run(file, jobs=1, out=tmp_path, quiet=True)
    store = tmp_path / "test.zarr"
    contrast(store)
    command(store, format="text")
    command(store, measure=("bias", "coverage"), wide=True)
    table(store, by=("clusters",))
    assert "nan" not in capsys.readouterr().out.replace("not_estimable", "")


# The table of a paper


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("paper")
    laws = {"normal": {"law": "normal"}, "t5": {"law": "student-t", "df": 5}}
    s = declared(
        128, estimators=["pooled", "hlm"],
        grid={J: [10, 20], "population.errors": laws, "population.random_effects": laws},
    )  # fmt: skip
    simlab.run(s, out=folder / "s.zarr", jobs=1)
    return folder / "s.zarr"


def printed(capsys, store, format=None, **wanted):
    capsys.readouterr()
    command(store, format=format, **wanted)
    return capsys.readouterr().out


PAPER = {
    "measure": ["bias", "coverage"], "term": ["slope"], "estimator": ["hlm"],
    "by": [J], "wide": True,
}  # fmt: skip


def test_measures_are_printed_as_a_paper_does(store, capsys):
    head, rule, *rows = printed(capsys, store, **PAPER).splitlines()
    assert head.split() == ["J", "errors", "random", "effects", "bias", "coverage,", "%"]
    assert set(rule.strip()) == {"─"}
    assert len(rows) == 8
    m = simlab.measure(simlab.open_dataset(store)).sel(
        estimator="hlm", term="slope", target="beta_within"
    )
    for c, row in enumerate(rows):
        j, errors, effects, bias, bias_mcse, coverage, coverage_mcse = row.split()
        at = m.isel(condition=c)
        factors = (J, "population.errors", "population.random_effects")
        assert (int(j), errors, effects) == tuple(at[factor].item() for factor in factors)
        assert float(bias.replace("−", "-")) == pytest.approx(float(at.bias), abs=0.006)
        assert float(bias_mcse.strip("()")) == pytest.approx(float(at.bias_mcse), rel=0.06)
        assert float(coverage) == pytest.approx(100 * float(at.coverage), abs=0.06)
        assert float(coverage_mcse.strip("()")) == pytest.approx(
            100 * float(at.coverage_mcse), abs=0.06
        )


def test_wide_csv_has_every_digit_and_a_row_for_each_condition(store, capsys):
    back = pd.read_csv(io.StringIO(printed(capsys, store, "csv", **PAPER)))
    assert len(back) == 8
    m = simlab.measure(simlab.open_dataset(store)).sel(estimator="hlm", term="slope")
    np.testing.assert_array_equal(back["bias"], m.bias.sel(target="beta_within"))
    np.testing.assert_array_equal(back["coverage_mcse"], m.coverage_mcse.sel(target="beta_within"))


def test_several_estimators_and_targets_stay_apart(store, capsys):
    wanted = PAPER | {"estimator": None, "by": ["errors"], "target": ["beta_within", "limit"]}
    out = printed(capsys, store, "csv", **wanted)
    back = pd.read_csv(io.StringIO(out))
    assert len(back) == 16
    assert back.columns[0] == "population.errors"
    assert back["population.errors"].tolist() == ["normal"] * 8 + ["t5"] * 8
    assert {"estimator", "bias (beta_within)", "bias (limit)"} <= set(back)
    assert len(back.drop_duplicates(["estimator", J, "population.errors",
                                     "population.random_effects"])) == 16  # fmt: skip
    for format in ("text", "markdown", "latex"):
        shown = printed(capsys, store, format, **wanted)
        assert "bias (beta" in shown


def test_long_rows_are_filtered_too(store, capsys):
    long = pd.read_csv(io.StringIO(printed(capsys, store, measure=["bias"], term=["slope"])))
    assert len(long) == 8 * 2 * 3
    assert set(long["target"]) == {"beta_within", "beta_between", "limit"}
    failures = printed(capsys, store, measure=["failures"], target=["limit"])
    assert len(failures.splitlines()) == 1 + 8 * 2  # a target does not concern what has none


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (
            {"measure": ["bais"]},
            r"measure 'bais' is unknown; did you mean 'bias'\? Give one of",
        ),
        (
            {"estimator": ["hml"]},
            r"estimator 'hml' is unknown; .* 'hlm'\? Give one of pooled, hlm",
        ),
        (
            {"term": ["slop"]},
            r"term 'slop' is unknown; .* 'slope'\? Give one of intercept, slope",
        ),
        ({"target": ["b"]}, "target 'b' is unknown; give one of beta_within, beta_between, limit"),
        ({"by": ["clsters"]}, r"factor 'clsters' is unknown; did you mean 'population.clusters'"),
        ({"measure": ["failures"], "term": ["slope"]}, "nothing is measured of term slope"),
    ],
)
def test_unknown_names_are_refused_in_one_line(store, wanted, message):
    with pytest.raises(simlab.Error, match=message) as refused:
        command(store, **wanted)
    assert "\n" not in str(refused.value)
    with pytest.raises(simlab.Error, match=r"factor 'nothing' is unknown; give one of pop"):
        table(store, by=("nothing",))


def test_a_tidy_frame_of_one_measure_is_wide_too():
    ds = study(("pooled", "hlm"), replicates=100)
    frame = simlab.tidy(simlab.measure(ds, measures=["empirical_se"]))
    table = wide_measures(frame[frame["term"] == "slope"])
    wide = table.frame
    assert wide["estimator"].tolist() == ["pooled", "hlm"]
    assert "empirical se" in str(table)


# Unfinished stores


class Stop:
    """Interrupts a run when so many replicates have arrived."""

    def __init__(self, after):
        self.left = after

    def start(self, total, done=0):
        pass

    def advance(self, number, failures):
        self.left -= number
        if self.left <= 0:
            raise KeyboardInterrupt

    def expect(self, total, stopped, conditions):
        pass


@pytest.mark.parametrize("keep", ["replicates", "measures"])
def test_an_unfinished_store_says_so_last_and_on_stderr(tmp_path, capsys, keep):
    s = declared(300, estimators=["pooled"], grid={J: [10, 20, 30]}, block=100, keep=keep)
    store = tmp_path / "s.zarr"
    with pytest.raises(KeyboardInterrupt):
        simlab.run(s, out=store, jobs=1, progress=Stop(400))
    ds = simlab.open_dataset(store)
    assert ds.attrs["replicates_done"] < 900
    text = unfinished(ds)
    done = [int(n) for n in re.findall(r"(\d+) in condition", text)]
    assert text.startswith("unfinished: 1 of 3 conditions are complete; replicates done: 300 in")
    assert sum(done) == ds.attrs["replicates_done"]
    table(store)
    out, err = capsys.readouterr()
    assert out.rstrip().endswith(f"{text.rpartition(' ')[2]}.")
    assert flat(out).endswith(f"{text}.")
    assert err == f"simlab: {text}\n"
    for print_ in (
        lambda: table(store, by=("clusters",)),
        lambda: command(store, wide=True, term=("slope",), format="text"),
    ):
        print_()
        out, err = capsys.readouterr()
        assert flat(out).endswith(f"{text}.")
        assert text in err
    export(store, tmp_path / "s.csv")
    assert text in capsys.readouterr().err
    simlab.run(s, out=store, jobs=1)
    assert unfinished(simlab.open_dataset(store)) == ""
    table(store)
    assert "unfinished" not in "".join(capsys.readouterr())


def test_many_conditions_are_told_compactly():
    n = [300] * 4 + [256, 0, 0, 0]
    ds = study(levels={J: list(range(10, 18))}, replicates=300)
    for c, done in enumerate(n):
        ds["status"].values[c, done:] = -1
    assert unfinished(ds) == (
        "unfinished: 4 of 8 conditions are complete; replicates done: 300 in conditions 0 to 3, "
        "256 in condition 4, none in conditions 5 to 7"
    )
    ragged = study(levels={J: list(range(30))}, replicates=60)
    for c in range(30):
        ragged["status"].values[c, c + 1 :] = -1
    text = unfinished(ragged)
    assert text.endswith("8 in condition 7, 9 to 30 in the other 22")
    assert len(text) < 300


def test_a_study_until_a_precision_is_unfinished_where_it_has_not_stopped():
    ds = study(levels={J: [10, 20, 30]}, replicates=300)
    ds["status"].values[1, 256:] = -1
    config = {"replicates": {"until": {"measure": "bias", "mcse": 0.1}}}
    stopped = ds.assign(stopped=("condition", np.array([0, 0, -1], np.int8)))
    text = unfinished(stopped.assign_attrs(config=json.dumps(config)))
    assert text.startswith("unfinished: 2 of 3 conditions are complete")
    done = ds.assign(stopped=("condition", np.zeros(3, np.int8)))
    assert unfinished(done.assign_attrs(config=json.dumps(config))) == ""


def test_a_crossing_with_the_same_schools_has_its_lines():
    levels = {J: [20, 40] * 2, SCHEME: ["new-clusters"] * 2 + ["same-clusters"] * 2}
    ds = study(("pooled", "hlm"), levels=levels, replicates=120)
    assert "Conditions: " in str(study_tables(ds))
    assert len(conditions_table(ds).frame) == 8
