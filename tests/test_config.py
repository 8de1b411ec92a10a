"""Reading a study: what is accepted, and what is refused, where, and in which words.

A refusal is tested by its exact line and column; `control` shows that the same text without
the mistake is accepted, so that no case passes for a wrong reason.
"""

# ruff: noqa: E501 (a case is a line of a table)

import json
import pickle
import warnings
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simlab.config import (
    COVARIATES,
    STANDARD,
    ConfigError,
    DataCovariate,
    DataSizes,
    FrozenMap,
    Population,
    Study,
    Verdicts,
    load,
    loads,
    schema,
)
from simlab.config.laws.poisson import PoissonSizes
from simlab.config.laws.sizes import FixedSizes, ListSizes

CONFIGS = Path(__file__).parents[1] / "configs"

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
  clusters: {Catholic: 3, Public: 2}
  gamma: {Public: [12, 2], Catholic: [14, 1]}
  beta_between: {Catholic: 4, Public: 5}
  G: [[16, 8], [8, 25]]
  sigma2: 20
  cluster_sizes: {law: list, sizes: [1, 2, 3, 4, 5]}
"""

FROM_DATA = """\
name: study
replicates: 100
population:
  gamma: {Public: [12, 2], Catholic: [14, 1]}
  G: [[16, 8], [8, 25]]
  sigma2: 20
  x: {law: data, data: hs, column: ses, cluster: school, sector: sector}
"""

FULL = """\
name: slides_example
description: optional text
seed: 20261123
replicates: 1000
block: 128
common_random_numbers: true
scheme: same-clusters
draw: rows
level: 0.9
estimators: [pooled, hlm]
population:
  clusters: 40
  gamma: [12, 2]
  beta_within: 2
  beta_between: 5
  context: latent-mean
  G: [[16, 8], [8, 25]]
  sigma2: 20
  cluster_sizes: {law: poisson, mean: 30, minimum: 3}
  x: {law: uniform, mean: 1, between_sd: 2, within_sd: 3}
  errors: {law: exponential}
  random_effects: {law: student-t, df: 5}
grid:
  - {scheme: [new-clusters, same-clusters]}
  - {population.clusters: [20, 80, 320]}
  - {population.G: {no random slope: [[16, 0], [0, 0]], random slope: [[16, 8], [8, 25]]}}
verdicts:
  margin: 0.1
  honest_margin: 0.2
  efficient_margin: 0.3
  more_clusters: population.clusters
  larger_clusters: population.cluster_sizes.mean
  efficiency: [population.cluster_sizes, population.G]
tests:
  names: [fixed_slope, random_slope]
  draws: 99
  stop: 10
"""

KNOWN = ("pooled", "hlm")
NAMES = {"known_estimators": KNOWN, "known_tests": ("random_slope", "fixed_slope")}


def changed(text, old, new):
    assert text.count(old) == 1, f"{old!r} does not stand once in the text"
    return text.replace(old, new)


def problems(text, **kwargs):
    with pytest.raises(ConfigError) as caught:
        loads(text, "f.yaml", **kwargs)
    return caught.value.problems


# --- what is accepted -------------------------------------------------------------------------


def test_defaults():
    study = loads(BASE)
    assert (study.seed, study.block, study.level) == (0, 256, 0.95)
    assert (study.scheme, study.draw, study.description) == ("new-clusters", "auto", "")
    assert study.common_random_numbers is False
    assert study.estimators is None
    assert study.grid is None
    assert study.tests is None
    assert loads(BASE + "tests: {names: [any]}").tests.draws == 199
    assert study.verdicts == Verdicts()
    population = study.population
    assert population.cluster_sizes == PoissonSizes(mean=30, minimum=2)
    assert population.x == COVARIATES["normal"](mean=0, between_sd=0, within_sd=1)
    assert population.errors == population.random_effects == STANDARD["normal"]()
    assert population.context == "sample-mean"
    assert population.sectors == ("all",)
    assert (population.gamma0("all"), population.within("all"), population.between("all")) == (
        (12, 2, 2)
    )


def test_everything_is_read():
    study = loads(FULL, **NAMES)
    assert (study.seed, study.replicates, study.block, study.level) == (20261123, 1000, 128, 0.9)
    assert (study.scheme, study.draw, study.estimators) == ("same-clusters", "rows", KNOWN)
    assert study.description == "optional text"
    assert study.population.G == ((16, 8), (8, 25))
    assert study.population.between("all") == 5
    assert study.population.x == COVARIATES["uniform"](mean=1, between_sd=2, within_sd=3)
    assert study.population.random_effects == STANDARD["student-t"](df=5)
    assert study.verdicts.efficiency == ("population.cluster_sizes", "population.G")
    assert study.verdicts.efficient_margin == 0.3
    assert study.tests.names == ("fixed_slope", "random_slope")
    assert (study.tests.draws, study.tests.stop) == (99, 10)


def test_sectors():
    population = loads(SECTORS).population
    assert population.sectors == ("Catholic", "Public")
    assert population.clusters == {"Catholic": 3, "Public": 2}
    assert [population.gamma0(s) for s in population.sectors] == [14, 12]
    assert [population.within(s) for s in population.sectors] == [1, 2]
    assert [population.between(s) for s in population.sectors] == [4, 5]


def test_one_value_serves_all_sectors():
    text = changed(SECTORS, "gamma: {Public: [12, 2], Catholic: [14, 1]}", "gamma: [12]")
    text = changed(
        text, "  beta_between: {Catholic: 4", "  beta_within: 3\n  beta_between: {Catholic: 4"
    )
    population = loads(text).population
    assert [population.gamma0(s) for s in population.sectors] == [12, 12]
    assert [population.within(s) for s in population.sectors] == [3, 3]


def test_clusters_from_data():
    population = loads(FROM_DATA).population
    assert population.source == DataCovariate(
        data="hs", column="ses", cluster="school", sector="sector"
    )
    assert population.clusters is None
    assert population.sectors is None
    assert population.gamma0("Public") == 12
    plain_text = changed(
        changed(FROM_DATA, ", sector: sector", ""), "{Public: [12, 2], Catholic: [14, 1]}", "[1, 2]"
    )
    assert loads(plain_text).population.sectors == ("all",)


SPELLINGS = {
    "no is text": ("name: study", "name: no", lambda s: s.name == "no"),
    "yes is text": ("name: study", "name: yes", lambda s: s.name == "yes"),
    "a date is text": ("name: study", "name: 2026-11-23", lambda s: s.name == "2026-11-23"),
    "1e-3 is a number": ("sigma2: 20", "sigma2: 1e-3", lambda s: s.population.sigma2 == 0.001),
    "seed 0": ("name: study", "name: study\nseed: 0", lambda s: s.seed == 0),
    "large seed": ("name: study", f"name: study\nseed: {2**200}", lambda s: s.seed == 2**200),
    "singular G": ("[[16, 8], [8, 25]]", "[[16, 20], [20, 25]]", lambda s: s.population.G[0][1] == 20),
    "barely singular G": ("[[16, 8], [8, 25]]", "[[0.1, 0.3], [0.3, 0.9]]", lambda s: True),
    "no random effects": ("[[16, 8], [8, 25]]", "[[0, 0], [0, 0]]", lambda s: s.population.G == ((0, 0), (0, 0))),
    "huge G": ("[[16, 8], [8, 25]]", "[[1e150, 1e150], [1e150, 1e150]]", lambda s: True),
    "tiny sigma2": ("sigma2: 20", "sigma2: 1e-150", lambda s: s.population.sigma2 == 1e-150),
    "fixed sizes": ("{law: poisson, mean: 30}", "{law: fixed, size: 1}", lambda s: s.population.cluster_sizes == FixedSizes(size=1)),
    "poisson by default": ("{law: poisson, mean: 30}", "{mean: 30}", lambda s: s.population.cluster_sizes == PoissonSizes(mean=30)),
    "listed sizes": ("clusters: 40\n", "clusters: 2\n", None),
    "sizes of data": ("  clusters: 40\n", "", None),
    "normal by default": ("sigma2: 20", "sigma2: 20\n  x: {between_sd: 1}", lambda s: s.population.x == COVARIATES["normal"](between_sd=1)),
    "student-t x": ("sigma2: 20", "sigma2: 20\n  x: {law: student-t, df: 2.5}", lambda s: s.population.x == COVARIATES["student-t"](df=2.5)),
    "gamma_1 twice alike": ("gamma: [12, 2]", "gamma: [12, 2]\n  beta_within: 2.0", lambda s: s.population.within("all") == 2),
    "gamma_1 as beta_within": ("gamma: [12, 2]", "gamma: [12]\n  beta_within: 7", lambda s: s.population.between("all") == 7),
    "alias": ("gamma: [12, 2]", "gamma: &g [12, 2]\n  random_effects: &n {law: normal}\n  errors: *n", lambda s: s.population.errors == STANDARD["normal"]()),
    "anchor used twice": ("gamma: [12, 2]", "gamma: &g [12, 2]\n  errors: &g {law: normal}", lambda s: True),
    "null is omitted": ("gamma: [12, 2]", "gamma: [12, 2]\n  beta_between: null", lambda s: s.population.between("all") == 2),
    "sector with dots": ("clusters: 40", "clusters: {St. Mary: 40}", lambda s: s.population.sectors == ("St. Mary",)),
}  # fmt: skip


@pytest.mark.parametrize("case", SPELLINGS)
def test_accepted_spellings(case):
    old, new, holds = SPELLINGS[case]
    text = changed(BASE, old, new)
    if case == "listed sizes":
        study = loads(changed(text, "{law: poisson, mean: 30}", "{law: list, sizes: [3, 4]}"))
        assert study.population.cluster_sizes == ListSizes(sizes=(3, 4))
    elif case == "sizes of data":
        sizes = "{law: data, data: my.csv, cluster: id}"
        study = loads(changed(text, "{law: poisson, mean: 30}", sizes))
        assert study.population.source == DataSizes(data="my.csv", cluster="id")
    else:
        assert holds(loads(text))


GRIDS = {
    "a mapping": "grid: {population.clusters: [20, 80]}",
    "a union": "grid: [{scheme: [new-clusters]}, {population.sigma2: [1, 2]}]",
    "named levels": "grid: {population.beta_between: {context: 5, no context: 2}}",
    "parent left out": "grid: {population.x.between_sd: [0, 1]}",
    "inside a union member": "grid: {population.cluster_sizes.mean: [5, 50]}",
    "whole mappings": "grid: {population.errors: [{law: normal}, {law: student-t, df: 3}]}",
    "a law beside its degrees of freedom": (
        "grid: {population.errors.law: [student-t], population.errors.df: [3, 10]}"
    ),
    "the same label twice for one value": (
        "grid: [{population.sigma2: {low: 1}}, {population.sigma2: {low: 1.0, high: 9}}]"
    ),
}


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_accepted_grids(grid):
    assert loads(BASE + grid).grid is not None


def test_grid_may_enter_a_sector():
    study = loads(SECTORS + "grid: {population.beta_between.Public: [5, 6]}")
    assert list(study.grid) == ["population.beta_between.Public"]


# --- what is refused --------------------------------------------------------------------------

REFUSED = [
    # (text, old, new, line, column, phrase)
    # types
    (BASE, "clusters: 40", "clusters: true", 4, 13, "population.clusters: must be a whole number, not true"),
    (BASE, "clusters: 40", "clusters: '40'", 4, 13, "must be a whole number, not '40'"),
    (BASE, "clusters: 40", "clusters: 40.5", 4, 13, "must be a whole number, not 40.5"),
    (BASE, "clusters: 40", "clusters: 40.0", 4, 13, "not 40.0; write 40"),
    (BASE, "clusters: 40", "clusters: [40]", 4, 13, "must be a whole number, not [40]"),
    (BASE, "clusters: 40", "clusters: 99999999999", 4, 13, "must be at most 1000000000"),
    (BASE, "sigma2: 20", "sigma2: yes", 7, 11, "population.sigma2: must be a number, not 'yes'"),
    (BASE, "sigma2: 20", "sigma2: true", 7, 11, "must be a number, not true"),
    (FULL, "numbers: true", "numbers: yes", 6, 24, "random_numbers: must be true or false, not 'yes'"),
    (FULL, "numbers: true", "numbers: 1", 6, 24, "random_numbers: must be true or false, not 1"),
    (BASE, "sigma2: 20", "sigma2:", 7, 3, "must be a number, not null"),
    (BASE, "sigma2: 20", "sigma2: .nan", 7, 11, "must be a finite number, not nan"),
    (BASE, "sigma2: 20", "sigma2: .inf", 7, 11, "must be a finite number, not inf"),
    (BASE, "sigma2: 20", f"sigma2: 1{'0' * 400}", 7, 11, "finite number"),
    (BASE, "gamma: [12, 2]", "gamma: 12", 5, 10, "population.gamma: must be a list, not 12"),
    (BASE, "gamma: [12, 2]", "gamma: []", 5, 10, "must not be empty"),
    (BASE, "gamma: [12, 2]", "gamma: [1, 2, 3]", 5, 10, "must have at most 2 entries, not 3"),
    (BASE, "gamma: [12, 2]", "gamma: [12, two]", 5, 15, "population.gamma.1: must be a number, not 'two'"),
    (BASE, "{law: poisson, mean: 30}", "30", 8, 18, "must be a mapping such as {law: poisson}, not 30"),
    (BASE, "name: study", "name: 7", 1, 7, "name: must be text, not 7; put it in quotes"),
    (BASE, "name: study", "name: a b", 1, 7, "letters, digits, _ and -, not 'a b'"),
    (BASE, "name: study", "name: study\nverdicts: 3", 2, 11, "must be a mapping (key: value), not 3"),
    # ranges
    (BASE, "replicates: 100", "replicates: 0", 2, 13, "replicates: must be at least 1, not 0"),
    (BASE, "name: study", "name: study\nblock: 0", 2, 8, "block: must be at least 1, not 0"),
    (BASE, "name: study", "name: study\nseed: -1", 2, 7, "seed: must be at least 0, not -1"),
    (BASE, "name: study", "name: study\nlevel: 1", 2, 8, "level: must be between 0 and 1, as 0.95, not 1"),
    (BASE, "name: study", "name: study\nlevel: 0", 2, 8, "level: must be between 0 and 1, as 0.95, not 0"),
    (BASE, "name: study", "name: study\nverdicts: {margin: 0}", 2, 20, "verdicts.margin: must be positive"),
    (BASE, "sigma2: 20", "sigma2: -3", 7, 11, "population.sigma2: must be positive, not -3"),
    (BASE, "sigma2: 20", "sigma2: 0", 7, 11, "must be positive, not 0"),
    (BASE, "clusters: 40", "clusters: 1", 4, 13, "must be at least 2, for a sector has two level-2 coefficients"),
    (BASE, "mean: 30", "mean: 0", 8, 39, "cluster_sizes.mean: must be positive, not 0"),
    (BASE, "mean: 30", "mean: 30, minimum: 0", 8, 52, "cluster_sizes.minimum: must be at least 1, not 0"),
    (BASE, "{law: poisson, mean: 30}", "{law: fixed, size: 0}", 8, 37, "must be at least 1, not 0"),
    (BASE, "sigma2: 20", "sigma2: 20\n  x: {within_sd: 0}", 8, 18, "x.within_sd: must be positive, not 0"),
    (BASE, "sigma2: 20", "sigma2: 20\n  x: {between_sd: -1}", 8, 19, "must be at least 0, not -1"),
    (BASE, "sigma2: 20", "sigma2: 20\n  x: {law: student-t, df: 2}", 8, 27, "must be greater than 2, not 2"),
    (BASE, "sigma2: 20", "sigma2: 20\n  errors: {law: student-t}", 8, 3, "errors.df: is required"),
    (BASE, "sigma2: 20", "sigma2: 20\n  errors: {law: normal, df: 5}", 8, 25, "errors.df: unknown key"),
    # G
    (BASE, "[[16, 8], [8, 25]]", "[[16, 8], [7, 25]]", 6, 6, "entry (1, 2) is 8 and entry (2, 1) is 7"),
    (BASE, "[[16, 8], [8, 25]]", "[[16, 21], [21, 25]]", 6, 6, "has the eigenvalue -0.9"),
    (BASE, "[[16, 8], [8, 25]]", "[[0, 1], [1, 0]]", 6, 6, "has the eigenvalue -1"),
    (BASE, "[[16, 8], [8, 25]]", "[[16, 0], [0, -25]]", 6, 6, "entry (2, 2) is a variance, not -25"),
    (BASE, "[[16, 8], [8, 25]]", "[[16]]", 6, 6, "must be a 2 × 2 matrix such as"),
    (BASE, "[[16, 8], [8, 25]]", "16", 6, 6, "must be a 2 × 2 matrix such as"),
    # names: keys, values, estimators
    (BASE, "sigma2: 20", "sigma: 20", 7, 3, "population.sigma: unknown key; did you mean 'sigma2'?"),
    (BASE, "name: study", "name: study\nxyzzy: 1", 2, 1, "unknown key; the keys here are "),
    (BASE, "mean: 30", "mean: 30, minimun: 2", 8, 43, "did you mean 'minimum'?"),
    (BASE, "name: study", "name: study\nscheme: new-cluster", 2, 9, "must be new-clusters or same-clusters, not 'new-cluster'; did you mean 'new-clusters'?"),
    (BASE, "law: poisson", "law: poison", 8, 24, "one of poisson, fixed, list, data, not 'poison'; did you mean 'poisson'?"),
    (BASE, "law: poisson", "law: [1]", 8, 24, "one of poisson, fixed, list, data, not [1]"),
    (BASE, "name: study", "name: study\nestimators: [pooled, hml]", 2, 22, "unknown estimator 'hml'; did you mean 'hlm'?"),
    (BASE, "name: study", "name: study\nestimators: []", 2, 13, "must not be empty"),
    (BASE, "name: study", "name: study\nestimators: [hlm, hlm]", 2, 19, "repeats 'hlm'"),
    (BASE, "name: study", "name: study\nverdicts: {more_clusters: clusters}", 2, 27, "no such path 'clusters'; did you mean 'population.clusters'?"),
    (BASE, "name: study", "name: study\nverdicts: {efficiency: [population.g]}", 2, 25, "did you mean 'population.G'?"),
    # numbers whose squares no computer holds
    (BASE, "sigma2: 20", "sigma2: 20\n  x: {within_sd: 1e-200}", 8, 18, "population.x.within_sd: 1e-200 is too near to 0: below 1e-150 its square is too small"),
    (BASE, "sigma2: 20", "sigma2: 20\n  x: {within_sd: 1e200}", 8, 18, "population.x.within_sd: 1e+200 is too large: above 1e+150 its square is too large"),
    (BASE, "sigma2: 20", "sigma2: 20\n  x: {between_sd: 1e200}", 8, 19, "population.x.between_sd: 1e+200 is too large"),
    (BASE, "sigma2: 20", "sigma2: 20\n  x: {law: uniform, mean: -1e200}", 8, 27, "population.x.mean: -1e+200 is too large"),
    (BASE, "sigma2: 20", "sigma2: 1e-320", 7, 11, "population.sigma2: 1e-320 is too near to 0"),
    (BASE, "sigma2: 20", "sigma2: 1e308", 7, 11, "population.sigma2: 1e+308 is too large"),
    (BASE, "[8, 25]", "[8, 1e300]", 6, 20, "population.G.1.1: 1e+300 is too large"),
    (BASE, "[12, 2]", "[12, 1e308]", 5, 15, "population.gamma.1: 1e+308 is too large"),
    (BASE, "[12, 2]", "[12, 2]\n  beta_between: 1e300", 6, 17, "population.beta_between: 1e+300 is too large"),
    (BASE + "grid: {population.sigma2: [1, 1e-200]}", "1e-200", "1e-200", 9, 31, "population.sigma2.1: 1e-200 is too near to 0"),
    # tests
    (BASE, "name: study", "name: study\ntests: {names: [random_slop]}", 2, 17, "unknown test 'random_slop'; did you mean 'random_slope'?"),
    (BASE, "name: study", "name: study\ntests: {names: [xyzzy]}", 2, 17, "tests.names.0: unknown test 'xyzzy'; known are random_slope, fixed_slope"),
    (BASE, "name: study", "name: study\ntests: {names: [fixed_slope, fixed_slope]}", 2, 30, "repeats 'fixed_slope'"),
    (BASE, "name: study", "name: study\ntests: {names: []}", 2, 16, "must not be empty"),
    (BASE, "name: study", "name: study\ntests: {draws: 99}", 2, 1, "tests.names: is required"),
    (BASE, "name: study", "name: study\ntests: {names: [fixed_slope], draw: 99}", 2, 31, "tests.draw: unknown key; did you mean 'draws'?"),
    (BASE, "name: study", "name: study\ntests: {names: [fixed_slope], draws: 0}", 2, 38, "tests.draws: must be at least 1, not 0"),
    (BASE, "name: study", "name: study\ntests: {names: [fixed_slope], stop: 200}", 2, 37, "tests.stop: must be at most draws, 199, not 200"),
    (BASE, "name: study", "name: study\ntests: [fixed_slope]", 2, 8, "must be a mapping (key: value), not [fixed_slope]"),
    (BASE + "grid: {tests.draws: [9]}", "[9]", "[9]", 9, 8, "cannot be swept"),
    # what is missing or too much
    (BASE, "name: study\n", "", 1, 1, "name: is required"),
    (BASE, "  sigma2: 20\n", "", 3, 1, "population.sigma2: is required"),
    (BASE, "  clusters: 40\n", "", 3, 1, "population.clusters: is required, unless"),
    (BASE, "  cluster_sizes: {law: poisson, mean: 30}\n", "", 3, 1, "population.cluster_sizes: is required, unless"),
    (BASE, "gamma: [12, 2]", "gamma: [12]", 5, 10, "has no γ_1: give two entries, or beta_within"),
    (BASE, "gamma: [12, 2]", "gamma: [12, 2]\n  beta_within: 3", 6, 16, "is 3, but gamma says γ_1 = 2; shorten gamma to [12]"),
    (FROM_DATA, "  sigma2: 20", "  sigma2: 20\n  clusters: 40", 7, 3, "must be left out: the clusters are the data's"),
    (FROM_DATA, "  sigma2: 20", "  sigma2: 20\n  cluster_sizes: {law: fixed, size: 3}", 7, 3, "must be left out: x from data"),
    (FROM_DATA, "column: ses, ", "", 7, 3, "population.x.column: is required"),
    (BASE, "{law: poisson, mean: 30}", "{law: data, data: hs, cluster: school}", 4, 3, "must be left out: the clusters are the data's"),
    (BASE, "gamma: [12, 2]", "gamma: [12, 2]\n  generator: m:f", 4, 3, "a population with a generator has no clusters, gamma, G, sigma2, cluster_sizes"),
    # sectors
    (BASE, "gamma: [12, 2]", "gamma: {a: [1, 2]}", 5, 3, "is given per sector, but there are no sectors"),
    (FROM_DATA, ", sector: sector", "", 4, 3, "is given per sector, but there are no sectors"),
    (SECTORS, "gamma: {Public", "gamma: {Pubic", 5, 11, "gamma.Pubic: unknown sector; did you mean 'Public'?"),
    (SECTORS, "gamma: {Public: [12, 2], ", "gamma: {", 5, 3, "has no value for the sector 'Public'"),
    (SECTORS, "Catholic: 4,", "Catholic: 4, Other: 3,", 6, 31, "unknown sector; the sectors are Catholic, Public"),
    (SECTORS, "Catholic: 3,", "Catholic: 1,", 4, 24, "clusters.Catholic: must be at least 2"),
    (SECTORS, "[14, 1]", "[14]", 5, 38, "gamma.Catholic: has no γ_1"),
    (SECTORS, "  sigma2: 20", "  sigma2: 20\n  beta_within: {Catholic: 1, Public: 3}", 9, 38, "beta_within.Public: is 3"),
    (SECTORS, "sizes: [1, 2, 3, 4, 5]", "sizes: [1, 2]", 9, 37, "must have one size per cluster: 5, not 2"),
    (SECTORS, "sizes: [1, 2, 3, 4, 5]", "sizes: [1, 2, 0, 4, 5]", 9, 44, "sizes.2: must be at least 1, not 0"),
    (SECTORS, "{Catholic: 3, Public: 2}", "{}", 4, 13, "must not be empty"),
    (SECTORS, "{Catholic: 3,", "{'': 3,", 4, 14, "population.clusters.'': must not be empty"),
    # YAML
    (BASE, "sigma2: 20", "sigma2: 20\n  sigma2: 30", 8, 3, "population.sigma2: is given twice, first in line 7"),
    (BASE, "sigma2: 20", "sigma2: !!float 20", 7, 11, "a tag (!) has no meaning here"),
    (BASE, "sigma2: 20", "sigma2: !!python/object/apply:os.system [ls]", 7, 11, "a tag (!)"),
    (BASE, "name: study", "%YAML 1.1\n---\nname: study", 2, 1, "a directive (%)"),
    (BASE, "sigma2: 20", "sigma2: [20", 8, 16, "is not valid YAML"),
    (BASE, "sigma2: 20", "\tsigma2: 20", 7, 3, "is not valid YAML: a tab; indent with spaces"),
    (BASE, "name: study", "name: *study", 1, 7, "undefined alias"),
    (BASE, "name: study", "name: study\n? [a]\n: b", 2, 3, "a key must be a single word"),
    (BASE, "name: study", "name: study\nseed: " + "9" * 5000, 2, 7, "seed: is a number too long to read"),
    ("name: a\n---\nname: b\n", "a\n", "a\n", 2, 1, "another document"),
    ("- name\n", "name", "name", 1, 1, "must be a mapping at the top"),
    ("text\n", "text", "text", 1, 1, "must be a mapping at the top"),
    # grids
    (BASE + "grid: {}", "grid: {}", "grid: {}", 9, 7, "grid: must not be empty"),
    (BASE + "grid: []", "grid: []", "grid: []", 9, 7, "grid: must not be empty"),
    (BASE + "grid: [{}]", "[{}]", "[{}]", 9, 8, "must not be empty"),
    (BASE + "grid: 3", "grid: 3", "grid: 3", 9, 7, "must be a list, not 3"),
    (BASE + "grid: {scheme: []}", "[]", "[]", 9, 16, "must not be empty"),
    (BASE + "grid: {draw: rows}", "rows", "rows", 9, 14, "must be a list, not 'rows'"),
    (BASE + "grid: {seed: [1]}", "[1]", "[1]", 9, 8, "cannot be swept; sweep scheme, draw"),
    (BASE + "grid: {verdicts.margin: [1]}", "[1]", "[1]", 9, 8, "cannot be swept"),
    (BASE + "grid: {population.sigma: [1]}", "[1]", "[1]", 9, 8, "no such path; did you mean 'population.sigma2'?"),
    (BASE + "grid: {sigma2: [1]}", "[1]", "[1]", 9, 8, "did you mean 'population.sigma2'?"),
    (BASE + "grid: {population.x.beetween_sd: [1]}", "[1]", "[1]", 9, 8, "did you mean 'population.x.between_sd'?"),
    (BASE + "grid: {population.clusters.a: [3]}", "[3]", "[3]", 9, 8, "no such path"),
    (BASE + "grid: {population.sigma2: [1, 2, 1.0]}", "1.0", "1.0", 9, 34, "repeats the level number 1"),
    (BASE + "grid: {population.sigma2: {a: 1, b: 1}}", "b: 1", "b: 1", 9, 37, "repeats the level a"),
    (BASE + "grid: {population.errors: [{law: normal}, {}]}", "{}", "{}", 9, 43, "repeats the level number 1"),
    (BASE + "grid: {population.sigma2: [1, -1]}", "-1", "-1", 9, 31, "grid.population.sigma2.1: must be positive"),
    (BASE + "grid: {population.x: {a: {mean: b}}}", "b}", "b}", 9, 33, "grid.population.x.a.mean: must be a number"),
    (BASE + "grid:\n  - scheme: [new-clusters, old]", "old", "old", 10, 28, "must be new-clusters or same-clusters"),
    (BASE + "grid:\n  - population.G:\n      bad: [[1]]", "[[1]]", "[[1]]", 11, 12, "2 × 2 matrix"),
    (BASE + "grid: {population.x.mean: [3], population.x: [{}]}", "[3]", "[3]", 9, 8, "lies inside population.x, which is swept"),
    (BASE + "grid: [{population.sigma2: {a: 1}}, {population.sigma2: {a: 2}}]", "a: 2", "a: 2", 9, 58, "names another value"),
    (BASE + "grid: {population.errors.law: [student-t]}", "student-t", "student-t", 9, 32, "does not fit: population.errors.df is required"),
    (SECTORS + "grid: {population.clusters.Public: [2, 3]}", ", 3]", ", 3]", 10, 40, "does not fit: population.cluster_sizes.sizes must have one size"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "old", "new", "line", "column", "phrase"), REFUSED)
def test_refusals_name_place_and_cause(text, old, new, line, column, phrase):
    messages = problems(changed(text, old, new), **NAMES)
    here = [str(p) for p in messages if (p.line, p.column) == (line, column) and phrase in str(p)]
    assert here, f"{phrase!r} at {line}:{column} is not among\n" + "\n".join(map(str, messages))
    assert here[0].startswith(f"f.yaml:{line}:{column}: ")


@pytest.mark.parametrize("text", [BASE, SECTORS, FROM_DATA, FULL])
def test_control_valid_texts_have_no_problem(text):
    loads(text, **NAMES)


def test_one_mistake_is_one_problem():
    for text, old, new, *_ in REFUSED:
        messages = problems(changed(text, old, new), **NAMES)
        assert len(messages) == 1, "\n".join(map(str, messages))


def test_all_problems_at_once_in_the_order_of_the_file():
    text = """\
name: bad name
replicates: 0
population:
  clusters: 1
  gamma: [12]
  G: [[16, 80], [80, 25]]
  sigma: 20
  cluster_sizes: {law: poisson, mean: 30}
grid:
  - {population.sigm2: [1]}
  - {population.x.within_sd: [1, 0]}
"""
    places = [(p.line, p.field) for p in problems(text)]
    assert places == [
        (1, "name"),
        (2, "replicates"),
        (4, "population.clusters"),
        (5, "population.gamma"),
        (6, "population.G"),
        (7, "population.sigma"),
        (10, "grid.0.population.sigm2"),
        (11, "grid.1.population.x.within_sd.1"),
    ]


def test_the_error_reads_as_one_line_per_problem():
    with pytest.raises(ConfigError) as caught:
        loads(changed(BASE, "sigma2: 20", "sigma2: -3").replace("100", "0"), "f.yaml")
    assert str(caught.value).splitlines() == [
        "f.yaml:2:13: replicates: must be at least 1, not 0",
        "f.yaml:7:11: population.sigma2: must be positive, not -3",
    ]
    assert pickle.loads(pickle.dumps(caught.value)).problems == caught.value.problems


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
        + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)),
        "a: &a [*a]\n",
        "a: &a {b: *a}\n",
        "a: " + "[" * 30 + "]" * 30,
        "[" * 5000,
    ],
)  # fmt: skip
def test_bombs_are_refused(text):
    (problem,) = problems(text)
    assert "too many values" in problem.message or "too deeply" in problem.message


@pytest.mark.parametrize(
    ("content", "phrase"),
    [
        (b"", "is empty"),
        (b"# nothing\n", "is empty"),
        (b"\xff\xfe\x00", "is not a text file in UTF-8"),
        (b"name: \x00\x01", "is not a text file"),
    ],
)
def test_files_without_a_study(tmp_path, content, phrase):
    path = tmp_path / "study.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=phrase) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value).splitlines()) == 1


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        load(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="is a folder"):
        load(tmp_path)
    with pytest.raises(ConfigError, match="cannot be read"):
        load("a\0b")


# --- a study as a value -----------------------------------------------------------------------


def test_a_study_remembers_its_origin_but_is_not_its_origin(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(BASE, encoding="utf-8-sig")
    study = load(path)
    assert (study.base_dir, study.text, study.file) == (tmp_path, BASE, str(path))
    assert study == loads(BASE)
    assert hash(study) == hash(loads(BASE))
    assert study.to_json() == loads(BASE).to_json()
    assert study.replace(seed=5).base_dir == tmp_path
    assert pickle.loads(pickle.dumps(study)).base_dir == tmp_path


def test_replace_validates_again():
    study = loads(BASE)
    assert study.replace(seed=0, replicates=7).replicates == 7
    assert study.replicates == 100
    with pytest.raises(ConfigError, match="replicates: must be at least 1, not 0"):
        study.replace(replicates=0)
    with pytest.raises(ConfigError, match="did you mean 'replicates'"):
        study.replace(replicate=3)


def test_a_study_cannot_change():
    study = loads(SECTORS)
    with pytest.raises(ValueError, match="frozen"):
        study.seed = 3
    with pytest.raises(TypeError):
        study.population.clusters["Public"] = 3
    assert study != loads(changed(SECTORS, "replicates: 100", "replicates: 101"))


def test_order_of_sectors_is_part_of_a_study():
    other = changed(SECTORS, "{Catholic: 3, Public: 2}", "{Public: 2, Catholic: 3}")
    assert loads(other).population.sectors == ("Public", "Catholic")
    assert loads(other) != loads(SECTORS)
    assert Study.from_json(loads(other).to_json()).population.sectors == ("Public", "Catholic")


def test_order_of_coefficients_is_not():
    other = changed(SECTORS, "{Catholic: 4, Public: 5}", "{Public: 5, Catholic: 4}")
    assert loads(other).to_json() == loads(SECTORS).to_json()


def test_numbers_are_normalised():
    floats = changed(changed(BASE, "[12, 2]", "[12.0, 2.0]"), "sigma2: 20", "sigma2: 2.0e+1")
    assert loads(floats).to_json() == loads(BASE).to_json()
    negative = changed(BASE, "[[16, 8], [8, 25]]", "[[16, -0.0], [0, 25]]")
    assert loads(negative).to_json() == loads(negative.replace("-0.0", "0")).to_json()


def test_json_is_canonical():
    text = loads(FULL).to_json()
    assert json.dumps(json.loads(text), separators=(",", ":")) == text
    assert list(json.loads(text)) == sorted(json.loads(text))
    assert text.isascii()


@pytest.mark.parametrize("text", ["{", "[]", '{"name": "a"}', "[" * 100_000])
def test_from_json_refuses(text):
    with pytest.raises(ConfigError):
        Study.from_json(text)


finite = st.floats(-1e6, 1e6).map(lambda v: round(v, 9)) | st.integers(-1000, 1000)
positive = st.floats(1e-3, 1e6) | st.integers(1, 1000)
standard_laws = st.sampled_from(["normal", "uniform", "exponential"]).map(lambda law: {"law": law})
laws = standard_laws | st.floats(2.01, 50).map(lambda df: {"law": "student-t", "df": df})
sector_names = st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=3, unique=True)


@st.composite
def populations(draw):
    """A valid population, written as a file would write it."""
    a, b = (round(draw(st.floats(least, 5)), 9) for least in (0, -5))
    sectors = draw(st.none() | sector_names)

    def per_sector(values):
        one = draw(values)
        return one if sectors is None else {sector: draw(values) for sector in sectors}

    written = {
        "clusters": per_sector(st.integers(2, 100)),
        "gamma": per_sector(st.tuples(finite, finite).map(list)),
        "G": [[a * a, a * b], [a * b, b * b]],
        "sigma2": draw(positive),
        "cluster_sizes": draw(
            st.builds(lambda n: {"law": "fixed", "size": n}, st.integers(1, 50))
            | st.builds(lambda m: {"law": "poisson", "mean": m}, positive)
        ),
    }
    optional = {
        "beta_between": lambda: per_sector(finite),
        "context": lambda: draw(st.sampled_from(["sample-mean", "latent-mean"])),
        "x": lambda: draw(laws) | {"between_sd": draw(positive)},
        "errors": lambda: draw(laws),
        "random_effects": lambda: draw(laws),
    }
    chosen = draw(st.sets(st.sampled_from(sorted(optional))))
    return written | {name: optional[name]() for name in sorted(chosen)}


@st.composite
def studies(draw):
    """A valid study, written as a file would write it."""
    sweeps = {
        "population.sigma2": st.lists(positive, min_size=1, max_size=3, unique=True),
        "population.x.between_sd": st.lists(positive, min_size=1, max_size=2, unique=True),
        "scheme": st.just({"b": "same-clusters", "a": "new-clusters"}),
    }
    factorial = st.sets(st.sampled_from(sorted(sweeps)), min_size=1).flatmap(
        lambda names: st.fixed_dictionaries({name: sweeps[name] for name in sorted(names)})
    )
    written = {
        "name": draw(st.from_regex(r"[A-Za-z0-9_-]{1,9}", fullmatch=True)),
        "seed": draw(st.integers(0, 2**70)),
        "replicates": draw(st.integers(1, 10**6)),
        "level": draw(st.floats(0.01, 0.99)),
        "population": draw(populations()),
    }
    grid = draw(st.none() | factorial | st.just([{"scheme": ["new-clusters", "same-clusters"]}]))
    return written if grid is None else written | {"grid": grid}


@settings(max_examples=60, deadline=None)
@given(studies())
def test_json_round_trip(written):
    study = Study.model_validate(written)
    again = Study.from_json(study.to_json())
    assert again == study
    assert hash(again) == hash(study)
    assert again.to_json() == study.to_json()


@settings(max_examples=60, deadline=None)
@given(populations())
def test_filling_is_idempotent_and_changes_no_coefficient(written):
    population = Population.model_validate(written)
    filled = population.filled()
    assert filled.filled() == filled
    for sector in population.sectors:
        for coefficient in ("gamma0", "within", "between"):
            assert getattr(filled, coefficient)(sector) == getattr(population, coefficient)(sector)


@settings(max_examples=150, deadline=None)
@given(st.text() | st.text(alphabet="abn:{}[],-&*!%?'\"#|>\n \t01.", max_size=60))
def test_any_text_is_read_or_refused(text):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for whole in (text, BASE + text, BASE + "grid: " + text):
            with suppress(ConfigError):
                loads(whole)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(
        ["clusters", "gamma", "G", "sigma2", "cluster_sizes", "x", "errors", "context"]
    ),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["law", "mean", "size", "df", "a"]), inner, max_size=3
            )
        ),
        max_leaves=6,
    ),
)
def test_any_value_is_taken_or_refused(field, value):
    study = loads(BASE)
    raw = json.loads(study.to_json())
    for changes in (
        {"population": raw["population"] | {field: value}},
        {"grid": {f"population.{field}": [value]}},
        {"grid": value},
    ):
        with suppress(ConfigError):
            study.replace(**changes)


# --- the rest ---------------------------------------------------------------------------------


def test_frozen_map():
    one, two = FrozenMap({"a": 1, "b": 2}), FrozenMap({"b": 2, "a": 1})
    assert one != two
    assert one == {"b": 2, "a": 1}
    assert FrozenMap.by_name(two) == one
    assert hash(FrozenMap.by_name(two)) == hash(one)
    assert pickle.loads(pickle.dumps(one)) == one


def test_schema_describes_every_field():
    described = schema()
    assert described["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert set(described["required"]) == {"name", "replicates", "population"}
    sections = [described, *described["$defs"].values()]
    for section in sections:
        assert section["additionalProperties"] is False
        for name, field in section["properties"].items():
            assert field.get("description"), f"{section['title']}.{name}"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_configs_are_valid(path):
    assert load(path).name == path.stem


def test_slides_example():
    study = load(CONFIGS / "slides_example.yaml")
    population = study.population
    assert study.replicates == 2000
    assert (population.clusters, population.gamma, population.sigma2) == (40, (12, 2), 20)
    assert population.G == ((16, 8), (8, 25))
    assert population.cluster_sizes == PoissonSizes(mean=30)
    assert population.x == COVARIATES["normal"]()
