"""Estimators and generators of the user: what they find, and that their failures stay theirs.

Numbers that simlab computes too agree to 1e-9 relative, by other arithmetic. Coverage is tested by
3.5 Monte Carlo standard errors at fixed seeds, with a control that must fail.
"""

import json
import pickle
import re
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from study_cases import POPULATION

import simlab
from simlab import runner
from simlab.cli.check import summary_lines
from simlab.cli.failures import failures
from simlab.cli.measure import measure
from simlab.cli.replay import replay as cli_replay
from simlab.config import ConfigError, Study, dumps, loads, schema
from simlab.custom.methods import Own
from simlab.design import conditions
from simlab.population import PopulationError
from simlab.replaying import replay
from simlab.results import ReplicateResults, StoreError, StoreWarning
from simlab.sampling import METHOD, stream
from simlab.words import Status

HERE = Path(__file__).parent / "own"
SMALL = POPULATION | {"clusters": 8, "cluster_sizes": {"law": "poisson", "mean": 6}}
HOW = {
    "exit": r"SystemExit: 3 \(mine.py:\d+\)",
    "strange": r"Strange: \(its text cannot be had: RuntimeError\) \(mine.py:\d+\)",
    "key": r"KeyError: 'no such column' \(mine.py:\d+\)",
    "deep": r"RecursionError: .* \(mine.py:\d+\)",
    "long": r"ValueError: x{400,}\.\.\. \(mine.py:\d+\)",
    "number": "returned a float; a method returns a mapping",
    "empty": "returned no term",
    "text": "slope: estimate is a str, not a number",
    "none": "slope: estimate is nan",
    "nan": "slope: estimate is nan",
    "inf": "slope: estimate is inf",
    "negative": "slope: std_error is -1",
    "df": "slope: df is 0",
    "shape": r"slope: estimate has the shape \(3,\), not \(1,\)",
    "four": "slope: has 4 numbers, not estimate, std_error, df",
    "part": "slope: has value, not estimate, std_error, df",
    "term": "returned the term 'between', which is not among its terms slope",
    "complex": "slope: estimate is a complex, not a number",
    "bool": "slope: estimate is a bool, not a number",
    "numpy_bool": "slope: std_error is a bool, not a number",
    "bool_df": "slope: df is an array of bool, not a number",
}


def study(*estimators, population=SMALL, replicates=20, folder=HERE, **fields):
    raw = {"name": "own", "replicates": replicates, "block": 8, "seed": 3, "population": population}
    named = {"estimators": list(estimators)} if estimators else {}
    return Study.model_validate(raw | named | fields).origin("", "", folder)


def run(*estimators, jobs=1, **fields):
    return simlab.run(study(*estimators, **fields), jobs=jobs)


def bits(ds, *methods):
    """The numbers of some methods, byte by byte."""
    part = ds.sel(estimator=list(methods))
    names = ("estimate", "std_error", "df", "status", "dropped", "p_value")
    return {name: part[name].values.tobytes() for name in names}


def messages(s, **kwargs):
    """What went wrong in a study, from its results in memory."""
    work = runner.prepare(s)
    blocks = range(-(-s.replicates // s.block))
    return [message for b in blocks for message in runner.run_block(work, 0, b).messages]


# ---------------------------------------------------------------- estimators find what they should


def test_every_form_of_the_pooled_line_agrees():
    ds = run("mine:by_moments", "pooled", "mine:ols", "mine:POOLED", "mine:plain")
    assert ds.estimator.values.tolist() == [
        "pooled", "mine:by_moments", "mine:ols", "mine:POOLED", "mine:plain",
    ]  # fmt: skip
    assert (ds.status == Status.OK).all()
    slope = ds.sel(term="slope")
    for name in ds.estimator.values[1:]:
        for what in ("estimate", "std_error", "df", "p_value"):
            if name == "mine:plain" and what != "estimate":
                assert np.isnan(slope[what].sel(estimator=name)).all()
                continue
            same = slope[what].sel(estimator=[name, "pooled"]).values[0]
            np.testing.assert_allclose(same[:, 0], same[:, 1], rtol=1e-9)
    intercept = ds.estimate.sel(term="intercept")[0]
    np.testing.assert_allclose(intercept[:, 4], intercept[:, 0], rtol=1e-9)
    assert np.isnan(intercept.sel(estimator="mine:ols")).all()
    assert np.isinf(ds.df.sel(term="intercept", estimator="mine:by_moments")).all()


def test_only_an_estimator_that_says_so_has_a_limit():
    ds = run("pooled", "mine:by_moments", "mine:ols", "mine:POOLED")
    limit = ds.limit.sel(term="slope")[0]
    assert limit[0] == limit[3] == 2.0
    assert np.isnan(limit[1:3]).all()


def test_sectors_have_terms_of_their_own():
    sectors = {"clusters": {"A": 4, "B": 5}}
    ds = run("pooled", "mine:POOLED", "mine:ols", population=SMALL | sectors)
    assert "slope[B - A]" in ds.term.values
    np.testing.assert_array_equal(ds.estimate[0, :, 0], ds.estimate[0, :, 1])
    assert (ds.status.sel(estimator="mine:ols") == Status.ERROR).all()  # it returns `slope` alone


def test_a_method_on_rows_sees_what_replicate_rebuilds(tmp_path):
    (tmp_path / "spy.py").write_text(
        "import simlab\nSEEN = []\n"
        "@simlab.estimator(terms=('slope',))\n"
        "def spy(df):\n    SEEN.append(df)\n    return {'slope': 0.0}\n"
    )
    s = study("spy:spy", folder=tmp_path, population=SMALL | {"clusters": {"A": 3, "B": 4}})
    work = runner.prepare(s)
    for b in range(3):
        runner.run_block(work, 0, b)
    from simlab.custom.addresses import locate_object

    seen = vars(__import__("sys").modules[locate_object("spy:spy", tmp_path).load().__module__])
    assert len(seen["SEEN"]) == 20
    for r in (0, 7, 8, 19):
        pd.testing.assert_frame_equal(seen["SEEN"][r], simlab.replicate(s, 0, r))


# ---------------------------------------------------------------- failures stay where they are


@pytest.mark.parametrize("how", HOW)
def test_a_bad_method_fails_alone(how):
    name = f"mine:bad_{how}"
    s = study("pooled", name, replicates=3)
    ds = simlab.run(s, jobs=1)
    assert (ds.status.sel(estimator=name) == Status.ERROR).all()
    assert (ds.status.sel(estimator="pooled") == Status.OK).all()
    assert np.isnan(ds.estimate.sel(estimator=name)).all()
    texts = messages(s)
    assert [(b, e) for b, e, _ in texts] == [(b, name) for b in range(3)]
    for _, _, text in texts:
        assert re.match(HOW[how], text)
        assert len(text) <= 500


def test_what_a_measure_divides_by_or_overflows_is_told(tmp_path):
    simlab.run(study("mine:unvarying", "pooled"), out=tmp_path / "s.zarr", jobs=1)
    for name in ("relative_error", "model_se"):
        with pytest.raises(simlab.Error, match=f"^{name} is undefined: .* divides by 0 or overfl"):
            measure(tmp_path / "s.zarr", measure=[name], estimator=["mine:unvarying"])


def test_none_is_not_an_error():
    s = study("mine:bad_nothing", replicates=3)
    assert (simlab.run(s, jobs=1).status == Status.NOT_ESTIMABLE).all()
    assert messages(s) == []


def test_ctrl_c_passes(tmp_path, monkeypatch):
    # Of a program that runs in the background Python ignores Ctrl-C; here it is heard.
    monkeypatch.setattr(signal, "getsignal", lambda _: signal.default_int_handler)
    (tmp_path / "stop.py").write_text("def stop(df):\n    raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        run("stop:stop", folder=tmp_path)


def test_a_method_fails_in_its_replicates_alone():
    s = study("mine:ols", "mine:sometimes", population=SMALL | {"gamma": [0, 2]})
    ds = simlab.run(s, jobs=1)
    failed = (ds.status.sel(estimator="mine:sometimes") == Status.ERROR).values[0]
    positive = [simlab.replicate(s, 0, r).y.iloc[0] > 0 for r in range(20)]
    assert failed.tolist() == positive
    assert 0 < failed.sum() < 20
    one, two = (
        ds.estimate.sel(estimator=f"mine:{n}", term="slope")[0] for n in ("ols", "sometimes")
    )
    np.testing.assert_array_equal(one[~failed], two[~failed])
    assert all(
        re.fullmatch(r"ValueError: y is \d+\.\d{3} \(mine.py:\d+\)", t) for *_, t in messages(s)
    )
    rate = simlab.measure(ds).failures.sel(estimator="mine:sometimes").item()
    assert rate == failed.mean()


def test_a_block_that_raises_is_done_again_one_by_one():
    s = study("pooled", "mine:failing_block")
    ds = simlab.run(s, jobs=1)
    failed = (ds.status.sel(estimator="mine:failing_block") == Status.ERROR).values[0]
    assert 0 < failed.sum() < 20
    one, two = ds.estimate.sel(term="slope").values[0].T
    np.testing.assert_array_equal(two[~failed], one[~failed])


def test_estimates_are_read_with_care():
    ds = run("mine:odd_estimates", replicates=8)
    assert (
        ds.status.values[0, :, 0].tolist()
        == [Status.OK, Status.NOT_ESTIMABLE, Status.ERROR, Status.ERROR] * 2
    )
    lines = messages(study("mine:odd_estimates", replicates=8))
    texts = ["slope: std_error is -1", "intercept: estimate is nan"] * 2
    assert [text for *_, text in lines] == texts
    assert np.isfinite(ds.estimate.values[0, ::4]).all()


# ---------------------------------------------------------------- nothing reaches the others


def test_a_cheat_changes_nothing_of_the_others():
    others = ("pooled", "hlm", "gls_oracle", "mine:ols")
    honest = run(*others)
    for cheat in ("mine:cheat", "mine:cheat_moments"):
        before = run(cheat, *others)
        assert (before.status.sel(estimator=cheat) == Status.OK).all()
        assert bits(before, *others) == bits(honest, *others)


def test_the_cheat_would_change_the_others_if_it_could():
    """The control: given the arrays themselves it does."""
    from own_module import load

    work = runner.prepare(study("pooled"))
    part = work.jobs[0].source.draw(3, work.jobs[0].key, 0, 8, True).parts[0]
    sample = runner.block.Sample(part.moments, work.jobs[0].source.known)
    before = work.methods[0].fit(sample).estimate
    load("cheat_moments")(sample)
    assert not np.array_equal(work.methods[0].fit(sample).estimate, before)


def test_random_numbers_are_keyed_by_replicate_and_name():
    names = ("mine:random", "mine:random_moments")
    ds = run(*names, jobs=2)
    assert bits(ds, *names) == bits(run(*names), *names)
    alone = run("mine:random", "pooled").estimate.sel(estimator="mine:random", term="slope")
    np.testing.assert_array_equal(alone, ds.estimate.sel(estimator="mine:random", term="slope"))
    key = conditions(study(*names))[0].key
    for name in names:
        drawn = ds.estimate.sel(estimator=name, term="slope").values[0]
        rngs = (stream(3, key, METHOD, r, name) for r in range(20))
        assert drawn.tolist() == [rng.standard_normal() for rng in rngs]
        assert len(set(drawn)) == 20


# ---------------------------------------------------------------- generators


def generated(name, *estimators, parameters=None, truth=None, **fields):
    population = {"generator": f"mine:{name}"}
    population |= {"parameters": parameters} if parameters else {}
    population |= {"truth": truth} if truth else {}
    return study(*estimators, population=population, **fields)


def test_a_generator_has_the_law_it_says():
    """Coverage of β_W by fixed effects is nominal, that of pooled data is far from it."""
    truth = {"beta_within": 2, "beta_between": 5}
    s = generated("lines", "pooled", "fixed_effects_common", truth=truth, replicates=1500)
    m = simlab.measure(simlab.run(s)).sel(term="slope", target="beta_within").isel(condition=0)
    z = (m.coverage - 0.95) / m.coverage_mcse.clip(0.95 * 0.05 / 1500**0.5)
    assert abs(z.sel(estimator="fixed_effects_common")) < 3.5
    assert z.sel(estimator="pooled") < -20


def test_a_generator_is_reproducible_and_can_be_rebuilt():
    s = generated("two_sectors", "pooled", "mine:ols")
    ds = simlab.run(s, jobs=1)
    assert bits(simlab.run(s, jobs=2), "pooled") == bits(ds, "pooled")
    other = generated("two_sectors", "pooled", replicates=13, block=5)
    few = simlab.run(other, jobs=1)
    np.testing.assert_array_equal(few.estimate[0, :, 0], ds.estimate[0, :13, 0])
    df = simlab.replicate(s, 0, 11)
    assert set(df.columns) == {"cluster", "x", "y", "sector"}
    for place, part in df.groupby("sector"):
        slope = np.polyfit(part.x, part.y, 1)[0]
        result = ds.estimate.sel(estimator="pooled", term=f"slope[{place}]")[0, 11]
        assert result == pytest.approx(slope, rel=1e-9)
    sizes = {simlab.replicate(s, 0, r).cluster.nunique() for r in range(20)}
    assert len(sizes) > 1  # J differs, and each replicate stands in its own place


def test_the_parameters_are_the_condition():
    grid = {"population.parameters.beta_within": [1, 3], "population.parameters.J": [10]}
    s = generated("told", "pooled", parameters={"beta_within": 1, "beta_between": 3}, grid=grid)
    ds = simlab.run(s, jobs=1)
    np.testing.assert_array_equal(ds.truth.sel(term="slope"), [[1, 3], [3, 3]])
    assert ds["population.parameters.beta_within"].values.tolist() == [1, 3]
    given = {"beta_within": 0.5}
    other = generated(
        "told", "pooled", parameters={"beta_within": 1, "beta_between": 3, "J": 10}, truth=given
    )
    again = simlab.run(other, jobs=1)
    assert again.key[0] == ds.key[0]  # what is said to be true draws nothing
    np.testing.assert_array_equal(again.estimate[0], ds.estimate[0])
    assert again.truth.sel(term="slope", target="beta_within") == 0.5
    assert np.isnan(again.truth.sel(term="slope", target="beta_between"))


def test_without_truth_all_else_works():
    ds = simlab.run(generated("lines", "mine:ols", replicates=40), jobs=1)
    assert np.isnan(ds.truth).all()
    assert np.isnan(ds.limit).all()
    m = simlab.measure(ds).sel(estimator="mine:ols", term="slope")
    assert np.isnan(m.bias).all()
    assert np.isfinite(m.empirical_se).all()
    assert len(simlab.methods_table(ds).frame) == 1


def test_moments_in_blocks():
    s = generated("as_moments", "pooled", "hlm", replicates=13)
    ds = simlab.run(s, jobs=1)
    assert np.isfinite(ds.estimate.sel(estimator="pooled")).all()
    longer = simlab.run(s.replace(replicates=20).origin("", "", HERE), jobs=1)
    np.testing.assert_array_equal(longer.estimate[0, :13], ds.estimate[0])
    with pytest.raises(PopulationError, match="draws moments: there are no rows"):
        simlab.replicate(s)
    bad = simlab.run(generated("one_bad_moment", "pooled", replicates=8), jobs=1)
    assert np.flatnonzero(bad.status.values[0, :, 0] == Status.ERROR).tolist() == [3]


@pytest.mark.parametrize(
    ("how", "text"),
    {
        "raise": r"ArithmeticError: the mean of no students \(mine.py:\d+\)",
        "array": "returned a ndarray, not a data frame",
        "column": "returned a data frame without x",
        "nan": "y has values that are not finite",
        "text": "x holds something else than numbers",
        "missing": "cluster has missing values",
        "one": "returned fewer than 2 clusters",
        "empty": "returned fewer than 2 clusters",
        "sector": "the sector 'A' is not among all; say sectors",
        "huge": "x or y are too large",
    }.items(),
)
def test_a_replicate_that_cannot_be_drawn_fails_in_every_method(how, text):
    s = generated("unlucky", "pooled", "mine:ols", parameters={"how": how})
    ds = simlab.run(s, jobs=1)
    failed = (ds.status == Status.ERROR).values[0]
    assert 0 < failed[:, 0].sum() < 20
    assert (failed[:, 0] == failed[:, 1]).all()
    assert np.isfinite(ds.estimate.sel(term="slope").values[0][~failed]).all()
    texts = messages(s)
    assert len(texts) == failed.sum()
    assert all(re.match(f"mine:unlucky: {text}", message) for *_, message in texts)
    r = int(np.flatnonzero(failed[:, 0])[0])
    with pytest.raises(PopulationError, match=text):
        simlab.replicate(s, 0, r)


def test_data_that_say_nothing_end_no_study():
    ds = simlab.run(generated("constant", replicates=4), jobs=1)
    assert (ds.status >= 2).sum() > 0


def test_the_oracle_needs_the_variances():
    assert "gls_oracle" not in simlab.run(generated("lines", replicates=3), jobs=1).estimator
    with pytest.raises(ConfigError, match=r"estimators\.0: must be told G and sigma2"):
        runner.prepare(generated("lines", "gls_oracle"))
    given = {"G": [[1, 0], [0, 0]], "sigma2": 1, "beta_within": 2, "beta_between": 5}
    ds = simlab.run(generated("lines", "gls_oracle", truth=given), jobs=1)
    assert (ds.status == Status.OK).all()


# ---------------------------------------------------------------- stores, and code that changed


def test_messages_are_kept_in_the_store(tmp_path):
    s = study("mine:ols", "mine:sometimes", population=SMALL | {"gamma": [0, 2]})
    kept, ds = tmp_path / "own.zarr", simlab.run(s, jobs=1)
    stored = simlab.run(s, jobs=1, out=kept)
    results = ReplicateResults.open(kept)
    errors = results.messages()
    failed = np.flatnonzero(ds.status.sel(estimator="mine:sometimes").values[0] == Status.ERROR)
    assert [m.replicate for m in errors] == failed.tolist()
    assert {(m.condition, m.estimator) for m in errors} == {(0, "mine:sometimes")}
    assert json.loads(stored.attrs["messages"]) == json.loads(ds.attrs["messages"])
    assert sum(m["count"] for m in json.loads(ds.attrs["messages"])) == len(failed)
    assert simlab.open_dataset(kept).attrs["messages"] == ds.attrs["messages"]
    clean = simlab.run(study("mine:ols"), jobs=1, out=tmp_path / "clean.zarr")
    assert "messages" not in clean.attrs
    assert not list((tmp_path / "clean.zarr").rglob("*messages*"))


@pytest.mark.parametrize(
    "damaged",
    [lambda text: "{}", lambda text: text.replace("column", "volume"), lambda text: text[:-1]],
    ids=["empty", "another word", "cut"],
)
def test_damaged_messages_name_the_cure(tmp_path, damaged):
    s = study("mine:bad_key", replicates=3)
    simlab.run(s, jobs=1, out=tmp_path / "s.zarr")
    (file,) = (tmp_path / "s.zarr").rglob("*.messages.json")
    written = file.read_text()
    file.write_text(damaged(written))
    assert file.read_text() != written
    with pytest.raises(StoreError, match=r"messages of chunk c.0.0 .*; repeat the run"):
        simlab.open_dataset(tmp_path / "s.zarr")
    with pytest.warns(StoreWarning, match="1 damaged block is run again"):
        simlab.run(s, jobs=1, out=tmp_path / "s.zarr")
    assert file.read_text() == written
    assert len(ReplicateResults.open(tmp_path / "s.zarr").messages()) == 3


def test_messages_of_earlier_versions_have_no_checksum(tmp_path):
    simlab.run(study("mine:bad_key", replicates=3), jobs=1, out=tmp_path / "s.zarr")
    (file,) = (tmp_path / "s.zarr").rglob("*.messages.json")
    file.write_text(file.read_text().partition("\n")[0])
    assert len(ReplicateResults.open(tmp_path / "s.zarr").messages()) == 3


def test_a_store_is_not_continued_with_other_code(tmp_path):
    module = tmp_path / "changing.py"
    source = "def f(df):\n    return {'slope': 1.0}\n"
    module.write_text(source)
    s = study("changing:f", folder=tmp_path)
    first = simlab.run(s, jobs=1, out=tmp_path / "s.zarr")
    module.write_text(source.replace("1.0", "2.0"))
    with pytest.raises(StoreError, match=r"code    changing:f: [0-9a-f]{12} → [0-9a-f]{12}\n"):
        simlab.run(s, jobs=1, out=tmp_path / "s.zarr")
    second = simlab.run(s, jobs=1)  # the same session runs the code as it is now
    assert (first.estimate.sel(term="slope") == 1).all()
    assert (second.estimate.sel(term="slope") == 2).all()
    module.write_text(source)
    simlab.run(s, jobs=1, out=tmp_path / "s.zarr")


# ---------------------------------------------------------------- studies that do not fit


@pytest.mark.parametrize(
    ("name", "text"),
    {
        "os:nothing": "os has no 'nothing'$",
        "mine:olss": "mine has no 'olss'; did you mean 'ols'",
        "nowhere:f": "there is no nowhere.py beside the study, nor such a module",
        "broken:f": r"broken.py cannot be imported: ZeroDivisionError: .* \(broken.py:3\)",
        "mine:not_a_function": "mine:not_a_function is a int; an estimator is a function",
    }.items(),
)
def test_what_cannot_be_imported_is_one_line(name, text):
    with pytest.raises(ConfigError, match=f"^estimators.1: {text}"):
        runner.prepare(study("pooled", name))
    if name != "mine:not_a_function":
        with pytest.raises(ConfigError, match=f"^population: {text}"):
            runner.prepare(study(population=name))


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"parameters": {"K": 1}}, "does not take these parameters: got an unexpected keyword"),
        ({"scheme": "same-clusters"}, r"scheme\s+must be left out: a generator draws"),
        ({"draw": "moments"}, r"draw\s+must be left out"),
        ({"truth": {"beta_witin": 1}}, "unknown key; did you mean 'beta_within'"),
        ({"truth": {"beta_within": {"A": 1}}}, "truth names the sectors A, not all"),
        ({"tests": {"names": ["fixed_slope"]}}, "tests: need a declared population"),
    ],
)
def test_what_does_not_fit_a_generator_is_one_line(fields, text):
    with pytest.raises(Exception, match=text) as caught:
        runner.prepare(generated("lines", **fields))
    assert type(caught.value).__name__ in ("ConfigError", "ValidationError")


def test_a_truth_of_words_is_refused():
    with pytest.raises(ConfigError, match=r"truthful: its truth.beta_within: must be a number"):
        runner.prepare(generated("truthful"))


def test_rows_cannot_be_had_of_moments():
    with pytest.raises(ConfigError, match=r"estimators\.0: needs rows, and the generator draws"):
        runner.prepare(generated("as_moments", "mine:ols"))


TEXT = """\
name: own
replicates: 3
estimators: [{estimator}]
population: {population}
grid: {{population.parameters.J: [4, 6]}}
"""


def test_reading_a_study_imports_nothing():
    s = loads(
        TEXT.format(estimator="broken:f, pooled", population="broken:g"),
        known_estimators=["pooled"],
    )
    assert len(conditions(s)) == 2
    assert loads(dumps(s)) == s == Study.from_json(s.to_json())
    assert pickle.loads(pickle.dumps(s)) == s


@pytest.mark.parametrize(
    ("estimator", "population", "text"),
    [
        (
            "a b:f",
            "m:f",
            "3:14: estimators.0: must be an import path such as mymodule:name, not 'a b:f'",
        ),
        (
            "pooled",
            "m:",
            "4:1: population.generator: must be an import path such as mymodule:name, not 'm:'",
        ),
        ("poled", "m:f", "3:14: estimators.0: unknown estimator 'poled'; did you mean 'pooled'"),
    ],
)
def test_a_name_that_is_none_has_its_line(estimator, population, text):
    written = TEXT.format(estimator=f"'{estimator}'", population=f"'{population}'")
    with pytest.raises(ConfigError) as caught:
        loads(written, known_estimators=["pooled"])
    (line,) = str(caught.value).splitlines()
    assert text in line


def test_editors_know_of_import_paths():
    offered = schema()["properties"]["population"]["oneOf"]
    assert {"type": "string", "pattern": ":"} in offered


def test_check_says_what_is_left_out():
    text = "\n".join(summary_lines(generated("lines")))
    assert "without gls_oracle: the generator does not tell G and sigma2" in text


def test_what_workers_are_sent_can_be_sent():
    work = runner.prepare(
        generated("told", "mine:ols", parameters={"beta_within": 1, "beta_between": 2})
    )
    assert isinstance(work.methods[0].fit, Own)
    for part in (work.methods, work.jobs):
        assert pickle.loads(pickle.dumps(part)) == part


# ---------------------------------------------------------------- replicates drawn again


@pytest.mark.parametrize("name", ["two_sectors", "unlucky"])
def test_any_replicate_is_replayed_to_the_bit(tmp_path, name):
    """With J of its own, beside replicates that could not be drawn, and a method that draws."""
    s = generated(name, "pooled", "mine:random")
    ds = simlab.run(s, jobs=1, out=tmp_path / "s.zarr")
    drawn = np.flatnonzero(ds.status.values[0, :, 0] == Status.OK)
    for r in drawn[[0, 5, -1]].tolist():
        assert replay(tmp_path / "s.zarr", 0, r).differs.empty


def test_a_failure_is_told_and_replayed(tmp_path, capsys):
    s = study("mine:sometimes", population=SMALL | {"gamma": [0, 2]})
    ds = simlab.run(s, jobs=1, out=tmp_path / "s.zarr")
    r = int(np.flatnonzero(ds.status.values[0, :, 0] == Status.ERROR)[0])
    failures(tmp_path / "s.zarr", limit=5)
    printed = capsys.readouterr().out
    assert re.search(
        rf"mine:sometimes: ValueError: y is .* first condition 0, replicate {r}\)", printed
    )
    command = f"simlab replay {tmp_path / 's.zarr'} --condition 0 --replicate {r}"
    why = "# mine:sometimes error"  # beneath it, or beside it where the line has room
    assert f"{why}\n{command}\n" in printed or f"{command}   {why}\n" in printed
    assert cli_replay(tmp_path / "s.zarr", replicate=r) == 0
    assert re.search(r"^mine:sometimes: ValueError: y is", capsys.readouterr().out, re.M)


@pytest.mark.parametrize("J", [float("nan"), [1.0, float("inf")], {"a": float("-inf")}])
def test_a_parameter_that_is_no_finite_number_is_refused(J):
    """Found by the fuzzer: NaN is not equal to itself, so no such study can be compared."""
    with pytest.raises(ConfigError, match="must be a finite number"):
        study("mine:ols").replace(population={"generator": "mine:g", "parameters": {"J": J}})
