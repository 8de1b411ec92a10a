"""Stores that grow, are refused, are held by one process at a time, and remember their sessions."""

import ast
import json
import multiprocessing
import os
import resource
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from kill_cases import same
from results_cases import assert_same_bits, block_of, fails, positions, schema_of
from study_cases import POPULATION, asked_for, study

import simlab
from simlab import runner
from simlab.config import Study
from simlab.results import (
    ReplicateResults,
    StoreError,
    StoreWarning,
    locked,
    open_results,
    recorded,
    sessions,
    wall_seconds,
)
from simlab.results.disk import draft_of, former_of, recover
from simlab.results.lock import _myself

SMALL = {"clusters": 6, "cluster_sizes": {"law": "fixed", "size": 5}}
FORKED = multiprocessing.get_context("forkserver")


def a_study(levels=(1, 4), replicates=14, **fields):
    grid = {"population.sigma2": list(levels)}
    fields = {"block": 4, "grid": grid, "estimators": ["pooled", "two_stage"], **fields}
    return study(replicates, population=SMALL, **fields)


def refused(*messages, **run):
    """The run is refused; return the lines that say so."""
    with pytest.raises(StoreError) as caught:
        simlab.run(jobs=1, **run)
    for message in messages:
        assert message in str(caught.value)
    return str(caught.value).splitlines()


# ---------------------------------------------------------------- growing


@pytest.mark.parametrize("linked", [True, False], ids=["links", "copies"])
def test_an_extended_study_is_the_larger_study(tmp_path, monkeypatch, linked):
    def no_links(file, name):
        """As of files that belong to somebody else; zarr-python links its own metadata."""
        if Path(file).name.startswith("c."):
            raise PermissionError(1, "Operation not permitted")
        link(file, name)

    link = os.link
    small, large = a_study(), a_study((9, 4, 1), 23)
    simlab.run(small, out=tmp_path / "r", jobs=1)
    if not linked:
        monkeypatch.setattr(os, "link", no_links)
    wanted = asked_for(monkeypatch)
    extended = simlab.run(large, out=tmp_path / "r", jobs=2, extend=True)
    new = [(0, number) for number in range(6)]
    assert sorted(wanted) == [*new, (1, 3), (1, 4), (1, 5), (2, 3), (2, 4), (2, 5)]
    assert same(extended, simlab.run(large, jobs=1)) == []
    assert same(simlab.open_dataset(tmp_path / "r"), extended) == []
    assert [session["blocks"] for session in sessions(tmp_path / "r")] == [8, 12]
    assert [file.name for file in tmp_path.iterdir()] == ["r"]


def test_a_study_within_one_block_grows(tmp_path):
    """Its chunks are shorter than a block, and its only block is drawn again."""
    for replicates in (3, 4, 9):
        s = a_study(replicates=replicates)
        grown = simlab.run(s, out=tmp_path / "r", jobs=1, extend=True)
        assert same(grown, simlab.run(s, jobs=1)) == []


def test_a_store_behind_a_link_is_extended_where_it_is(tmp_path):
    (tmp_path / "scratch").mkdir()
    (tmp_path / "r").symlink_to(tmp_path / "scratch" / "r")
    for replicates in (14, 20):
        s = a_study(replicates=replicates)
        ds = simlab.run(s, out=tmp_path / "r", jobs=1, extend=True)
        assert same(simlab.open_dataset(tmp_path / "scratch" / "r"), ds) == []
    assert [file.name for file in (tmp_path / "scratch").iterdir()] == ["r"]
    assert (tmp_path / "r").is_symlink()


def test_an_unfinished_store_is_extended(tmp_path):
    small, large = a_study(), a_study((4, 1), 14)
    work = runner.prepare(small)
    results = open_results(tmp_path / "r", runner.schema_of(work))
    block = runner.run_block(work, 1, 3)
    results.write(block)
    extended = open_results(tmp_path / "r", runner.schema_of(runner.prepare(large)), extend=True)
    assert np.argwhere(extended.done).tolist() == [[0, 3]]
    assert_same_bits(extended.read(0, 3), replace(block, condition=0))


def test_extend_adds_and_does_nothing_else(tmp_path):
    out = tmp_path / "r"
    simlab.run(a_study(), out=out, jobs=1)
    lines = refused(study=a_study((1, 4, 9), 20), out=out)
    assert lines[0].endswith("holds another study; what differs, there → here:")
    assert "  config  replicates: 14 → 20" in lines
    assert "  schema  conditions: 2 → 3 (1 new)" in lines
    assert lines[-1].startswith("--extend computes what is new and keeps the rest")
    only = (
        "--extend adds replicates, conditions, estimators, tests and measures, takes none away, "
        "and changes nothing else"
    )
    refused(
        f"{only} (replicates)",
        "replicates: 14 → 9",
        study=a_study(replicates=9), out=out, extend=True,
    )  # fmt: skip
    refused(
        f"{only} (conditions)",
        "conditions: 2 → 2 (1 new, 1 absent)",
        study=a_study((1, 9)), out=out, extend=True,
    )  # fmt: skip
    other = ["pooled", "hlm"]
    refused(only, "config  estimators", study=a_study(estimators=other), out=out, extend=True)
    refused(only, "config  seed: 7 → 8", study=a_study(seed=8), out=out, extend=True)
    assert same(simlab.open_dataset(out), simlab.run(a_study(), jobs=1)) == []


def test_words_and_margins_may_change(tmp_path):
    simlab.run(a_study(), out=tmp_path / "r", jobs=1)
    s = a_study(description="the same numbers", verdicts={"margin": 0.1})
    ds = simlab.run(s, out=tmp_path / "r", jobs=1)
    assert same(ds, simlab.run(s, jobs=1)) == []
    assert same(simlab.open_dataset(tmp_path / "r"), ds) == []
    assert json.loads(ds.attrs["config"])["verdicts"]["margin"] == 0.1


@pytest.mark.parametrize("array", ["estimate/zarr.json", "term/zarr.json", "truth/c.0.0.0"])
def test_damaged_metadata_are_written_anew(tmp_path, array):
    s, file = a_study(), tmp_path / "r" / array
    whole = simlab.run(s, out=tmp_path / "r", jobs=1)
    (tmp_path / "r" / "done" / "c.0.1").unlink()
    file.write_bytes(file.read_bytes()[:10])
    message = "damaged results store: .*repeat the run, which mends"
    fails(message, simlab.open_dataset, tmp_path / "r")
    with pytest.warns(StoreWarning, match="written anew"):
        assert same(simlab.run(s, out=tmp_path / "r", jobs=1), whole) == []
    assert same(simlab.open_dataset(tmp_path / "r"), whole) == []
    assert [session["blocks"] for session in sessions(tmp_path / "r")] == [8, 1]


@pytest.mark.parametrize("state", ["draft", "both", "former", "swapped"])
def test_a_broken_change_of_place_is_put_in_order(tmp_path, state):
    schema, grown = schema_of(), schema_of(replicates=28)
    path = tmp_path / "r"
    old, new = ("former", "draft") if state in ("both", "former") else ("r", "draft")
    if state == "swapped":
        old, new = "former", "r"
    where = {"r": path, "draft": draft_of(path), "former": former_of(path)}
    ReplicateResults.create(where[old], schema).write(block_of(schema, 0, 0))
    if state != "former":
        ReplicateResults.create(where[new], grown).write(block_of(grown, 0, 0))
    if not path.exists():
        fails("was broken off; repeat the run", ReplicateResults.open, path)
    recover(path)
    result = ReplicateResults.open(path)
    assert result.schema.replicates == (28 if state in ("both", "swapped") else 20)
    assert result.done.sum() == 1
    assert [file.name for file in tmp_path.iterdir()] == ["r"]


# ---------------------------------------------------------------- refused


def test_other_code_is_refused_by_the_name_of_its_module(tmp_path, monkeypatch):
    simlab.run(a_study(), out=tmp_path / "r", jobs=1)
    changed = {**runner.code.code_version(), "simlab.mixed.newton": "0" * 12}
    monkeypatch.setattr(runner.schema, "code_version", lambda _: changed)
    lines = refused(study=a_study(replicates=20), out=tmp_path / "r", extend=True)
    (line,) = [line for line in lines if line.startswith("  code")]
    assert line.startswith("  code    simlab.mixed.newton: ")
    simlab.open_dataset(tmp_path / "r")


def test_other_data_are_refused(tmp_path):
    x = {"law": "data", "data": "mine", "column": "x", "cluster": "school"}
    laws = {name: POPULATION[name] for name in ("gamma", "G", "sigma2")}
    raw = {"name": "s", "replicates": 2, "estimators": ["pooled"], "population": {**laws, "x": x}}
    s = Study.model_validate(raw)
    schools = pd.DataFrame({"school": np.repeat([1, 2, 3], 4), "x": np.arange(12.0)})
    simlab.run(s, data={"mine": schools}, out=tmp_path / "r", jobs=1)
    simlab.run(s, data={"mine": schools}, out=tmp_path / "r", jobs=1)
    other = schools.assign(x=schools.x + (schools.index == 3))
    refused("data    condition ", study=s, data={"mine": other}, out=tmp_path / "r", extend=True)


def test_other_versions_are_told_and_run(tmp_path):
    versions = {"versions": "simlab 1, numpy 1.0, scipy 2.0"}
    schema = schema_of()
    schema = replace(schema, attrs={**schema.attrs, **versions})
    open_results(tmp_path / "r", schema).write(block_of(schema, 0, 0))
    newer = {"versions": "simlab 2, numpy 1.1, scipy 2.0"}
    with pytest.warns(StoreWarning, match=r"begun with numpy 1\.0 there, 1\.1 here:"):
        open_results(tmp_path / "r", replace(schema, attrs={**schema.attrs, **newer}))


def test_the_hash_of_code_is_of_what_it_does():
    source = 'def f(x):\n    """Add."""\n    return x + 1\n'
    same_code = '"""File."""\n# why\n\ndef f(x):\n    return (x +\n            1)\n'
    other = source.replace("+ 1", "+ 2")
    one, two, three = map(runner.code.fingerprint, (source, same_code, other))
    assert one == two
    assert one != three


def test_every_module_that_makes_numbers_is_hashed():
    """All that a block imports, but messages, what is compared as such, and where it runs."""
    package = Path(simlab.__file__).parent
    hashed = runner.code.code_version(summed=True)
    result, waiting = set(), ["simlab.runner.block"]
    while waiting:
        name = waiting.pop()
        file = package.parent.joinpath(*name.split("."))
        file = file / "__init__.py" if file.is_dir() else file.with_suffix(".py")
        if name in result or not file.exists():
            continue
        result.add(name)
        waiting += imported(name, file)
    rooms = {name.split(".")[1] for name in result}
    laws = {name for name in hashed if name.startswith("simlab.config.laws.")}  # which draw
    assert rooms - {name.split(".")[1] for name in set(hashed) - laws} == {
        "config", "data", "errors", "files", "memory", "parallel", "words",
    }  # fmt: skip
    assert "simlab.mixed.newton" in hashed
    assert laws == {f"simlab.config.laws.{f.stem}" for f in (package / "config/laws").glob("*.py")}


def imported(name, file):
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    tree = ast.parse(file.read_text())
    tree.body = [  # imports for types alone make no number
        node
        for node in tree.body
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, (base, node.module)))
            if module.startswith("simlab."):
                yield module
                yield from (f"{module}.{alias.name}" for alias in node.names)


# ---------------------------------------------------------------- held


def test_a_second_writer_is_refused_by_name(tmp_path):
    with locked(tmp_path / "r"):
        text = fails("is being written by process", locked(tmp_path / "r").__enter__)
        assert f"process {os.getpid()} on {_myself()['host']}" in text
        refused(f"process {os.getpid()}", study=a_study(), out=tmp_path / "r")
    simlab.run(a_study(), out=tmp_path / "r", jobs=1)
    assert [file.name for file in tmp_path.iterdir()] == ["r"]


def hold(path, ready):
    with locked(path):
        ready.set()
        signal.pause()


def test_a_killed_writer_holds_nothing(tmp_path):
    ready = FORKED.Event()
    writer = FORKED.Process(target=hold, args=(tmp_path / "r", ready))
    writer.start()
    assert ready.wait(60)
    fails(f"process {writer.pid} on", locked(tmp_path / "r").__enter__)
    writer.kill()
    writer.join()
    assert (tmp_path / ".r.lock").exists()
    with locked(tmp_path / "r"):
        pass
    assert not list(tmp_path.iterdir())


def test_of_another_machine_nothing_is_assumed(tmp_path):
    file = tmp_path / ".r.lock"
    file.write_text(json.dumps({**_myself(), "host": "node17"}))
    fails(
        f"on node17, .* if it is no longer running there, delete {file}",
        locked(tmp_path / "r").__enter__,
    )
    file.unlink()
    with locked(tmp_path / "r"):
        pass


@pytest.mark.parametrize(
    ("process", "free"), [(os.getpid(), False), (2**22 + 1, True)], ids=["alive", "dead"]
)
def test_without_locks_of_the_kernel_the_file_decides(tmp_path, monkeypatch, process, free):
    def unsupported(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", unsupported)
    (tmp_path / ".r.lock").write_text(json.dumps({**_myself(), "process": process}))
    if free:
        with locked(tmp_path / "r"):
            pass
    else:
        fails(f"process {process}", locked(tmp_path / "r").__enter__)


# ---------------------------------------------------------------- trouble


def write_all(path, schema, limit):
    """Write blocks until a file may not grow beyond `limit` bytes; exit 2 where that is told."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    store = open_results(path, schema)
    store.write(block_of(schema, 0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        store.write(block_of(schema, 0, 1))
    except StoreError as error:
        explained = "File too large; blocks already done are safe" in str(error)
        os._exit(2 if explained else 3)


def test_what_the_system_refuses_loses_nothing(tmp_path):
    """Not a stand-in: the kernel refuses to let a file grow."""
    schema = schema_of()
    writer = FORKED.Process(target=write_all, args=(tmp_path / "r", schema, 20))
    writer.start()
    writer.join()
    assert writer.exitcode == 2
    store = open_results(tmp_path / "r", schema)
    assert np.argwhere(store.done).tolist() == [[0, 0]]
    assert not list((tmp_path / "r").rglob("*.partial"))
    for position in positions(schema):
        store.write(block_of(schema, *position))
    assert_same_bits(ReplicateResults.open(tmp_path / "r").read(0, 1), block_of(schema, 0, 1))


def test_a_disk_that_fills_up_during_extension_leaves_the_store(tmp_path, monkeypatch):
    schema = schema_of(replicates=24)
    store = open_results(tmp_path / "r", schema)
    for position in positions(schema):
        store.write(block_of(schema, *position))
    calls = iter(range(10**6))

    def full(*_):
        if next(calls) > 20:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "link", full)
    monkeypatch.setattr(shutil, "copyfile", full)
    larger = schema_of(replicates=32)
    fails(
        "No space left on device .*already done are safe",
        open_results,
        tmp_path / "r",
        larger,
        extend=True,
    )
    monkeypatch.undo()
    assert ReplicateResults.open(tmp_path / "r").done.all()
    assert [file.name for file in tmp_path.iterdir()] == ["r"]


def test_a_store_that_vanishes_is_missed(tmp_path):
    schema = schema_of()
    store = open_results(tmp_path / "r", schema)
    shutil.rmtree(tmp_path / "r")
    fails(
        "r: was removed while it was written; repeat the run", store.write, block_of(schema, 0, 0)
    )


def test_a_folder_that_is_read_only_is_told(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "open", refuse)
    fails("r: cannot be written: Read-only file system; choose", locked(tmp_path / "r").__enter__)


# ---------------------------------------------------------------- sessions


def test_sessions_tell_how_they_ended(tmp_path):
    with recorded(tmp_path, {"host": "here"}) as record:
        record.blocks = 3
    for error in (KeyboardInterrupt(), ValueError("no")):
        with pytest.raises(type(error)), recorded(tmp_path, {}):
            raise error
    killed = recorded(tmp_path, {})
    killed.__enter__()
    (tmp_path / "sessions" / "0005.json").write_text("")
    records = sessions(tmp_path)
    assert [s["number"] for s in records] == [1, 2, 3, 4, 5]
    outcomes = [s["outcome"] for s in records]
    assert outcomes == ["finished", "interrupted", "failed: no", "unfinished", "unreadable"]
    assert (records[0]["host"], records[0]["blocks"]) == ("here", 3)
    assert records[0]["ended"] >= records[0]["began"]
    assert records[3]["ended"] is None
    del killed


def test_a_run_is_recorded_with_machine_and_times(tmp_path):
    ds = simlab.run(a_study(), out=tmp_path / "r", jobs=2)
    (message,) = sessions(tmp_path / "r")
    assert (message["outcome"], message["blocks"], message["workers"]) == ("finished", 8, 2)
    assert message["cores"] >= 1
    assert message["memory"] > 2**20
    assert {"host", "system", "python", "versions", "git_revision", "command"} <= message.keys()
    simlab.run(a_study(), out=tmp_path / "r", jobs=2)
    assert len(sessions(tmp_path / "r")) == 1, "nothing was left to do"
    assert (ds.ended >= ds.began).all()
    assert ds.began.attrs["units"] == "s"
    assert (wall_seconds(ds) > 0).all()
    with xr.open_zarr(tmp_path / "r", consolidated=False) as plain:  # and warns of nothing
        assert (plain.estimate.values == ds.estimate.values).all()


def test_wall_time_is_of_the_union():
    began = np.array([[0.0, 1.0, 10.0, np.nan], [5.0, 6.0, 0.0, 1.0]])
    ended = np.array([[3.0, 2.0, 11.0, np.nan], [6.0, 7.0, 1.0, 9.0]])
    times = {"began": began, "ended": ended, "seconds": ended - began}
    ds = xr.Dataset({name: (("condition", "block"), each) for name, each in times.items()})
    assert wall_seconds(ds).values.tolist() == [4.0, 9.0]
