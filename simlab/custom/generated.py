"""A population that a user's function draws."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from simlab.config import Generated, Truth, plain, read_truth
from simlab.custom.addresses import Address, locate_object
from simlab.custom.calls import called
from simlab.custom.declarations import GeneratorDeclaration, declaration_of
from simlab.custom.isolation import Failure, attempt
from simlab.errors import CustomError, PopulationError
from simlab.estimators.base import Estimator, Known
from simlab.moments import Floats, Ints, Moments, Rows, from_rows
from simlab.sampling import GENERATOR, Drawn, Key, Part, stream

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OwnPopulation:
    """A population by the address of the function that draws it, with one set of parameters."""

    address: Address
    parameters: Mapping[str, Any]
    sectors: tuple[str, ...]
    by_rows: bool  # whether it draws rows rather than moments
    given_truth: Truth  # true values, as far as they are given
    block: int  # replicates of a whole block

    @property
    def known(self) -> Known | None:
        """True variances, where they are given."""
        if self.given_truth.G is None or self.given_truth.sigma2 is None:
            return None
        return Known(np.array(self.given_truth.G), float(self.given_truth.sigma2))

    def draw(self, seed: int, key: Key, number: int, size: int, keep_rows: bool) -> Drawn:
        """Draw one block of replicates; see `runner.sources.Declared`."""
        if not self.by_rows:
            return self._moments(seed, key, number, size)
        frames: dict[int, pd.DataFrame] = {}
        errors: dict[int, str] = {}
        warned: dict[int, tuple[str, ...]] = {}
        alike: dict[bytes, list[tuple[int, Moments, Rows]]] = {}
        for b in range(size):
            replicate, texts = self._replicate(seed, key, number * self.block + b)
            warned |= {b: texts} if texts else {}
            if isinstance(replicate, Failure):
                errors[b] = replicate.text
                continue
            frames[b], moments, rows = replicate
            alike.setdefault(moments.starts.tobytes(), []).append((b, moments, rows))
        parts = (_stacked(group, frames, keep_rows) for group in alike.values())
        return Drawn(tuple(parts), errors, warned)

    def replicate(self, seed: int, key: Key, replicate: int) -> pd.DataFrame:
        """Rows of one replicate as the function returned them; a sector where it named none."""
        if not self.by_rows:
            path = self.address.path
            raise PopulationError(f"{path} draws moments: there are no rows to be rebuilt")
        drawn, _ = self._replicate(seed, key, replicate)
        if isinstance(drawn, Failure):
            raise PopulationError(drawn.text)
        return drawn[0]

    def truth(self, seed: int, key: Key) -> dict[str, Floats]:
        """True values of each kind of term, as far as they are given; see `population.truth`."""
        del seed, key
        truth = self.given_truth
        values = truth.beta_within, truth.beta_between, truth.intercept
        within, between, intercept = map(self._per_sector, values)
        slope = np.column_stack([within, between])
        contextual = np.column_stack([between - within] * 2)
        intercepts = np.column_stack([intercept] * 2)
        return {
            "intercept": intercepts, "slope": slope, "between": slope, "contextual": contextual,
        }  # fmt: skip

    def limits(self, seed: int, key: Key, methods: tuple[Estimator, ...]) -> dict[str, Floats]:
        """Probability limits, which nobody knows here: NaN."""
        del seed, key
        S = len(self.sectors)
        return {method.name: np.full((len(method.kinds), S), np.nan) for method in methods}

    def _per_sector(self, value: Mapping[str, float] | float | None) -> Floats:
        if isinstance(value, Mapping):
            return np.array([value[sector] for sector in self.sectors])
        return np.full(len(self.sectors), np.nan if value is None else value)

    def _replicate(
        self, seed: int, key: Key, replicate: int
    ) -> tuple[tuple[pd.DataFrame, Moments, Rows] | Failure, tuple[str, ...]]:
        """Draw one replicate as a data frame, or say why it failed; and the warnings."""
        rng, function = stream(seed, key, GENERATOR, replicate), self.address.load()

        def call() -> tuple[pd.DataFrame, Moments, Rows]:
            """Frame that the function returns, checked, with its moments and rows."""
            df = function(rng, **plain(self.parameters))
            moments, rows = from_frame(df, self.sectors)
            if "sector" not in df:
                df = df.assign(sector=self.sectors[0])
            return copied(df), moments, rows

        return self._named(called(call, self.address, [replicate]))

    def _moments(self, seed: int, key: Key, number: int, size: int) -> Drawn:
        """Draw a whole block, and keep what is wanted of it: no number depends on how many."""
        rng, function = stream(seed, key, GENERATOR, number), self.address.load()

        def call() -> Moments:
            """Moments that the function returns, checked."""
            drawn = function(rng, self.block, **plain(self.parameters))
            return _checked(drawn, self.block, len(self.sectors))

        numbers = range(number * self.block, (number + 1) * self.block)
        drawn_block, texts = self._named(called(call, self.address, numbers))
        warned = {0: texts} if texts else {}
        if isinstance(drawn_block, Failure):
            return Drawn((), dict.fromkeys(range(size), drawn_block.text), warned)
        moments = drawn_block.take(slice(0, size))
        sound = np.all([np.isfinite(v).all(axis=1) for v in moments[:-1]], axis=0)
        text = f"{self.address.path}: drew moments that are not finite"
        errors = dict.fromkeys(np.flatnonzero(~sound).tolist(), text)
        where = np.flatnonzero(sound)
        kept = Moments._make([*(v[where] for v in moments[:-1]), moments.starts])
        parts = (Part(where, kept, None, _no_frame),) if len(where) else ()
        return Drawn(parts, errors, warned)

    def _named(
        self, outcome: tuple[T | Failure, tuple[str, ...]]
    ) -> tuple[T | Failure, tuple[str, ...]]:
        """Name the generator in what it did wrong, for it happens to every estimator."""
        drawn, texts = outcome
        if isinstance(drawn, Failure):
            drawn = Failure(f"{self.address.path}: {drawn.text}")
        return drawn, texts


def own_population(declared: Generated, folder: Path | None, block: int) -> OwnPopulation:
    """Make a population of what an import path names; CustomError if that is not possible."""
    path = declared.generator
    address = locate_object(path, folder)
    function = address.load()
    if not callable(function):
        raise CustomError(f"{path} is a {type(function).__name__}; a generator is a function")
    own = declaration_of(function, GeneratorDeclaration())
    parameters = plain(declared.parameters)
    _check_parameters(function, path, own, parameters)
    known = declared.truth or _truth_of(own, path, parameters, address.file)
    for name in ("beta_within", "beta_between", "intercept"):
        value = getattr(known, name)
        if isinstance(value, Mapping) and set(value) != set(own.sectors):
            named, sectors = ", ".join(value), ", ".join(own.sectors)
            raise CustomError(f"{path}: truth names the sectors {named}, not {sectors}")
    return OwnPopulation(
        address, declared.parameters, own.sectors, own.draws == "rows", known, block
    )


def _truth_of(
    declared: GeneratorDeclaration, path: str, parameters: dict[str, Any], file: str
) -> Truth:
    """Return what the function says is true with these parameters."""
    raw = declared.truth
    if callable(raw):
        result = attempt(partial(raw, **parameters), file)
        if isinstance(result, Failure):
            raise CustomError(f"{path}: its truth fails: {result.text}")
        raw = result
    return read_truth({} if raw is None else raw, f"{path}: its truth")


def _check_parameters(
    function: Callable[..., object],
    path: str,
    declared: GeneratorDeclaration,
    parameters: dict[str, Any],
) -> None:
    """Refuse parameters that the function does not take."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # compiled functions may have no signature
        return
    first = (None,) if declared.draws == "rows" else (None, 1)
    try:
        signature.bind(*first, **parameters)
    except TypeError as error:
        raise CustomError(f"{path}{signature} does not take these parameters: {error}") from None


def _stacked(
    group: list[tuple[int, Moments, Rows]], frames: Mapping[int, pd.DataFrame], keep_rows: bool
) -> Part:
    """Put replicates with the same numbers of clusters together."""
    where, moments, rows = zip(*group, strict=True)
    fields = [np.concatenate(field) for field in list(zip(*moments, strict=True))[:-1]]
    joined = None
    if keep_rows:
        before = np.cumsum([0, *(len(r.x) for r in rows[:-1])])
        joined = Rows(
            np.concatenate([r.x for r in rows]),
            np.concatenate([r.y for r in rows]),
            np.concatenate([r.first + b for r, b in zip(rows, before, strict=True)]),
        )
    return Part(
        np.array(where), Moments._make([*fields, moments[0].starts]), joined,
        lambda b: copied(frames[where[b]]),
    )  # fmt: skip


def _checked(drawn: object, B: int, S: int) -> Moments:
    """Return moments with arrays of their own, of the right shape."""
    if not isinstance(drawn, Moments):
        raise CustomError(f"returned a {type(drawn).__name__}, not Moments")
    fields = [np.array(field, dtype=float) for field in drawn[:-1]]
    starts = np.array(drawn.starts, dtype=np.int64)
    J = int(starts[-1])
    if starts.shape != (S + 1,) or starts[0] != 0 or (np.diff(starts) < 2).any():
        raise CustomError(f"starts is {starts.tolist()}, not 0 and the ends of {S} sectors")
    for name, field in zip(Moments._fields, fields, strict=False):
        if field.shape != (B, J):
            raise CustomError(f"{name} has the shape {field.shape}, not {(B, J)}")
    n, _, _, ss_x, _, rss = fields
    if (n < 1).any() or (ss_x < 0).any() or (rss < 0).any():
        raise CustomError("a cluster has no row, or a sum of squares below 0")
    return Moments._make([*fields, starts])


def _no_frame(b: int) -> pd.DataFrame:
    raise CustomError(f"replicate {b} was drawn as moments, and has no rows")


FEWEST = 2  # clusters that a sector must have: fewer tell nothing of what differs between them


def from_frame(df: object, sectors: tuple[str, ...]) -> tuple[Moments, Rows]:
    """Return the moments and rows of one replicate from the data frame that a generator drew.

    Columns cluster, x, y and, if there are several sectors, sector. Rows may have any order;
    clusters are numbered by sector, then by appearance.
    """
    if not isinstance(df, pd.DataFrame):
        raise CustomError(f"returned a {type(df).__name__}, not a data frame")
    wanted = ["cluster", "x", "y", *(["sector"] if len(sectors) > 1 else [])]
    missing = [name for name in wanted if name not in df]
    if missing:
        raise CustomError(f"returned a data frame without {', '.join(missing)}")
    cluster, _ = pd.factorize(df["cluster"])
    if (cluster < 0).any():
        raise CustomError("cluster has missing values")
    x, y = (_real(df, name) for name in ("x", "y"))
    number, sector = _in_order(cluster.astype(np.int64), _sector(df, sectors), sectors)
    rows = np.argsort(number, kind="stable")
    first = np.searchsorted(number[rows], np.arange(len(sector) + 1))
    with np.errstate(over="ignore", invalid="ignore"):
        moments = from_rows(x, y, number, sector)
    if not all(np.isfinite(field).all() for field in moments):
        raise CustomError("x or y are too large: their squares overflow")
    return moments, Rows(x[rows], y[rows], first[None].astype(np.int64))


def copied(df: pd.DataFrame) -> pd.DataFrame:
    """Copy rows with all that they refer to, such as lists."""
    own = df.copy()
    for i, kind in enumerate(df.dtypes):
        if kind.kind == "O":
            own.isetitem(i, np.fromiter(deepcopy([*df.iloc[:, i]]), object, len(df)))
    return own


def _real(df: pd.DataFrame, name: str) -> Floats:
    """Column of a frame as finite numbers; CustomError if it is not."""
    try:
        values: Floats = df[name].to_numpy(dtype=float)
    except (TypeError, ValueError):
        raise CustomError(f"{name} holds something else than numbers") from None
    if not np.isfinite(values).all():
        raise CustomError(f"{name} has values that are not finite")
    return values


def _sector(df: pd.DataFrame, sectors: tuple[str, ...]) -> Ints:
    """Position of each row's sector."""
    if "sector" not in df:
        return np.zeros(len(df), dtype=np.int64)
    codes = pd.Index(sectors).get_indexer(pd.Index(df["sector"]))
    if (codes < 0).any():
        strange = df["sector"][codes < 0].iloc[0]
        raise CustomError(
            f"the sector {strange!r} is not among {', '.join(sectors)}; "
            "say sectors=(…) in @simlab.generator"
        )
    return codes.astype(np.int64)


def _in_order(cluster: Ints, sector: Ints, names: tuple[str, ...]) -> tuple[Ints, Ints]:
    """Number the clusters sector by sector: the number of each row, the sector of each cluster."""
    pairs = np.unique(np.column_stack([sector, cluster]), axis=0)
    for s, name in enumerate(names):
        if (pairs[:, 0] == s).sum() < FEWEST:
            where = f" of {name}" if len(names) > 1 else ""
            raise CustomError(f"returned fewer than {FEWEST} clusters{where}")
    if len(pairs) > pairs[:, 1].max() + 1:
        raise CustomError("a cluster lies in two sectors; give clusters different names")
    number = np.empty(len(pairs), dtype=np.int64)
    number[pairs[:, 1]] = np.arange(len(pairs))
    return number[cluster], pairs[:, 0]
