"""Numbers as a person reads them."""

import math

import pytest

from simlab.text.numbers import plus_minus, signed


@pytest.mark.parametrize(
    ("value", "digits", "plus", "text"),
    [
        (-1.25, 2, False, "−1.25"),
        (1.25, 1, True, "+1.2"),
        (-0.001, 2, False, "0.00"),
        (0.0, 1, True, "0.0"),
        (123456789.0, 1, True, "+123456789.0"),
        (-5e120, 2, False, "−5.000e+120"),
        (3e84, 3, True, "+3.000e+84"),
        (math.nan, 1, False, ""),
    ],
)
def test_a_number_has_a_sign_only_if_it_shows_and_an_exponent_if_it_is_huge(
    value, digits, plus, text
):
    assert signed(value, digits, plus) == text


def test_an_error_is_written_as_its_number_is():
    assert plus_minus(1.0, 0.25) == "1.0 ± 0.2"
    assert plus_minus(-2.6e149, 1.6e149) == "−2.600e+149 ± 1.600e+149"
    assert plus_minus(0.0, 1.9e84, plus=True) == "0.0 ± 1.900e+84"
