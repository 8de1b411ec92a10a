"""From a formula and a data frame to a `Design`, with every check of the data on the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np

from simlab.data import DataError
from simlab.data.checks import check_sizes
from simlab.data.frames import Data, as_pandas
from simlab.errors import ArgumentError, FormulaError
from simlab.formula.coding import Spec, code, fill, identity, name
from simlab.formula.design import Columns, Design, Recipe, check_finite
from simlab.formula.evaluate import Scope, evaluate
from simlab.formula.nodes import Node, columns, listed
from simlab.formula.parser import Parsed, parse
from simlab.formula.rank import combination, cross_products, independent
from simlab.formula.terms import Term, expand
from simlab.formula.tokens import tokenize
from simlab.formula.used import clusters_of, complete_rows, response_of, rows_of, used_levels
from simlab.formula.values import Factor, Table, Value
from simlab.moments import Floats, Ints

MAX_CELLS = 2**31
"""Numbers that a design may have (16 GiB): a factor with thousands of levels is a mistake."""


class _Model(NamedTuple):
    """A formula, read: its response, terms of the fixed part and of every bar, their factors."""

    parsed: Parsed
    response: Node
    fixed: tuple[Term, ...]
    bars: tuple[tuple[Term, ...], ...]
    nodes: Mapping[str, Node]

    def roles(self, also: Iterable[str] = ()) -> dict[str, str]:
        """Every column that is used, or must be there → what for."""
        roles = dict.fromkeys(columns(self.response), "response")
        for node in self.nodes.values():
            for column in columns(node):
                roles.setdefault(column, "formula")
        for column in also:
            roles.setdefault(column, "formula")
        return roles | dict.fromkeys(self.parsed.grouping, "cluster")


def _read(formula: str, random: str | None) -> _Model:
    return _model(parse(formula, random))


@lru_cache(maxsize=512)
def _model(parsed: Parsed) -> _Model:
    fixed, nodes = expand(parsed.fixed)
    bars = []
    for bar in parsed.bars:
        terms, more = expand(bar.terms)
        bars.append(terms)
        nodes |= more
    response = tokenize(parsed.response)[0].node
    assert response is not None
    return _Model(parsed, response, fixed, tuple(bars), MappingProxyType(nodes))


class _Random(NamedTuple):
    specs: list[Spec]
    blocks: Ints


def build(
    formula: str,
    data: Data | Table,
    random: str | None = None,
    missing: Literal["drop", "raise"] = "drop",
    source: str = "the data",
    also: Iterable[str] = (),
) -> Design:
    """Turn a formula and data into numeric arrays.

    Parameters
    ----------
    formula
        ``"mathach ~ ses * sector + (1 + ses | school)"``; see `parse`, and docs/formulas.md for all
        that it may contain. Factors (text, categories, True/False) have treatment coding, the first
        level being the reference: in the order of the categories; of text in the order of code
        points, R's order in the C locale. Levels that do not occur are left out. Ordered categories
        are coded in the same way. ``C(f, Sum)``, ``C(f, Helmert)``, ``C(f, Poly)`` and
        ``C(f, Treatment("a"))`` ask for other codings. Columns have the names that R gives. In
        ``(1 + f || g)`` the factor f is coded as in ``(1 + f | g)``, its columns correlated with
        each other alone; lme4 gives it a column for every level, which beside the intercept cannot
        be told apart. In ``diag(1 + f | g)`` its columns are independent, as in lme4 2. Clusters of
        ``(1 | a:b)`` are the combinations of a and b that occur, called "a1:b1". ``cvar(x, g)`` is
        the mean of x in the clusters of g and ``dvar(x, g)`` is x less that mean, as in the R
        package spida2. As in R they, and ``scale``, ``ns`` and the like, use all rows where their
        arguments are present, also those that are left out because something else, such as the
        response, is missing.
    data
        A data frame, or a dict of columns; or a table of one, which has its name in messages.
    random
        nlme's spelling of the random effects, ``"~ 1 + ses | school"``.
    missing
        ``"drop"`` leaves out the rows where any variable of the formula is missing and counts them;
        ``"raise"`` refuses them.
    source
        Name of the data in messages.
    also
        Columns that the formula need not use and that count as missing all the same, so that
        several models have the same rows; see `variables`.

    Returns
    -------
    Design
        Its `new` makes the design of other rows.

    Raises
    ------
    FormulaError
        If the formula cannot be read or is not allowed.
    DataError
        If the data cannot be used with it: a column that does not exist or occurs twice, text where
        a number is needed, infinite values, a factor with one level, no complete row, one cluster,
        two combinations with one label, a constant response, random effects that are linear
        combinations of each other, or at least as many random effects in one
        block (a bar, or a term of a bar with `||`) as rows.
    """
    if missing not in ("drop", "raise"):
        raise ArgumentError(f"missing must be 'drop' or 'raise', not {missing!r}")
    model = _read(formula, random)
    parsed = model.parsed
    table = data if isinstance(data, Table) else Table(as_pandas(data, source), source)
    source = table.source
    roles = model.roles(also)
    table.require((role, column) for column, role in roles.items())
    keep, counts = complete_rows(table, list(roles), parsed.grouping, missing)
    scope = Scope(table, {}, True, {})
    y = response_of(model.response, parsed.response, scope, keep)
    values = {text: rows_of(evaluate(node, scope), keep) for text, node in model.nodes.items()}
    check_finite(values, table, keep)
    values = {text: used_levels(value, text, source) for text, value in values.items()}
    cluster, clusters = clusters_of(table, parsed, keep)
    state = scope.state
    scope.cache.clear()
    fixed = code(model.fixed, values)
    effects = _random_effects(model, values)
    _check_counts(len(y), len(clusters), effects, source)
    dropped_rows = 0 if keep is None else len(table) - len(y)
    index = table.df.index if keep is None else table.df.index[keep]
    _check_names([spec for _, specs in fixed for spec in specs], source)
    _check_names(effects.specs, source)
    D, columns, places = _columns(fixed, effects.specs, values, len(y), source)
    specs = columns.specs()
    recipe = Recipe(
        dict(model.nodes),
        {text: value.levels for text, value in values.items() if isinstance(value, Factor)},
        columns,
        tuple(effects.specs),
        state,
    )
    return Design(
        D=D, y=y, cluster=cluster, clusters=clusters,
        fixed=np.arange(len(specs), dtype=np.int64), random=places,
        fixed_names=tuple(map(name, specs)), random_names=tuple(map(name, effects.specs)),
        terms=_term_places(columns), blocks=effects.blocks,
        formula=parsed.formula, response=parsed.response, cluster_name=parsed.cluster,
        grouping=parsed.grouping, rows=index, missing=counts, dropped_rows=dropped_rows,
        dropped_columns=tuple(map(name, columns.specs(dropped=True))), _recipe=recipe,
    )  # fmt: skip


def variables(formula: str, random: str | None = None) -> tuple[str, ...]:
    """Columns that a formula uses, its response and its cluster among them.

    Raises
    ------
    FormulaError
        If the formula cannot be read.
    """
    return tuple(_read(formula, random).roles())


def _random_effects(model: _Model, values: Mapping[str, Value]) -> _Random:
    specs: list[Spec] = []
    blocks: list[int] = []
    for bar, terms in zip(model.parsed.bars, model.bars, strict=True):
        start = len(specs)  # above every number that a column before has
        for i, (_, found) in enumerate(code(terms, values)):
            for _ in found:
                blocks.append(len(blocks) if bar.diagonal else start + (not bar.correlated) * i)
            specs += found
    seen: set[frozenset[Any]] = set()
    for spec in specs:
        if identity(spec) in seen:
            raise FormulaError(
                f"the random effect {name(spec)} occurs twice; write (0 + x | cluster) for a bar "
                "without intercept"
            )
        seen.add(identity(spec))
    return _Random(specs, np.unique(blocks, return_inverse=True)[1].astype(np.int64))


def _check_names(specs: list[Spec], source: str) -> None:
    names = [name(spec) for spec in specs]
    if len(set(names)) < len(names):
        twice = next(text for text in names if names.count(text) > 1)
        raise DataError(
            f"{source}: two columns of the design would both be named {twice!r}; rename a column "
            "or a level"
        )


def _check_counts(N: int, J: int, effects: _Random, source: str) -> None:
    """Refuse a block with a random effect for each row, as lme4 does (`checkZdims`).

    There σ² is at best told from G by how much its part differs from row to row.
    """
    for block in range(int(effects.blocks.max()) + 1):
        own = [spec for spec, b in zip(effects.specs, effects.blocks, strict=True) if b == block]
        if J * len(own) >= N:
            names = listed(map(name, own))
            raise DataError(
                f"{source}: {N} rows and {J * len(own)} random effects ({names} for each of {J} "
                "clusters): the random-effects and residual variance cannot be told apart; use "
                "fewer of them"
            )


def _columns(
    fixed: list[tuple[Term, list[Spec]]],
    random: list[Spec],
    values: Mapping[str, Value],
    N: int,
    source: str,
) -> tuple[Floats, Columns, Ints]:
    """D, the columns of X, and where those of Z are in D."""
    wanted = [spec for _, specs in fixed for spec in specs]
    distinct = {identity(spec): spec for spec in (*wanted, *random)}
    if len(distinct) * N > MAX_CELLS:
        raise DataError(
            f"{source}: the formula makes {len(distinct)} columns of {N} rows, too many to hold; "
            "is a number or a name with many values used as a factor?"
        )
    D = np.empty((N, len(distinct)))
    with np.errstate(over="ignore"):  # `check_sizes` names the column
        fill(distinct.values(), values, D)
    check_sizes(D, [name(spec) for spec in distinct.values()], source)
    place = {key: i for i, key in enumerate(distinct)}
    intercept = place.get(frozenset())
    mean, S = cross_products(D)
    _check_random([place[identity(spec)] for spec in random], random, D, intercept, mean, S, source)
    own = np.array([place[identity(spec)] for spec in wanted], dtype=np.int64)
    one = intercept if frozenset() in map(identity, wanted) else None
    kept = independent(D, own, one, mean, S)
    if len(kept) >= N:
        raise DataError(f"{source}: {len(kept)} fixed effects and only {N} rows; use fewer terms")
    stays = np.isin(own, kept)
    columns = Columns(
        tuple((term, tuple(specs)) for term, specs in fixed),
        np.where(stays, np.cumsum(stays) - 1, -1),
        combination(D, own[stays], own[~stays], one),
        {t: (v.labels, v.coding) for t, v in values.items() if isinstance(v, Factor)},
    )
    if len(kept) < len(own):
        order = [*kept, *(place[identity(spec)] for spec in random)]
        chosen = list(dict.fromkeys(int(i) for i in order))
        D = np.ascontiguousarray(D[:, chosen])
        now = {i: k for k, i in enumerate(chosen)}
        place = {key: now[i] for key, i in place.items() if i in now}
    places = np.array([place[identity(spec)] for spec in random], dtype=np.int64)
    return D, columns, places


def _check_random(
    places: list[int],
    random: list[Spec],
    D: Floats,
    intercept: int | None,
    mean: Floats,
    S: Floats,
    source: str,
) -> None:
    own = np.array(places, dtype=np.int64)
    kept = independent(D, own, intercept if intercept in places else None, mean, S)
    if len(kept) < len(own):
        lost = [name(s) for s, i in zip(random, places, strict=True) if i not in kept]
        raise DataError(
            f"{source}: the random effect {listed(map(repr, lost))} is a linear combination "
            "of the other random effects (or zero) in every row; remove it from its bar"
        )


def _term_places(columns: Columns) -> dict[str, tuple[int, ...]]:
    sizes = [len(specs) for _, specs in columns.terms]
    parts = np.split(columns.kept, np.cumsum(sizes)[:-1])
    found = {
        ":".join(term) or "(Intercept)": tuple(int(k) for k in part if k >= 0)
        for (term, _), part in zip(columns.terms, parts, strict=True)
    }
    return {term: places for term, places in found.items() if places}
