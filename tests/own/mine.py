"""What a user might write: good, bad and malicious."""

import os

import numpy as np
import pandas as pd

import simlab
from simlab.estimators import pooled
from simlab.moments import Moments, from_rows

# ---------------------------------------------------------------- estimators


@simlab.estimator(terms=("slope",))
def ols(df):
    """The pooled slope once more, in the simplest way."""
    x, y = df.x - df.x.mean(), df.y - df.y.mean()
    slope = (x @ y) / (x @ x)
    rss = ((y - slope * x) ** 2).sum()
    return {"slope": (slope, (rss / (len(df) - 2) / (x @ x)) ** 0.5, len(df) - 2)}


def plain(df):
    """Without a mark: by rows, intercept and slope; here without standard errors."""
    slope, intercept = np.polyfit(df.x, df.y, 1)
    return {"slope": slope, "intercept": [intercept]}


@simlab.estimator(needs="moments")
def by_moments(sample):
    fitted = pooled.fit(sample)
    return {
        "slope": (fitted.estimate[:, 1], fitted.std_error[:, 1], fitted.df[:, 1]),
        "intercept": {"estimate": fitted.estimate[:, 0], "std_error": fitted.std_error[:, 0]},
    }


POOLED = pooled.METHOD


@simlab.estimator(terms=("slope",))
def random(df, rng):
    return {"slope": rng.standard_normal()}


@simlab.estimator(terms=("slope",), needs="moments")
def random_moments(sample, rng):
    return {"slope": rng.standard_normal()}


@simlab.estimator(terms=("slope",))
def cheat(df):
    df["y"] = 0.0
    del df["x"]
    np.seterr(all="raise")
    return {"slope": 1.0}


@simlab.estimator(terms=("slope",), needs="moments")
def cheat_moments(sample):
    for field in sample.moments:
        field[...] = 1
    sample.known.G[...] = 0
    return {"slope": np.zeros(len(sample.moments.n))}


@simlab.estimator(terms=("slope",))
def sometimes(df):
    """Fail where the first y is positive."""
    if df.y.iloc[0] > 0:
        raise ValueError(f"y is\n  {df.y.iloc[0]:.3f}")
    return ols(df)


@simlab.estimator(terms=("slope",), needs="moments")
def failing_block(sample):
    """Fail for all replicates where one of them fails."""
    if (sample.moments.y_mean[:, 0] > 15).any():
        raise np.linalg.LinAlgError("Singular matrix")
    fitted = pooled.fit(sample)
    return {"slope": (fitted.estimate[:, 1], fitted.std_error[:, 1])}


class Strange(BaseException):
    def __str__(self):
        raise RuntimeError("no text")


def bad(df, *, how):
    return {
        "exit": lambda: os.sys.exit(3),
        "strange": lambda: (_ for _ in ()).throw(Strange()),
        "key": lambda: df["no such column"],
        "deep": lambda: bad(df, how="deep"),
        "long": lambda: (_ for _ in ()).throw(ValueError("x" * 5000)),
        "nothing": lambda: None,
        "number": lambda: 3.0,
        "empty": dict,
        "text": lambda: {"slope": "steep"},
        "none": lambda: {"slope": None},
        "nan": lambda: {"slope": (np.nan, 1.0)},
        "inf": lambda: {"slope": np.inf},
        "negative": lambda: {"slope": (1.0, -1.0)},
        "df": lambda: {"slope": (1.0, 1.0, 0)},
        "shape": lambda: {"slope": np.zeros(3)},
        "four": lambda: {"slope": (1.0, 1.0, 3, 4)},
        "part": lambda: {"slope": {"value": 1.0}},
        "term": lambda: {"between": 1.0},
        "complex": lambda: {"slope": 1j},
        "bool": lambda: {"slope": True},
        "numpy_bool": lambda: {"slope": (1.0, np.bool_(True))},
        "bool_df": lambda: {"slope": (1.0, 1.0, np.array([True]))},
    }[how]()


@simlab.estimator(terms=("slope",))
def unvarying(df):
    return {"slope": (1.0, 1e300)}


def _bad(how):
    def function(df):
        return bad(df, how=how)

    return simlab.estimator(terms=("slope",))(function)


HOW = (
    *("exit", "strange", "key", "deep", "long", "nothing", "number", "empty", "text", "none"),
    *("nan", "inf", "negative", "df", "shape", "four", "part", "term", "complex"),
    *("bool", "numpy_bool", "bool_df"),
)
for name in HOW:
    globals()[f"bad_{name}"] = _bad(name)


@simlab.estimator(needs="moments")
def odd_estimates(sample):
    """Good, not estimable, negative SE, no estimate although ok: in turn."""
    fitted = pooled.fit(sample)
    fitted.status[1::4] = 3
    fitted.std_error[2::4, 1] = -1
    fitted.estimate[3::4, 0] = np.nan
    return fitted._replace(messages={999: "of a replicate that there is not"})


not_a_function = 3

# ---------------------------------------------------------------- generators


def lines(rng, J=12, n=6, beta_within=2.0, beta_between=5.0):
    """The declared population of the tests, by hand."""
    cluster = np.repeat(np.arange(J), n)
    m, u = rng.standard_normal(J), rng.standard_normal(J)
    x = m[cluster] + rng.standard_normal(J * n)
    x_mean = np.bincount(cluster, x) / n
    y = beta_within * x + ((beta_between - beta_within) * x_mean + u)[cluster]
    return pd.DataFrame({"cluster": cluster, "x": x, "y": y + rng.standard_normal(J * n)})


@simlab.generator(truth=lambda **p: {k: p[k] for k in ("beta_within", "beta_between")})
def told(rng, beta_within, beta_between, J=12):
    return lines(rng, J, 6, beta_within, beta_between)


@simlab.generator(sectors=("A", "B"))
def two_sectors(rng):
    """Rows in any order, clusters with names, J different in every replicate."""
    a, b = (lines(rng, rng.integers(3, 6)).assign(sector=s) for s in "AB")
    both = pd.concat([a.assign(cluster="a" + a.cluster.astype(str)), b.astype({"cluster": str})])
    return both.sample(frac=1, random_state=rng)


@simlab.generator(draws="moments")
def as_moments(rng, replicates, J=8):
    each = []
    for _ in range(replicates):
        df = lines(rng, J)
        cluster, sector = df.cluster.to_numpy(), np.zeros(J, dtype=np.int64)
        each.append(from_rows(df.x.to_numpy(), df.y.to_numpy(), cluster, sector))
    fields = [np.concatenate(field) for field in list(zip(*each, strict=True))[:-1]]
    return Moments._make([*fields, each[0].starts])


@simlab.generator(draws="moments")
def one_bad_moment(rng, replicates):
    drawn = as_moments(rng, replicates)
    drawn.y_mean[3, 2] = np.nan
    return drawn


def unlucky(rng, share=0.2, how="raise"):
    df = lines(rng)
    if rng.random() >= share:
        return df
    if how == "raise":
        raise ArithmeticError("the mean of no students")
    return {
        "array": df.to_numpy(),
        "column": df.drop(columns="x"),
        "nan": df.assign(y=np.nan),
        "text": df.assign(x="a"),
        "missing": df.assign(cluster=np.nan),
        "one": df[df.cluster == 0],
        "empty": df[:0],
        "sector": df.assign(sector="A"),
        "huge": df.assign(y=df.y * 1e200),
    }[how]


def constant(rng):
    """x does not vary at all: nothing can be estimated, and no method may fall over it."""
    return lines(rng).assign(x=1.0)


def truthful(rng):
    return lines(rng)


truthful = simlab.generator(truth={"beta_within": "two"})(truthful)
