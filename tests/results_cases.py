"""Studies and blocks for the tests of results; every block is a function of its place."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest

from simlab.results import TIMES, Block, Schema, StoreError


def schema_of(replicates=20, block=8, mixed=("hlm",), conditions=3, **changes):
    estimators, terms = ("pooled", "hlm", "two_stage"), ("slope", "slope[Public - Catholic]")
    rng = np.random.default_rng(1)
    base = Schema(
        replicates=replicates,
        block=block,
        estimators=estimators,
        terms=terms,
        mixed=mixed,
        keys=tuple(f"{i:08x}" for i in range(conditions)),
        levels={
            "population.clusters": tuple(10 * (i + 1) for i in range(conditions)),
            "population.G.slope": tuple(0.5 * i for i in range(conditions)),
            "sampling.scheme": tuple(("new", "same")[i % 2] for i in range(conditions)),
        },
        truth=rng.standard_normal((conditions, 2, 2)),
        limit=rng.standard_normal((conditions, 3, 2)),
        attrs={
            "name": "s",
            "config": json.dumps({"population": {"gamma": [1, 2]}, "name": "s"}),
            "seed": 0,
        },
        fingerprint="f00d",
    )
    return replace(base, **changes)


TESTS = {
    "tests": ("random_slope", "fixed_slope"),
    "kinds": ("chi2", "wald", "simulated"),
    "null_holds": np.array([[True, False], [False, False], [True, True]]),
}
"""What a schema of three conditions has besides when the study tests something."""


def block_of(schema, condition, number):
    """The one block that belongs in this place, with NaN and infinities among its numbers."""
    rng = np.random.default_rng([7, condition, number])
    rows = schema.rows(number)
    arrays = {}
    for name, variable in schema.variables.items():
        shape = (rows.stop - rows.start, *schema.shape(variable.dims))
        if variable.dtype.kind == "f":
            arrays[name] = rng.standard_normal(shape)
            arrays[name][rng.random(shape) < 0.1] = np.nan
            arrays[name][rng.random(shape) < 0.05] = np.inf
        else:
            arrays[name] = rng.integers(0, 4, shape).astype(variable.dtype)
    return Block(
        condition, number, **arrays, **dict(zip(TIMES, rng.random(3).tolist(), strict=True))
    )


def positions(schema):
    return list(np.ndindex(len(schema.keys), schema.blocks_per_condition))


def assert_same_bits(one, other):
    for field in fields(Block):
        a, b = np.asarray(getattr(one, field.name)), np.asarray(getattr(other, field.name))
        assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes()), field.name


def fails(message, call, *args, **kwargs):
    """Call must raise one line of StoreError that matches `message`."""
    with pytest.raises(StoreError, match=message) as caught:
        call(*args, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)
