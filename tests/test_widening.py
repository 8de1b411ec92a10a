"""A store gets more estimators and tests: each is computed for the replicates that are there.

What comes out is compared, bit for bit, with a study that was run with all of them at once: every
variable but the times, and every attribute but the date.
"""

import shutil
import sys

import numpy as np
import pytest
from kill_cases import same
from test_own import HERE, SMALL

import simlab
from simlab.cli.diff import diff
from simlab.config import Study
from simlab.custom.addresses import locate_object
from simlab.results import Missing, ReplicateResults, StoreError, StoreWarning, open_store
from simlab.results.earlier import EARLIER, Earlier

pytestmark = pytest.mark.slow

FEW = ("two_stage", "mine:ols")
MANY = ("pooled", "two_stage", "hlm", "mine:ols", "mine:random", "mine:sometimes")
GRID = {"population.sigma2": [4, 9]}


def a_study(*estimators, folder=HERE, **fields):
    raw = {"name": "wide", "replicates": 20, "block": 8, "seed": 3, "grid": GRID}
    population = SMALL | {"gamma": [0, 2]}
    raw |= {"population": population, "estimators": list(estimators), **fields}
    return Study.model_validate(raw).origin("", "", folder)


@pytest.fixture(scope="module")
def at_once():
    return simlab.run(a_study(*MANY), jobs=1)


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """A finished store of few estimators, to be copied."""
    path = tmp_path_factory.mktemp("few") / "r"
    simlab.run(a_study(*FEW), out=path, jobs=1)
    return path


@pytest.fixture
def store(few, tmp_path):
    return shutil.copytree(few, tmp_path / "r")


class Interrupted(Exception):
    pass


class StopAfter:
    """A progress that ends the run after some blocks; counts them."""

    def __init__(self, blocks=None):
        self.blocks, self.seen = blocks, 0

    def start(self, replicates, done):
        pass

    def advance(self, replicates, failures):
        self.seen += 1
        if self.seen == self.blocks:
            raise Interrupted


def interrupted(blocks, **run):
    with pytest.raises(Interrupted):
        simlab.run(jobs=1, progress=StopAfter(blocks), **run)


# ---------------------------------------------------------------- the same numbers


@pytest.mark.parametrize(("jobs", "backend"), [(1, None), (2, None), (2, "loky")])
def test_estimators_are_added_bit_for_bit(store, at_once, jobs, backend):
    before = simlab.open_dataset(store)
    s = a_study(*MANY)
    with pytest.raises(StoreError, match="--extend computes what is new and keeps the rest"):
        simlab.run(s, out=store, jobs=1)
    ds = simlab.run(s, out=store, extend=True, jobs=jobs, backend=backend)
    assert same(ds, at_once) == []
    assert same(simlab.open_dataset(store), at_once) == []
    both = ds.sel(estimator=list(FEW), term=before.term)
    for name in ("estimate", "std_error", "df", "status", "upper", "p_value"):
        assert both[name].values.tobytes() == before[name].values.tobytes()
    assert not (store / EARLIER).exists()
    assert "messages" in ds.attrs  # of `sometimes`, which fails now and then
    assert same(before, at_once) != []  # control


def test_everything_is_added_at_once(store, capsys, tmp_path):
    tests = {"names": ["random_intercept", "fixed_slope"], "draws": 19}
    fields = {"replicates": 33, "grid": {"population.sigma2": [1, 9, 4]}, "tests": tests}
    s = a_study("mine:sometimes", "hlm_contextual", *FEW, **fields)
    whole = simlab.run(s, jobs=1, out=tmp_path / "whole")
    assert same(simlab.run(s, out=store, extend=True, jobs=1), whole) == []
    assert diff(store, tmp_path / "whole") == 0
    assert "every number is the same, bit for bit" in capsys.readouterr().out


def test_tests_alone_are_added(store):
    s = a_study(*FEW, tests={"names": ["random_intercept"], "draws": 19})
    assert same(simlab.run(s, out=store, extend=True, jobs=1), simlab.run(s, jobs=1)) == []
    more = a_study(*FEW, tests={"names": ["fixed_slope", "random_intercept"], "draws": 19})
    assert same(simlab.run(more, out=store, extend=True, jobs=1), simlab.run(more, jobs=1)) == []
    other = a_study(*FEW, tests={"names": ["fixed_slope", "random_intercept"], "draws": 39})
    with pytest.raises(StoreError, match=r"changes nothing else \(tests.draws\)"):
        simlab.run(other, out=store, extend=True, jobs=1)


def test_another_order_is_the_same_study(store):
    s = a_study(*reversed(FEW), "mine:random")
    again = a_study("mine:random", *FEW)
    assert same(simlab.run(s, out=store, extend=True, jobs=1), simlab.run(s, jobs=1)) == []
    assert same(simlab.run(again, out=store, extend=True, jobs=1), simlab.run(again, jobs=1)) == []


def test_a_study_sampled_until_it_is_known_goes_on_with_what_is_known_least(tmp_path):
    until = {"until": {"measure": "coverage", "mcse": 0.07}, "min": 16, "max": 400}
    first = simlab.run(a_study("pooled", replicates=until), out=tmp_path / "r", jobs=1)
    s = a_study("pooled", "two_stage", "mine:ols", replicates=until)
    ds = simlab.run(s, out=tmp_path / "r", extend=True, jobs=1)
    assert same(ds, simlab.run(s, jobs=1)) == []
    assert ds.attrs["replicates_done"] >= first.attrs["replicates_done"]


def test_generated_populations_are_drawn_again(tmp_path):
    fields = {"population": "mine:unlucky", "grid": {"population.parameters.share": [0.1, 0.3]}}
    simlab.run(a_study("pooled", **fields), out=tmp_path / "r", jobs=1)
    s = a_study("pooled", "two_stage", "mine:random", **fields)
    ds = simlab.run(s, out=tmp_path / "r", extend=True, jobs=1)
    assert same(ds, simlab.run(s, jobs=1)) == []
    warned = {"population": "warns:draws", "grid": None}
    simlab.run(a_study("warns:quiet", **warned), out=tmp_path / "w", jobs=1)
    s = a_study("warns:quiet", "warns:sometimes", **warned)
    ds = simlab.run(s, out=tmp_path / "w", extend=True, jobs=1)
    assert same(ds, simlab.run(s, jobs=1)) == []


def test_what_is_there_is_not_computed_again(tmp_path):
    (tmp_path / "counting.py").write_text(
        "CALLS = []\n\n\ndef one(df):\n    CALLS.append(1)\n    return {'slope': 1.0}\n\n\n"
        "def other(df):\n    return {'slope': 2.0}\n"
    )
    simlab.run(a_study("counting:one", folder=tmp_path), out=tmp_path / "r", jobs=1)
    module = sys.modules[locate_object("counting:one", tmp_path).load().__module__]
    assert len(module.CALLS) == 40
    s = a_study("counting:one", "counting:other", folder=tmp_path)
    simlab.run(s, out=tmp_path / "r", extend=True, jobs=1)
    assert len(module.CALLS) == 40
    simlab.run(s, jobs=1)
    assert len(module.CALLS) == 80  # control: a fresh run calls it


# ---------------------------------------------------------------- interruptions


def test_an_interrupted_extension_goes_on_by_the_same_command(store, at_once):
    s = a_study(*MANY)
    interrupted(2, study=s, out=store, extend=True)
    assert (store / EARLIER).is_dir()
    assert open_store(store).done.sum() == 2
    assert int(simlab.open_dataset(store).attrs["replicates_done"]) == 16
    rest = StopAfter()
    ds = simlab.run(s, out=store, jobs=1, progress=rest)
    assert rest.seen == 4
    assert same(ds, at_once) == []
    assert not (store / EARLIER).exists()


def test_an_extension_is_extended_before_it_is_finished(store, at_once):
    interrupted(1, study=a_study("pooled", *FEW), out=store, extend=True)
    interrupted(2, study=a_study("pooled", "hlm", *FEW), out=store, extend=True)
    earlier = Earlier.of(store, open_store(store).schema)
    assert [len(one.schema.estimators) for one in earlier._stores] == [3, 2]
    assert earlier.missing(0, 0) == Missing(("hlm",), ())
    assert earlier.missing(1, 2) == Missing(("pooled", "hlm"), ())
    assert same(simlab.run(a_study(*MANY), out=store, extend=True, jobs=1), at_once) == []


def test_an_unfinished_extension_gets_more_replicates(store):
    interrupted(2, study=a_study(*MANY), out=store, extend=True)
    s = a_study(*MANY, replicates=30)
    whole = simlab.run(s, jobs=1)
    longer = simlab.run(s, out=store, extend=True, jobs=1)
    assert same(longer, whole) == []


def test_an_unfinished_study_is_extended(tmp_path, at_once):
    interrupted(3, study=a_study(*FEW), out=tmp_path / "r")
    assert same(simlab.run(a_study(*MANY), out=tmp_path / "r", extend=True, jobs=1), at_once) == []


def test_a_removal_that_was_broken_off_is_finished(store, at_once):
    simlab.run(a_study(*MANY), out=store, extend=True, jobs=1)
    (store / "earlier.gone" / "estimate").mkdir(parents=True)
    assert same(simlab.run(a_study(*MANY), out=store, jobs=1), at_once) == []
    assert not (store / "earlier.gone").exists()


def test_damage_to_what_was_there_is_mended(store, at_once):
    interrupted(1, study=a_study(*MANY), out=store, extend=True)
    (file,) = (store / EARLIER / "estimate").glob("c.1.2.*")
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.warns(StoreWarning, match="1 damaged block is run again"):
        ds = simlab.run(a_study(*MANY), out=store, jobs=1)
    assert same(ds, at_once) == []


def test_what_was_there_and_cannot_be_read_is_computed_anew(store, at_once):
    interrupted(1, study=a_study(*MANY), out=store, extend=True)
    (store / EARLIER / "zarr.json").write_text("{")
    with pytest.warns(StoreWarning, match="what it had is run again"):
        ds = simlab.run(a_study(*MANY), out=store, jobs=1)
    assert same(ds, at_once) == []


# ---------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("estimators", "text"),
    [
        (("mine:ols",), r"changes nothing else \(estimators"),
        (("hlm", "mine:ols"), r"changes nothing else \(estimators"),
        (("two_stage", "mine:ols_"), "mine has no 'ols_'"),
    ],
)
def test_estimators_that_are_taken_away_are_refused(store, estimators, text):
    before = simlab.open_dataset(store)
    with pytest.raises(Exception, match=text):
        simlab.run(a_study(*estimators), out=store, extend=True, jobs=1)
    assert same(simlab.open_dataset(store), before) == []


SOURCE = """\
import numpy as np

HALF = 0.5


def helper(x):
    return x * HALF


def one(df):
    return {"slope": helper(np.mean(df.y))}
"""


@pytest.mark.parametrize(
    ("change", "accepted"),
    {
        "a function more": (lambda s: s + "\n\ndef two(df):\n    return {'slope': 2.0}\n", True),
        "a comment": (lambda s: s.replace("HALF = 0.5", "HALF = 0.5  # why"), True),
        "an import more": (lambda s: "import math\n" + s, True),
        "a helper": (lambda s: s.replace("x * HALF", "x / HALF"), False),
        "a constant": (lambda s: s.replace("0.5", "0.25"), False),
        "the function": (lambda s: s.replace("df.y", "df.x"), False),
        "a name again": (lambda s: s + "\n\ndef helper(x):\n    return x\n", False),
        "a name of Python's": (lambda s: s.replace("np.mean", "abs") + "\nabs = max\n", False),
        "what it does": (lambda s: s + "\nnp.seterr(all='ignore')\n", False),
        "what it reaches": (lambda s: s + "\nnp.mean = np.median\n", False),
    }.values(),
    ids=lambda value: "",
)
def test_a_file_may_get_another_function_and_its_old_ones_may_not_change(
    tmp_path, change, accepted
):
    file = tmp_path / "growing.py"
    file.write_text(SOURCE)
    fields = {"folder": tmp_path, "replicates": 3}
    first = simlab.run(a_study("growing:one", **fields), out=tmp_path / "r", jobs=1)
    file.write_text(change(SOURCE))
    s = a_study("growing:one", "pooled", **fields)
    mean = np.mean
    try:
        if not accepted:
            with pytest.raises(StoreError, match=r"growing:one: [0-9a-f]{12} → [0-9a-f]{12}"):
                simlab.run(s, out=tmp_path / "r", extend=True, jobs=1)
            return
        ds = simlab.run(s, out=tmp_path / "r", extend=True, jobs=1)
    finally:
        np.mean = mean
    one = {"estimator": "growing:one", "term": "slope"}
    np.testing.assert_array_equal(ds.estimate.sel(one), first.estimate.sel(one))


@pytest.mark.parametrize(
    "more",
    [
        {"estimators": ["pooled", *FEW, "mine:random"]},
        {"measures": ["measured:far"]},
        {"tests": {"names": ["fixed_slope"], "draws": 19}},
        {"estimators": ["pooled", *FEW], "measures": ["measured:far"], "replicates": 30},
    ],
    ids="+".join,
)
def test_sums_are_taken_anew_of_all_replicates_and_say_so(tmp_path, more):
    (tmp_path / "measured.py").write_text(MEASURE)
    for module in HERE.glob("*.py"):
        shutil.copy(module, tmp_path)
    fields = {"keep": "measures", "folder": tmp_path, "estimators": [*FEW]}

    def the_study(**fields):
        return a_study(*fields.pop("estimators"), **fields)

    simlab.run(the_study(**fields), out=tmp_path / "r", jobs=1)
    s = the_study(**fields | more)
    whole = simlab.run(s, jobs=1)
    with pytest.raises(StoreError, match="--extend computes what is new and keeps the rest"):
        simlab.run(s, out=tmp_path / "r", jobs=1)
    with pytest.warns(StoreWarning, match="keeps sums, .* drawn again"):
        interrupted(1, study=s, out=tmp_path / "r", extend=True)
    ds = simlab.run(s, out=tmp_path / "r", jobs=1)
    assert same(ds, whole) == []
    assert same(simlab.open_dataset(tmp_path / "r"), whole) == []
    if "measures" in more:
        assert "far" in simlab.measure(ds)


MEASURE = """\
from simlab.measures import Measure, Stream


def each(r):
    return (abs(r.estimate - r.theta) > 1,)


far = Measure(
    name="far",
    long_name="share of the estimates that are more than 1 away",
    units="1",
    definition="P(|θ̂ − θ| > 1)",
    stream=Stream("far", ("estimate", "theta"), each, ((1,),), "target"),
    value=lambda m: m[0],
    slope=lambda m: (1.0,),
)
"""


def test_sums_of_more_replicates_keep_what_is_there(tmp_path):
    fields = {"keep": "measures"}
    simlab.run(a_study(*FEW, **fields), out=tmp_path / "r", jobs=1)
    rest = StopAfter()
    longer = a_study(*FEW, replicates=30, **fields)
    simlab.run(longer, out=tmp_path / "r", extend=True, jobs=1, progress=rest)
    assert rest.seen == 4  # two conditions: the last block of each, which was shorter, and one more
    with pytest.raises(StoreError, match=r"changes nothing else \(estimators"):
        simlab.run(a_study("two_stage", replicates=30, **fields), out=tmp_path / "r", extend=True)


def test_a_generator_comes_with_a_condition(tmp_path):
    one = {"generator": "mine:unlucky", "parameters": {"share": 0.1}}
    other = {"generator": "mine:lines", "parameters": {}}
    fields = {"population": one, "grid": {"population": {"one": one}}}
    simlab.run(a_study("pooled", **fields), out=tmp_path / "r", jobs=1)
    fields["grid"] = {"population": {"one": one, "other": other}}
    s = a_study("pooled", **fields)
    assert same(simlab.run(s, out=tmp_path / "r", extend=True, jobs=1), simlab.run(s, jobs=1)) == []


def test_a_measure_is_added_to_replicates_that_are_there(store):
    s = a_study(*FEW, measures=["median_bias"])
    ds = simlab.run(s, out=store, jobs=1)
    assert "median_bias" in simlab.measure(ds)
    assert "median_bias" in simlab.measure(simlab.open_dataset(store))
    s = a_study(*MANY, measures=["median_bias", "robust_se"])
    assert "robust_se" in simlab.measure(simlab.run(s, out=store, extend=True, jobs=1))


def test_a_store_is_read_while_it_is_extended(store):
    interrupted(2, study=a_study(*MANY), out=store, extend=True)
    part = simlab.open_dataset(store)
    assert part.estimator.values.tolist()[:3] == ["pooled", "two_stage", "hlm"]
    done = (part.status >= 0).sum("replicate")
    assert done.values.tolist() == [[16] * 6, [0] * 6]
    assert ReplicateResults.open(store / EARLIER).done.all()
