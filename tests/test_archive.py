"""Saved studies questioned: conditions by name, failures, differences to the bit, other formats."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from archive_cases import command
from study_cases import study

import simlab
from simlab import archive, tables
from simlab.archive.export import long_form

FEW = {"clusters": 5, "G": [[4, 0], [0, 0.1]], "cluster_sizes": {"law": "poisson", "mean": 5}}
GRID = {"population.clusters": [5, 9], "scheme": ["new-clusters", "same-clusters"]}


@pytest.fixture(scope="module")
def s():
    return study(40, block=16, grid=GRID, population=FEW)


@pytest.fixture(scope="module")
def ds(s):
    return simlab.run(s, jobs=1)


@pytest.fixture(scope="module")
def store(s, tmp_path_factory):
    path = tmp_path_factory.mktemp("archive") / "few.zarr"
    simlab.run(s, jobs=1, out=path)
    return path


# ---------------------------------------------------------------- which condition


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("0", 0),
        ("3", 3),
        ("clusters=9, scheme=new-clusters", 2),
        ("population.clusters = 5.0,scheme=same-clusters", 1),
    ],
)
def test_a_condition_is_found(ds, text, place):
    assert archive.condition_of(ds, text) == place


def test_a_condition_is_found_by_its_key_and_its_description(ds):
    for c in range(4):
        assert archive.condition_of(ds, str(ds["key"].values[c])[:8]) == c
        assert archive.condition_of(ds, archive.describe(ds, c)) == c


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("4", "no condition is '4'"),
        ("-1", "no condition is"),
        ("clusters=7", "no condition is"),
        ("clusters=5", "2 conditions are 'clusters=5'"),
        ("size=5", "factor 'size' is unknown; give one of population.clusters"),
        ("", "no condition is"),
    ],
)
def test_a_condition_that_is_not_there(ds, text, message):
    with pytest.raises(ValueError, match=message):
        archive.condition_of(ds, text)


# ---------------------------------------------------------------- failures


def test_failures_are_all_that_is_not_ok(ds):
    result = archive.failures(ds)
    assert len(result) == int((ds["status"] != 0).sum()) > 0
    for row in result.to_dict("records"):
        status = ds["status"].isel(condition=row["condition"], replicate=row["replicate"])
        assert int(status.sel(estimator=row["estimator"])) == {"singular": 1}.get(row["status"])
    assert archive.failures(ds, ["not_converged"]).empty


def test_failures_of_no_known_status(ds):
    with pytest.raises(ValueError, match="status 'bad' is unknown; give one of singular"):
        archive.failures(ds, ["bad"])


def test_the_summary_counts_them(ds):
    table = archive.summary(ds)
    assert table["replicates"].tolist() == [40] * 4
    fits = 40 * ds.sizes["estimator"]
    assert (table["ok"] + table["singular"] == fits).all()
    assert np.isclose(table["core_seconds"].sum(), float(ds["seconds"].sum()))


def test_wall_time_is_the_union_of_its_blocks(ds):
    began = np.full((4, 3), np.nan)
    ended = began.copy()
    began[0], ended[0] = [0.0, 1.0, 10.0], [2.0, 1.5, 11.0]
    began[1, 0], ended[1, 0] = 5.0, 6.0
    dims = ("condition", "block")
    timed = ds.assign(began=(dims, began), ended=(dims, ended))
    wall = archive.summary(timed)["wall_seconds"]
    assert wall[:2].tolist() == [3.0, 1.0]
    assert wall[2:].isna().all()  # these have run, and nobody wrote down when
    assert (
        archive.summary(ds.drop_vars(["began", "ended"], errors="ignore"))["wall_seconds"]
        .isna()
        .all()
    )


# ---------------------------------------------------------------- differences


def test_the_same_study_run_twice_has_the_same_bits(s, ds):
    result = archive.difference(ds, simlab.run(s, jobs=2))
    assert result.same_numbers
    assert result.settings.empty
    assert (result.common, result.replicates) == (4, 160)


def test_one_bit_is_a_difference(ds):
    other = ds.copy(deep=True)
    cell = other["estimate"].values[2, 17]
    cell[0, 1] = np.nextafter(cell[0, 1], np.inf)
    result = archive.difference(ds, other)
    assert not result.same_numbers
    (row,) = result.numbers.to_dict("records")
    assert (row["variable"], row["cells"]) == ("estimate", 1)
    assert 0 < row["largest"] < 1e-14
    assert row["where"] == "condition 2, replicate 17, estimator pooled, term slope"


def test_a_missing_number_is_a_difference(ds):
    other = ds.copy(deep=True)
    other["lower"].values[0, 0, 0, 0] = np.nan
    (row,) = archive.difference(ds, other).numbers.to_dict("records")
    assert row["variable"] == "lower"
    assert np.isnan(row["largest"])


def test_only_what_both_have_is_compared(s, ds):
    more = simlab.run(
        s.replace(replicates=50, grid={"population.clusters": [9, 5, 7], "scheme": GRID["scheme"]}),
        jobs=1,
    )
    result = archive.difference(ds, more)
    assert result.same_numbers
    assert (result.common, result.replicates) == (4, 160)
    assert result.only_first == ()
    assert [place.split(",")[0] for place in result.only_second] == ["population.clusters=7"] * 2
    assert {"replicates", "grid.population.clusters"} <= set(result.settings["name"])
    other_seed = archive.difference(ds, simlab.run(s.replace(seed=8), jobs=1))
    assert not other_seed.same_numbers  # control: the comparison can fail
    assert "seed" in set(other_seed.settings["name"])


# ---------------------------------------------------------------- other formats


def test_netcdf_is_the_dataset(ds, tmp_path):
    archive.export(ds, tmp_path / "few.nc")
    with xr.open_dataset(tmp_path / "few.nc", engine="scipy") as back:
        assert archive.difference(ds, back.load()).same_numbers
        assert json.loads(back.attrs["config"])["name"] == "test"
        for name in ("estimator", "term", "key"):
            assert back[name].values.tolist() == ds[name].values.tolist()


def test_long_form_has_every_estimate_once(ds):
    frame = pd.concat(long_form(ds), ignore_index=True)
    has = ds["estimate"].notnull() | ((ds["status"] > 1) & ds["limit"].notnull())
    assert len(frame) == int(has.sum())
    one = frame.query(
        "condition == 2 and replicate == 17 and estimator == 'hlm' and term == 'slope'"
    )
    (row,) = one.to_dict("records")
    here = ds.isel(condition=2, replicate=17).sel(estimator="hlm", term="slope")
    assert row["estimate"] == float(here["estimate"])
    assert row["sigma2"] == float(ds["sigma2"].isel(condition=2, replicate=17).sel(mixed="hlm"))
    assert row["beta_within"] == float(here["truth"].sel(target="beta_within"))
    assert frame.query("estimator == 'pooled'")["sigma2"].isna().all()


def test_csv_keeps_every_digit(ds, tmp_path):
    archive.export(ds, tmp_path / "few.csv")
    back = pd.read_csv(tmp_path / "few.csv")
    frame = pd.concat(long_form(ds), ignore_index=True)
    assert back.columns.tolist() == frame.columns.tolist()
    for name in ("estimate", "df", "upper", "G_covariance", "limit"):
        np.testing.assert_array_equal(back[name], frame[name])
    text = (tmp_path / "few.csv").read_text().splitlines()[1].split(",")
    assert float(text[frame.columns.get_loc("estimate")]) == frame["estimate"][0]


def test_parquet_is_the_long_form(ds, tmp_path):
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    archive.export(ds, tmp_path / "few.parquet")
    back, frame = pd.read_parquet(tmp_path / "few.parquet"), pd.concat(long_form(ds))
    assert len(back) == len(frame)
    np.testing.assert_array_equal(back["estimate"], frame["estimate"])
    assert back["status"].tolist() == frame["status"].tolist()


@pytest.mark.parametrize("name", ["few.xlsx", "few", "missing/few.csv"])
def test_a_file_that_cannot_be_written(ds, tmp_path, name):
    with pytest.raises(archive.ExportError, match=r"few.*(ends in|cannot be writ|there is no)"):
        archive.export(ds, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- the commands


def test_info_tells_what_the_store_is(store, capsys):
    status, out, _ = command(capsys, "info", store)
    assert status == 0
    for word in ("test", "160 of 160", "seed, block", "numpy", "2  population.clusters=9"):
        assert word in out


def test_failures_give_the_commands_that_replay_them(store, capsys):
    status, out, _ = command(capsys, "failures", store, "--limit", 2)
    assert status == 0
    lines = [line for line in out.splitlines() if line.startswith("simlab replay")]
    assert len(lines) == 2
    again = lines[0].partition("   #")[0].split()[1:]
    status, out, _ = command(capsys, *again)
    assert status == 0
    assert "bit for bit" in out
    assert "singular" in out


@pytest.mark.parametrize(
    ("format", "said"),
    [("markdown", "| 0 |"), ("latex", r"\begin{tabular}"), ("html", "<code>simlab replay")],
)
def test_failures_are_printed_in_every_format(ds, store, capsys, format, said):
    status, out, _ = command(capsys, "failures", store, "--format", format)
    assert status == 0
    assert said in out
    frame = tables.failures_table(ds).to_frame()
    pd.testing.assert_frame_equal(frame, archive.failures(ds))


def test_diff_has_the_exit_status_of_diff(s, store, tmp_path, capsys):
    assert command(capsys, "diff", store, store)[0] == 0
    simlab.run(s.replace(seed=8), jobs=1, out=tmp_path / "other.zarr")
    status, out, _ = command(capsys, "diff", store, tmp_path / "other.zarr")
    assert status == 1
    assert "numbers differ" in out


def test_export_and_errors_are_one_line(store, tmp_path, capsys):
    status, _, err = command(capsys, "export", store, tmp_path / "few.csv")
    assert status == 0
    assert (tmp_path / "few.csv").exists()
    for wrong in (
        ("export", store, tmp_path / "few.xlsx"),
        ("info", tmp_path / "nothing.zarr"),
        ("failures", store, "--status", "odd"),
        ("replay", store, "--condition", "17", "--replicate", 0),
        ("replay", store, "--replicate", 40),
    ):
        status, _, err = command(capsys, *wrong)
        assert status == 2
        assert err.strip()
        assert "Traceback" not in err
