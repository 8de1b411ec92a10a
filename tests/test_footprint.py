"""What will not fit into memory is refused before it starts; what runs out of it is one line."""

import json
import pickle
import sys
import tracemalloc

import numpy as np
import pytest
from kill_cases import same
from results_cases import block_of, fails, schema_of
from study_cases import study

import simlab
from simlab import cli, memory, runner
from simlab.cli.check import summary_lines
from simlab.config import ConfigError, Parallel, Study
from simlab.errors import MOST_WORKERS
from simlab.fitting.errors import FitError
from simlab.parallel import ParallelError, Workers, in_threads
from simlab.parallel.batch import Parcel, do, environment
from simlab.results import ReplicateResults, open_store
from simlab.runner.footprint import footprint, shape_of
from simlab.runner.loop import run_block

MANY, GB = 10**9, 1e9
SMALL = {"clusters": 6, "cluster_sizes": {"law": "fixed", "size": 5}}


def of_size(size):
    return {"law": "fixed", "size": size}


@pytest.fixture
def sixteen(monkeypatch):
    """A machine of 16 GB."""
    monkeypatch.setattr(memory, "available", lambda: 16 * GB)


# ---------------------------------------------------------------- the estimate

MEASURED = {
    "moments": {"population": {"clusters": 400}},
    "one replicate": {"population": {"clusters": 20_000}, "block": 1},
    "results": {"population": {"clusters": 4}, "block": 4096},
    "rows": {
        "population": {"clusters": 20, "cluster_sizes": of_size(20_000)}, "draw": "rows",
        "block": 64,
    },
    "rows that are kept": {
        "population": {"clusters": 40, "cluster_sizes": of_size(100)},
        "estimators": ["pooled", "own_methods:median_of_slopes"],
    },
}  # fmt: skip


@pytest.mark.parametrize("fields", MEASURED.values(), ids=MEASURED)
def test_the_estimate_is_near_what_a_block_takes(fields, tmp_path, monkeypatch):
    own = "import simlab\n\n\n@simlab.estimator(terms=('slope',))\ndef median_of_slopes(df):\n"
    (tmp_path / "own_methods.py").write_text(f"{own}    return {{'slope': 0.0}}\n")
    monkeypatch.chdir(tmp_path)
    fields = {"block": 256, "estimators": ["pooled", "two_stage"], **fields}
    s = study(fields["block"], **fields)
    work = runner.prepare(s)
    run_block(work, 0, 0)  # compiles
    tracemalloc.start()
    run_block(work, 0, 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    estimate = footprint(s, [shape_of(work.jobs[0].condition)]).block
    assert 1 / 3 < estimate / peak < 3


def test_the_estimate_of_what_is_kept_is_near_it():
    s = study(40_000, population=SMALL, estimators=["pooled", "two_stage"])
    work = runner.prepare(s)
    results = runner.schema_of(work)
    estimate = footprint(s, [shape_of(work.jobs[0].condition)], s.replicates).results
    assert 1 / 3 < estimate / (2 * results.bytes(results.blocks_per_condition)) < 3


# ---------------------------------------------------------------- refused before it starts

TOO_LARGE = {
    "population.clusters": {"population": {**SMALL, "clusters": MANY}},
    "population.cluster_sizes": {
        "population": {**SMALL, "cluster_sizes": of_size(MANY)}, "draw": "rows",
    },
    "block": {"block": MANY, "replicates": MANY},
    "tests.draws": {"tests": {"names": ["random_slope"], "draws": MANY}},
    "grid.population.clusters": {"grid": {"population.clusters": [6, MANY]}},
    "parallel.n_jobs": {
        "parallel": {"n_jobs": MOST_WORKERS}, "population": {**SMALL, "clusters": 5000},
    },
}  # fmt: skip


@pytest.mark.parametrize("field", TOO_LARGE)
@pytest.mark.parametrize("what", ["check", "run", "prepare"])
def test_what_will_not_fit_is_refused_by_its_field(field, what, sixteen, tmp_path):
    fields = {"replicates": 1000, "population": SMALL, "estimators": ["pooled"], **TOO_LARGE[field]}
    s = study(**fields)
    ask = {
        "check": lambda s: list(summary_lines(s)),
        "run": lambda s: simlab.run(s, out=tmp_path / "r"),
        "prepare": runner.prepare,
    }[what]
    if (field, what) == ("parallel.n_jobs", "prepare"):  # one worker has room
        ask(s)
        return
    tracemalloc.start()
    with pytest.raises(ConfigError) as caught:
        ask(s)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert str(caught.value).startswith(f"{field}: is too large: ")
    assert "of memory, and 16 GB are available" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert peak < 20e6
    assert not (tmp_path / "r").exists()


def test_what_fits_is_not_refused(monkeypatch, capsys):
    """The negative control: a study of the course, on a small machine."""
    monkeypatch.setattr(memory, "available", lambda: 0.5 * GB)
    s = study(MANY, parallel={"n_jobs": 8}, grid={"population.clusters": [10, 200]})
    assert "2 conditions" in "\n".join(summary_lines(s))


def test_what_is_kept_in_memory_is_refused_and_in_a_store_is_not(sixteen):
    s = study(MANY, population=SMALL, estimators=["pooled"])
    with pytest.raises(ConfigError, match=r"^replicates: is too large: .*write to a store"):
        simlab.run(s)
    runner.prepare(s, room=runner.Room(Parallel()))
    ruled = s.replace(replicates={"max": MANY, "until": {"measure": "bias", "mcse": 1.0}})
    runner.prepare(ruled, room=runner.Room(Parallel(), 2000))


def test_a_pilot_is_refused(sixteen):
    s = study(MANY, population=SMALL, estimators=["pooled"])
    with pytest.raises(ConfigError, match=r"^pilot: is too large"):
        simlab.plan(s, measure="coverage", mcse=0.01, pilot=MANY)


def test_draws_are_refused(sixteen):
    df, null = simlab.data.hs(), "mathach ~ ses + (1 | school)"
    with pytest.raises(FitError, match=r"^draws is too large: 1,000,000,000 .* need about 48 GB"):
        simlab.pvalue(df, null, "mathach ~ ses + (1 + ses | school)", draws=MANY)
    with pytest.raises(FitError, match=r"^draws is too large: 1,000,000,000 statistics need"):
        simlab.bootstrap(simlab.fit(null, df), "ses", draws=MANY)


def test_a_store_that_memory_cannot_hold_is_not_read(tmp_path, monkeypatch):
    schema = schema_of()
    store = ReplicateResults.create(tmp_path / "r", schema)
    store.write(block_of(schema, 0, 1))
    monkeypatch.setattr(memory, "available", lambda: 10_000)
    fails("its 16 replicates of each condition take about .*keep: measures", store.dataset)
    assert store.dataset(["status"]).sizes["replicate"] == 16


@pytest.mark.parametrize("jobs", [MOST_WORKERS + 1, MANY])
def test_there_are_not_so_many_workers(jobs):
    with pytest.raises(ParallelError, match=r"^jobs is .*; it must be at most 1,000"):
        list(in_threads(abs, [(1,)], jobs))
    with pytest.raises(ParallelError, match="at most 1,000"):
        Workers(max, 0, "loky", jobs)
    with pytest.raises(ConfigError, match=r"parallel.n_jobs: must be at most 1,000"):
        study().replace(parallel={"n_jobs": jobs})


@pytest.mark.parametrize("jobs", [0, -3])
def test_a_number_of_workers_is_one_or_minus_one(jobs):
    with pytest.raises(ParallelError, match=rf"^jobs is {jobs}; it must be a number of workers"):
        list(in_threads(abs, [(1,)], jobs))
    with pytest.raises(ParallelError, match="or -1 for one per core"):
        Workers(max, 0, "loky", jobs)


LONG = "a" * 300
NAMES = {
    "name": ({"name": LONG}, "must have at most 200 characters, not 300"),
    "estimators.0": ({"estimators": [f"{LONG}:fit"]}, "names a module by more than 200 bytes"),
    "grid": ({"grid": {f"population.parameters.{LONG}": [1, 2]}}, ""),
}


@pytest.mark.parametrize("field", NAMES)
def test_names_of_files_are_no_longer_than_files_may_be(field):
    fields, message = NAMES[field]
    if field == "grid":
        parameters = {"generator": "own:draw", "parameters": {LONG: 1}}
        raw = {"name": "long", "replicates": 8, "population": parameters, **fields}
        with pytest.raises(ConfigError, match="is too long, for it names a folder"):
            Study.from_json(json.dumps(raw))
        return
    with pytest.raises(ConfigError, match=f"{field}: {message}"):
        study().replace(**fields)


# ---------------------------------------------------------------- how much there is

V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes")
V2 = ("memory.max", "memory.current")
CACHE = "anon 7\ninactive_file 2000000\nactive_file 1000000\n"
TOTAL = "total_inactive_file 2500000\ntotal_active_file 500000\n"


def system(tmp_path, monkeypatch, groups, limits, meminfo="MemAvailable:    8000 kB\n"):
    """Files of /proc and /sys as they would be elsewhere."""
    proc, root = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "self").mkdir(parents=True)
    (proc / "self" / "cgroup").write_text(groups)
    if meminfo:
        (proc / "meminfo").write_text(f"MemTotal: 16000 kB\n{meminfo}")
    for folder, names, values in limits:
        (root / folder).mkdir(parents=True, exist_ok=True)
        for name, value in zip(names, values, strict=True):
            (root / folder / name).write_text(f"{value}\n")
    monkeypatch.setattr(memory, "PROC", proc)
    monkeypatch.setattr(memory, "CGROUP", root)
    return memory.available()


SYSTEMS = {
    "none": ("0::/\n", [], 8_192_000),
    "v2": ("0::/a/b\n", [("a/b", V2, (5_000_000, 1_000_000))], 4_000_000),
    "v2 above": ("0::/a/b\n", [("a/b", V2, ("max", 1)), ("a", V2, (3_000_000, 1))], 2_999_999),
    "v2 full": ("0::/\n", [("", V2, (3_000_000, 3_000_001))], 0),
    "v1": ("4:cpu,memory:/a\n0::/\n", [("memory/a", V1, (6_000_000, 0))], 6_000_000),
    "v1 in a container": ("4:memory:/not/seen\n", [("memory", V1, (7_000_000, 0))], 7_000_000),
    "v2 cache": ("0::/\n", [("", (*V2, "memory.stat"), (5_000_000, 5_000_000, CACHE))], 3_000_000),
    "v1 cache": (
        "4:memory:/a\n",
        [("memory/a", (*V1, "memory.stat"), (5_000_000, 4_000_000, CACHE + TOTAL))],
        4_000_000,
    ),
    "much": ("0::/\n", [("", V2, (2**63, 0))], 8_192_000),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_least_that_anybody_leaves_is_available(tmp_path, monkeypatch, name):
    groups, limits, expected = SYSTEMS[name]
    assert system(tmp_path, monkeypatch, groups, limits) == expected


def test_without_a_word_of_what_is_available_it_is_all_there_is(tmp_path, monkeypatch):
    monkeypatch.setattr(memory.os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 100}.get)
    assert system(tmp_path, monkeypatch, "0::/\n", [], meminfo="") == 409_600


@pytest.mark.skipif(sys.platform != "linux", reason="address space is counted in /proc")
def test_a_limit_of_the_process_counts(monkeypatch):
    import resource

    pages = int((memory.PROC / "self" / "statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + 10**9
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    assert memory.available() == pytest.approx(min(10**9, memory.available()), rel=0.2)
    assert memory.available() < 1.2e9


def test_enough_is_not_told(sixteen):
    assert memory.lacking(16 * GB) == ""
    assert memory.lacking(2e13) == "about 20 TB of memory, and 16 GB are available"
    assert memory.size(3e21) == "3,000 EB"


# ---------------------------------------------------------------- where memory runs out


def no_room(*_):
    np.empty(2**50)


def no_process(*_):
    raise OSError(12, "Cannot allocate memory")


def no_number(*_):
    np.empty(2**62)


@pytest.mark.parametrize("stumble", [no_room, no_process, no_number])
def test_the_command_line_says_it_in_one_line(stumble, monkeypatch, capsys):
    monkeypatch.setattr("simlab.cli.commands.for_words", stumble)
    with pytest.raises(SystemExit) as caught:
        cli.call()
    assert caught.value.code == 1
    printed = capsys.readouterr().err
    assert printed.startswith("error: not enough memory")
    assert "make smaller" in printed
    assert printed.count("\n") == 1


def a_study():
    return study(
        24, population=SMALL, block=4, estimators=["pooled", "two_stage"], parallel={"n_jobs": 1}
    )


def test_what_is_done_is_kept_and_continued(tmp_path, monkeypatch):
    def stumble(work, condition, number, *rest):
        if number == 3:
            no_room()
        return run_block(work, condition, number, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(runner.loop, "run_block", stumble)
        with pytest.raises(MemoryError):
            simlab.run(a_study(), out=tmp_path / "r")
    assert list(open_store(tmp_path / "r").finished) == [(0, 0), (0, 1), (0, 2)]
    assert same(simlab.run(a_study(), out=tmp_path / "r"), simlab.run(a_study())) == []


class Stubborn(MemoryError):
    """Cannot be sent as it is."""

    def __reduce__(self):
        raise TypeError


def stubborn(*_):
    raise Stubborn("no room")


@pytest.mark.parametrize("stumble", [no_room, stubborn])
def test_a_worker_sends_it_as_what_it_is(stumble):
    outcome = do(Parcel(stumble, None, environment()), [(1,)], 1.0)
    assert isinstance(pickle.loads(pickle.dumps(outcome)).error, MemoryError)
    assert "\n" not in memory.out_of_memory(outcome.error)
