"""Methods and generators that hang, crash, print, and spoil what they share with others."""

import ctypes
import os
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd

import simlab

FAILS_ABOVE = 1.5
"""What the first x must be above, for a replicate to be the one."""

TOGETHER = 0.75
"""The same of the mean of x in the first cluster."""


def line(df):
    return {"slope": np.polyfit(df.x, df.y, 1)[0]}


def fails_here(df):
    return df.x.iloc[0] > FAILS_ABOVE


def for_ever(*_):
    """Tell that it has begun, and never end."""
    if marker := os.environ.get("SIMLAB_TEST_MARKER"):
        Path(marker).touch()
    while True:
        time.sleep(0.01)


def method(what):
    @simlab.estimator(terms=("slope",))
    def hostile(df):
        if fails_here(df):
            what(df)
        return line(df)

    return hostile


hangs = method(for_ever)
exits = method(lambda df: os._exit(0))
crashes = method(lambda df: ctypes.string_at(0))
interrupts = method(lambda df: (_ for _ in ()).throw(KeyboardInterrupt()))
generator_exit = method(lambda df: (_ for _ in ()).throw(GeneratorExit("out")))
hungry = method(lambda df: np.ones(2**60, dtype=np.int8))


@simlab.estimator(terms=("slope",))
def prints(df):
    print("printed by the method")
    return line(df)


@simlab.estimator(terms=("slope",))
def where(df):
    """The process that it is called in."""
    return {"slope": float(os.getpid())}


@simlab.estimator(terms=("slope",))
def leaves_threads(df):
    threading.Thread(target=for_ever).start()
    return line(df)


@simlab.estimator(terms=("slope",))
def leaves_a_thread_and_hangs(df):
    threading.Thread(target=time.sleep, args=(1e6,)).start()
    for_ever()


@simlab.estimator(terms=("slope",))
def spoils_numpy(df):
    np.sqrt = np.linalg.inv = None
    return {"slope": 1.0}


@simlab.estimator(terms=("slope",))
def fails(df):
    raise ValueError("always")


@simlab.estimator(terms=("slope",))
def yields(df):
    yield {"slope": 1.0}


@simlab.estimator(terms=("slope",))
def huge(df):
    return {"slope": np.zeros(10**7)}


@simlab.estimator(terms=("slope",))
def many_terms(df):
    return {f"term {i}" * 50: 1.0 for i in range(10**4)}


@simlab.estimator(terms=("slope",), needs="moments")
def hangs_together(sample):
    m = sample.moments
    if (m.x_mean[:, 0] > TOGETHER).any():
        for_ever()
    return {"slope": m.x_mean[:, 0]}


@simlab.estimator(terms=("slope",), needs="moments")
def together(sample):
    return {"slope": sample.moments.x_mean[:, 0]}


def rows(rng, J=8, n=6):
    cluster = np.repeat(np.arange(J), n)
    x = rng.standard_normal(J * n)
    y = 2 * x + rng.standard_normal(J)[cluster] + rng.standard_normal(J * n)
    return pd.DataFrame({"cluster": cluster, "x": x, "y": y})


def hanging_rows(rng):
    df = rows(rng)
    if fails_here(df):
        for_ever()
    return df


goes_away = method(lambda df: os.chdir("/"))


def listed(rng):
    """A generator of rows that refer to something which can be changed."""
    return rows(rng).assign(more=lambda df: [[1]] * len(df), name="a")


@simlab.estimator(terms=("slope",))
def spoils_lists(df):
    for more in df.more:
        more.append(2)
    return {"slope": 1.0}


@simlab.estimator(terms=("slope",))
def counts_lists(df):
    assert set(df.sector) == {"all"}
    assert set(df.name) == {"a"}
    return {"slope": df.more.map(len).max()}
