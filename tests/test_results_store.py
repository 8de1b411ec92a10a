"""The store's promises: continued, refused, killed, damaged; and each of its messages."""

import json
import multiprocessing
import os
import re
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr
from results_cases import assert_same_bits, block_of, fails, positions, schema_of

from simlab.results import (
    ReplicateResults,
    StoreError,
    StoreWarning,
    open_dataset,
    open_results,
)


def test_a_store_is_continued(tmp_path):
    schema = schema_of()
    first = open_results(tmp_path / "deep" / "r", schema)
    for position in positions(schema)[:4]:
        first.write(block_of(schema, *position))
    again = open_results(tmp_path / "deep" / "r", replace(schema, attrs={**schema.attrs, "n": 2}))
    assert again.done.sum() == 4
    for position in np.argwhere(~again.done).tolist():
        again.write(block_of(schema, *position))
    memory = ReplicateResults(schema)
    for position in positions(schema):
        memory.write(block_of(schema, *position))
    xr.testing.assert_identical(again.dataset(), memory.dataset())
    assert again.dataset().attrs["replicates_done"] == 60


def test_an_empty_folder_is_free(tmp_path):
    assert not open_results(tmp_path, schema_of()).done.any()


def config_of(**fields):
    return json.dumps({"population": {"gamma": [1, 2]}, "name": "s", **fields})


OTHER_STUDIES = {
    r"config  level: absent → 0.9": {
        "attrs": {"config": config_of(level=0.9), "seed": 0},
        "fingerprint": "beef",
    },
    "config  seed: 0 → 1": {
        "attrs": {**schema_of().attrs, "seed": 1},
        "fingerprint": "beef",
    },
    "schema  replicates: 20 → 12": {"replicates": 12},
    "schema  block: 8 → 10": {"block": 10},
    "schema  fingerprint: f00d → beef": {"fingerprint": "beef"},
    r"schema  conditions: 3 → 3 \(3 new, 3 absent\)": {"keys": tuple("abc")},
    r"schema  terms: .*Public - Catholic.* → .*'other'\)": {"terms": ("slope", "other")},
}


@pytest.mark.parametrize(("message", "changes"), OTHER_STUDIES.items(), ids=OTHER_STUDIES)
@pytest.mark.parametrize("extend", [False, True])
def test_another_study_is_refused(tmp_path, message, changes, extend):
    ReplicateResults.create(tmp_path / "r", schema_of()).write(block_of(schema_of(), 0, 0))
    with pytest.raises(StoreError, match=message) as caught:
        open_results(tmp_path / "r", schema_of(**changes), extend=extend)
    assert "--out" in str(caught.value)
    assert "--overwrite" in str(caught.value)
    assert ("--extend adds" in str(caught.value)) == extend
    assert ReplicateResults.open(tmp_path / "r").done.sum() == 1


def test_overwrite_replaces_a_store_and_nothing_else(tmp_path):
    schema = schema_of()
    ReplicateResults.create(tmp_path / "r", schema).write(block_of(schema, 0, 0))
    fails(
        "exists; choose another --out, or give --overwrite",
        ReplicateResults.create,
        tmp_path / "r",
        schema,
    )
    assert not ReplicateResults.create(tmp_path / "r", schema, overwrite=True).done.any()
    assert not open_results(tmp_path / "r", schema).done.any()
    assert [p.name for p in tmp_path.iterdir()] == ["r"]

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    fails(
        "mine: is not a simlab results store",
        ReplicateResults.create,
        tmp_path / "mine",
        schema,
        True,
    )
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_messages_about_what_is_at_the_path(tmp_path):
    schema = schema_of()
    fails("nothing: no such results store", open_dataset, tmp_path / "nothing")
    (tmp_path / "file").write_text("hello")
    for call in (open_dataset, lambda p: open_results(p, schema)):
        fails("file: is a file, not a results store", call, tmp_path / "file")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "x").write_text("hello")
    for call in (open_dataset, lambda p: open_results(p, schema)):
        fails("folder: is not a simlab results store", call, tmp_path / "folder")
    (tmp_path / "folder" / "a.zarr").mkdir()
    fails("results store; name another folder", open_dataset, tmp_path / "folder")
    zarr.create_group(str(tmp_path / "folder" / "b.zarr"), zarr_format=3)
    fails("results store; name .*folder/b.zarr$", open_dataset, tmp_path / "folder")
    zarr.create_group(str(tmp_path / "other.zarr"), zarr_format=3)
    fails("other.zarr: is not a simlab results store", open_dataset, tmp_path / "other.zarr")
    fails(
        "cannot be written: .*; choose another --out", open_results, tmp_path / "file" / "r", schema
    )


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(zarr, "create_group", refuse)
    fails(
        "r: cannot be written: Permission denied; choose", open_results, tmp_path / "r", schema_of()
    )
    assert not list(tmp_path.iterdir())


def test_a_full_disk_loses_nothing_that_is_done(tmp_path, monkeypatch):
    schema = schema_of()
    store = open_results(tmp_path / "r", schema)
    store.write(block_of(schema, 0, 0))
    calls = iter([None] * 5)
    really = os.replace

    def fill_up(*args):
        if next(calls, "full") == "full":
            raise OSError(28, "No space left on device")
        really(*args)

    monkeypatch.setattr(os, "replace", fill_up)
    fails(
        r"No space left on device \(.* bytes and .* files free\); blocks already done are safe",
        store.write,
        block_of(schema, 0, 1),
    )
    monkeypatch.undo()
    assert np.argwhere(ReplicateResults.open(tmp_path / "r").done).tolist() == [[0, 0]]
    store.write(block_of(schema, 0, 1))
    assert_same_bits(store.read(0, 1), block_of(schema, 0, 1))


def edit_json(file: Path, change):
    node = json.loads(file.read_text())
    change(node)
    file.write_text(json.dumps(node))


def test_messages_about_the_metadata(tmp_path):
    def fresh(name):
        ReplicateResults.create(tmp_path / name, schema_of())
        return tmp_path / name

    path = fresh("version")
    edit_json(path / "zarr.json", lambda node: node["attributes"].update(store_version=9))
    fails("has store version 9, this simlab reads version 1", open_results, path, schema_of())
    assert ReplicateResults.create(path, schema_of(), overwrite=True).done.sum() == 0

    for array in ("", "term", "estimate"):
        path = fresh(f"cut{array}")
        file = path / array / "zarr.json"
        file.write_text(file.read_text()[:50])
        fails(f"damaged results store: {re.escape(str(file))} cannot be read", open_dataset, path)

    path = fresh("keyless")
    edit_json(path / "zarr.json", lambda node: node["attributes"].pop("fingerprint"))
    fails("its metadata do not fit together .*fingerprint", open_dataset, path)

    path = fresh("chunked")
    grid = {"name": "regular", "configuration": {"chunk_shape": [1, 9, 3, 2]}}
    edit_json(path / "estimate" / "zarr.json", lambda node: node.update(chunk_grid=grid))
    fails("array 'estimate' is not laid out one chunk a block", open_dataset, path)

    path = fresh("flagless")
    (path / "done" / "zarr.json").unlink()
    (path / "done").rmdir()
    fails("damaged results store", open_dataset, path)


DAMAGES = {
    "fails its checksum": lambda file: file.write_bytes(
        bytes([file.read_bytes()[0] ^ 1]) + file.read_bytes()[1:]
    ),
    "has the wrong length, 0 bytes": lambda file: file.write_bytes(b""),
    "has the wrong length": lambda file: file.write_bytes(file.read_bytes()[:-8]),
    "is missing": lambda file: file.unlink(),
}


@pytest.mark.parametrize(("message", "damage"), DAMAGES.items(), ids=DAMAGES)
@pytest.mark.parametrize("name", ["estimate", "status", "seconds"])
def test_a_damaged_chunk_is_named_and_can_be_run_again(tmp_path, name, message, damage):
    schema = schema_of()
    store = open_results(tmp_path / "r", schema)
    for position in positions(schema):
        store.write(block_of(schema, *position))
    whole = store.dataset()
    file = next((tmp_path / "r" / name).glob("c.1.2*"))
    damage(file)
    text = fails(f"array '{name}', chunk {file.name} {message}", open_dataset, tmp_path / "r")
    assert "repeat the run" in text
    with pytest.warns(StoreWarning, match=f"1 damaged block is run again .*{file.name} {message}"):
        again = open_results(tmp_path / "r", schema)
    assert np.argwhere(~again.done).tolist() == [[1, 2]]
    again.write(block_of(schema, 1, 2))
    xr.testing.assert_identical(open_dataset(tmp_path / "r"), whole)


def test_a_flag_cut_short_is_no_flag(tmp_path):
    schema = schema_of()
    store = open_results(tmp_path / "r", schema)
    store.write(block_of(schema, 0, 0))
    store.write(block_of(schema, 0, 1))
    (tmp_path / "r" / "done" / "c.0.1").write_bytes(b"")
    (tmp_path / "r" / "done" / "c.0.2.partial").write_bytes(b"\x01")
    assert np.argwhere(ReplicateResults.open(tmp_path / "r").done).tolist() == [[0, 0]]


def test_a_block_written_twice_is_the_second(tmp_path):
    schema = schema_of()
    store = open_results(tmp_path / "r", schema)
    store.write(block_of(schema, 0, 1))
    store.write(replace(block_of(schema, 0, 0), number=1))
    assert_same_bits(store.read(0, 1), replace(block_of(schema, 0, 0), number=1))


def keep_writing(path, most=None):
    """Write what is missing; where it is at most so many blocks, wait then to be killed."""
    store = ReplicateResults.open(path)
    for position in np.argwhere(~store.done).tolist()[:most]:
        store.write(block_of(store.schema, *position))
    if most is not None:
        signal.pause()


@pytest.mark.slow
def test_every_block_that_says_done_survives_sigkill(tmp_path):
    """Kill a writer at random moments; what says done must be there, bit for bit."""
    schema = schema_of(replicates=200, block=4, conditions=8)
    path = tmp_path / "r"
    open_results(path, schema)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["simlab.results"])
    random = np.random.default_rng(4)
    seen = [0]
    for _ in range(8):
        # However late the kill comes, there is something left for the next writer.
        writer = context.Process(target=keep_writing, args=(path, schema.n_blocks // 16))
        writer.start()
        while ReplicateResults.open(path).done.sum() == seen[-1] and writer.is_alive():
            time.sleep(0.001)
        time.sleep(random.uniform(0, 0.02))
        writer.kill()
        writer.join()
        store = ReplicateResults.open(path)
        for condition, number in np.argwhere(store.done).tolist():
            assert_same_bits(store.read(condition, number), block_of(schema, condition, number))
        seen.append(int(store.done.sum()))
    assert seen[1] > 0
    assert seen[-2] < schema.n_blocks, "every kill came too late to test anything"
    assert seen == sorted(seen)
    keep_writing(path)
    memory = ReplicateResults(schema)
    for position in positions(schema):
        memory.write(block_of(schema, *position))
    xr.testing.assert_identical(open_dataset(path), memory.dataset())
