"""Replicates abreast: a fit does not depend on what stands in the other lanes."""

import sys
from typing import NamedTuple

import numpy as np
import pytest

from simlab.kernels import compiled, inner, kernel
from simlab.kernels.interpreted import twin
from simlab.kernels.lanes import LANES, above, all_zero, any_above, flat, read, take, write
from simlab.kernels.records import reference
from simlab.mixed import lines
from simlab.mixed.lines import fit_lines
from simlab.mixed.work import arrange, room_for
from simlab.moments import Floats, Moments


def moments(seed, B, J, S=1, n=12, sd=(1.0, 0.5), flat_x=0.0):
    """B replicates: some clusters of one row, in a share of them x does not vary."""
    rng = np.random.default_rng(seed)
    size = np.maximum(rng.poisson(n, (B, J)), 1).astype(float)
    x, u = rng.standard_normal((B, J)), rng.standard_normal((2, B, J))
    ss_x = np.where(size > 1, rng.chisquare(np.maximum(size - 1, 1)), 0.0)
    ss_x *= rng.random((B, J)) >= flat_x
    slope = 2.0 + sd[1] * u[1]
    y = 12 + sd[0] * u[0] + slope * x + rng.standard_normal((B, J)) / np.sqrt(size)
    s_xy = slope * ss_x + rng.standard_normal((B, J)) * np.sqrt(ss_x)
    df = size - 1.0 - (ss_x > 0)
    rss = np.where(df > 0, rng.chisquare(np.maximum(df, 1)), 0.0)
    starts = np.linspace(0, J, S + 1).astype(np.int64)
    return Moments(size, x, y, ss_x, s_xy, rss, starts)


POPULATIONS = {
    "clear": {"J": 30, "n": 20},
    "few clusters": {"J": 5, "n": 6},
    "two sectors": {"J": 24, "S": 2},
    "no variance": {"J": 10, "n": 5, "sd": (0.0, 0.0)},
    "far beyond σ": {"J": 12, "sd": (1e3, 1e3)},
    "without a line": {"J": 8, "n": 3, "flat_x": 0.4},
    "hardly any rows": {"J": 6, "n": 1},
}


def same(one, other):
    return all(a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("name", POPULATIONS)
@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("reml", [True, False])
def test_a_replicate_is_fitted_as_if_alone(name, k, reml):
    m = moments(1, 21, **POPULATIONS[name])
    S = m.n_sectors
    contrasts = np.eye(S * k).reshape(S * k, S, k)
    with compiled():
        together = fit_lines(m, contrasts, reml)
        for b in (0, 5, 20):
            alone = fit_lines(m.take(slice(b, b + 1)), contrasts, reml)
            assert same(alone, [values[b : b + 1] for values in together])
    if name == "clear":
        assert np.isfinite(together.estimate).all()
        assert not same(alone, [values[:1] for values in together])  # control


@pytest.mark.parametrize("name", POPULATIONS)
def test_interpreted_bits_are_those_of_machine_code(name, monkeypatch):
    m = moments(2, 3, **POPULATIONS[name])
    contrasts = np.eye(2)[:, None, :] * np.ones((1, m.n_sectors, 1))
    with compiled():
        machine = fit_lines(m, contrasts)
    monkeypatch.setattr(lines, "_fit", twin(lines._fit.py_func))
    assert same(machine, fit_lines(m, contrasts))


@pytest.mark.parametrize("J", [1, 7, 100])
@pytest.mark.parametrize("S", [1, 2, 5])
@pytest.mark.parametrize("k", [2, 3])
def test_there_is_room_for_everything(J, S, k):
    twin(arrange.py_func)(J, S, k, np.zeros(room_for(J, S, k)))
    with pytest.raises(ValueError, match="reshape"):
        twin(arrange.py_func)(J, S, k, np.zeros(room_for(J, S, k) // 2))


@kernel
def compute(room, given, out, found):
    used = np.zeros(1, dtype=np.int64)
    x, y = take(room, used, (2, 3)), take(room, used, (4,))
    for lane in range(given.size):
        write(x, lane, given[lane], 1, 2)
    a = x[1, 2]
    y[0] = a * 2.0 + 1.0 - a / 3
    y[1] = np.sqrt(a) - (-a)
    y[2] = above(a, 0.5, np.log(a), 7)
    y[3] = 1.5
    total = 0.0
    for _ in range(3):
        total += a
    y[3] = y[3] + total
    found[0] = any_above(a, given.max() - 1e-9)
    found[1] = any_above(a, given.max())
    found[2] = all_zero(a)
    found[3] = all_zero(a * 0.0)
    for lane in range(given.size):
        for i in range(4):
            out[i, lane] = read(y, lane, i)


def test_arithmetic_is_that_of_each_lane():
    a = np.random.default_rng(3).random(LANES)
    out, found = np.empty((4, LANES)), np.zeros(4, dtype=bool)
    with compiled():
        compute(flat(10), a, out, found)
    wanted = [
        a * 2.0 + 1.0 - a / 3,
        np.sqrt(a) + a,
        [np.log(v) if v > 0.5 else 7.0 for v in a],
        1.5 + (a + a + a),
    ]
    np.testing.assert_allclose(out, wanted, rtol=1e-15, atol=0.0)
    assert found.tolist() == [True, False, False, True]
    alone = np.empty((4, 1))
    for lane in range(LANES):
        twin(compute.py_func)(np.zeros(10), a[lane : lane + 1], alone, found)
        assert alone[:, 0].tobytes() == out[:, lane].tobytes()


class Inside(NamedTuple):
    values: Floats
    size: int


class Outside(NamedTuple):
    inside: Inside
    out: Floats


@inner
def double(record):
    for i in range(record.inside.size):
        record.out[i] += 2.0 * record.inside.values[i]


@kernel
def double_by_address(record):
    address = reference(record)
    double(address)
    double(address)


def test_a_record_is_read_where_it_stands():
    """And arrays in it are counted as before, whoever read them there."""
    values, out = np.arange(5.0), np.zeros(5)
    before = sys.getrefcount(values), sys.getrefcount(out)
    with compiled():
        for _ in range(3):
            double_by_address(Outside(Inside(values, 4), out))
    assert out.tolist() == [0.0, 12.0, 24.0, 36.0, 0.0]
    assert (sys.getrefcount(values), sys.getrefcount(out)) == before
