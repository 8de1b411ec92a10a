"""Data frames of other libraries, and files of other programs, give what pandas and CSV give."""

import io
import os
import sys
import threading
import zipfile

import numpy as np
import pandas as pd
import pytest

import simlab
from simlab.config import loads
from simlab.data import DataError, read
from simlab.data.frames import as_pandas

pa = pytest.importorskip("pyarrow")
pl = pytest.importorskip("polars")
HS = simlab.data.hs()
FORMULA = "mathach ~ ses * sector + (1 + ses | school)"
ROLES = {"y": "mathach", "x": "ses", "cluster": "school"}
OTHERS = {"polars": pl.from_pandas, "pyarrow": pa.Table.from_pandas, "dict": dict}
HELD = loads("""
name: held
replicates: 2
estimators: [pooled, two_stage]
population:
  gamma: [12, 2]
  G: [[9, 1], [1, 3]]
  sigma2: 20
  x: {law: data, data: mine, column: ses, cluster: school}
""")
QUESTIONS = {
    "fit": lambda data: simlab.fit(data, FORMULA).fixef,
    "formula first": lambda data: simlab.fit(FORMULA, data).fixef,
    "predict": lambda data: simlab.fit(HS, FORMULA).predict(data),
    "compare": lambda data: simlab.compare(data, **ROLES).estimate,
    "fit_statistics": lambda data: simlab.fit_statistics(data, **ROLES).iloc[:, 0],
    "beta_space": lambda data: pd.Series(simlab.beta_space(data, **ROLES)[""].arc[:, 0]),
    "run": lambda data: simlab.run(HELD, data={"mine": data}, jobs=1).estimate.values.ravel(),
    "up": lambda data: simlab.up(data, "school")["size"],
    "pvalue": lambda data: simlab.pvalue(
        data, "mathach ~ ses + (1|school)", "mathach ~ ses + (1+ses|school)", draws=19
    ).statistic,
    "catalogue": lambda data: simlab.catalogue(
        data, y="mathach", x="ses", w="sector", cluster="school"
    ).to_frame().iloc[:, 0],
}  # fmt: skip


@pytest.mark.parametrize("library", OTHERS)
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_frame_of_another_library_is_taken_as_one_of_pandas(question, library):
    ask = QUESTIONS[question]
    result, expected = ask(OTHERS[library](HS)), ask(HS)
    np.testing.assert_array_equal(np.asarray(result), np.asarray(expected))


def test_what_is_no_frame_is_said_in_a_line():
    for wrong in ([1, 2], 3, "hs"):
        with pytest.raises(DataError, match="must be a data frame"):
            as_pandas(wrong)
    with pytest.raises(DataError, match=r"give it after \.collect\(\)"):
        simlab.fit(pl.from_pandas(HS).lazy(), FORMULA)
    twice = pa.table([[1.0, 2.0]] * 3, names=["y", "x", "x"])
    with pytest.raises(DataError, match="column 'x' occurs more than once; rename or drop one"):
        simlab.fit(twice, "y ~ x + (1 | g)")
    with pytest.raises(simlab.Error, match="the formula must be a text"):
        simlab.fit(HS, HS)


# ---------------------------------------------------------------- files

FRAME = pd.DataFrame({
    "school": ["a", "a", "b", "b", "c"],
    "y": [1.5, 2.25, -3.0, 4.0, np.nan],
    "n": [7, 8, 9, 10, 11],
})  # fmt: skip


def excel(df):
    stream = io.BytesIO()
    df.to_excel(stream, index=False)
    return stream.getvalue()


def spss(df, path):
    pyreadstat = pytest.importorskip("pyreadstat")
    pyreadstat.write_sav(df, str(path))
    return path.read_bytes()


def stata(df):
    stream = io.BytesIO()
    df.to_stata(stream, write_index=False)
    return stream.getvalue()


@pytest.fixture(params=["d.xlsx", "d.parquet", "d.dta", "d.sav", "d.csv"])
def file(request, tmp_path):
    path = tmp_path / request.param
    kind = path.suffix
    if kind == ".xlsx":
        pytest.importorskip("openpyxl")
    make = {".xlsx": excel, ".parquet": pd.DataFrame.to_parquet, ".dta": stata}
    if kind == ".sav":
        path.write_bytes(spss(FRAME, path))
    elif kind == ".csv":
        path.write_text(FRAME.to_csv(index=False))
    else:
        path.write_bytes(make[kind](FRAME))
    return path


def test_a_file_of_another_program_holds_the_table(file):
    result = read(file)
    assert list(result.columns) == list(FRAME.columns)
    assert result["school"].astype(str).tolist() == FRAME["school"].tolist()
    np.testing.assert_array_equal(result["y"], FRAME["y"])
    np.testing.assert_array_equal(result["n"], FRAME["n"])
    assert result.index.name == ("line" if file.suffix in (".csv", ".xlsx") else "row")
    assert result.index[0] == (2 if result.index.name == "line" else 1)


def test_the_name_of_a_file_does_not_matter(file, tmp_path):
    other = file.rename(tmp_path / "table")
    assert len(read(other)) == len(FRAME)


def test_a_table_may_come_through_a_pipe(file, tmp_path):
    """A named pipe cannot be opened a second time: nobody writes to it any more."""
    content, pipe = file.read_bytes(), tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(content,))
    writer.start()
    result = read(pipe)
    writer.join()
    assert len(result) == len(FRAME)


def test_a_damaged_file_is_one_line(file):
    if file.suffix == ".csv":
        pytest.skip("any text is a table")
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"damaged|header and no rows") as caught:
        read(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_labels_of_a_workbook_are_those_of_csv(tmp_path):
    pytest.importorskip("openpyxl")
    df = pd.DataFrame({"id": ["007", "7"], "y": [1, 2.5]})
    (tmp_path / "d.xlsx").write_bytes(excel(df))
    with pytest.warns(simlab.data.DataWarning, match="line 3: id is '7', the same value as '007'"):
        assert read(tmp_path / "d.xlsx", labels="id")["id"].tolist() == ["007", "7"]
    (tmp_path / "d.xlsx").write_bytes(excel(pd.DataFrame([[1, 2]], columns=["y", "y"])))
    with pytest.raises(DataError, match="column names that occur twice: 'y'"):
        read(tmp_path / "d.xlsx")


def test_a_workbook_that_is_a_bomb_is_refused(tmp_path, monkeypatch):
    pytest.importorskip("openpyxl")
    monkeypatch.setattr("simlab.data.formats.MOST", 10_000)
    content = io.BytesIO(excel(FRAME))
    with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/more.xml", "0" * 20_000)
    (tmp_path / "d.xlsx").write_bytes(content.getvalue())
    with pytest.raises(DataError, match="holds more than 10,000 bytes when it is unpacked"):
        read(tmp_path / "d.xlsx")


@pytest.mark.parametrize(("name", "package"), [("d.xlsx", "openpyxl"), ("d.sav", "pyreadstat")])
def test_a_package_that_is_missing_is_named(tmp_path, monkeypatch, name, package):
    path = tmp_path / name
    path.write_bytes(excel(FRAME) if name == "d.xlsx" else spss(FRAME, path))
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(DataError, match=f"which needs the package {package}; install it"):
        read(path)
