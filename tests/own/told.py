"""Methods that tell more than estimates and standard errors: status, intervals, p-values, terms."""

import numpy as np
import pandas as pd

import simlab
from simlab.estimators import pooled
from simlab.estimators.base import Estimates, Estimator


def line(df):
    return np.polyfit(df.x, df.y, 1)[0]


@simlab.estimator(terms=("slope",))
def interval(df, level):
    """An interval that is not symmetrical, and says which level it was asked for."""
    b = line(df)
    return {"slope": {"estimate": b, "lower": b - 1, "upper": b + 3 * level, "p_value": 0.04}}


@simlab.estimator(terms=("slope",))
def without(df):
    return {"slope": (line(df), 1.0)}


@simlab.estimator(terms=("intercept", "slope"))
def half(df):
    """Of one term an interval of its own, where the slope is above 2."""
    b = line(df)
    own = {"lower": b - 9, "upper": b + 9} if b > 2 else {}
    return {"slope": {"estimate": b, "std_error": 1.0, "df": 7, **own}, "intercept": (0.5, 2.0, 5)}


@simlab.estimator(needs="moments")
def together(sample):
    m = sample.moments
    b = m.s_xy.sum(axis=1) / m.ss_x.sum(axis=1)
    words = np.where(b > 2.5, "not_converged", np.where(b < 1.5, "singular", "ok"))
    low = np.where(b < 2, np.nan, b - 1)
    slope = {"estimate": b, "std_error": np.abs(b), "lower": low, "upper": low + 2}
    return {"slope": slope, "status": words}


def _fit(sample):
    fitted = pooled.fit(sample)
    ends = fitted.estimate - 0.5, fitted.estimate + 0.25
    other = np.full((len(fitted.status), 1), 3.0)
    whole = {
        name: np.hstack([getattr(fitted, name), other]) for name in ("estimate", "std_error", "df")
    }
    return Estimates(
        **whole, status=fitted.status, dropped=fitted.dropped,
        lower=np.hstack([ends[0], other]), upper=np.hstack([ends[1], other + 1]),
    )  # fmt: skip


WHOLE = Estimator(
    "whole", ("intercept", "slope"), "mixture", _fit, others=("tau",),
    truth={"tau": 3.5},
)  # fmt: skip


@simlab.estimator(terms=("slope",))
def words(df):
    """Every status in turn, as the sign and size of the slope say."""
    b = line(df)
    status = ["ok", "singular", "not_converged", "not_estimable"][int(abs(b) * 1000) % 4]
    return {"slope": (b, 1.0), "status": status}


@simlab.estimator(terms=("slope",))
def nan_error(df):
    b = line(df)
    return {"slope": (b, np.nan if b > 2 else 1.0, 9)}


@simlab.estimator(terms=("slope",))
def nan_df(df):
    return {"slope": (line(df), 1.0, np.nan)}


def _wrong(**parts):
    @simlab.estimator(terms=("slope",))
    def method(df):
        return {"slope": {"estimate": 1.0, "std_error": 1.0, **parts}}

    return method


WRONG = {
    "upside_down": {"lower": 3.0, "upper": 1.0},
    "one_end": {"lower": 0.0},
    "half_nan": {"lower": np.nan, "upper": 1.0},
    "nowhere": {"lower": np.inf, "upper": np.inf},
    "p_above": {"p_value": 1.5},
    "p_below": {"p_value": -0.1},
    "p_text": {"p_value": "small"},
    "infinite_error": {"std_error": np.inf},
}
for _name, _parts in WRONG.items():
    globals()[f"wrong_{_name}"] = _wrong(**_parts)


def _status(word):
    @simlab.estimator(terms=("slope",))
    def method(df):
        return {"slope": 1.0, "status": word}

    return method


STRANGE = {"word": "fine", "true": True, "number": 9, "error": 4, "several": ["ok", "ok"]}
for _name, _word in STRANGE.items():
    globals()[f"status_{_name}"] = _status(_word)


@simlab.estimator(terms=("slope",))
def status_alone(df):
    return {"status": "not_estimable"}


@simlab.estimator(terms=("slope", "tau2", "icc"), truth=lambda p: {"tau2": p["G"][1][1]})
def others(df):
    slopes = [line(own) for _, own in df.groupby("cluster")]
    return {"slope": (np.mean(slopes), 0.5), "tau2": (np.var(slopes), 0.3), "icc": 0.25}


@simlab.estimator(terms=("icc",))
def icc(df):
    return {"icc": (0.3, 0.1)}


@simlab.estimator(terms=("tau2",), truth={"tau2": 99.0})
def disagrees(df):
    return {"tau2": 1.0}


@simlab.estimator(terms=("icc",), truth=lambda p: {"icc": 1 / 0})
def untellable(df):
    return {"icc": 1.0}


@simlab.estimator(terms=("icc",), truth=lambda p: {"slope": 2.0})
def misplaced(df):
    return {"icc": 1.0}


# ---------------------------------------------------------------- columns of a generator


@simlab.generator(truth={"beta_within": 2.0, "terms": {"slope_z": -1.0}})
def with_z(rng, J=12, n=8, gamma=-1.0):
    cluster = np.repeat(np.arange(J), n)
    z = rng.integers(0, 2, J * n)
    x = rng.standard_normal(J * n) + z
    y = 2 * x + gamma * z + rng.standard_normal(J)[cluster] + rng.standard_normal(J * n)
    return pd.DataFrame({"cluster": cluster, "x": x, "y": y, "z": z, "name": "a"})


@simlab.estimator(terms=("slope", "slope_z"))
def adjusted(df):
    """Within clusters, for z."""
    assert list(df.columns) == ["cluster", "x", "y", "z", "name", "sector"]
    own = df[["x", "z", "y"]] - df.groupby("cluster")[["x", "z", "y"]].transform("mean")
    X, y = own[["x", "z"]].to_numpy(), own["y"].to_numpy()
    V = np.linalg.inv(X.T @ X)
    b = V @ X.T @ y
    df_ = len(df) - df.cluster.nunique() - 2
    se = np.sqrt(((y - X @ b) ** 2).sum() / df_ * np.diag(V))
    return {"slope": (b[0], se[0], df_), "slope_z": (b[1], se[1], df_)}
