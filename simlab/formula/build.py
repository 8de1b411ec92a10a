"""From a formula and a data frame to a `Design`, with every check of the data on the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np

from simlab.data import DataError
from simlab.data.checks import check_largest
from simlab.data.frames import Data, as_pandas
from simlab.errors import ArgumentError
from simlab.formula.coding import fill, kind, name
from simlab.formula.design import Columns, Design, Recipe, check_finite
from simlab.formula.evaluate import Scope, evaluate
from simlab.formula.layout import Layout, layout, read
from simlab.formula.nodes import Column, listed
from simlab.formula.rank import combination, independent
from simlab.formula.used import clusters_of, complete_rows, response_of, rows_of, used_levels
from simlab.formula.values import Factor, Table, Value
from simlab.moments import Floats, Ints
from simlab.products import Products, products

MAX_CELLS = 2**31
"""Numbers that a design may have (16 GiB): a factor with thousands of levels is a mistake."""


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
    model = read(formula, random)
    parsed = model.parsed
    table = data if isinstance(data, Table) else Table(as_pandas(data, source), source)
    source = table.source
    roles = model.roles(also)
    table.require((role, column) for column, role in roles.items())
    keep, counts = complete_rows(table, list(roles), parsed.grouping, missing)
    scope = Scope(table, {}, True, {})
    y = response_of(model.response, parsed.response, scope, keep)
    values = {text: rows_of(evaluate(node, scope), keep) for text, node in model.nodes.items()}
    computed = {t: v for t, v in values.items() if not isinstance(model.nodes[t], Column)}
    check_finite(computed, table, keep)
    values = {text: used_levels(value, text, source) for text, value in values.items()}
    cluster, clusters = clusters_of(table, parsed, keep)
    state = scope.state
    scope.cache.clear()
    of = layout(parsed, tuple(map(kind, values.values())))
    _check_counts(len(y), len(clusters), of, source)
    if of.twice is not None:
        raise DataError(
            f"{source}: two columns of the design would both be named {of.twice!r}; rename a "
            "column or a level"
        )
    sums, columns, random_places = _columns(of, values, y, source)
    whole = len(columns.combination.slack) == 0  # no column is dropped
    recipe = Recipe(
        dict(model.nodes),
        {text: value.levels for text, value in values.items() if isinstance(value, Factor)},
        columns,
        of.random,
        state,
    )
    fixed_names = of.fixed_names if whole else tuple(map(name, columns.specs()))
    return Design(
        D=sums.D, y=y, cluster=cluster, clusters=clusters,
        fixed=np.arange(len(fixed_names), dtype=np.int64), random=random_places,
        fixed_names=fixed_names, random_names=of.random_names,
        terms=dict(of.places) if whole else _term_places(columns),
        blocks=np.array(of.blocks, dtype=np.int64), formula=model.formula,
        response=parsed.response, cluster_name=parsed.cluster, grouping=parsed.grouping,
        rows=table.df.index if keep is None else table.df.index[keep], missing=counts,
        dropped_rows=0 if keep is None else len(table) - len(y),
        dropped_columns=() if whole else tuple(map(name, columns.specs(dropped=True))),
        _recipe=recipe, _sums=sums,
    )  # fmt: skip


def variables(formula: str, random: str | None = None) -> tuple[str, ...]:
    """Columns that a formula uses, its response and its cluster among them.

    Raises
    ------
    FormulaError
        If the formula cannot be read.
    """
    return tuple(read(formula, random).uses)


def _check_counts(N: int, J: int, of: Layout, source: str) -> None:
    """Refuse a block with a random effect for each row, as lme4 does (`checkZdims`).

    There σ² is at best told from G by how much its part differs from row to row.
    """
    for block in range(max(of.blocks) + 1):
        own = [name for name, b in zip(of.random_names, of.blocks, strict=True) if b == block]
        if J * len(own) >= N:
            names = listed(own)
            raise DataError(
                f"{source}: {N} rows and {J * len(own)} random effects ({names} for each of {J} "
                "clusters): the random-effects and residual variance cannot be told apart; use "
                "fewer of them"
            )


def _columns(
    of: Layout, values: Mapping[str, Value], y: Floats, source: str
) -> tuple[Products, Columns, Ints]:
    """D with its sums, the columns of X, and where those of Z are in D."""
    N, d = len(y), len(of.distinct)
    if d * N > MAX_CELLS:
        raise DataError(
            f"{source}: the formula makes {d} columns of {N} rows, too many to hold; "
            "is a number or a name with many values used as a factor?"
        )
    D = np.empty((N, d))
    with np.errstate(over="ignore"):  # `check_largest` names the column
        fill(of.distinct, values, D)
    sums = products(D, y)
    check_largest(sums.largest[:-1], of.names, source)
    own, places = np.array(of.in_X, dtype=np.int64), np.array(of.in_Z, dtype=np.int64)
    _check_random(of, places, sums, source)
    one = of.one if of.one in of.in_X else None
    kept = independent(sums, own, one)
    if len(kept) >= N:
        raise DataError(f"{source}: {len(kept)} fixed effects and only {N} rows; use fewer terms")
    factors = {t: (v.labels, v.coding) for t, v in values.items() if isinstance(v, Factor)}
    if len(kept) == len(own):
        nothing = combination(D, own, own[:0], one)
        return sums, Columns(of.terms, np.arange(len(own)), nothing, factors), places
    stays = np.isin(own, kept)
    columns = Columns(
        of.terms,
        np.where(stays, np.cumsum(stays) - 1, -1),
        combination(D, own[stays], own[~stays], one),
        factors,
    )
    chosen = list(dict.fromkeys([*kept.tolist(), *of.in_Z]))
    now = {i: k for k, i in enumerate(chosen)}
    places = np.array([now[i] for i in of.in_Z], dtype=np.int64)
    return products(np.ascontiguousarray(D[:, chosen]), y), columns, places


def _check_random(of: Layout, positions: Ints, sums: Products, source: str) -> None:
    """Refuse random effects that are combinations of others."""
    kept = independent(sums, positions, of.one if of.one in of.in_Z else None)
    if len(kept) < len(positions):
        lost = [name for name, i in zip(of.random_names, of.in_Z, strict=True) if i not in kept]
        raise DataError(
            f"{source}: the random effect {listed(map(repr, lost))} is a linear combination "
            "of the other random effects (or zero) in every row; remove it from its bar"
        )


def _term_places(columns: Columns) -> dict[str, tuple[int, ...]]:
    """Positions of each term's columns among those that were kept."""
    sizes = [len(specs) for _, specs in columns.terms]
    parts = np.split(columns.kept, np.cumsum(sizes)[:-1])
    positions = {
        ":".join(term) or "(Intercept)": tuple(int(k) for k in part if k >= 0)
        for (term, _), part in zip(columns.terms, parts, strict=True)
    }
    return {term: places for term, places in positions.items() if places}
