"""Claims are said when they hold by four standard errors; tables of counts become moments."""

import numpy as np
import pandas as pd
import pytest

from simlab import data
from simlab.course.demos.claims import (
    MARGIN,
    ClaimError,
    Number,
    above,
    below,
    claim,
    mean,
    within,
)
from simlab.course.demos.samples import correlations, from_counts, slopes
from simlab.moments import from_rows

BERKELEY = ("department", "sex", "people", "admitted")


def test_a_claim_needs_four_standard_errors():
    assert MARGIN == 4
    assert above(Number("a", 0.41, 0.1)).holds
    assert not above(Number("a", 0.39, 0.1)).holds
    assert below(Number("a", 0.59, 0.1), 1).holds
    assert not below(Number("a", 0.61, 0.1), 1).holds
    # Of two numbers, both errors count, as if they were as dependent as can be.
    assert above(Number("a", 1, 0.1), Number("b", 0.1, 0.1)).holds
    assert not above(Number("a", 1, 0.1), Number("b", 0.3, 0.1)).holds


def test_a_number_that_is_measured_badly_is_near_nothing():
    assert within(Number("a", 2.1, 0.02), 2, 0.2).holds
    assert not within(Number("a", 2.1, 0.03), 2, 0.2).holds
    assert not within(Number("a", np.nan, 0.0), 2, 0.2).holds
    assert not above(Number("a", np.nan)).holds


def test_what_does_not_hold_is_named():
    with pytest.raises(ClaimError) as refused:
        claim("It grows.", above(Number("slope", -0.5, 0.1)), below(Number("other", 1), 2))
    message = (
        "this cannot be said here: “It grows.” slope is −0.5 ± 0.1, which is not clearly above 0"
    )
    assert str(refused.value) == message
    assert claim("It falls.", below(Number("slope", -0.5, 0.1))) == "It falls."


def test_a_claim_must_rest_on_something():
    with pytest.raises(ValueError, match="must rest on something"):
        claim("It is so.")


def test_numbers_are_written_well():
    number = mean("mean", [-1.0, -2.0, -3.0])
    assert f"{number:.1f}" == "−2.0"
    assert f"{Number('share', 0.25):.0%}" == "25 %"
    assert str(number) == "mean is −2 ± 0.58"  # 1/√3


def test_moments_of_counts_are_those_of_rows():
    df = data.berkeley()
    m = from_counts(df, *BERKELEY)
    rows = pd.concat(
        [
            pd.DataFrame(
                {
                    "d": row.department,
                    "x": float(row.sex == "Male"),
                    "y": np.repeat([1.0, 0.0], [row.admitted, row.people - row.admitted]),
                }
            )
            for row in df.itertuples()
        ]
    )
    codes = rows["d"].astype("category").cat.codes.to_numpy(np.int64)
    x, y = rows["x"].to_numpy(), rows["y"].to_numpy()
    expected = from_rows(x, y, codes, np.zeros(6, np.int64))
    for got, wanted in zip(m, expected, strict=True):
        assert got == pytest.approx(wanted, rel=1e-11)
    means = rows.groupby("d").mean()
    of_rows, of_means = correlations(m)
    assert of_rows[0] == pytest.approx(np.corrcoef(x, y)[0, 1], rel=1e-11)
    assert of_means[0] == pytest.approx(np.corrcoef(means["x"], means["y"])[0, 1], rel=1e-11)


def test_berkeley_is_what_bickel_counted():
    """Admitted: 1,198 of 2,691 men, 557 of 1,835 women (the margins of R's UCBAdmissions)."""
    total = data.berkeley().groupby("sex", observed=True)[["admitted", "people"]].sum()
    assert total.loc["Male"].tolist() == [1198, 2691]
    assert total.loc["Female"].tolist() == [557, 1835]
    lines = slopes(from_counts(data.berkeley(), *BERKELEY))
    assert lines["pooled"] == pytest.approx(1198 / 2691 - 557 / 1835, rel=1e-11)
    assert lines["fixed_effects_common"] < 0
