"""Formulas given to `simlab fit`: damaged ones, and a control's in other spellings.

What is accepted must be the formula that simlab says it has read: its own text of it is parsed to
the same and gives the same answer. A control in another spelling (space, redundant parentheses,
repeated terms) must give the control's.
"""

import random

import mutation
from formula_cases import frame
from oracles import Misreading, check_formula

from simlab.formula import FormulaError, parse

from .forked import command, main
from .judge import judge, misread
from .tables import differ

DATA = "d.csv"
FORMULAS = (
    "y ~ x + (1 | g)",
    "y ~ x * f + (1 + x | g)",
    "y ~ I(x^2) + (x + b)^2 + (1 + x || `odd name`)",
    "y ~ dvar(x, g) + cvar(x, g) + (0 + dvar(x, g) | g) + (1 | g)",
    "y ~ C(f, ref='q') + scale(x, center=False) - 1 + (1|g)",
    "y ~ ns(x, df = 3) + bs(b, df=4) + (1 | g)",
    "y ~ as.factor(a) + as.numeric(b) + scale(IQ.verb, scale = TRUE) + (x | a:b)",
    "y ~ poly(x, 2) + np.log(IQ.verb) + I((x > 0) * b % 3 // 2) + diag(1 + x | g)",
)
BY_HAND = (
    "", " ", "~", "y", "y ~", "~ x", "y ~ x", "y ~ (1 | g)", "y ~ x + (1 | nothing)",
    "y ~ y + (1|g)", "x ~ x + (1 | g)", "y ~ g + (1 | g)", "y ~ f + (1 | x)", "f ~ x + (1 | g)",
    "y ~ x + (1 | y)", "y ~ x + (1 | g) + (1 | g)", "y ~ x + (1 | g) + (1 | f)", "y ~ x + ((1 | g)",
    "y ~ x + (1 || g)", "y ~ 0 + (0 | g)", "y ~ . + (1 | g)", "y ~ x:x:x + (1 | g)",
    "y ~ log(x) + (1 | g)", "y ~ I(x / 0) + (1 | g)", "y ~ I(1e308 * x * 10) + (1 | g)",
    "y ~ poly(x, 999) + (1 | g)", "y ~ poly(x, 0) + (1|g)", "y ~ poly(x, -1) + (1|g)",
    "y ~ bs(x, df=10**9) + (1 | g)", "y ~ I(9**9**9**9) + (1 | g)", "y ~ I(x ** 1e9) + (1 | g)",
    "y ~ (a+b+f+x)^99 + (1 | g)", "y ~ __import__('os').system('touch owned') + (1 | g)",
    "y ~ I(open('owned', 'w')) + (1|g)", "y ~ x.__class__ + (1 | g)", "y ~ x + (1 | g)\n\x1b[31m",
    "--help", "-y ~ x", "y ~ as.factor(x) + (1 | g)",
    "y ~ as.factor(x) * as.factor(IQ.verb) + (1 | g)", "y ~ x + (as.factor(x) | g)",
    "y ~ C(f, ref='z') + (1 | g)", "log(y) ~ x + (1 | g)",
    "y ~ factor(x):factor(b):factor(a):factor(g) + (1 | f)", "y ~ I(x - x) + (1 | g)",
    "y ~ " + " + ".join(["x"] * 5000) + " + (1 | g)", "y ~ " + "-" * 3000 + "x + (1 | g)",
    "y ~ " + "(" * 500 + "x" + ")" * 500 + " + (1 | g)",
)  # fmt: skip
CONTROL = "y ~ 1 + x + b + x:b + (1 + x | g)"


def attack(seed, folder, entry=main):
    frame().assign(**{"odd name": frame().g}).to_csv(folder / DATA, index=False)
    if seed < len(BY_HAND):
        return _judged(BY_HAND[seed], folder, entry)
    rng = random.Random(seed)
    if seed % 4:
        return _judged(mutation.formula(seed, FORMULAS), folder, entry)
    return _same(respelt(rng), CONTROL, folder, entry)


def _argv(formula):
    return ["fit", DATA, "--format", "csv", "--", formula]


def _judged(formula, folder, entry):
    formula = formula.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")
    if "\0" in formula:  # no argument of a command can have one
        formula = formula.replace("\0", " ")
    verdict = judge(command(_argv(formula), folder, entry))
    if list(folder.glob("owned")):
        return misread(verdict, "the formula was executed")
    if verdict.ended != "answered":
        return verdict
    try:
        check_formula(formula)
        own = parse(formula).formula
    except (Misreading, FormulaError) as error:
        return misread(verdict, f"accepted, and: {error}")
    return _same(formula, own, folder, entry)


def _same(formula, control, folder, entry):
    """Two formulas must have one answer."""
    one = command(_argv(formula), folder, entry)
    verdict = judge(one)
    if verdict.fault:
        return verdict
    other = command(_argv(control), folder)
    if one.status != other.status:
        message = (one.err or other.err)[:200]
        return misread(verdict, f"{formula!r} and {control!r}: one is refused: {message}")
    why = differ(one.out, other.out)
    return misread(verdict, f"{formula!r} is not {control!r}: {why}") if why else verdict


def respelt(rng):
    """The control in other words, which change nothing."""
    fixed = rng.choice(("x * b", "1 + x + b + x:b", "(x + b)^2", "x + b + x*b - 1 + 1", "x/b + b"))
    fixed = rng.choice((fixed, f"({fixed})", f"{fixed} + x", f"0 + {fixed} + 1"))
    bar = rng.choice(("(1 + x | g)", "(x | g)", "( x+1|g )", "us(1 + x | g)", "(x + x | g)"))
    parts = [fixed, bar]
    rng.shuffle(parts)
    written = "y ~ " + " + ".join(parts)
    return "".join(c * rng.choice((1, 1, 1, 3)) if c == " " else c for c in written)
