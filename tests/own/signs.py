"""Measures of a user's: one that is right, and others that are each wrong in one way."""

from dataclasses import replace

import numpy as np

from simlab.measures import Measure, Statistic, Stream, over


def each(r):
    """Rejected with the wrong sign; rejected."""
    rejected = r.p_value <= r.alpha
    return rejected & (r.estimate * r.theta < 0), rejected


NEEDS = ("estimate", "p_value", "theta")
type_s = Measure(
    name="type_s",
    long_name="share of the rejections that have the wrong sign",
    units="1",
    definition="P(θ̂θ < 0 | p ≤ α)",
    stream=Stream("type_s", NEEDS, each, ((1, 0), (0, 1)), "target"),
    value=lambda m: over(m[0], m[1]),
    slope=lambda m: (over(1, m[1]), -over(m[0], m[1] ** 2)),
)


def _largest(r):
    first = np.nanmax(r.estimate, axis=-1, keepdims=True)
    return first, np.where(r.estimate == first, 1.0, 0.0)


largest = Statistic("largest", "largest estimate", "1", "max θ̂", ("estimate",), _largest)

# ---------------------------------------------------------------- wrong


def _other(each, name="wrong"):
    return replace(type_s, name=name, stream=replace(type_s.stream, name=name, each=each))


def _fails(r):
    raise KeyError("no such thing")


def _quits(r):
    raise SystemExit(4)


def _rarely(r):
    """Fails only where an estimate is far out, as in no trial."""
    if (np.abs(r.estimate) > 20).any():
        raise RuntimeError("too far out")
    return each(r)


derivative = replace(type_s, slope=lambda m: (over(1, m[1]), over(m[0], m[1] ** 2)))
few = replace(type_s, slope=lambda m: (over(1, m[1]),))
also = replace(type_s, long_name="the same once more")
known = replace(type_s, name="bias")
nameless = replace(type_s, name="type s")
taken = replace(type_s, name="other", stream=replace(type_s.stream, name="estimate"))
paired = replace(type_s, stream=replace(type_s.stream, per="pair"))
needy = replace(type_s, stream=replace(type_s.stream, needs=("estimate", "icc")))
fails = _other(_fails)
quits = _other(_quits)
rarely = _other(_rarely, "rarely")
one_number = _other(lambda r: r.estimate)
too_short = _other(lambda r: (r.estimate[..., :1], r.estimate[..., :1]))
number = 3
