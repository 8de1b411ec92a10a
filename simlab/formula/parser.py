"""Formulas of two-level models, in the spelling of lme4 or of nlme, taken apart.

y ~ x * w + (1 + x | g)                        lme4 (Bates et al. 2015, JSS 67(1), table 2)
y ~ x * w + us(1 + x | g)                      lme4 2 and glmmTMB
y ~ x * w,  random = ~ 1 + x | g               nlme (Pinheiro & Bates 2000)
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from simlab.errors import FormulaError
from simlab.formula.functions import TO_LEVELS
from simlab.formula.nodes import Call, Column, columns, quoted, same_name, shown
from simlab.formula.terms import expand
from simlab.formula.tokens import Token, tokenize, written

_EXAMPLE = "write for example 'y ~ x + (1 + x | cluster)'"


class Bar(NamedTuple):
    """One group of random effects, ``(terms | cluster)``.

    Attributes
    ----------
    terms : str
        What is before the bar.
    correlated : bool
        False for ``||``: terms are independent of each other. The columns of one term, such as
        the dummies of a factor, stay correlated.
    diagonal : bool
        True for ``diag``: all columns are independent of each other.
    """

    terms: str
    correlated: bool
    diagonal: bool = False

    def written(self, group: str) -> str:
        """Write the bar in lme4's spelling."""
        if self.diagonal:
            return f"diag({self.terms} | {group})"
        return f"({self.terms} {'|' if self.correlated else '||'} {group})"


class Parsed(NamedTuple):
    """The parts of a formula.

    Attributes
    ----------
    response : str
        Left of ``~``: a column, or an expression such as ``log(y)``.
    fixed : str
        The right-hand side without bars; "1" if nothing is left.
    bars : tuple of Bar
        In order, at least one.
    cluster : str
        Name of the grouping variable.
    crossed : tuple of str
        Columns whose combinations are the clusters, for ``a:b``; () if a column is the cluster.
    """

    response: str
    fixed: str
    bars: tuple[Bar, ...]
    cluster: str
    crossed: tuple[str, ...] = ()

    @property
    def grouping(self) -> tuple[str, ...]:
        """Columns that group the rows, by their combinations."""
        return self.crossed or (self.cluster,)

    @property
    def group(self) -> str:
        """The grouping variable as a formula has it."""
        return ":".join(map(quoted, self.grouping))

    @property
    def formula(self) -> str:
        """The formula in lme4's spelling."""
        bars = [bar.written(self.group) for bar in self.bars]
        return f"{self.response} ~ {' + '.join([self.fixed, *bars])}"


def parse(formula: str, random: str | None = None) -> Parsed:
    """Take a formula apart.

    Parameters
    ----------
    formula
        ``"y ~ fixed + (terms | cluster)"``. Several bars must name the same cluster, a column or
        the combinations of columns, ``a:b``. ``us(terms | cluster)`` is the same, and
        ``diag(terms | cluster)`` has independent columns. With `random` given, ``"y ~ fixed"``.
    random
        nlme's spelling of the random effects, ``"~ 1 + x | cluster"``.

    Returns
    -------
    Parsed
        Its texts are in one spelling, with single spaces; ``^`` has become ``**``.

    Raises
    ------
    FormulaError
        If there is no response, no random effect, more than one grouping variable, a bar that is
        not added with ``+``, an unbalanced parenthesis, or anything that a formula may not have.
    """
    _check_text(formula, "the formula")
    if random is not None:
        _check_text(random, "random=")
    return _parsed(formula, random)


def _check_text(value: object, what: str) -> None:
    if not isinstance(value, str):
        raise FormulaError(f"{what} must be text, not {type(value).__name__}; {_EXAMPLE}")


@lru_cache(maxsize=512)
def _parsed(formula: str, random: str | None) -> Parsed:
    """Parsed formula, checked."""
    response, right = _sides(tokenize(formula))
    fixed, groups = _split(right)
    if random is not None:
        if groups:
            raise FormulaError(
                "random effects both in the formula and in what is given as random; keep one"
            )
        groups = [_Group("", _random(tokenize(random)))]
    if not groups:
        raise FormulaError(f"the formula has no random effects; {_EXAMPLE}")
    read = [_bar(group) for group in groups]
    bars = tuple(bar for bar, _ in read)
    groupings: dict[frozenset[str], tuple[str, ...]] = {}
    for _, grouping in read:
        groupings.setdefault(frozenset(grouping), grouping)
    if len(groupings) > 1:
        names = " and ".join(shown(":".join(grouping)) for grouping in groupings.values())
        raise FormulaError(f"two levels only: one grouping variable, not {names}")
    _check_response(response, [*fixed, *(t for group in groups for t in group.inside)])
    if not expand(written(fixed) or "1")[0]:
        raise FormulaError("the formula has no fixed effects; write at least 1, the intercept")
    for bar in bars:
        if not expand(bar.terms)[0]:
            raise FormulaError(
                f"no random effect is left of ({bar.terms} | …); write (1 | cluster)"
            )
    (grouping,) = groupings.values()
    crossed = grouping if len(grouping) > 1 else ()
    return Parsed(written(response), written(fixed) or "1", bars, ":".join(grouping), crossed)


class _Group(NamedTuple):
    """Content of the parentheses of random effects, and the covariance that is asked for."""

    covariance: str
    inside: list[Token]


def _sides(tokens: list[Token]) -> tuple[list[Token], list[Token]]:
    """Response and right side of a formula."""
    tildes = [i for i, token in enumerate(tokens) if token.text == "~"]
    if not tildes:
        raise FormulaError(f"the formula has no '~'; {_EXAMPLE}")
    if len(tildes) > 1:
        raise FormulaError("the formula has more than one '~'")
    left, right = tokens[: tildes[0]], tokens[tildes[0] + 1 :]
    if not left:
        raise FormulaError(f"the formula has no response before '~'; {_EXAMPLE}")
    if len(left) > 1 or left[0].node is None:
        raise FormulaError(
            f"the response {shown(written(left))} must be one column or one function of columns, "
            "such as log(y) or I(a - b)"
        )
    return left, right


def _depths(tokens: list[Token]) -> list[int]:
    """Depth of every token; a parenthesis has that of what it encloses, less one."""
    depth, out = 0, []
    for token in tokens:
        depth -= token.text == ")"
        out.append(depth)
        depth += token.text == "("
    return out


def _pieces(tokens: list[Token]) -> list[tuple[str, list[Token]]]:
    """Split a sum into its terms, each with its sign."""
    pieces: list[tuple[str, list[Token]]] = [("+", [])]
    for token, depth in zip(tokens, _depths(tokens), strict=True):
        if depth == 0 and token.text in ("+", "-"):
            if pieces[-1][1]:
                pieces.append((token.text, []))
            elif token.text == "-":
                pieces[-1] = ("+" if pieces[-1][0] == "-" else "-", [])
        else:
            pieces[-1][1].append(token)
    return pieces


def _is_bar(token: Token) -> bool:
    return token.text in ("|", "||")


def _enclosed(tokens: list[Token]) -> bool:
    """Whether one pair of parentheses encloses everything."""
    depths = _depths(tokens)
    return tokens[0].text == "(" and depths.count(0) == 2 and depths[-1] == 0


def _split(tokens: list[Token]) -> tuple[list[Token], list[_Group]]:
    """Separate the fixed part from the random effects."""
    fixed: list[Token] = []
    groups: list[_Group] = []
    for sign, piece in _pieces(tokens):
        rest = piece
        if any(map(_is_bar, piece)):
            covariance = piece[0].text if piece[0].covariance else ""
            own = piece[1:] if covariance else piece
            if sign == "-" or not _enclosed(own):
                raise FormulaError(
                    f"{shown(written(piece))}: random effects stand in their own parentheses and "
                    f"are added with '+'; {_EXAMPLE}"
                )
            inside = own[1:-1]
            if any(_is_bar(t) and d == 0 for t, d in zip(inside, _depths(inside), strict=True)):
                groups.append(_Group(covariance, inside))
                continue
            rest, more = _split(inside)
            groups += more
            if rest and fixed:
                rest = [Token("("), *rest, Token(")")]
        elif sign == "+" and not fixed and _enclosed(piece):
            rest, _ = _split(piece[1:-1])
        if rest:
            if fixed or sign == "-":
                fixed.append(Token(sign))
            fixed += rest
    return fixed, groups


def _random(tokens: list[Token]) -> list[Token]:
    """Content of random=, of the form ~ 1 + x | cluster."""
    if tokens[0].text != "~" or sum(map(_is_bar, tokens)) != 1 or len(tokens) < 4:
        raise FormulaError("random= must be of the form '~ 1 + x | cluster'")
    inside = tokens[1:]
    if any(_is_bar(t) and d > 0 for t, d in zip(inside, _depths(inside), strict=True)):
        raise FormulaError("random= is written without parentheses: '~ 1 + x | cluster'")
    return inside


def _bar(written_group: _Group) -> tuple[Bar, tuple[str, ...]]:
    """A bar, and the columns that group the rows."""
    covariance, inside = written_group
    bars = [i for i, token in enumerate(inside) if _is_bar(token)]
    text = shown(written(inside))
    if len(bars) > 1:
        raise FormulaError(f"({text[1:-1]}) has more than one bar; write (terms | cluster)")
    terms, group = inside[: bars[0]], inside[bars[0] + 1 :]
    if not terms:
        raise FormulaError(f"nothing before the bar of ({text[1:-1]}); write (1 | cluster)")
    if any(token.text == "~" for token in inside):
        raise FormulaError(f"'~' inside of ({text[1:-1]})")
    grouping = _grouping(terms, group)
    if covariance and inside[bars[0]].text == "||":
        raise FormulaError(
            f"{covariance}({text[1:-1]}) has two bars and a name; write (x || g), us(x | g) or "
            "diag(x | g)"
        )
    diagonal = covariance == "diag"
    return Bar(written(terms), inside[bars[0]].text == "|" and not diagonal, diagonal), grouping


def _grouping(terms: list[Token], group: list[Token]) -> tuple[str, ...]:
    """Columns whose combinations are the clusters, each once."""
    nodes = [token.node for token in group if token.node is not None]
    names = [node.name for node in nodes if isinstance(node, Column)]
    operators = {token.text for token in group if token.node is None} - set("():")
    name = shown(written(group))
    if operators and len(names) == len(nodes) > 1:
        one = f"({written(terms)} | {':'.join(dict.fromkeys(map(quoted, names)))})"
        raise FormulaError(
            f"two levels only: one grouping variable, not {name}, which makes several; write "
            f"{one} for the combinations alone"
        )
    if operators or not names or len(names) < len(nodes):
        inner = [n for n in nodes if isinstance(n, Call) and n.function in TO_LEVELS]
        hint = "; a grouping variable needs no factor()" if inner else ""
        raise FormulaError(f"the grouping variable {name} must be the name of a column{hint}")
    return tuple(dict.fromkeys(names))


def _check_response(response: list[Token], others: list[Token]) -> None:
    """Refuse a model that predicts a variable from itself, or from a function of itself."""
    assert response[0].node is not None
    own = {same_name(name) for name in columns(response[0].node)}
    for token in others:
        if token.node is not None:
            for name in columns(token.node):
                if same_name(name) in own:
                    raise FormulaError(
                        f"the response {shown(name)} is also on the right, in {shown(token.text)}; "
                        "remove it there"
                    )
