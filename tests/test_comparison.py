"""simlab.compare on real data: every number that the course prints for its six approaches.

Expected values: tests/reference/slide_values.json, as printed; the last digit is the tolerance.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import simlab
from simlab.cli.compare import compare as command
from simlab.data import DataError

SLIDES: dict[str, str] = json.loads(
    (Path(__file__).parent / "reference" / "slide_values.json").read_text(encoding="utf-8")
)

# The course's name → (method, term, column), or (method, statistic) for the fit as a whole.
PLACES = {
    "pooled coef (Intercept)": ("pooled", "intercept[Catholic]", "estimate"),
    "pooled se (Intercept)": ("pooled", "intercept[Catholic]", "std_error"),
    "pooled coef x": ("pooled", "slope[Catholic]", "estimate"),
    "pooled se x": ("pooled", "slope[Catholic]", "std_error"),
    "pooled coef sectorPublic": ("pooled", "intercept[Public - Catholic]", "estimate"),
    "pooled se sectorPublic": ("pooled", "intercept[Public - Catholic]", "std_error"),
    "pooled coef x:sectorPublic": ("pooled", "slope[Public - Catholic]", "estimate"),
    "pooled se x:sectorPublic": ("pooled", "slope[Public - Catholic]", "std_error"),
    "pooled sigma": ("pooled", "sigma"),
    "pooled df": ("pooled", "slope[Catholic]", "df"),
    "pooled R2": ("pooled", "r2"),
    "pooled F": ("pooled", "F"),
    "FE-A dInt": ("fixed_effects_separate", "intercept[Public - Catholic]", "estimate"),
    "FE-A dInt se": ("fixed_effects_separate", "intercept[Public - Catholic]", "std_error"),
    "FE-A df": ("fixed_effects_separate", "intercept[Public - Catholic]", "df"),
    "FE-A dInt t": ("fixed_effects_separate", "intercept[Public - Catholic]", "t"),
    "FE-A dSlope": ("fixed_effects_separate", "slope[Public - Catholic]", "estimate"),
    "FE-A dSlope se": ("fixed_effects_separate", "slope[Public - Catholic]", "std_error"),
    "FE-A dSlope t": ("fixed_effects_separate", "slope[Public - Catholic]", "t"),
    "FE-A dSlope p": ("fixed_effects_separate", "slope[Public - Catholic]", "p_value"),
    "FE-A joint F": ("fixed_effects_separate", "joint F"),
    "FE-B ses:Sector": ("fixed_effects_common", "slope[Public - Catholic]", "estimate"),
    "FE-B se": ("fixed_effects_common", "slope[Public - Catholic]", "std_error"),
    "FE-B df": ("fixed_effects_common", "slope[Public - Catholic]", "df"),
    "FE-B t": ("fixed_effects_common", "slope[Public - Catholic]", "t"),
    "FE-B p": ("fixed_effects_common", "slope[Public - Catholic]", "p_value"),
    "two-stage slope Catholic": ("two_stage", "slope[Catholic]", "estimate"),
    "two-stage slope Catholic se": ("two_stage", "slope[Catholic]", "std_error"),
    "two-stage slope diff": ("two_stage", "slope[Public - Catholic]", "estimate"),
    "two-stage slope diff se": ("two_stage", "slope[Public - Catholic]", "std_error"),
    "two-stage t": ("two_stage", "slope[Public - Catholic]", "t"),
    "two-stage p": ("two_stage", "slope[Public - Catholic]", "p_value"),
    "ecological int": ("ecological", "intercept[all]", "estimate"),
    "ecological int se": ("ecological", "intercept[all]", "std_error"),
    "ecological slope": ("ecological", "slope[all]", "estimate"),
    "ecological slope se": ("ecological", "slope[all]", "std_error"),
}


@pytest.fixture(scope="module")
def hs() -> pd.DataFrame:
    return simlab.data.hs()


@pytest.fixture(scope="module")
def compared(hs: pd.DataFrame) -> pd.DataFrame:
    table = simlab.compare(hs, y="mathach", x="ses", cluster="school", group="sector")
    return table.assign(t=table.estimate / table.std_error).set_index(["method", "term"])


@pytest.fixture(scope="module")
def whole(hs: pd.DataFrame) -> pd.Series:
    table = simlab.fit_statistics(hs, y="mathach", x="ses", cluster="school", group="sector")
    return table.set_index(["method", "statistic"])["value"]


@pytest.mark.parametrize("slide", PLACES)
def test_slide_value_to_the_printed_digit(
    slide: str, compared: pd.DataFrame, whole: pd.Series
) -> None:
    method, name, *column = PLACES[slide]
    value = compared.loc[(method, name), column[0]] if column else whole[method, name]
    digits = len(SLIDES[slide].partition(".")[2])
    assert f"{value:.{digits}f}" == SLIDES[slide]


def test_every_printed_number_of_the_six_approaches_is_checked() -> None:
    others = set(SLIDES) - set(PLACES)
    assert all(name.startswith(("RE ", "EBLUP")) for name in others)  # the one-way model


def test_the_slides_are_hit_by_no_other_method(compared: pd.DataFrame) -> None:
    """Control: two-stage has fixed effects' estimate and another standard error."""
    term = "slope[Public - Catholic]"
    one, two = compared.loc[("two_stage", term)], compared.loc[("fixed_effects_separate", term)]
    assert one.estimate == pytest.approx(two.estimate, rel=1e-12)
    assert one.std_error > 1.1 * two.std_error


def test_order_of_rows_and_names_of_clusters_do_not_matter(hs: pd.DataFrame) -> None:
    roles = {"y": "mathach", "x": "ses", "cluster": "school", "group": "sector"}
    names = {school: f"s{i:02d}" for i, school in enumerate(hs.school.unique()[::-1])}
    other = hs.sample(frac=1, random_state=1).assign(school=lambda d: d.school.map(names))
    one, two = simlab.compare(hs, **roles), simlab.compare(other, **roles)
    numbers = ["estimate", "std_error", "df"]
    np.testing.assert_allclose(two[numbers], one[numbers], rtol=1e-9)


def test_missing_values_are_counted_and_left_out(hs: pd.DataFrame) -> None:
    holes = hs.copy()
    holes.loc[holes.index[[3, 5, 8]], "ses"] = np.nan
    table = simlab.compare(holes, y="mathach", x="ses", cluster="school")
    assert table.attrs["missing"] == {"ses": 3}
    again = simlab.compare(holes.dropna(), y="mathach", x="ses", cluster="school")
    pd.testing.assert_frame_equal(table, again)


def small(**columns: object) -> pd.DataFrame:
    base = {
        "y": [1.0, 2.0, 4.0, 3.0, 5.0, 9.0],
        "x": [0.0, 1.0, 2.0, 0.0, 1.0, 3.0],
        "g": ["a", "a", "a", "b", "b", "b"],
        "s": ["u", "u", "u", "v", "v", "v"],
    }
    return pd.DataFrame({**base, **columns})


@pytest.mark.parametrize(
    ("frame", "roles", "phrase"),
    [
        (small(), {"x": "z"}, "no column 'z'"),
        (small(x="three"), {}, "not a number"),
        (small(y=[1.0, 2.0, np.inf, 3.0, 5.0, 9.0]), {}, "infinite"),
        (small(y=1.0), {}, "same value in every row"),
        (small(x=[1.0, 1.0, 1.0, 2.0, 2.0, 2.0]), {}, "constant within every"),
        (small(g="a"), {}, "names one cluster"),
        (small(s=["u", "v", "u", "v", "v", "v"]), {"group": "s"}, "varies within 1 of"),
        (small(), {"group": "s"}, "2 levels for 2 clusters"),
        (small(), {"x": "y"}, "two roles"),
    ],
)
def test_misuse_gets_one_clear_line(
    frame: pd.DataFrame, roles: dict[str, str], phrase: str
) -> None:
    with pytest.raises(DataError, match=phrase) as caught:
        simlab.compare(frame, **{"y": "y", "x": "x", "cluster": "g", **roles}, source="file.csv")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("file.csv")


def test_what_cannot_be_estimated_is_a_row_with_a_status() -> None:
    table = simlab.compare(small(), y="y", x="x", cluster="g").set_index(["method", "term"])
    row = table.loc[("ecological", "slope")]
    assert row.status == "not_estimable"
    assert np.isnan(row.estimate)
    assert table.loc[("pooled", "slope"), "status"] == "ok"


def test_below_the_table_is_why_a_number_is_missing(
    tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two rows in each of two clusters: no line through means, no residual of the own lines."""
    rows = {"y": [1.0, 2.0, 4.0, 3.5], "x": [0.0, 1.0, 0.5, 3.0], "g": ["a", "a", "b", "b"]}
    path = tmp_path / "few.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    monkeypatch.setenv("COLUMNS", "120")
    command(str(path), y="y", x="x", cluster="g")
    shown = " ".join(capsys.readouterr().out.split())
    assert "Ecological (not estimable)" in shown
    assert "Ecological: not estimable; there are too few clusters or rows, x varies" in shown
    assert (
        "Fixed effects, separate slopes: no standard error, for no cluster with a line has" in shown
    )
    assert "two_stage" not in shown
    command(str(path), y="y", x="x", cluster="g", format="csv")
    printed = capsys.readouterr()
    assert "simlab: Fixed effects, separate slopes: no standard error" in printed.err
    frame = pd.read_csv(io.StringIO(printed.out)).set_index(["method", "term"])["estimate"]
    assert frame["fixed_effects_separate"].equals(frame["two_stage"])
    assert frame["two_stage"].notna().all()
    command("hs", y="mathach", x="ses", cluster="school")
    assert ": n" not in capsys.readouterr().out


@pytest.mark.parametrize(("scale", "origin"), [(1.0, 0.0), (1e-3, 0.0), (1e4, 1e6)])
def test_a_standard_error_that_is_rounding_is_none(scale: float, origin: float) -> None:
    """Where x leaves nothing of y, or nothing within clusters; controls are the other methods."""
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(12), 8)
    x = origin + scale * rng.standard_normal(96)
    df = pd.DataFrame({"x": x, "g": g, "y": 1 + 2 * x})
    table = simlab.compare(df, "y", "x", "g")
    assert table[["std_error", "df", "lower", "upper", "p_value"]].isna().all(axis=None)
    assert "ok" not in set(table["status"])
    df["y"] = rng.standard_normal(12)[g] * scale + (x - origin) * (1 + rng.standard_normal(12)[g])
    table = simlab.compare(df, "y", "x", "g").set_index("method")
    assert table.loc["fixed_effects_separate", "p_value"].isna().all()
    assert set(table.loc["fixed_effects_separate", "status"]) == {"not_estimable"}
    for method in ("pooled", "two_stage", "ecological", "fixed_effects_common"):
        assert np.isfinite(table.loc[[method], "p_value"]).all()
    assert (table.loc["pooled", "status"] == "ok").all()


@pytest.mark.parametrize("column", ["x", "y"])
@pytest.mark.parametrize("scale", [1e200, 1e-200])
def test_what_cannot_be_squared_is_refused(hs: pd.DataFrame, column: str, scale: float) -> None:
    df = hs.rename(columns={"ses": "x", "mathach": "y"})
    df[column] *= scale
    with pytest.raises(DataError, match=f"largest absolute value of {column} is"):
        simlab.compare(df, "y", "x", "school")
