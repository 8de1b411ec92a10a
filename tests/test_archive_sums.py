"""Studies that keep measures questioned, extended, damaged: as those that keep replicates.

One study, run both ways. Sums agree to the bit, as they were taken or of the replicates.
"""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from archive_cases import command
from study_cases import study

import simlab
from simlab import archive
from simlab.replaying import replay
from simlab.results import StoreWarning, open_dataset, sessions

FEW = {"clusters": 5, "G": [[4, 0], [0, 0.1]], "cluster_sizes": {"law": "poisson", "mean": 5}}
TESTS = {"names": ["fixed_slope"], "draws": 19}


def declared(replicates=90, clusters=(5, 9), keep="measures", **fields):
    """Some singular fits; the last block of each condition is short."""
    grid = {"population.clusters": list(clusters)}
    fields = {"estimators": ["pooled", "two_stage", "hlm"], **fields}
    return study(replicates, block=16, grid=grid, population=FEW, keep=keep, **fields)


def untimed(ds):
    return ds.drop_vars("seconds").drop_attrs()


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """The store of sums, and the one of the same replicates."""
    folder = tmp_path_factory.mktemp("sums")
    for keep in ("measures", "replicates"):
        simlab.run(declared(keep=keep, tests=TESTS), jobs=2, out=folder / keep)
    return folder / "measures", folder / "replicates"


# ---------------------------------------------------------------- questions


def test_info_tells_what_is_kept(stores, capsys):
    status, out, _ = command(capsys, "info", stores[0])
    assert status == 0
    for word in ("180 of 180", "singular", "Measures are kept", "session", "finished", "threading"):
        assert word in out
    one, other = (archive.summary(open_dataset(store)) for store in stores)
    same = ["population.clusters", "replicates", "ok", "singular", "not_converged", "error"]
    pd.testing.assert_frame_equal(one[same], other[same])
    assert (one["core_seconds"] > 0).all()
    assert one["wall_seconds"].isna().all()


def test_failures_are_counted(stores, capsys):
    one, other = (archive.failure_counts(open_dataset(store)) for store in stores)
    pd.testing.assert_frame_equal(one, other)
    assert one["fits"].sum() == len(archive.failures(open_dataset(stores[1]))) > 0
    texts = [command(capsys, "failures", store)[1] for store in stores]
    tables = [out.partition("\n\n")[0] for out in texts]
    assert tables[0] == tables[1]
    assert "is not kept: run with keep: replicates" in texts[0]
    assert "simlab replay" in texts[1]
    with pytest.raises(ValueError, match="run with keep: replicates"):
        archive.failures(open_dataset(stores[0]))


def test_two_stores_of_sums_are_compared_bit_for_bit(stores, tmp_path, capsys):
    one = open_dataset(stores[0])
    result = archive.difference(one, simlab.run(declared(tests=TESTS), jobs=1))
    assert result.same_numbers
    assert (result.common, result.replicates, result.unequal) == (2, 180, ())
    other = one.copy(deep=True)
    cell = other["estimate_mean"].values[1]
    cell[0, 1] = np.nextafter(cell[0, 1], np.inf)
    (row,) = archive.difference(one, other).numbers.to_dict("records")
    assert (row["variable"], row["cells"]) == ("estimate_mean", 1)
    assert row["where"] == "condition 1, estimator pooled, term slope, estimate_variable 0"
    assert "bit for bit" in command(capsys, "diff", stores[0], stores[0])[1]


def test_sums_are_compared_with_those_of_replicates(stores, capsys):
    sums, replicates = map(open_dataset, stores)
    result = archive.difference(sums, replicates)
    assert result.same_numbers
    assert result.settings.query("about != 'code'")["name"].tolist() == ["keep"]
    status, out, _ = command(capsys, "diff", *stores)
    assert status == 0
    assert "180 replicates in both: every number is the same, bit for bit" in out
    replicates["estimate"].values[0, 3, 0, 1] *= 1 + 1e-12  # control: one of 90 estimates
    changed = archive.difference(sums, replicates)
    assert not changed.same_numbers
    assert {"estimate_mean", "estimate_moments", "fit_moments"} <= set(changed.numbers["variable"])


@pytest.mark.parametrize("keep", ["measures", "replicates"])
def test_sums_over_other_replicates_are_not_compared(stores, keep):
    more = simlab.run(declared(100, (9, 5, 7), keep, tests=TESTS), jobs=1)
    result = archive.difference(open_dataset(stores[0]), more)
    assert not result.same_numbers
    assert (result.common, len(result.unequal), result.replicates) == (2, 2, 0)
    assert result.only_second == ("population.clusters=7",)


def test_what_differs_is_told_by_module(stores):
    one = open_dataset(stores[0])
    other = one.assign_attrs(code=one.attrs["code"].replace('limits": "', 'limits": "x'))
    (row,) = archive.difference(one, other).settings.to_dict("records")
    assert (row["about"], row["name"]) == ("code", "simlab.limits")
    assert row["second"] == "x" + row["first"]


def test_measures_are_exported(stores, tmp_path):
    ds = open_dataset(stores[0])
    archive.export(ds, tmp_path / "few.nc")
    with xr.open_dataset(tmp_path / "few.nc", engine="scipy") as back:
        np.testing.assert_array_equal(back["estimate_moments"], ds["estimate_moments"])
    archive.export(ds, tmp_path / "few.csv")
    back = pd.read_csv(tmp_path / "few.csv", keep_default_na=False)
    frame = simlab.tidy(simlab.measure(ds))
    assert back.columns.tolist() == frame.columns.tolist()
    np.testing.assert_array_equal(back["value"], frame["value"])


def test_a_replicate_is_drawn_again_and_has_nothing_to_be_compared_with(stores, capsys):
    here, there = (replay(store, 1, 37) for store in stores)
    assert here.rows.equals(there.rows)
    assert here.stored is None
    assert here.differs.empty
    np.testing.assert_array_equal(here.again.estimate, there.again.estimate)
    status, out, _ = command(capsys, "replay", stores[0], "--condition", 1, "--replicate", 37)
    assert status == 0
    assert "there is nothing to compare with" in out
    assert "stored" not in out.replace("The store", "")
    with pytest.raises(ValueError, match="has 90 replicates, numbered from 0; there is no repl"):
        replay(stores[0], 1, 90)


@pytest.mark.parametrize("kind", ["contrast"])
def test_what_pairs_replicates_refuses_in_one_line(stores, capsys, kind):
    status, out, err = command(capsys, kind, stores[0])
    assert (status, out) == (2, "")
    assert "keep: replicates" in err
    assert "Traceback" not in err


# ---------------------------------------------------------------- growing, damage


@pytest.mark.parametrize("before", [3, 80, 90, 96], ids="{} before".format)
def test_an_extended_study_is_the_larger_study(tmp_path, before):
    simlab.run(declared(before), out=tmp_path / "s", jobs=1)
    large = declared(130, (7, 9, 5))
    grown = simlab.run(large, out=tmp_path / "s", jobs=2, extend=True)
    assert untimed(grown).identical(untimed(simlab.run(large, jobs=1)))
    assert untimed(open_dataset(tmp_path / "s")).identical(untimed(grown))
    kept = 2 * (before // 16)
    assert [one["blocks"] for one in sessions(tmp_path / "s")][1] == 27 - kept
    assert len([*(tmp_path / "s" / "nodes").iterdir()]) == 3 * 2  # 9 blocks: 8, and a short one


def test_a_damaged_node_is_run_again(tmp_path):
    s = declared()
    expected = simlab.run(s, out=tmp_path / "s", jobs=1)
    file = max((tmp_path / "s" / "nodes").iterdir(), key=lambda f: f.stat().st_size)
    content = bytearray(file.read_bytes())
    content[40] ^= 1
    file.write_bytes(content)
    with pytest.warns(StoreWarning, match=f"1 damaged node is run again .node {file.name} fails"):
        result = simlab.run(s, out=tmp_path / "s", jobs=1)
    assert untimed(result).identical(untimed(expected))
    assert untimed(open_dataset(tmp_path / "s")).identical(untimed(expected))


@pytest.mark.parametrize("array", ["truth", "estimator", "key"])
def test_damaged_metadata_are_written_anew(tmp_path, array):
    s = declared()
    expected = simlab.run(s, out=tmp_path / "s", jobs=1)
    (tmp_path / "s" / array / "zarr.json").write_text("{")
    with pytest.warns(StoreWarning, match="its metadata are written anew"):
        result = simlab.run(s, out=tmp_path / "s", jobs=1)
    assert untimed(result).identical(untimed(expected))
    assert untimed(open_dataset(tmp_path / "s")).identical(untimed(expected))
