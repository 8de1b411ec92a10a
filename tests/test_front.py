"""From a data frame to a fit in as few steps as will do: each shortcut against the long way.

Sums are compared to 1e-12 of their size, the rounding of 300 terms; all else is exact.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import simlab
from simlab.data import DataError, hs
from simlab.data.frames import stored
from simlab.formula import build
from simlab.formula.values import Table
from simlab.mixed.rows import rotate_rows, sort
from simlab.products import FEW, least_pivot, products

FORMULA = "y ~ x * f + (1 + x | g)"


@pytest.fixture
def df() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(12), 25)
    x = rng.normal(size=300)
    y = x + rng.normal(size=12)[g] + rng.normal(size=300)
    return pd.DataFrame({"y": y, "x": x, "f": rng.choice(["a", "b"], 300), "g": g})


@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_sums_are_those_of_numpy(offset):
    rng = np.random.default_rng(1)
    D, y = rng.normal(size=(300, 4)), rng.normal(size=300)
    D[:, 1] += offset
    sums, both = products(D, y), np.column_stack([D, y])
    centred = both - both.mean(axis=0)
    np.testing.assert_allclose(sums.mean, both.mean(axis=0), rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(sums.cross, centred.T @ centred, rtol=1e-7 if offset else 1e-12)
    np.testing.assert_array_equal(sums.largest, np.abs(both).max(axis=0))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_seen(value):
    D = np.ones((5, 2))
    D[3, 1] = value
    largest = products(D, np.arange(5.0)).largest
    assert largest[0] == 1
    assert largest[2] == 4
    np.testing.assert_equal(largest[1], abs(value))


@pytest.mark.parametrize("q", [1, 3, FEW, FEW + 1])
@pytest.mark.parametrize("N", [0, 100])
def test_the_least_pivot_is_that_of_a_cholesky_factor(q, N):
    rng = np.random.default_rng(q)
    X, shift = rng.normal(size=(200, q + 2)), rng.normal(size=q + 2)
    cross, chosen = X.T @ X, rng.permutation(q + 2)[:q]
    gram = (cross + N * np.outer(shift, shift))[np.ix_(chosen, chosen)]
    size = np.sqrt(np.diag(gram))
    pivots = np.diag(np.linalg.cholesky(gram / np.outer(size, size))) ** 2
    assert least_pivot(cross, chosen, shift, N) == pytest.approx(pivots.min(), rel=1e-10)


@pytest.mark.parametrize("q", [3, FEW + 1])
def test_without_full_rank_there_is_no_pivot(q):
    X = np.random.default_rng(q).normal(size=(200, q))
    chosen, none = np.arange(q), np.zeros(q)
    zero = X * (chosen > 0)
    assert least_pivot(zero.T @ zero, chosen, none, 0) == 0
    X[:, -1] = X[:, 0]
    assert least_pivot(X.T @ X, chosen, none, 0) < 1e-12
    assert least_pivot(X.T @ X, chosen[:0], none, 0) == 1


@pytest.mark.parametrize("kind", ["ascending", "shuffled", "one"])
def test_rows_are_sorted_stably(kind):
    cluster = np.repeat(np.arange(1 if kind == "one" else 7), 5)
    if kind == "shuffled":
        cluster = np.random.default_rng(0).permutation(cluster)
    rows, first = sort(cluster)
    np.testing.assert_array_equal(rows, np.argsort(cluster, kind="stable"))
    np.testing.assert_array_equal(first, [0, *np.bincount(cluster).cumsum()])


def test_a_column_as_pandas_holds_it(df, monkeypatch):
    """Also where pandas no longer has the way to it that is not public."""
    df = df.assign(c=df.f.astype("category"), i=df.g.astype("Int64"), b=df.x > 0)
    quick = [stored(df, i) for i in range(df.shape[1])]
    monkeypatch.delattr(pd.DataFrame, "_get_column_array")
    for i, values in enumerate(quick):
        assert values.dtype == df.dtypes.iloc[i]
        pd.testing.assert_series_equal(pd.Series(values), pd.Series(df.iloc[:, i].array))
        assert len(stored(df, i)) == len(values)
    fit = simlab.fit(df, FORMULA)
    monkeypatch.undo()
    assert simlab.fit(df, FORMULA).loglik == fit.loglik


@pytest.mark.parametrize(
    "columns",
    [
        pd.Index(["y", "x", "f", "g"], dtype=object),
        pd.Index(["y", "x", "f", "g"], dtype="category"),
        pd.Index(["y", "x", "f", "g"]),
    ],
)
def test_columns_go_by_their_names_whatever_the_index_is(df, columns):
    other = df.set_axis(columns, axis=1)
    np.testing.assert_array_equal(build(FORMULA, other).D, build(FORMULA, df).D)


def test_the_first_of_several_labels_with_one_name():
    table = Table(pd.DataFrame([[1.0, 2.0, 3.0]], columns=["a", 1, "1"]), "d")
    assert table.value("1")[0] == 2.0
    assert table.has_twice("1")


@pytest.mark.parametrize("empty", [None, np.nan, pd.NA])
def test_whatever_stands_for_a_missing_number(df, empty):
    values = [*df.x.tolist()[:-1], empty]
    one = build(FORMULA, df.assign(x=pd.Series(values, dtype=object)))
    assert one.missing == {"x": 1}
    np.testing.assert_array_equal(one.D, build(FORMULA, df).D[:-1])
    with pytest.raises(DataError, match="none of 300 rows is complete"):
        build(FORMULA, df.assign(x=pd.Series([empty] * 300, dtype=object)))


def test_what_is_remembered_of_a_formula_is_not_of_the_data(df):
    """Levels that differ make other columns, and no array of one design is one of another's."""
    one = build(FORMULA, df)
    other = build(FORMULA, df.assign(f=np.where(df.f == "a", "c", "b")))
    assert one.fixed_names[2] == "fb"
    assert other.fixed_names[2] == "fc"
    again = build(FORMULA, df)
    for name in ("D", "y", "cluster", "fixed", "random", "blocks"):
        assert not np.shares_memory(getattr(one, name), getattr(again, name))
        np.testing.assert_array_equal(getattr(one, name), getattr(again, name))
    again.blocks[:] = 7
    again.terms.clear()
    assert build(FORMULA, df).blocks.tolist() == [0, 0]
    assert build(FORMULA, df).terms


def test_sums_of_other_data_are_not_used(df):
    """A control: sums of another response, which would give another fit."""
    design = build(FORMULA, df)
    columns = design.D, design.y + 1e3 * df.x.to_numpy(), design.cluster, design.fixed
    clusters = [
        rotate_rows(*columns, design.random, design.blocks, None, sums)
        for sums in (None, design.sums, products(*columns[:2]))
    ]
    assert clusters[0].units.s_y == clusters[1].units.s_y == clusters[2].units.s_y
    wrong = design.sums._replace(y=columns[1])
    taken = rotate_rows(*columns, design.random, design.blocks, None, wrong)
    assert taken.units.s_y != clusters[0].units.s_y


@pytest.mark.parametrize("offset", [0.0, 100.0])
@pytest.mark.parametrize(
    ("noise", "is_explained"),
    [(0.0, True), (1e-15, True), (1e-13, True), (1e-10, False), (1e-6, False), (1.0, False)],
)
def test_a_response_that_is_explained_is_seen_on_the_short_way_too(df, noise, is_explained, offset):
    """Whether the residual is rounding, of the largest y, is read off the sums where these can."""
    y = offset + 2 * df.x + noise * (1 + offset) * df.y
    if is_explained:
        with pytest.raises(DataError, match="explain 'y' exactly"):
            simlab.fit(df.assign(y=y), "y ~ x + (1 | g)")
    else:
        fit = simlab.fit(df.assign(y=y), "y ~ x + (1 | g)")
        assert fit.sigma2**0.5 == pytest.approx(noise * (1 + offset), rel=0.2)


def test_the_table_is_that_of_the_summary():
    fit = simlab.fit(hs(), "mathach ~ ses * sector + (1 + ses | school)")
    for df in ("satterthwaite", "kenward-roger", "containment", "normal"):
        table, whole = fit.table(df), fit.summary(df=df).coefficients
        pd.testing.assert_frame_equal(table, whole[table.columns], check_exact=True)
        assert table.index.name == "coefficient"
        assert (table.dtypes == "float64").all()
