"""Blocks of a study by hand: everything that a block may hold, at any offset, in microseconds."""

import json
from dataclasses import replace

import numpy as np

from simlab.performance.registry import STREAMS
from simlab.results import Block, ReplicateResults, Schema, Summed, SumsResults

SLOPES = ("slope[A]", "slope[B]", "slope[B - A]")
TERMS = (*SLOPES, "between[A]", "contextual[A]", "contextual[B]")
HAS = {"pooled": SLOPES, "twin": SLOPES, "hlm_contextual": TERMS, "gls_oracle": TERMS}


def schema_of(replicates=700, block=64, conditions=2, keep="replicates", offset=0.0, **changes):
    """Two conditions of four methods; in the second β_W = β_B, and some limits are not known."""
    rng = np.random.default_rng(5)
    truth = offset + rng.standard_normal((conditions, len(TERMS), 2))
    truth[1::2, :, 1] = truth[1::2, :, 0]
    limit = truth[:, None, :, 0] + 0.5 * rng.standard_normal((conditions, len(HAS), len(TERMS)))
    limit[0, 1, 1] = np.nan
    base = Schema(
        replicates=replicates,
        block=block,
        estimators=tuple(HAS),
        terms=TERMS,
        mixed=(),
        keys=tuple(f"{i:08x}" for i in range(conditions)),
        levels={"population.clusters": tuple(10 * (i + 1) for i in range(conditions))},
        truth=truth,
        limit=limit,
        attrs={"config": json.dumps({"keep": keep}), "seed": 0, "level": 0.9, "name": "by_hand"},
        fingerprint=keep,
        tests=("random_slope", "fixed_slope"),
        kinds=("chi2", "wald", "simulated"),
        null_holds=np.zeros((conditions, 2), dtype=bool),
        summed=Summed(HAS, STREAMS) if keep == "measures" else None,
    )
    return replace(base, **changes)


def block_of(schema, condition, number, failing=0.1, offset=0.0):
    """The block of this place: correlated methods, fits that fail, errors and ends without a value.

    `twin` is `pooled` but for a part in 1e9; the oracle is 1e-4 standard deviations from
    `hlm_contextual`.
    """
    rng = np.random.default_rng([7, condition, number])
    rows = schema.rows(number)
    b, E, T = rows.stop - rows.start, len(HAS), len(TERMS)
    shared = rng.standard_normal((b, 1, T))
    estimate = offset + 0.3 * (shared + 0.5 * rng.standard_normal((b, E, T)))
    estimate[:, 3] = estimate[:, 2] + 3e-5 * rng.standard_normal((b, T))
    estimate[:, 1] = estimate[:, 0] + 3e-10 * rng.standard_normal((b, T))
    std_error = 0.3 * np.sqrt(rng.chisquare(20, (b, E, T)) / 20)
    own = np.array([[term in HAS[name] for term in TERMS] for name in HAS])
    for values in (estimate, std_error):
        values[:, ~own] = np.nan
    std_error[rng.random((b, E, T)) < failing / 5] = np.nan
    half = 1.7 * std_error
    half[rng.random((b, E, T)) < failing / 500] = np.inf
    status = rng.choice(5, (b, E), p=[1 - 2 * failing, *[failing / 2] * 4]).astype(np.int8)
    p_value, tests = rng.random((b, E, T)), rng.integers(1, 101, (b, 2, 3)) / 100
    p_value[np.isnan(estimate)] = np.nan
    tests[rng.random(tests.shape) < failing] = np.nan
    return Block(
        condition, number, estimate, std_error, np.full((b, E, T), 20.0),
        estimate - half, estimate + half, p_value,
        status, rng.integers(0, 3, (b, E)).astype(np.int32),
        np.zeros((b, 0, 2, 2)), np.zeros((b, 0)), float(rng.random()),
        test_statistic=tests[..., 0], test_p_value=tests,
    )  # fmt: skip


def positions(schema):
    return list(np.ndindex(len(schema.keys), schema.blocks_per_condition))


def both_ways(offset=0.0, failing=0.1, **changes):
    """The Datasets of one study that keeps replicates, and of the same that keeps measures."""
    kept = ReplicateResults(schema_of(offset=offset, **changes))
    summed = SumsResults(schema_of(offset=offset, keep="measures", **changes))
    for position in positions(kept.schema):
        block = block_of(kept.schema, *position, failing=failing, offset=offset)
        kept.write(block)
        summed.write(block)
    return kept.dataset(), summed.dataset()
