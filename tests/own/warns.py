"""Methods and a generator that warn."""
# ruff: noqa: B028 (as users write it)

import warnings
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

import numpy as np
import pandas as pd

import simlab
from simlab.moments import Moments, from_rows


class StrangeWarning(UserWarning):
    def __str__(self):
        raise RuntimeError("no text")


def steep(df):
    return np.polyfit(df.x, df.y, 1)[0] > 2


@simlab.estimator(terms=("slope",))
def sometimes(df):
    """Warn where the slope is above 2."""
    if steep(df):
        warnings.warn("steep")
    return {"slope": 1.0}


@simlab.estimator(terms=("slope",))
def quiet(df):
    return {"slope": 1.0}


@simlab.estimator(terms=("slope",))
def numpys(df):
    """What numpy warns of, and what Python does not show by default."""
    warnings.warn("old", DeprecationWarning)
    return {"slope": np.nan_to_num(np.log(-abs(df.x.iloc[0])))}


@simlab.estimator(terms=("slope",))
def flood(df):
    for i in range(20_000):
        warnings.warn(f"number {i}")
    return {"slope": 1.0}


@simlab.estimator(terms=("slope",))
def same(df):
    for _ in range(20_000):
        warnings.warn("again")
    return {"slope": 1.0}


@simlab.estimator(terms=("slope",), needs="moments")
def together(sample):
    """Warn where the slope of one of the replicates is above 2."""
    m = sample.moments
    b = m.s_xy.sum(axis=1) / m.ss_x.sum(axis=1)
    if (b > 2).any():
        warnings.warn("steep")
    return {"slope": b}


@simlab.estimator(terms=("slope",))
def dies(df):
    warnings.warn("before the end")
    raise ValueError("the end")


@simlab.estimator(terms=("slope",))
def silenced(df):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.warn("not wanted")
    return {"slope": 1.0}


@simlab.estimator(terms=("slope",))
def as_error(df):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.warn("an error now")
    return {"slope": 1.0}


@simlab.estimator(terms=("slope",))
def strange(df):
    warnings.warn(StrangeWarning())
    return {"slope": 1.0}


@simlab.estimator(terms=("slope",))
def long(df):
    warnings.warn("x" * 5000 + "\n y")
    return {"slope": 1.0}


def rows(rng):
    cluster = np.repeat(np.arange(6), 5)
    x = rng.standard_normal(30)
    y = 2 * x + rng.standard_normal(6)[cluster] + rng.standard_normal(30)
    return pd.DataFrame({"cluster": cluster, "x": x, "y": y})


def draws(rng):
    df = rows(rng)
    if df.x.iloc[0] > 0:
        warnings.warn("drawn above 0")
    return df


@simlab.generator(draws="moments")
def draws_moments(rng, replicates):
    warnings.warn("of a block")
    each = []
    for _ in range(replicates):
        df = rows(rng)
        numbers = df.x.to_numpy(), df.y.to_numpy(), df.cluster.to_numpy()
        each.append(from_rows(*numbers, np.zeros(6, dtype=np.int64)))
    fields = [np.concatenate(field) for field in list(zip(*each, strict=True))[:-1]]
    return Moments._make([*fields, each[0].starts])


@simlab.estimator(terms=("slope",))
def in_threads(df):
    """Warn in threads of its own: one alone, and some of a pool."""
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda i: warnings.warn(f"pool {i}"), range(2)))
    thread = Thread(target=lambda: warnings.warn("alone"))
    thread.start()
    thread.join()
    return {"slope": 1.0}
