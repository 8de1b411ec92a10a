"""A damaged study is refused in plain words, or is what its text says (oracles.py reads it too).

Inputs of `experiments/fuzz.py`, which feeds a million; studies made by
hypothesis; studies made to be slow or harmful. Controls: readers that are wrong are found out.
"""

import pathlib
from contextlib import suppress
from itertools import pairwise

import mutation
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import Hang, Misreading, check_study, time_limit

import simlab.config.document as document
from simlab.config import ConfigError, Study, dumps, load, loads
from simlab.config.document import LARGEST, MOST_VALUES
from simlab.config.grid import MOST_CELLS
from simlab.config.reader import ORDER
from simlab.data import DataError
from simlab.design import conditions
from simlab.population import PopulationError

pytestmark = pytest.mark.slow

SECONDS = 60  # a hundred times what the slowest input takes


def one_problem(text):
    with time_limit(SECONDS), pytest.raises(ConfigError) as caught:
        conditions(loads(text))
    (problem,) = caught.value.problems
    return str(problem)


# --- damaged ----------------------------------------------------------------------------------


@pytest.mark.parametrize("block", range(6))
def test_a_damaged_study_is_refused_or_read_as_it_says(block):
    kinds = set()
    for seed in range(100 * block, 100 * (block + 1)):
        with time_limit(SECONDS):
            kinds.add(check_study(mutation.study(seed)))
    assert len(kinds) > 10, "the mutations are all alike"
    assert "valid" in kinds


def test_mutations_are_a_function_of_their_seed():
    assert [mutation.study(seed) for seed in range(20)] == [mutation.study(s) for s in range(20)]
    assert len({mutation.study(seed) for seed in range(100)}) > 60


def test_undamaged_studies_are_valid():
    for text in (mutation.SMALL, mutation.SECTORS, mutation.GRID, mutation.FROM_DATA):
        assert check_study(text) == "valid"
    for path in sorted((mutation.ROOT / "configs").glob("*.yaml")):
        assert check_study(path.read_text(encoding="utf-8")) == "valid"


WORDS = st.one_of(
    st.sampled_from(mutation.SCALARS),
    st.integers().map(str),
    st.floats().map(repr),
    st.text(max_size=8),
    st.from_regex(r"[-+]?[0-9._eExo]{1,8}", fullmatch=True),
)
VALUES = st.recursive(
    WORDS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]"),
        st.lists(st.tuples(WORDS, inner), max_size=3).map(
            lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"
        ),
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(Study.fields() - {"population"})), VALUES)
def test_any_value_in_a_field_of_the_study(name, value):
    with time_limit(SECONDS):
        check_study(f"{mutation.SMALL}{name}: {value}\n")


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(("x", "errors", "beta_between", "context", "random_effects")), VALUES)
def test_any_value_in_a_field_of_the_population(name, value):
    with time_limit(SECONDS):
        check_study(f"{mutation.SMALL}  {name}: {value}\n")


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_any_text(text):
    with time_limit(SECONDS):
        check_study(text)


@pytest.mark.parametrize(
    "spelling", ["0.001", "1e-3", "1E-3", "+1e-03", "1.e-3", ".1e-2", "0.1E-2", "10e-4", "00.001"]
)
def test_one_number_in_many_spellings(spelling):
    study = loads(mutation.SMALL.replace("sigma2: 20", f"sigma2: {spelling}"))
    assert study.population.sigma2 == 0.001
    assert study == loads(mutation.SMALL.replace("sigma2: 20", "sigma2: 0.001"))


@pytest.mark.parametrize(
    "spelling", ["'1e-3'", "1_000", "1:30", "0b11", "1,5", "1e", "0x", "٣", "−3"]
)
def test_what_is_no_number_in_yaml_is_not_taken_for_one(spelling):
    text = mutation.SMALL.replace("sigma2: 20", f"sigma2: {spelling}")
    assert "population.sigma2: must be a number, not '" in one_problem(text)


def test_a_number_with_underscores_is_shown_without():
    text = mutation.SMALL.replace("replicates: 100", "replicates: 100_000")
    assert "not '100_000'; write 100000" in one_problem(text)


# --- made to harm -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.system [x]",
        "!!python/object/new:os.system [x]",
        "!!python/name:os.system",
        "!!python/module:os",
        "!!python/tuple [1, 2]",
        "!!binary aGk=",
        "!!set {a}",
        "!!timestamp 2020-01-01",
        "!!str 3",
        "!!float 3",
        "!local {a: 1}",
        "!<tag:example.org,2000:x> 3",
        "! 3",
    ],
)
def test_tags_are_refused_and_run_nothing(tag, monkeypatch):
    monkeypatch.setattr("os.system", lambda command: pytest.fail("something was executed"))
    assert "a tag (!) has no meaning here" in one_problem(f"{mutation.SMALL}description: {tag}\n")


def test_a_merge_key_is_refused_wherever_it_stands():
    text = mutation.SMALL.replace("clusters: 40", "clusters: {<<: 3, a: 4}")
    assert "a merge key (<<) has no meaning here" in one_problem(text)
    assert "a merge key (<<)" in one_problem(f"{mutation.SMALL}<<: {{seed: 3}}\n")
    quoted = loads(text.replace("<<", "'<<'"))
    assert list(quoted.population.clusters) == ["<<", "a"]


@pytest.mark.parametrize("escape", [r"\ud800", r"\udfff", r"\0", r"\x00"])
def test_escapes_for_no_character_are_refused(escape):
    assert "stands for no character" in one_problem(f'{mutation.SMALL}description: "{escape}"\n')


N = LARGEST - 1000
HEAVY = {
    "many characters": mutation.SMALL + "description: " + "x" * LARGEST,
    "many values": "a:\n" + "- \n" * (MOST_VALUES + 1),
    "keys without end": "{" + "a: {" * (N // 4),
    "lists without end": "a: " + "[" * N,
    "dashes": "- " * (N // 2),
    "question marks": "? " * (N // 2),
    "indents": "".join(" " * i + "a:\n" for i in range(800)),
    "aliases": "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in pairwise("abcdefgh")),
    "a loop": "a: &a {b: *a}\n",
    "conditions": mutation.SMALL
    + f"grid: {{population.clusters: {list(range(2, 102))}, "
    + f"population.sigma2: {list(range(1, 101))}}}",
    "more levels than conditions": mutation.SMALL
    + f"grid: {{population.clusters: {list(range(2, MOST_CELLS + 3))}}}",
    "large conditions": mutation.SMALL.replace("clusters: 40", "clusters: 3000").replace(
        "{law: poisson, mean: 30}", f"{{law: list, sizes: {[3] * 3000}}}"
    )
    + f"grid: {{population.sigma2: {list(range(1, 1001))}}}",
}  # fmt: skip
SAYS = {
    "many characters": "is larger than the 400,000 characters",
    "many values": "too many values, more than 50,000",
    "aliases": "too many values once its aliases are written out",
    "conditions": "grid: has 10,000 conditions; a study has at most 5,000",
    "more levels than conditions": "grid: has 5,001 conditions; a study has at most 5,000",
    "large conditions": "grid: has 1,000 conditions of 3,0",
}


@pytest.mark.parametrize("name", HEAVY)
def test_a_heavy_study_is_refused_with_one_message(name):
    assert SAYS.get(name, "nested too deeply") in one_problem(HEAVY[name])


FLOODS = {
    "unknown keys": mutation.SMALL + "".join(f"k{i}: 1\n" for i in range(2000)),
    "unknown paths": mutation.SMALL + "grid:\n" + "".join(f"  k{i}: [1]\n" for i in range(2000)),
    "wrong entries": mutation.SMALL.replace("poisson, mean: 30", f"list, sizes: {['x'] * 3000}"),
    "wrong sectors": mutation.SMALL.replace(
        "clusters: 40", "clusters: {" + ", ".join(f"s{i}: 2" for i in range(3000)) + "}"
    ),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_of_problems_is_told_in_part(name):
    with time_limit(SECONDS), pytest.raises(ConfigError) as caught:
        loads(FLOODS[name])
    assert len(str(caught.value).splitlines()) <= 101
    assert len(str(caught.value)) < 30_000


def test_too_many_sectors_are_counted():
    with pytest.raises(ConfigError, match="must have at most 100 entries, not 3000"):
        loads(FLOODS["wrong sectors"])


def test_a_long_error_says_how_much_it_leaves_out():
    text = "".join(f"k{i}: 1\nk{i}: 1\n" for i in range(150))
    with pytest.raises(ConfigError) as caught:
        loads(text)
    assert len(caught.value.problems) == 150
    assert str(caught.value).splitlines()[-1] == "… and 50 more problems"


@pytest.mark.skipif(not pathlib.Path("/dev/zero").exists(), reason="no such device here")
def test_a_file_without_end_is_not_read_to_the_end():
    with time_limit(SECONDS), pytest.raises(ConfigError, match="is a device; name a YAML"):
        load("/dev/zero")


# --- written again ----------------------------------------------------------------------------


def test_every_field_is_written():
    assert set(ORDER) == Study.fields()
    study = loads(mutation.GRID)
    assert study.tests is not None
    assert loads(dumps(study)) == study


# --- what comes after -------------------------------------------------------------------------


def test_a_small_study_that_is_valid_is_compiled_or_refused():
    from simlab.runner import prepare

    compiled = 0
    for seed in range(150):
        with time_limit(SECONDS), suppress(ConfigError, PopulationError, DataError):
            study = loads(mutation.study(seed))
            if len(conditions(study)) == 1 and _clusters(study) < 500:
                prepare(study)
                compiled += 1
    assert compiled > 10


def _clusters(study):
    clusters = getattr(study.population, "clusters", None) or 0  # a generator says no number
    return clusters if isinstance(clusters, int) else sum(clusters.values())


# --- controls ---------------------------------------------------------------------------------


def broken(monkeypatch, scalar):
    monkeypatch.setattr(document, "scalar", scalar)


def test_control_a_reader_of_numbers_without_exponents_is_found_out(monkeypatch):
    right = document.scalar
    broken(monkeypatch, lambda word: word if "e" in word.casefold() else right(word))
    with pytest.raises(Misreading, match=r"is '1e-3' where the text says 0\.001"):
        check_study(f"{mutation.SMALL}description: 1e-3\n")


def test_control_a_reader_of_yaml_1_1_is_found_out(monkeypatch):
    right = document.scalar
    broken(monkeypatch, lambda word: int(word, 8) if word == "0777" else right(word))
    with pytest.raises(Misreading, match="is 511 where the text says 777"):
        check_study(mutation.SMALL.replace("replicates: 100", "replicates: 0777"))


def test_control_a_reader_that_leaves_a_field_out_is_found_out():
    def forgetful(text):
        return loads(text).replace(seed=0)

    assert check_study(mutation.SMALL, forgetful) == "valid"
    with pytest.raises(Misreading, match="seed is 0 where the text says 3"):
        check_study(mutation.SECTORS, forgetful)


def test_control_a_traceback_and_a_hang_are_found_out():
    def crashes(text):
        raise KeyError(text)

    def hangs(text):
        while True:
            pass

    with pytest.raises(KeyError):
        check_study(mutation.SMALL, crashes)
    with pytest.raises(Hang), time_limit(0.05):
        check_study(mutation.SMALL, hangs)
