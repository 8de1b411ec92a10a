"""From a study to its conditions: which there are, what they are called, and their keys."""

import math
import pickle
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simlab.config import ConfigError, Study, loads
from simlab.design import Condition, conditions, factors

BASE = """\
name: study
replicates: 100
population:
  clusters: 40
  gamma: [12, 2]
  G: [[16, 8], [8, 25]]
  sigma2: 20
  cluster_sizes: {law: poisson, mean: 30}
"""

SECTORS = """\
name: study
replicates: 100
population:
  clusters: {Catholic: 21, Public: 19}
  gamma: {Catholic: [14, 1], Public: [12, 2]}
  G: [[16, 8], [8, 25]]
  sigma2: 20
  cluster_sizes: {law: fixed, size: 10}
"""


def of(text):
    return conditions(loads(text))


def keys(text):
    return [condition.key for condition in of(text)]


def levels(text):
    return [dict(condition.levels) for condition in of(text)]


# --- which conditions -------------------------------------------------------------------------


def test_without_a_grid_there_is_one_condition():
    (condition,) = of(BASE)
    study = loads(BASE)
    assert isinstance(condition, Condition)
    assert (condition.index, condition.levels) == (0, {})
    assert (condition.population, condition.scheme) == (study.population, study.scheme)
    assert condition.draw == "auto"
    assert len(condition.key) == 32
    assert set(condition.key) <= set("0123456789abcdef")
    assert factors(study) == ()


def test_a_mapping_is_crossed():
    text = BASE + "grid: {population.clusters: [20, 80], population.sigma2: [1, 2, 3]}"
    result = of(text)
    assert [c.index for c in result] == list(range(6))
    assert len({c.key for c in result}) == 6
    assert [(c.population.clusters, c.population.sigma2) for c in result] == [
        (j, s) for j in (20, 80) for s in (1, 2, 3)
    ]
    assert factors(loads(text)) == ("population.clusters", "population.sigma2")


def test_a_list_is_a_union_without_repeats():
    text = BASE + (
        "grid:\n"
        "  - {scheme: [new-clusters, same-clusters]}\n"
        "  - {population.clusters: [20, 40, 80]}\n"
    )
    assert levels(text) == [
        {"scheme": "new-clusters", "population.clusters": 40},
        {"scheme": "same-clusters", "population.clusters": 40},
        {"scheme": "new-clusters", "population.clusters": 20},
        {"scheme": "new-clusters", "population.clusters": 80},
    ]


def test_parents_left_out_are_filled():
    result = of(BASE + "grid: {population.x.between_sd: [0, 1.5]}")
    assert [c.population.x.between_sd for c in result] == [0, 1.5]
    assert result[0].key == keys(BASE)[0]


def test_grids_enter_sectors():
    result = of(SECTORS + "grid: {population.clusters.Public: [5, 19]}")
    assert [dict(c.population.clusters) for c in result] == [
        {"Catholic": 21, "Public": 5},
        {"Catholic": 21, "Public": 19},
    ]


def test_whole_populations_may_be_swept():
    text = BASE + (
        "grid: {population: {small: {clusters: 3, gamma: [0, 0], G: [[0, 0], [0, 0]], sigma2: 1, "
        "cluster_sizes: {law: fixed, size: 2}}}}"
    )
    assert levels(text) == [{"population": "small"}]
    assert of(text)[0].population.clusters == 3


def test_conditions_survive_json_and_pickling():
    text = BASE + "grid: {population.errors: {t: {law: student-t, df: 3}, normal: {law: normal}}}"
    study = loads(text)
    assert conditions(Study.from_json(study.to_json())) == conditions(study)
    assert pickle.loads(pickle.dumps(conditions(study))) == conditions(study)


# --- labels -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grid", "labels"),
    [
        ("{population.sigma2: [1, 2.5]}", [1, 2.5]),
        ("{population.sigma2: [3.0]}", [3]),
        ("{scheme: [same-clusters]}", ["same-clusters"]),
        ("{population.sigma2: {low: 1, high: 9}}", ["low", "high"]),
        ("{population.cluster_sizes: [{law: fixed, size: 30}]}", ["{law: fixed, size: 30}"]),
        ("{population.cluster_sizes: [{size: 30, law: fixed}]}", ["{law: fixed, size: 30}"]),
        (
            "{population.cluster_sizes: [{mean: 5, minimum: 2}, {mean: 5, minimum: 3}]}",
            ["{law: poisson, mean: 5}", "{law: poisson, mean: 5, minimum: 3}"],
        ),
        ("{population.gamma: [[12, 2], [12.0, 0.5]]}", ["[12, 2]", "[12, 0.5]"]),
        ("{population.G: [[[1, 0], [0, 0]]]}", ["[[1, 0], [0, 0]]"]),
        ("{population.x: [{law: student-t, df: 3}]}", ["{law: student-t, df: 3}"]),
        ("{population.x.mean: [-0.0]}", [0]),
    ],
)
def test_labels(grid, labels):
    (factor,) = factors(loads(BASE + f"grid: {grid}"))
    results = [level[factor] for level in levels(BASE + f"grid: {grid}")]
    assert results == labels
    assert [type(label) for label in results] == [type(label) for label in labels]


def test_the_base_value_takes_the_name_of_the_level_it_equals():
    text = BASE + (
        "grid:\n"
        "  - {scheme: [same-clusters]}\n"
        "  - {population.cluster_sizes: {usual: {mean: 30.0, minimum: 2}, large: {mean: 300}}}\n"
    )
    assert [level["population.cluster_sizes"] for level in levels(text)] == [
        "usual",
        "usual",
        "large",
    ]


def test_the_base_value_of_an_omitted_field_is_its_default():
    text = BASE + "grid: [{scheme: [same-clusters]}, {population.beta_between: [5, 7]}]"
    assert [level["population.beta_between"] for level in levels(text)] == [2, 5, 7]


def test_a_factor_that_a_condition_lacks_is_nan():
    text = BASE + (
        "grid:\n"
        "  - {population.cluster_sizes.mean: [5, 30]}\n"
        "  - {population.cluster_sizes: [{law: fixed, size: 7}, {law: poisson, mean: 8}]}\n"
    )
    means = [level["population.cluster_sizes.mean"] for level in levels(text)]
    assert means[:2] == [5, 30]
    assert math.isnan(means[2])
    assert means[3] == 8


# --- cells that do not fit --------------------------------------------------------------------


def test_a_cell_that_does_not_fit_names_its_levels():
    text = BASE + (
        "grid:\n"
        "  population.clusters: [2, 3]\n"
        "  population.cluster_sizes: {usual: {mean: 5}, listed: {law: list, sizes: [4, 5]}}\n"
    )
    study = loads(text, "f.yaml")
    with pytest.raises(ConfigError) as caught:
        conditions(study)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.field) == ("f.yaml", 9, "grid")
    assert "population.clusters: 3, population.cluster_sizes: listed" in problem.message
    assert "must have one size per cluster: 3, not 2" in problem.message
    with pytest.raises(ConfigError, match=r"population\.cluster_sizes: listed"):
        conditions(Study.from_json(study.to_json()))


def test_a_law_may_need_its_neighbour():
    text = BASE + "grid: {population.errors.law: [student-t], population.errors.df: [3, 10]}"
    assert [c.population.errors.df for c in of(text)] == [3, 10]


# --- keys -------------------------------------------------------------------------------------

SAME = {
    "floats for integers": BASE.replace("[12, 2]", "[12.0, 2.0]").replace("20", "20.0"),
    "scheme spelt out": BASE + "scheme: new-clusters",
    "draw spelt out": BASE + "draw: auto",
    "minimum spelt out": BASE.replace("mean: 30", "mean: 30, minimum: 2"),
    "law left out": BASE.replace("law: poisson, ", ""),
    "x spelt out": BASE + "  x: {law: normal, mean: 0, between_sd: 0, within_sd: 1}",
    "errors spelt out": BASE + "  errors: {law: normal}\n  random_effects: {}",
    "context spelt out": BASE + "  context: sample-mean",
    "beta_within spelt out": BASE + "  beta_within: 2",
    "beta_within for gamma_1": BASE.replace("[12, 2]", "[12]") + "  beta_within: 2",
    "beta_between spelt out": BASE + "  beta_between: 2",
    "another name": BASE.replace("name: study", "name: other"),
    "another seed": BASE + "seed: 77",
    "other replicates": BASE.replace("100", "200") + "block: 8",
    "estimators": BASE + "estimators: [hlm]",
    "another level of confidence": BASE + "level: 0.9\nverdicts: {margin: 0.1}\ndescription: x",
    "a label": BASE + "grid: {population.sigma2: {usual: 20}}",
}

OTHER = {
    "scheme": BASE + "scheme: same-clusters",
    "draw": BASE + "draw: rows",
    "clusters": BASE.replace("40", "41"),
    "gamma": BASE.replace("[12, 2]", "[12, 2.0000001]"),
    "beta_between": BASE + "  beta_between: 3",
    "context": BASE + "  context: latent-mean",
    "G": BASE.replace("[[16, 8], [8, 25]]", "[[16, 7], [7, 25]]"),
    "sigma2": BASE.replace("sigma2: 20", "sigma2: 21"),
    "sizes": BASE.replace("mean: 30", "mean: 31"),
    "minimum": BASE.replace("mean: 30", "mean: 30, minimum: 1"),
    "x": BASE + "  x: {law: uniform}",
    "errors": BASE + "  errors: {law: student-t, df: 3}",
    "random effects": BASE + "  random_effects: {law: student-t, df: 3}",
}


@pytest.mark.parametrize("text", SAME.values(), ids=SAME)
def test_the_same_content_has_the_same_key(text):
    assert keys(text) == keys(BASE)


def test_other_content_has_another_key():
    results = [key for text in (BASE, *OTHER.values()) for key in keys(text)]
    assert Counter(results).most_common(1)[0][1] == 1


def test_sectors_that_agree_are_one_value():
    gamma = "gamma: {Catholic: [14, 1], Public: [12, 2]}"
    one = SECTORS.replace(gamma, "gamma: [12, 2]")
    each = SECTORS.replace(gamma, "gamma: {Public: [12, 2], Catholic: [12.0, 2]}")
    assert keys(one) == keys(each)
    assert keys(one) != keys(SECTORS)


def test_the_order_of_sectors_is_content():
    turned = SECTORS.replace("{Catholic: 21, Public: 19}", "{Public: 19, Catholic: 21}")
    assert keys(turned) != keys(SECTORS)


def test_keys_do_not_depend_on_the_rest_of_the_grid():
    few = keys(BASE + "grid: {population.clusters: [20, 80]}")
    more = keys(BASE + "grid: {population.clusters: [10, 20, 40, 80]}")
    turned = keys(BASE + "grid: {population.clusters: [80, 20]}")
    assert [more[1], more[3]] == few
    assert turned == few[::-1]
    union = keys(BASE + "grid: [{draw: [rows]}, {population.clusters: [20, 80]}]")
    assert union[1:] == few


def test_a_key_is_the_same_on_every_machine():
    """A changed key changes every number of every saved study, so it is pinned here."""
    assert keys(BASE) == ["19498437d2ea1488281964feccf69e66"]


number = st.integers(-50, 50)


@settings(max_examples=60, deadline=None)
@given(
    intercept=number,
    slope=number,
    between=number,
    floats=st.booleans(),
    spelt=st.sets(st.sampled_from(["gamma", "beta_within", "sectors", "scheme", "x", "order"])),
)
def test_every_spelling_of_one_content_has_one_key(intercept, slope, between, floats, spelt):
    turn = float if floats else int
    rest = {"G": [[1, 0], [0, 1]], "sigma2": 2, "cluster_sizes": {"law": "fixed", "size": 3}}
    clusters = {"a": 5, "b": 6}
    base = rest | {"clusters": clusters, "gamma": [intercept, slope], "beta_between": between}
    other = dict(reversed(base.items())) if "order" in spelt else dict(base)
    other["gamma"] = [turn(intercept), turn(slope)]
    other["beta_between"] = turn(between)
    if "beta_within" in spelt or "gamma" in spelt:
        other["beta_within"] = turn(slope)
    if "gamma" in spelt:
        other["gamma"] = [turn(intercept)]
    if "sectors" in spelt:
        other["gamma"] = {"b": other["gamma"], "a": other["gamma"]}
        other["beta_between"] = {"b": between, "a": turn(between)}
    if "x" in spelt:
        other["x"] = {"mean": turn(0)}

    def key(population, **fields):
        study = Study(name="s", replicates=1, population=population, **fields)
        return conditions(study)[0].key

    fields = {"scheme": "new-clusters", "seed": 3} if "scheme" in spelt else {}
    assert key(other, **fields) == key(base)
    assert key(base | {"sigma2": 3}) != key(base)
