"""The shape of a study's results: dimensions, variables, and what one block of them holds."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simlab.errors import ArgumentError
from simlab.performance.stream import Stream
from simlab.results.messages import BlockMessages
from simlab.words import FAILED, NOT_RUN, TARGETS

EFFECTS = ("intercept", "slope")


class Stop(IntEnum):
    """Reason why a condition that is sampled until a measure is known has no more replicates."""

    NOT_YET = -1
    REACHED = 0
    MAXIMUM = 1
    UNDEFINED = 2


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable with a value per replicate.

    `dims` are its dimensions after ``condition`` and ``replicate``, `dtype` its type (little-endian
    on disk), `fill` its value where nothing has been run, `long_name` what it is in words.
    """

    dims: tuple[str, ...]
    dtype: np.dtype[Any]
    fill: float
    long_name: str


def _real(long_name: str, *dims: str) -> Variable:
    return Variable(dims, np.dtype(np.float64), np.nan, long_name)


def _count(long_name: str, dtype: type[np.signedinteger[Any]]) -> Variable:
    return Variable(("estimator",), np.dtype(dtype), NOT_RUN, long_name)


VARIABLES: Mapping[str, Variable] = MappingProxyType(
    {
        "estimate": _real("estimate of the term", "estimator", "term"),
        "std_error": _real("model standard error of the estimate", "estimator", "term"),
        "df": _real("degrees of freedom of the t reference", "estimator", "term"),
        "lower": _real("lower end of the confidence interval", "estimator", "term"),
        "upper": _real("upper end of the confidence interval", "estimator", "term"),
        "p_value": _real("p-value of the term's null value", "estimator", "term"),
        "G": _real("estimated covariance of the random effects", "mixed", "effect", "effect_"),
        "sigma2": _real("estimated residual variance", "mixed"),
        "dropped": _count("clusters left out of the fit", np.int32),
        "status": _count("how the fit ended; -1 is not yet run", np.int8),
    }
)
"""The variables with dimensions (condition, replicate, …), named as the fields of `Block`."""

TEST_VARIABLES: Mapping[str, Variable] = MappingProxyType(
    {
        "test_statistic": _real("likelihood-ratio statistic of the test", "test"),
        "test_p_value": _real("p-value of the test's null hypothesis", "test", "kind"),
    }
)
"""The variables of the same kind that only a study with tests has."""

TIMES: Mapping[str, str] = MappingProxyType(
    {
        "seconds": "core time of the block",
        "began": "when the block began, since 1970-01-01 00:00 UTC",
        "ended": "when the block was ready, since 1970-01-01 00:00 UTC",
    }
)
"""The variables with dimensions (condition, block), in seconds: no two runs have the same."""

STORE_ATTRS = (
    "store_version", "fingerprint", "block", "replicates", "factors", "tests", "stops", "summed",
    "coordinates",
)  # fmt: skip
DATASET_ATTRS = (
    "fingerprint", "block", "messages", "warnings", "warned", "replicates_done",
    "replicates_planned",
)  # fmt: skip
_FIXED_NAMES = {"key", *TIMES, "done", "truth", "limit", "condition", "replicate", "block"}
_FIXED_NAMES |= {"estimator", "term", "target", "mixed", "effect", "effect_", *VARIABLES}
_FIXED_NAMES |= {"test", "kind", "null_holds", "stopped", *TEST_VARIABLES}


class Summed(NamedTuple):
    """Contents of the sums of a study that keeps measures: terms of each estimator, and streams."""

    terms: Mapping[str, tuple[str, ...]]
    streams: tuple[Stream, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Schema:
    """Everything that fixes the shape of a Dataset, and what is known before the first fit.

    Compared by `fingerprint`, the hash of all that must agree for a store to be continued, and not
    by ``==``: there are arrays. ArgumentError if the parts do not fit together.

    `replicates` are those of a condition, the most that it has where conditions stop when a measure
    is known (`stops`); a `block` of them is one Zarr chunk, and the last one may be shorter. `keys`
    are the condition keys, all different; `levels` has for each factor (dotted path) its level in
    every condition. `mixed` are the estimators that have G and sigma2. `truth` (condition, term,
    target) has β_W and β_B, targets as in `TARGETS`; `limit` (condition, estimator, term) the
    probability limit of every estimate, NaN where unknown; `null_holds` (condition, test) whether
    the null hypothesis of a test is true, None where a study tests nothing. `attrs` is provenance:
    config, versions, seed, machine, git revision, time of creation. `summed` says what is summed
    where a study keeps running sums and no replicates.
    """

    replicates: int
    block: int
    estimators: tuple[str, ...]
    terms: tuple[str, ...]
    mixed: tuple[str, ...]
    keys: tuple[str, ...]
    levels: Mapping[str, tuple[float | int | str, ...]]
    truth: NDArray[np.float64]
    limit: NDArray[np.float64]
    attrs: Mapping[str, str | int | float]
    fingerprint: str
    tests: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    null_holds: NDArray[np.bool_] | None = None
    stops: bool = False
    summed: Summed | None = None

    def __post_init__(self) -> None:
        if self.replicates < 1 or self.block < 1:
            raise ArgumentError("replicates and block must be at least 1")
        for name in ("estimators", "terms", "keys"):
            labels = getattr(self, name)
            if not labels or len(set(labels)) < len(labels):
                raise ArgumentError(f"{name} must be one or more different names, not {labels}")
        if not set(self.mixed) <= set(self.estimators):
            raise ArgumentError(
                f"mixed {self.mixed} must be among the estimators {self.estimators}"
            )
        for factor, levels in self.levels.items():
            if factor in _FIXED_NAMES or "/" in factor or " " in factor:
                raise ArgumentError(f"{factor!r} cannot name a factor")
            if len(levels) != len(self.keys):
                raise ArgumentError(f"{factor} has {len(levels)} levels for {len(self.keys)} keys")
        if len({bool(self.tests), bool(self.kinds), self.null_holds is not None}) > 1:
            raise ArgumentError("tests, kinds and null_holds come together")
        for name, dims in self.known.items():
            _check_shape(name, getattr(self, name), self.shape(dims))
        if taken := set(self.attrs) & {*STORE_ATTRS, *DATASET_ATTRS}:
            raise ArgumentError(f"attrs may not be named {', '.join(sorted(taken))}")

    @property
    def labels(self) -> tuple[tuple[str, ...], ...]:
        """Labels of the dimensions of a block's arrays; see `LABELS`."""
        return tuple(getattr(self, name) for name in LABELS)

    @property
    def variables(self) -> Mapping[str, Variable]:
        """The variables with a value per replicate that this study draws."""
        return {**VARIABLES, **TEST_VARIABLES} if self.tests else VARIABLES

    @property
    def known(self) -> Mapping[str, tuple[str, ...]]:
        """The variables known before the first fit that this study has, and their dimensions."""
        return {**KNOWN, **TEST_KNOWN} if self.tests else KNOWN

    @property
    def blocks_per_condition(self) -> int:
        """Blocks in one condition, ⌈replicates / block⌉."""
        return -(-self.replicates // self.block)

    @property
    def n_blocks(self) -> int:
        """Blocks in the whole study."""
        return len(self.keys) * self.blocks_per_condition

    @property
    def along(self) -> dict[str, tuple[str, ...]]:
        """Labels along every dimension of a block but its replicates."""
        return {
            "estimator": self.estimators,
            "term": self.terms,
            "target": TARGETS,
            "mixed": self.mixed,
            "effect": EFFECTS,
            "effect_": EFFECTS,
            "test": self.tests,
            "kind": self.kinds,
        }

    @property
    def sizes(self) -> dict[str, int]:
        """Length of every dimension of the Dataset."""
        blocks = self.blocks_per_condition
        own = {"condition": len(self.keys), "replicate": self.replicates, "block": blocks}
        return own | {dim: len(labels) for dim, labels in self.along.items()}

    def shape(self, dims: tuple[str, ...]) -> tuple[int, ...]:
        """Lengths of `dims`, in their order."""
        sizes = self.sizes
        return tuple(sizes[dim] for dim in dims)

    def rows(self, number: int) -> slice:
        """Positions of block `number` along ``replicate``."""
        return slice(number * self.block, self.end(number + 1))

    def end(self, blocks: int) -> int:
        """Replicates of the first `blocks` blocks of a condition."""
        return min(blocks * self.block, self.replicates)

    def bytes(self, blocks: int, variables: Collection[str] | None = None) -> int:
        """Bytes that the first `blocks` blocks of every condition take in memory."""
        each = sum(
            v.dtype.itemsize * math.prod(self.shape(v.dims))
            for name, v in self.variables.items()
            if variables is None or name in variables
        )
        return len(self.keys) * self.end(blocks) * each

    def check(self, block: Block) -> None:
        """Refuse a block that is not exactly one chunk of this schema, with an ArgumentError."""
        if not 0 <= block.condition < len(self.keys):
            raise ArgumentError(f"condition {block.condition} is not among the {len(self.keys)}")
        if not 0 <= block.number < self.blocks_per_condition:
            raise ArgumentError(
                f"block {block.number} is not among the {self.blocks_per_condition}"
            )
        rows = self.rows(block.number)
        for name, variable in self.variables.items():
            expected = (rows.stop - rows.start, *self.shape(variable.dims))
            _check_shape(name, np.asarray(getattr(block, name)), expected)


LABELS = ("estimators", "terms", "mixed", "tests", "kinds")
"""Parts of a schema of which a study may get more while what it has stays as it is."""

KNOWN: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"truth": ("condition", "term", "target"), "limit": ("condition", "estimator", "term")}
)
"""The variables known before the first fit, and their dimensions."""

TEST_KNOWN: Mapping[str, tuple[str, ...]] = MappingProxyType({"null_holds": ("condition", "test")})
"""Those that only a study with tests has."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Fits and tests of b consecutive replicates of one condition, as a worker returns them.

    Estimates and what goes with them are (b, estimator, term), NaN where an estimator has no such
    term or could not be computed; `status`, a `Status`, and `dropped`, clusters left out, (b,
    estimator); `G` (b, mixed, 2, 2) and `sigma2` (b, mixed). `seconds` is the core time of the
    block, `began` and `ended` are in seconds since 1970, NaN where not known. `test_statistic` (b,
    test) and `test_p_value` (b, test, kind) are NaN where a test has no such p-value or could not
    be done, None without tests. `messages` are the errors of fits with that status: position in the
    block, name, one line; `warnings` those of the user's code.
    """

    condition: int
    number: int
    estimate: NDArray[np.float64]
    std_error: NDArray[np.float64]
    df: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    p_value: NDArray[np.float64]
    status: NDArray[np.int8]
    dropped: NDArray[np.int32]
    G: NDArray[np.float64]
    sigma2: NDArray[np.float64]
    seconds: float
    began: float = math.nan
    ended: float = math.nan
    test_statistic: NDArray[np.float64] | None = None
    test_p_value: NDArray[np.float64] | None = None
    messages: BlockMessages = ()
    warnings: BlockMessages = ()

    @property
    def replicates(self) -> int:
        """Number of its replicates."""
        return len(self.status)

    @property
    def failures(self) -> int:
        """Fits that gave no estimate."""
        return int(np.isin(self.status, FAILED).sum())


def _check_shape(name: str, array: NDArray[Any], expected: tuple[int, ...]) -> None:
    if array.shape != expected:
        raise ArgumentError(f"{name} has shape {array.shape}, not {expected}")
