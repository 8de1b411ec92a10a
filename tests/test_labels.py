"""Labels are labels: texts that would be one number stay two clusters, from the file to the fit.

A covariate of 1.5 and 1.50 is one number all the same. What is whole numbers in one spelling stays
numbers, as it was. `check_labels` in test_fuzz_csv.py holds the reader of labels against random
tables.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import simlab
from simlab.cli import reading
from simlab.cli.audit import audit
from simlab.cli.bootstrap import bootstrap
from simlab.cli.catalogue import catalogue
from simlab.cli.check import check
from simlab.cli.compare import compare
from simlab.cli.fit import fit
from simlab.cli.pvalue import pvalue
from simlab.config import loads
from simlab.data import DataError, DataWarning, cvar, hs, merge_levels, read, up, varying
from simlab.data.checks import check_apart
from simlab.population.frame import frame

CODES = ["007", "07", "7", "12", "013", "20"]
SECTIONS = ["1.1", "1.10", "1.2", "2.1", "2.10", "3"]
OF_CODES = "d.csv, line 8: school is '07', the same value as '007' in line 2 (and 1 more such)"
APART = "; as labels they stay apart: write them alike if they are one"


def table(labels: list[str], n: int = 6) -> pd.DataFrame:
    """Texts of a file: n rows of each school; x in two spellings; two tracks of schools."""
    rng = np.random.default_rng(5)
    u, x = rng.normal(size=len(labels)), rng.normal(size=(len(labels), n)).round(1)
    y = u[:, None] + x + rng.normal(size=x.shape)
    rows = [
        {"school": label, "x": f"{x[j, i]:.{1 + i % 2}f}", "y": f"{y[j, i]:.3f}", "track": track}
        for j, label in enumerate(labels)
        for track in [f"{j % 2 + 1:02d}"]
        for i in range(n)
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a table, or a text, as d.csv in the current folder."""
    monkeypatch.chdir(tmp_path)

    def write_(content: pd.DataFrame | str) -> str:
        if isinstance(content, pd.DataFrame):
            content = content.to_csv(index=False)
        Path("d.csv").write_text(content, encoding="utf-8")
        return "d.csv"

    return write_


def column(words: list[str]) -> str:
    return "g,x\n" + "".join(f'"{word}",{i}\n' for i, word in enumerate(words))


def quiet(call, *args, **kwargs):
    """Call without the remark, which other tests read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return call(*args, **kwargs)


# ---------------------------------------------------------------- the reader


@pytest.mark.parametrize(
    "words",
    [
        CODES,
        SECTIONS,
        ["1e3", "1000", "1E3"],
        ["+7", "7"],
        ["-0", "0", "00"],
        ["7.0", "7", "8"],
        ["7.00", "7.0"],
        ["12345678901234567890", "12345678901234567891", "9"],
        ["9007199254740993", "9007199254740992.0"],
        ["1", "2", "A1", "01", "a1"],
        ["inf", "Infinity", "1"],
        ["TRUE", "true", "False"],
        ["0x10", "16", "1_6", "1,6"],
        ["−7", "-7", "٣", "3"],
        ["9" * 5000, "8" * 5000],
    ],
)
def test_labels_stay_as_they_are_written(words, write):
    df = quiet(read, write(column(words)), labels=["g"])
    assert df.g.tolist() == words


@pytest.mark.parametrize(
    ("words", "kind", "values"),
    [
        (["7", "-12", "0"], "i", [7, -12, 0]),
        (["9007199254740993", "9223372036854775807"], "i", [9007199254740993, 2**63 - 1]),
        (["7", "", "12"], "f", [7.0, None, 12.0]),
        (["7.0", "NA", "12.0"], "f", [7.0, None, 12.0]),
        (["True", "False", "True"], "b", [True, False, True]),
        (["", "NA", "nan"], "f", [None, None, None]),
    ],
)
def test_whole_numbers_in_one_spelling_are_numbers_as_ever(words, kind, values, write):
    """No remark, which would be an error here; and the same as without a role."""
    path = write(column(words))
    df = read(path, labels="g")
    assert df.g.dtype.kind == kind
    assert [None if pd.isna(v) else v for v in df.g] == values
    pd.testing.assert_frame_equal(df, read(path))


def test_long_labels_beside_a_gap_are_text_and_not_refused(write):
    path = write(column(["12345678901234567", "12345678901234568", "NA"]))
    assert read(path, labels=["g"]).g.tolist()[:2] == ["12345678901234567", "12345678901234568"]
    with pytest.raises(DataError, match=r"line 2: g is .* would lose digits"):
        read(path)


def test_words_for_missing_are_missing_among_labels(write):
    words = ["NA", "nan", "None", "null", "", "N/A", "7", "none at all"]
    assert read(write(column(words)), labels=["g"]).g.isna().tolist() == [True] * 6 + [False] * 2


@pytest.mark.parametrize("sign", [".", "?", "-"])
def test_a_sign_among_numbers_is_asked_about(sign, write):
    with pytest.raises(
        DataError, match=r"line 3: g is '.*', which is among numbers perhaps a missi"
    ):
        read(write(column(["1", sign, "2"])), labels=["g"])


def test_space_is_no_part_of_a_label(write):
    path = write(column(["7", " 7", "7 ", "8"]))
    assert read(path, labels=["g"]).g.tolist() == [7, 7, 7, 8]


def test_a_label_that_is_no_column(write):
    with pytest.raises(
        DataError, match=r"^d.csv: no column 'skool' for the label; did you mean 's"
    ):
        quiet(read, write(table(CODES)), labels=["skool"])
    assert read("hs", labels=["school"]).equals(hs())


# ---------------------------------------------------------------- what is said


def warnings_of(path: str, **options: object) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read(path, **options)
    assert all(w.category is DataWarning and w.filename == __file__ for w in caught)
    return [str(w.message) for w in caught]


def test_where_labels_would_be_one_number_it_is_said_once(write):
    path = write(table(CODES))
    assert warnings_of(path, labels=["school"]) == [OF_CODES + APART]
    assert warnings_of(path, labels=[]) == []


def test_without_roles_each_column_with_a_double_is_said(write):
    codes, x = warnings_of(write(table(CODES)))
    assert codes == OF_CODES + "; with leading zeros they are taken for labels, and school for text"
    assert x.startswith("d.csv, line ")
    assert ": x is '" in x
    assert x.endswith(
        "they are read as one number; if x is a label, read it by labels=['x'], or put a letter "
        "before it"
    )
    df = quiet(read, "d.csv")
    assert (df.school.nunique(), df.x.dtype) == (6, np.float64)
    sections = quiet(read, write(table(SECTIONS)))
    assert sections.school.nunique() == 4  # as numbers, which is what was said


@pytest.mark.parametrize("words", [["-0.0", "0.0", "1"], ["TRUE", "true"], ["007", "12"]])
def test_nothing_is_said_of_what_is_no_double(words, write):
    assert warnings_of(write(column(words))) == []


def test_a_covariate_is_numbers_in_any_spelling(write):
    path = write(
        "g,x,y\n" + "".join(f"{i % 3},{w},1\n" for i, w in enumerate(["1.5", "1.50", "07"]))
    )
    df = read(path, labels=["g"])  # no remark
    assert df.x.tolist() == [1.5, 1.5, 7.0]


# ---------------------------------------------------------------- from a file to clusters

SOURCES = {"codes": CODES, "sections": SECTIONS}


ROLES = {"y": "y", "x": "x", "cluster": "school"}


def clusters_of_fit(capsys, *lines: str) -> int:
    shown = capsys.readouterr()
    assert shown.err.count("\n") == 1
    assert shown.err.startswith("simlab: d.csv, line 8: school is ")
    found = next(line for line in shown.out.splitlines() if "clusters of school" in line)
    return int(found.partition(" in J = ")[2].split()[0])


@pytest.mark.parametrize("labels", SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize("formula", ["y ~ x + (1 | school)", "y ~ dvar(x, school) + (1 | school)"])
def test_fit_has_a_cluster_for_each_label(labels, formula, write, capsys):
    fit(write(table(labels)), formula, df="normal")
    assert clusters_of_fit(capsys) == 6
    fixed = formula.partition(" + (")[0]
    fit("d.csv", fixed, random="~ 1 | school", df="normal")
    assert clusters_of_fit(capsys) == 6


@pytest.mark.parametrize("labels", SOURCES.values(), ids=SOURCES)
def test_the_other_commands_have_a_cluster_for_each_label(labels, write, capsys):
    path = write(table(labels))

    compare(path, **ROLES, format="csv")
    shown = capsys.readouterr()
    table_ = pd.read_csv(io.StringIO(shown.out)).set_index(["method", "term"])
    assert table_.loc[("two_stage", "slope"), "df"] == 5
    assert shown.err.endswith(APART + "\n")

    bootstrap(path, "y ~ x + (1 | school)", draws=20, kind="clusters", level=0.9, jobs=1)
    assert "d.csv, line 8: school is" in capsys.readouterr().err

    alternative = ("y ~ x + (1 | school)",)
    pvalue(path, null="y ~ x", alternative=alternative, draws=19, jobs=1, format="csv", quiet=True)
    assert "d.csv, line 8: school is" in capsys.readouterr().err

    catalogue(path, **ROLES, w="track")
    assert "36 rows in 6 clusters of school" in capsys.readouterr().out


def test_groups_are_labels_too(write, capsys):
    """Tracks 01 and 1 are two; there is no word of it where all are written 01 and 02."""
    df = table(["1", "2", "3", "4", "5", "6"])
    compare(write(df), **ROLES, group="track", format="csv")
    shown = capsys.readouterr()
    assert (shown.err, "slope[02 - 01]" in shown.out) == ("", True)
    path = write(df.assign(track=df.track.replace("02", "1")))
    compare(path, **ROLES, group="track", format="csv")
    shown = capsys.readouterr()
    assert "slope[1 - 01]" in shown.out
    assert "track is '1', the same value as '01' in line 2;" in shown.err


def test_an_audit_and_the_study_that_it_writes_have_a_cluster_for_each_label(write, capsys):
    path = write(table(CODES))
    audit(path, **ROLES, replicates=100, draws=0, seed=1, jobs=1, config=Path("a.yaml"), quiet=True)
    shown = capsys.readouterr()
    assert "36 rows in 6 clusters" in shown.out
    assert shown.err.count("school is '07'") == 1
    study = loads(Path("a.yaml").read_text(encoding="utf-8"))
    check(Path("a.yaml"))
    assert capsys.readouterr().err.count("school is '07'") == 1  # of two conditions
    with pytest.warns(DataWarning, match="school is '07'"):
        ds = simlab.run(study, jobs=1)
    assert float(ds.df.sel(estimator="two_stage", term="slope").max()) == 5


def test_sizes_and_sectors_of_a_study_are_of_labels(write):
    write(table(CODES))
    source = {"law": "data", "data": "d.csv", "cluster": "school", "sector": "track"}
    text = f"""
name: a
replicates: 1
population:
  cluster_sizes: {source}
  gamma: [1, 2]
  G: [[1, 0], [0, 1]]
  sigma2: 1
"""
    study = loads(text.replace("'", ""))
    with pytest.warns(DataWarning, match="school is '07'"):
        result = frame(study.population, study.base_dir)
    assert sorted(result.labels.tolist()) == sorted(CODES)
    assert result.sectors == ("01", "02")


# ---------------------------------------------------------------- roles of a formula's columns


def kinds(write, formulas, words=CODES) -> dict[str, str]:
    """Kind of the columns a, b, c, d, which all hold the same words."""
    text = "a,b,c,d,y\n" + "".join(f"{w},{w},{w},{w},{i}\n" for i, w in enumerate(words))
    df = quiet(reading.by_formulas, write(text), *formulas)
    return {name: "number" if df[name].dtype.kind in "if" else "text" for name in "abcd"}


@pytest.mark.parametrize(
    ("formulas", "text"),
    [
        (["y ~ a + (1 + b | c)"], "c"),
        (["y ~ log(a) + I(b - 1) + (1 || c)"], "c"),
        (["y ~ a", "~ 1 + b | c"], "c"),
        (["y ~ factor(a) + C(b) + (1 | c)"], "abc"),
        (["y ~ cvar(a, b) + (1 | c)"], "bc"),
        (["y ~ a + (1 | c)", "y ~ a + (1 | d)", None], "cd"),
        (["y ~ a * ((1 | c)", "y ~ b + (1 | d)"], "d"),  # what cannot be read says nothing
    ],
)
def test_the_role_of_a_column_is_in_the_formula(formulas, text, write):
    assert {name for name, kind in kinds(write, formulas).items() if kind == "text"} == set(text)


def test_a_column_that_is_computed_with_is_numbers_also_where_it_is_a_label(write, capsys):
    formulas = ["y ~ a + (1 | a)"]
    assert kinds(write, formulas, ["0.5", "1.0", "2"])["a"] == "number"
    assert kinds(write, formulas, CODES)["a"] == "number"
    assert kinds(write, formulas, ["0.5", "0.50", "2"])["a"] == "number"
    reading.by_formulas("d.csv", *formulas)
    assert "a is '0.50', the same value as '0.5' in line 2; they are read as one number" in (
        capsys.readouterr().err
    )


def test_levels_of_numbers_keep_their_order(write, capsys):
    """`factor` of doses has them by size, as R has, unless two would be one level."""
    formulas = ["y ~ factor(a) + (1 | d)"]
    assert kinds(write, formulas, ["0.5", "10", "9.5"])["a"] == "number"
    assert kinds(write, formulas, ["0.5", "10", "0.50"])["a"] == "text"


# ---------------------------------------------------------------- data frames and two files


def test_labels_that_are_written_alike_are_refused():
    df = pd.DataFrame({"g": pd.Series([7, "7"] * 6, dtype=object), "x": np.arange(12.0)})
    df["y"], df["h"] = df.x**2, np.arange(12) // 3
    says = "has two labels that are both written 7: int 7 and str '7'; make them one kind"
    for call in (
        lambda: simlab.compare(df, "y", "x", "g", source="d"),
        lambda: cvar(df.x, df.g),
        lambda: varying(df, "g"),
        lambda: up(df, "g"),
        lambda: simlab.catalogue(df, "y", "x", "h", "g"),
        lambda: check_apart(pd.CategoricalIndex(df.g), "g", "d"),
    ):
        with pytest.raises(DataError, match=says):
            call()
    check_apart(["7", "07", "7.0"], "g", "d")
    check_apart(pd.Index([7, 7.5, "8"], dtype=object), "g", "d")


def test_one_letter_in_two_spellings_is_refused():
    df = pd.DataFrame({"g": ["\u00e9", "e\u0301", "b"] * 4, "x": np.arange(12.0)})
    df["y"] = df.x**2
    says = r"g has two labels that look alike, '\\xe9' and 'e\\u0301'; spell them alike"
    for call in (
        lambda: simlab.fit(df, "y ~ x + (1 | g)"),
        lambda: simlab.compare(df, "y", "x", "g"),
        lambda: up(df, "g"),
    ):
        with pytest.raises(DataError, match=says):
            call()
    alike = df.assign(g=df.g.str.normalize("NFC"))
    assert len(up(alike, "g")) == 2


def test_truth_values_among_numbers_name_no_clusters():
    df = pd.DataFrame({"g": pd.Series([1, True, 2] * 4, dtype=object), "x": np.arange(12.0)})
    df["y"] = df.x**2
    with pytest.raises(DataError, match="column 'g' has True or False among numbers"):
        simlab.fit(df, "y ~ x + (1 | g)")
    alone = df.assign(g=pd.Series([True, False, None] * 4, dtype=object))
    with pytest.warns(simlab.errors.Notice, match="rows left out"):
        assert simlab.fit(alone, "y ~ 1 + (1 | g)").nclusters == 2


def test_groups_that_are_written_alike_are_refused():
    df = pd.DataFrame({"g": np.arange(16) // 2, "x": np.arange(16.0), "y": np.arange(16.0) ** 2})
    df["s"] = pd.Series([7, 7, "7", "7"] * 4, dtype=object)
    with pytest.raises(DataError, match=r"^d: s has two labels that are both written 7"):
        simlab.compare(df, "y", "x", "g", "s", source="d")


@pytest.mark.parametrize(
    ("clusters", "units", "says"),
    [
        (["007", "12"], ["7", "12"], "1 of them differ only in spelling, such as '7' from '007'"),
        (["7", "A"], ["7.0", "A"], "1 of them differ only in spelling, such as '7.0' from '7'"),
        (["north", "12"], ["North ", "12"], "1 of them differ only in spaces or capitals"),
    ],
)
def test_two_files_that_spell_a_label_differently(clusters, units, says):
    schools, students = pd.DataFrame({"g": clusters, "size": 1}), pd.DataFrame({"g": units})
    with pytest.raises(DataError, match=f"a g that is not in the cluster file: .*{says}"):
        merge_levels(schools, students, "g")
    for orphans, verb in (("drop", "dropped"), ("keep", "kept")):
        with pytest.warns(DataWarning, match=f"^1 rows of the unit file are {verb}.*{says}"):
            merge_levels(schools, students, "g", orphans=orphans)


def test_orphans_that_are_like_no_other_go_as_they_were_told():
    schools = pd.DataFrame({"g": ["a", "b"], "size": 1})
    assert len(merge_levels(schools, pd.DataFrame({"g": ["a", "c"]}), "g", orphans="drop")) == 1


def test_text_of_one_number_is_not_to_be_made_a_number():
    schools = pd.DataFrame({"g": ["7", "007"], "size": 1})
    with pytest.raises(
        DataError, match="make them one kind: write the labels of units as those of"
    ):
        merge_levels(schools, pd.DataFrame({"g": [7, 7]}), "g")
    with pytest.raises(DataError, match=r"clusters\['g'\] = pd.to_numeric"):
        merge_levels(schools[:1], pd.DataFrame({"g": [7, 7]}), "g")
