"""Hypotheses of the types of tests about a term, as rows of weights L: H₀ is Lγ = 0.

X_full has every column of the terms, X those that were kept: Xγ = X_full γ_full with 0 for others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from simlab.fitting.identified import eliminate
from simlab.formula.coding import Piece, Spec, name
from simlab.formula.contrasts import contrast_matrix
from simlab.formula.design import Columns
from simlab.formula.nodes import listed
from simlab.formula.rank import TOLERANCE
from simlab.moments import Floats, Ints

ZERO = 1e-9  # of the largest entry: what is below it is rounding


class TermContrasts(NamedTuple):
    """Hypothesis about a term."""

    L: Floats  # (q, p), independent rows; q = 0 where there is nothing to test
    note: str = ""  # what the reader must know


class Coded(NamedTuple):
    """A term with t columns."""

    variables: frozenset[str]  # what it is a product of, numbers and factors
    columns: Ints  # (t,), its columns among those of X_full
    numbers: list[frozenset[Piece]]  # the numbers in each column
    # Factor → what it puts into each column in each of its m levels, (t, m): in the coding of the
    # fit, and as indicators of levels, less their mean where it is coded by contrasts
    values: dict[str, Floats]
    centred: dict[str, Floats]
    # Factor → weights of its levels in the effect that the column stands for, (t, m): a level
    # less the first, or, where it is coded by all levels, the level itself
    effects: dict[str, Floats]


class Layout(NamedTuple):
    """Terms of the fixed part, with p coefficients and d columns in X_full."""

    terms: list[Coded]
    names: list[str]  # of the d columns
    kept: Ints  # (d,), their coefficients; −1 for a dropped one
    expressed: Floats  # (p, d): X_full = X · expressed
    null: Floats  # (d, d − p), basis of the null space: X_full · null = 0


def layout(columns: Columns) -> Layout:
    """Prepare the terms of a design."""
    ends = np.cumsum([0, *(len(specs) for _, specs in columns.terms)])
    terms = [
        _coded(term, specs, np.arange(start, start + len(specs)), columns)
        for (term, specs), start in zip(columns.terms, ends[:-1], strict=True)
    ]
    names = [name(spec) for _, specs in columns.terms for spec in specs]
    kept, B = columns.kept >= 0, columns.combination.B
    expressed, null = np.zeros((len(B), len(kept))), np.zeros((len(kept), B.shape[1]))
    expressed[:, kept], expressed[:, ~kept] = np.eye(len(B)), B
    null[kept], null[~kept] = B, -np.eye(B.shape[1])
    return Layout(terms, names, columns.kept, expressed, null)


def marginal(terms: Layout, i: int) -> TermContrasts:
    """Every coefficient of the term is 0, in the coding of the fit, as in nlme."""
    kept = terms.kept[terms.terms[i].columns]
    L = np.eye(len(terms.expressed))[kept[kept >= 0]]
    return TermContrasts(L, "" if len(L) else "all of its columns were dropped")


def type1(terms: Layout, i: int, root: Floats) -> TermContrasts:
    """The term adds nothing to those before it; see `_added`."""
    return _added(terms, i, range(i), root)


def type2(terms: Layout, i: int, root: Floats) -> TermContrasts:
    """The term adds nothing to all those that do not contain it, as in car; see `_added`."""
    inside = {i, *containing(terms, i)}
    return _added(terms, i, [j for j in range(len(terms.terms)) if j not in inside], root)


def type3(terms: Layout, i: int) -> TermContrasts:
    """The term has no effect on means of cells that all have the same weight.

    A row of L is a combination of cell means of Xγ. Over a factor of the term it is a level less
    the first (or the level itself, where the term has a column for each); over any other factor it
    is the plain mean of the levels. Covariates outside of the term are 0. So it is about means, and
    no coding enters. Under sum coding it says that the coefficients of the term are 0: these are
    the type III tests of lmerTest, and those of car under contr.sum (Yates 1934, Journal of the
    American Statistical Association 29:51; Searle 1987, *Linear Models for Unbalanced Data*).

    A row is estimable if it is orthogonal to the null space of X_full. If one is not, there is no
    hypothesis, but for a term that no other contains: that it has no effect says that the model
    without it fits as well, which can be tested wherever the two models differ.
    """
    kept = terms.kept >= 0
    rows = _cell_means(terms, i)
    # where a level's own mean takes in what other terms say, its differences are the term's
    rows = _without(rows, _cell_means(terms, i, centred=True, others=True)) @ rows
    gap = np.abs(rows @ terms.null) > TOLERANCE * np.abs(rows) @ np.abs(terms.null)
    lost = np.asarray(gap.any(axis=0))
    if not lost.any():
        return TermContrasts(_in_levels(terms, i, rows[:, kept], len(rows)))
    names = [n for n, k in zip(terms.names, kept, strict=True) if not k]
    dropped = f"dropped: {listed([n for n, g in zip(names, lost, strict=True) if g], 3)}"
    if containing(terms, i):
        return TermContrasts(rows[:0, kept], f"not estimable ({dropped})")
    L = _outside(terms, [j for j in range(len(terms.terms)) if j != i])
    if not len(L):
        return TermContrasts(L, f"not distinguishable from the other terms ({dropped})")
    note = f"{len(L)} of {len(rows)} contrasts are estimable ({dropped})"
    return TermContrasts(_in_levels(terms, i, L, len(L)), note if len(L) < len(rows) else "")


def containing(terms: Layout, i: int) -> list[int]:
    """Terms that have all variables of a term, numbers or factors, and others besides."""
    own = terms.terms[i].variables
    return [j for j, other in enumerate(terms.terms) if own < other.variables]


def leaning(terms: Layout, i: int) -> list[int]:
    """Terms that are coded by contrasts only because the term is there, and do not contain it.

    Without it they would have more columns (see `coding.code`), so that what is left when it is
    taken out of X depends on their coding.
    """
    inside = {i, *containing(terms, i)}
    rest = [j for j in range(len(terms.terms)) if j not in inside]

    def stands(j: int, factor: str) -> bool:
        """Whether another term would make the factor coded by contrasts in term j."""
        margin = terms.terms[j].variables - {factor}
        others = [terms.terms[k] for k in rest if k != j]
        if margin:
            return any(margin <= other.variables for other in others)
        return any(
            all(map(by_level, other.effects.values())) and not any(other.numbers)
            for other in others
        )

    return [
        j
        for j in rest
        if any(not by_level(e) and not stands(j, f) for f, e in terms.terms[j].effects.items())
    ]


def by_level(effects: Floats) -> bool:
    """Whether a factor has a column for each level."""
    return bool(effects[0].sum() > 0.5)


def _coded(term: tuple[str, ...], specs: Sequence[Spec], at: Ints, columns: Columns) -> Coded:
    """Coding of a term's columns: values by level, centred, and as effects."""
    values, centred, effects = {}, {}, {}
    for factor in term:
        if factor not in columns.factors:
            continue
        levels, coding = columns.factors[factor]
        pieces = [next(piece for piece in spec if piece.text == factor) for spec in specs]
        distinct = list(dict.fromkeys(pieces))
        level = np.eye(len(levels))
        full = len(distinct) == len(levels)
        which = [distinct.index(piece) for piece in pieces]
        value = level if full else contrast_matrix(coding, tuple(levels)).T
        values[factor] = value[which]
        centred[factor] = (level if full else level[1:] - 1 / len(levels))[which]
        effects[factor] = (level if full else level[1:] - level[0])[which]
    numbers = [frozenset(p for p in spec if p.text not in columns.factors) for spec in specs]
    return Coded(frozenset(term), at, numbers, values, centred, effects)


def _cell_means(terms: Layout, i: int, centred: bool = False, others: bool = False) -> Floats:
    """Weights of γ_full in the effects of a term on means of cells, (t, d).

        Π_f e_f'v_f,   f over the factors of the term and of the column

    e_f are the weights of the levels, 1/m where the term lacks f; v_f is what the column has in
    each level, 1 where it lacks f. It is 0 where the numbers of the two are not the same.
    `centred`: the weights of coefficients in the centred coding. `others`: only for the columns of
    terms that lack a variable of the term; 0 for the rest.
    """
    own = terms.terms[i]
    out = np.zeros((len(own.columns), len(terms.kept)))
    for other in terms.terms:
        if others and own.variables <= other.variables:
            continue
        values = other.centred if centred else other.values
        part = np.array([[a == b for b in other.numbers] for a in own.numbers], dtype=float)
        for factor in own.effects.keys() | values.keys():
            if factor not in values:
                part = part * own.effects[factor].sum(axis=1)[:, None]
            elif factor not in own.effects:
                part = part * values[factor].mean(axis=1)
            else:
                part = part * (own.effects[factor] @ values[factor].T)
        out[:, other.columns] = part
    out[np.abs(out) < ZERO * np.abs(out).max(initial=0.0)] = 0.0
    return out


def _added(terms: Layout, i: int, others: Sequence[int], root: Floats) -> TermContrasts:
    """The term adds nothing to others, by generalised least squares with V as estimated.

    In the model of the others and the term, with γ_R = 0 for all that is left out,

        Lγ = γ_T − Φ_TR Φ_RR⁻¹ γ_R,   Φ = (X'V⁻¹X)⁻¹

    is the estimate of γ_T. L is the block of rows T in the triangular (Doolittle) factor of X'V⁻¹X
    with the columns in the order others, T, R (Goodnight 1979, The American Statistician 33:149,
    for X'X). Where columns were dropped, "γ_R = 0" is whatever keeps Xγ within the columns of the
    others and the term, and "γ_T = 0" what keeps it within those of the others. `root` is F (p, p)
    with FF' = Φ, or a multiple: regression on F loses half as many digits as on Φ.
    """
    outside, beyond = _outside(terms, [*others, i]), _outside(terms, others)
    q = len(beyond) - len(outside)
    if not q:
        return TermContrasts(beyond[:0], "adds no column to the other terms")
    L = beyond
    if len(outside):
        known, new = (outside @ root).T, (beyond @ root).T
        scale = np.linalg.norm(known, axis=0)
        L = beyond - (np.linalg.lstsq(known / scale, new, rcond=None)[0].T / scale) @ outside
    return TermContrasts(_in_levels(terms, i, L, q))


def _outside(terms: Layout, chosen: Sequence[int]) -> Floats:
    """Rows that are 0 for exactly those γ with which Xγ stays within the columns of some terms."""
    columns = np.concatenate([np.zeros(0, np.int64), *(terms.terms[j].columns for j in chosen)])
    kept = terms.kept[columns]
    free = np.setdiff1d(np.arange(len(terms.expressed)), kept)
    rows = np.eye(len(terms.expressed))[free]
    out: Floats = _without(rows, terms.expressed[np.ix_(free, columns[kept < 0])]) @ rows
    return out


def _without(rows: Floats, parts: Floats) -> Floats:
    """Combinations W of rows that lose the given parts of them, W · parts = 0; (q, rows)."""
    size = np.abs(parts).max(axis=0, initial=0.0)
    used = size > 0
    if not used.any():
        return np.eye(len(rows))
    from scipy.linalg import null_space  # scipy.linalg: most fits do without it

    W: Floats = null_space((parts[:, used] / size[used]).T, rcond=ZERO).T
    return W


def _in_levels(terms: Layout, i: int, L: Floats, q: int) -> Floats:
    """Combine rows of rank q into q rows that have an effect of the term to themselves.

    Satterthwaite's df of a joint test depend a little on how its rows are combined (Fai & Cornelius
    1996); this way they depend on no coding, and are lmerTest's under treatment coding.
    """
    own = terms.terms[i].columns
    to_effects = np.linalg.inv(_cell_means(terms, i)[:, own])
    both = np.hstack([L @ terms.expressed[:, own] @ to_effects, L])
    least = ZERO * np.abs(both[:, : len(own)]).max(initial=0.0)
    rank = eliminate(both, len(own), least, q)
    out: Floats = both[:rank, len(own) :]
    return out
