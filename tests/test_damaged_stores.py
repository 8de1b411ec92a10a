"""Stores of which any file has become something else: refused by its name, or computed again.

Nothing that has been done is lost without a word, and what is computed again has the same bits.
"""

import json
import os
import shutil

import google_crc32c
import numpy as np
import pytest
import xarray as xr
from damage_cases import DAMAGES, NO_FILES
from results_cases import block_of, fails, positions, schema_of
from sums_cases import schema_of as sums_schema_of

from simlab.results import (
    StoreError,
    StoreWarning,
    SumsResults,
    locked,
    open_dataset,
    open_results,
    recorded,
    sessions,
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A store of replicates in which every block is done."""
    path = tmp_path_factory.mktemp("finished") / "r"
    store = open_results(path, schema_of())
    for position in positions(store.schema):
        store.write(block_of(store.schema, *position))
    with recorded(path, {"host": "here"}):
        pass
    return path


@pytest.fixture
def path(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "r")


def completed(path, schema=None):
    """Continue a store to its end; return which blocks were written."""
    store = open_results(path, schema or schema_of())
    missing = np.argwhere(~store.done).tolist()
    for position in missing:
        store.write(block_of(store.schema, *position))
    return missing


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("name", ["estimate/c.1.2.0.0", "seconds/c.1.2"])
def test_a_chunk_that_is_none_is_named_and_computed_again(path, finished, name, damage):
    damage(path / name)
    array, chunk = name.split("/")
    fails(f"array '{array}', chunk {chunk} .*; repeat the run", open_dataset, path)
    with pytest.warns(StoreWarning, match=f"1 damaged block is run again .*{chunk} "):
        assert completed(path) == [[1, 2]]
    xr.testing.assert_identical(open_dataset(path), open_dataset(finished))


@pytest.mark.parametrize("make", NO_FILES.values(), ids=NO_FILES)
def test_messages_that_are_none_are_named_and_computed_again(path, finished, make):
    make(path / "status" / "c.0.1.messages.json")
    fails("messages of chunk c.0.1 .*; repeat the run", open_dataset, path)
    with pytest.warns(StoreWarning, match="1 damaged block is run again .messages of chunk"):
        assert completed(path) == [[0, 1]]
    xr.testing.assert_identical(open_dataset(path), open_dataset(finished))


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_flag_that_is_none_is_said_and_its_block_computed_again(path, finished, damage):
    damage(path / "done" / "c.1.2")
    if os.path.lexists(path / "done" / "c.1.2"):
        message = "1 block counts as not done .array 'done', chunk c.1.2 .*; repeat the run"
        with pytest.warns(StoreWarning, match=message):
            ds = open_dataset(path)
        with pytest.warns(StoreWarning, match="1 damaged block is run again .array 'done'"):
            assert completed(path) == [[1, 2]]
    else:  # as of a block that was never begun
        ds = open_dataset(path)
        assert completed(path) == [[1, 2]]
    assert ds.attrs["replicates_done"] == 56
    xr.testing.assert_identical(open_dataset(path), open_dataset(finished))


@pytest.mark.parametrize("value", [0, 2, 255])
def test_a_flag_says_one_or_nothing(path, finished, value):
    data = bytes([value])
    (path / "done" / "c.0.0").write_bytes(data + google_crc32c.value(data).to_bytes(4, "little"))
    fails(f"array 'done', chunk c.0.0 is {value}, not 1; repeat", open_dataset, path)
    with pytest.warns(StoreWarning, match=f"chunk c.0.0 is {value}, not 1"):
        assert completed(path) == [[0, 0]]
    xr.testing.assert_identical(open_dataset(path), open_dataset(finished))


def test_what_was_in_a_folder_in_the_way_is_kept(path):
    DAMAGES["is a folder"](path / "df" / "c.0.0.0.0")
    with pytest.warns(StoreWarning):
        completed(path)
    (aside,) = (path / "df").glob("*.aside1")
    assert (aside / "thesis.txt").read_text() == "years of work"


def test_writing_goes_through_no_link(path, tmp_path):
    """Something left under the name of a file that is being written is not written into."""
    precious = tmp_path / "precious"
    precious.write_text("years of work")
    (path / "df" / "c.0.0.0.0").unlink()
    (path / "df" / "c.0.0.0.0.partial").symlink_to(precious)
    os.mkfifo(path / "lower" / "c.0.0.0.0.partial")
    with pytest.warns(StoreWarning):
        assert completed(path) == [[0, 0]]
    assert precious.read_text() == "years of work"


# ---------------------------------------------------------------- metadata


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("name", ["estimate/zarr.json", "term/zarr.json", "truth/c.0.0.0"])
def test_metadata_that_are_none_are_written_anew(path, finished, name, damage):
    damage(path / name)
    fails(r"damaged results store: .*(zarr.json|c\.0\.0\.0) ", open_dataset, path)
    with pytest.warns(StoreWarning, match="its metadata are written anew"):
        assert completed(path) == []
    xr.testing.assert_identical(open_dataset(path), open_dataset(finished))


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_root_that_is_none_is_refused_and_nothing_is_touched(path, damage):
    damage(path / "zarr.json")
    for call in (open_dataset, lambda p: open_results(p, schema_of())):
        fails("(zarr.json .*; repeat|is not a simlab results store)", call, path)
    assert len([*(path / "estimate").glob("c.*")]) == len(positions(schema_of()))


ENORMOUS = 10**15
EDITS = {
    "shape": ["x", None, [ENORMOUS] * 3, [-1, 2, 2], [True, 2, 2], {"a": 1}, [1e3], []],
    "data_type": ["O", "float32", None, ["float64"], {"name": "x"}, "complex1024"],
    "attributes": [1, [], "x", None],
}


@pytest.mark.parametrize(("field", "value"), [(f, v) for f in EDITS for v in EDITS[f]])
def test_an_array_that_says_of_itself_what_cannot_be(path, finished, field, value):
    file = path / "truth" / "zarr.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), field: value}))
    fails("damaged results store: .*; repeat the run", open_dataset, path)
    with pytest.warns(StoreWarning, match="written anew"):
        completed(path)
    xr.testing.assert_identical(open_dataset(path), open_dataset(finished))


@pytest.mark.parametrize("text", ["", "{", "[1]", "[" * 200_000, '"x"', "\ud800", "1" * 10_000])
def test_metadata_that_are_no_json(path, text):
    (path / "term" / "zarr.json").write_text(text, errors="surrogatepass")
    fails("damaged results store: .*term/zarr.json ", open_dataset, path)


@pytest.mark.parametrize("value", [None, -1, 10**30, 1.5, "x", [], {}, [1], True])
@pytest.mark.parametrize(
    "name", ["replicates", "block", "factors", "config", "fingerprint", "store_version"]
)
def test_a_store_that_says_of_itself_what_cannot_be(path, name, value):
    if (name, value) in [("fingerprint", "x"), ("store_version", True), ("factors", [])]:
        pytest.skip("as good as any other")
    file = path / "zarr.json"
    node = json.loads(file.read_text())
    node["attributes"][name] = value
    file.write_text(json.dumps(node))
    fails("(damaged results store|has store version)", open_dataset, path)


def test_labels_are_texts(path):
    file = path / "term" / "zarr.json"
    node = json.loads(file.read_text())
    node["attributes"]["labels"] = [["slope"], None]
    file.write_text(json.dumps(node))
    fails("damaged results store: .*labels of 'term'", open_dataset, path)


# ---------------------------------------------------------------- sums


@pytest.fixture
def sums(tmp_path):
    schema = sums_schema_of(conditions=1, keep="measures")
    results = SumsResults.create(tmp_path / "s", schema)
    for position in positions(schema):
        results.write(block_of(schema, *position))
    return tmp_path / "s"


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_node_that_is_none_is_named_and_summed_again(sums, damage):
    whole, schema = open_dataset(sums), sums_schema_of(conditions=1, keep="measures")
    node = sorted((sums / "nodes").iterdir())[-1]
    damage(node)
    if os.path.lexists(node):
        fails(f"node {node.name} .*; repeat the run, which makes it again", open_dataset, sums)
        with pytest.warns(StoreWarning, match=f"1 damaged node is run again .node {node.name}"):
            assert completed(sums, schema)
    else:
        assert completed(sums, schema)
    xr.testing.assert_identical(open_dataset(sums), whole)


def test_a_node_of_no_place_is_none(sums):
    whole = open_dataset(sums)
    for place in ("999999999999.0", "0.00", "0.-1", "1.99999999999999999999999", "0.²", "0.0.0"):
        (sums / "nodes" / f"00000000.{place}").write_bytes(b"x")
    xr.testing.assert_identical(open_dataset(sums), whole)


def test_nodes_inside_a_damaged_one_are_taken(tmp_path):
    """A run killed after it wrote a node, whose file the disk lost: its parts are still there."""
    schema = sums_schema_of(conditions=1, keep="measures")
    results = SumsResults.create(tmp_path / "s", schema)
    nodes, parts = tmp_path / "s" / "nodes", {}
    for number in range(4):
        results.write(block_of(schema, 0, number))
        parts |= {file.name: file.read_bytes() for file in nodes.iterdir()}
        whole = (nodes / "00000000.2.0").read_bytes() if number == 3 else b""
    (nodes / "00000000.2.0").write_bytes(whole[:-1])
    (nodes / "00000000.1.0").write_bytes(parts["00000000.1.0"])
    single = SumsResults(schema)
    single.write(block_of(schema, 0, 2))
    assert parts["00000000.0.2"]
    (nodes / "00000000.0.2").write_bytes(parts["00000000.0.2"])
    with pytest.warns(StoreWarning, match=r"node 00000000\.2\.0 "):
        again = open_results(tmp_path / "s", schema)
    assert np.flatnonzero(again.done[0]).tolist() == [0, 1, 2]
    again.write(block_of(schema, 0, 3))
    assert [file.name for file in nodes.iterdir()] == ["00000000.2.0"]
    assert (nodes / "00000000.2.0").read_bytes() == whole


def test_siblings_inside_a_damaged_node_are_merged_again(tmp_path):
    schema = sums_schema_of(conditions=1, keep="measures")
    halves = SumsResults.create(tmp_path / "h", schema)
    files = {}
    for number in (1, 0):
        halves = SumsResults.create(tmp_path / "h", schema, overwrite=True)
        halves.write(block_of(schema, 0, number))
        (file,) = (tmp_path / "h" / "nodes").iterdir()
        files[file.name] = file.read_bytes()
    halves.write(block_of(schema, 0, 1))
    outer = tmp_path / "h" / "nodes" / "00000000.1.0"
    whole = outer.read_bytes()
    outer.write_bytes(b"")
    for name, data in files.items():
        (outer.parent / name).write_bytes(data)
    with pytest.warns(StoreWarning, match="1 damaged node"):
        open_results(tmp_path / "h", schema)
    assert [file.name for file in outer.parent.iterdir()] == [outer.name]
    assert outer.read_bytes() == whole


# ---------------------------------------------------------------- sessions and locks


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_session_that_is_none_is_unreadable_and_stays(path, damage):
    damage(path / "sessions" / "0001.json")
    assert [one["outcome"] for one in sessions(path)] in ([], ["unreadable"])
    with recorded(path, {"host": "here"}):
        pass
    assert sessions(path)[-1]["outcome"] == "finished"


def test_a_file_in_the_place_of_the_sessions_is_unreadable(path):
    shutil.rmtree(path / "sessions")
    (path / "sessions").write_text("no folder")
    assert [one["outcome"] for one in sessions(path)] == ["unreadable"]


@pytest.mark.parametrize("record", ['{"began": 1}', "{}", "[]", "[" * 100_000, '{"outcome": []}'])
def test_a_session_that_says_what_cannot_be_is_unreadable(path, record):
    (path / "sessions" / "0001.json").write_text(record)
    (path / "sessions" / "².json").write_text(record)
    assert [(one["number"], one["outcome"]) for one in sessions(path)] == [(1, "unreadable")]


@pytest.mark.parametrize("make", NO_FILES.values(), ids=NO_FILES)
def test_what_stands_in_the_place_of_a_lock_is_named(tmp_path, make):
    make(tmp_path / ".r.lock")
    with pytest.raises(StoreError, match=r"\.r\.lock stands in the place of its lock; move"):
        locked(tmp_path / "r").__enter__()


def test_a_lock_empties_no_file_that_it_is_a_link_to(tmp_path):
    (tmp_path / "precious").write_text("years of work")
    (tmp_path / ".r.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(StoreError, match="stands in the place"):
        locked(tmp_path / "r").__enter__()
    assert (tmp_path / "precious").read_text() == "years of work"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_chunk_that_may_not_be_read_is_named(path):
    (path / "estimate" / "c.0.0.0.0").chmod(0)
    fails("chunk c.0.0.0.0 cannot be read: Permission denied", open_dataset, path)
