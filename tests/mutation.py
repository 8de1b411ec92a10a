"""Texts that somebody might feed to simlab by mistake or on purpose: lawful ones, damaged.

A mutant is a function of its seed alone. A damage is done to bytes (flip, insert, delete, repeat,
splice), to words (a number becomes nan, a date, 1_000 …), or to the structure (a line is dropped,
indented, doubled, moved).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]

SMALL = """\
name: study
replicates: 100
population:
  clusters: 40
  gamma: [12, 2]
  G: [[16, 8], [8, 25]]
  sigma2: 20
  cluster_sizes: {law: poisson, mean: 30}
"""
SECTORS = """\
name: study
description: two sectors
seed: 3
replicates: 100
block: 128
level: 0.9
estimators: [pooled, hlm]
population:
  clusters: {Catholic: 3, Public: 2}
  gamma: {Public: [12], Catholic: [14]}
  beta_within: {Public: 2.5, Catholic: 1e-3}
  beta_between: {Catholic: 4, Public: 5}
  context: latent-mean
  G: [[16, 8], [8, 25]]
  sigma2: 20
  cluster_sizes: {law: list, sizes: [1, 2, 3, 4, 5]}
  x: {law: uniform, mean: 1, between_sd: 2, within_sd: 3}
  errors: {law: student-t, df: 5}
"""
GRID = """\
name: study
replicates: 100
scheme: same-clusters
draw: rows
population:
  clusters: 12
  gamma: &g [12, 2]
  G: [[16, 8], [8, 25]]
  sigma2: 20
  cluster_sizes: {law: fixed, size: 30}
grid:
  - population.sigma2: [1, 2.5, 1e3]
    population.clusters: {few: 4, "many, many": 80}
  - population.gamma: [*g, [0, 1]]
  - scheme: [new-clusters, same-clusters]
tests: {names: [fixed_slope], draws: 99, stop: 9}
verdicts: {margin: 0.1, efficiency: [population.sigma2]}
"""
FROM_DATA = """\
name: study
replicates: 10
population:
  gamma: {Public: [12, 2], Catholic: [14, 1]}
  G: [[16, 8], [8, 25]]
  sigma2: 20
  x: {law: data, data: hs, column: ses, cluster: school, sector: sector}
"""

TABLES = (
    "x,y,g\n1,2.5,a\n2,1e-3,b\n3,-4,a\n",
    'id,score,note\r\n101,1.25,"a, b"\r\n102,NA,\r\n103,3,"two\nlines"\r\n',
    "\ufeffschool,ses,sex\n1317,0.5,Female\n1317,-1.5,Male\n1906,,Female\n",
    'name,flag,"odd name"\n"say ""hi""",True,1\nplain,FALSE,2\n\nNA,true,3\n',
    "k,v\n1,9007199254740993\n2,12345678901234567890\n3,1\n",
    "a,b\n 1 , x\n2 ,y \n\t3,NA\n",
    "g,x\nA1,1E5\n17,inf\n007,-0\n",
    'x,y\n"1,5",1\n"2,25",2\n"1.234,5",3\n',
    "x;y\n1,5;2\n3;4\n",
    "x\ty\n1\t2\n",
    "n,t\n1_000,1:30\n2,2020-01-01\n3,12.05.2020\n",
    "u,v\n１２,−5\n3,4\n٣,5\n",
    "a,a,b\n1,2,3\n",
    "a,b\n1\n1,2,3\n",
    "é,ß\n1,ü\n2,ö\n",
)
FORMULAS = (
    "y ~ x + (1 | g)",
    "mathach ~ ses * sector + (1 + ses | school)",
    "log(y) ~ I(x^2) + (a + b)^2 + (1 + x || `odd name`)",
    "y ~ dvar(x, g) + cvar(x, g) + poly(w, 2) + (0 + dvar(x, g) | g) + (1 | g)",
    "y ~ C(f, ref='b') / scale(x, center=False) - 1 + bs(x, df=4) + (1|g)",
    "y ~ I((x > 2) * w % 3 // 4) + np.log(x) + I(s == 'a') + (1 | g)",
    "y ~ ns(x, knots = c(-1, 0.5)) * cvar(x, g:f) + us(1 + ns(x, 2) | g:f) + diag(0 + f | f:g)",
    "y ~ as.factor(g) + as.numeric(as.character(w)) + scale(x.1, scale = TRUE) + (x.1 | `a b`:f)",
    "y ~ cr(IQ.verb, df = 3) / bs(x, 4, Boundary.knots = c(-9, 9)) + diag(cr(x, df=2) | g)",
)

SCALARS = (
    "1e-3", '"1e-3"', "1E5", ".5", "5.", ".5e3", "-.5E-3", "1_000", "0x10", "0o17", "0777", "0b11",
    "1:30", "2020-01-01", "nan", ".nan", ".inf", "-.Inf", "inf", "1e400", "-1", "0", "-0.0", "1.0",
    "1e-400", "9" * 30, "9" * 400, "1e3", "12.5", "+7", "yes", "no", "on", "y", "true", "True",
    "null", "~", "", "''", '"no"', "[]", "{}", "[1]", "{a: 1}", "*g", "&g 3", "<<", "!!float 3",
    "!!python/object/apply:os.system [x]", "!local 3", "|", ">-", "?", "-", ":", "#", "%", "@", "`",
    '"\\ud800"', '"\\0"', '"\\x41"', "pooled", "hs", "student-t", "data", "poisson", "é", "Ω" * 50,
    "a.b", "=", "2", "3", "40", "population.sigma2", "same-clusters", "rows", "١٢", "−3", "x" * 300,
)  # fmt: skip
CELLS = (
    "1e-3", "1E5", "0x10", "1_000", "inf", "-Infinity", "nan", "NaN", "NAN", "NA", "na", "None",
    "null", "", " ", ".", "-", "?", "1,5", '"1,5"', '"1,234"', '"1.234,5"', "1 000", "１２", "−5",
    "٣", "5%", "$5", "€ 5", "1.", ".5", "+5", "--5", "1e", "1e400", "007", "-0", "True", "FALSE",
    "yes", "9" * 19, "9" * 25, "9007199254740993", "0.1234567890123456789", '"', '""', '" x"', "'1",
    "\x00", "\x1c", "\u2028", "\xa01", "1\xa0000", "x" * 500, "1:30", "2020-01-01", "#N/A", "1d5",
    '"a\nb"', "a\rb", ";", "\t", "|", "1;2", "²", "½", "1e-5", "1.7976931348623157e308", "12_3.4",
)  # fmt: skip
PIECES = (
    "~", "+", "-", "*", ":", "/", "**", "^", "(", ")", "|", "||", "`", "'", '"', ",", "=", "==",
    ".", "__", "np.", "log(", "I(", "C(", "poly(", "1", "0", "1e5", "9**9**9", "x", "lambda: ",
    "__import__('os')", ".__class__", "{x}", "f'{x}'", "[0]", "@", ":=", ";", "\n", "\0", "#", "\\",
    "é", "ｌｏｇ(", "(1|g)", "(1|g:f)", "us(", "diag(", "cs(", "c(", "ns(", "as.", "TRUE", "x.1",
    "if", "else", "for", "await ", "%s", "{0.__class__}", "...", "\u2028",
)  # fmt: skip


def studies() -> tuple[str, ...]:
    """Every study of the project: its files, those in its documentation, and some small ones."""
    files = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "configs").glob("*.yaml"))]
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    blocks = [
        block
        for page in pages
        for block in re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    ]
    small = (SMALL, SECTORS, GRID, FROM_DATA)
    return (*small * 6, *files, *blocks)  # small ones are read faster, and hold everything


def study(seed: int) -> str:
    """A damaged study."""
    return _mutant(random.Random(seed), studies_once(), SCALARS, _YAML)


def table(seed: int) -> bytes:
    """A damaged CSV file."""
    return damaged_table(seed, TABLES)


def damaged_table(seed: int, tables: tuple[str, ...]) -> bytes:
    """One of these CSV files, damaged."""
    rng = random.Random(seed)
    text = _mutant(rng, tables, CELLS, _CSV)
    kind = rng.random()
    if kind < 0.03:
        return text.encode("latin-1", "replace")
    if kind < 0.04:
        return text.encode("utf-16")
    content = text.encode("utf-8", "replace")
    if kind < 0.07 and content:
        at = rng.randrange(len(content))
        content = content[:at] + bytes([rng.randrange(256)]) + content[at + 1 :]
    return content


def formula(seed: int, formulas: tuple[str, ...] = FORMULAS) -> str:
    """A damaged formula."""
    return _mutant(random.Random(seed), formulas, PIECES, _FORMULA)


_STUDIES: list[str] = []


def studies_once() -> list[str]:
    """As `studies`, read once per process."""
    if not _STUDIES:
        _STUDIES.extend(studies())
    return _STUDIES


Damage = Callable[[random.Random, str, tuple[str, ...]], str]


def _mutant(
    rng: random.Random, seeds: object, words: tuple[str, ...], damages: tuple[Damage, ...]
) -> str:
    text = rng.choice(seeds)  # type: ignore[arg-type]
    if rng.random() < 0.03:
        other = rng.choice(seeds)  # type: ignore[arg-type]
        text = text[: rng.randrange(len(text) + 1)] + other[rng.randrange(len(other) + 1) :]
    for _ in range(rng.choice((0, 1, 1, 1, 1, 2, 2, 3, 5))):
        text = rng.choice(damages)(rng, text, words)
    return text


def _flip(rng: random.Random, text: str, words: tuple[str, ...]) -> str:
    if not text:
        return rng.choice(words)
    at = rng.randrange(len(text))
    return text[:at] + chr(rng.choice((rng.randrange(128), rng.randrange(0xD800)))) + text[at + 1 :]


def _insert(rng: random.Random, text: str, words: tuple[str, ...]) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice((chr(rng.randrange(128)), rng.choice(words))) + text[at:]


def _delete(rng: random.Random, text: str, words: tuple[str, ...]) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] + text[at + rng.choice((1, 1, 1, 2, 5, 30)) :]


def _repeat(rng: random.Random, text: str, words: tuple[str, ...]) -> str:
    at = rng.randrange(len(text) + 1)
    end = at + rng.choice((1, 3, 10, 50))
    return text[:end] + text[at:end] * rng.choice((1, 1, 2, 40)) + text[end:]


def _lines(change: Callable[[random.Random, list[str]], None]) -> Damage:
    def damage(rng: random.Random, text: str, words: tuple[str, ...]) -> str:
        lines = text.splitlines(keepends=True)
        if lines:
            change(rng, lines)
        return "".join(lines)

    return damage


def _drop_line(rng: random.Random, lines: list[str]) -> None:
    del lines[rng.randrange(len(lines))]


def _double_line(rng: random.Random, lines: list[str]) -> None:
    lines.insert(rng.randrange(len(lines) + 1), rng.choice(lines))


def _move_line(rng: random.Random, lines: list[str]) -> None:
    lines.insert(rng.randrange(len(lines)), lines.pop(rng.randrange(len(lines))))


def _indent_line(rng: random.Random, lines: list[str]) -> None:
    at = rng.randrange(len(lines))
    lines[at] = rng.choice((" ", "  ", "    ", "\t", "- ", "? ")) + lines[at]


def _outdent_line(rng: random.Random, lines: list[str]) -> None:
    at = rng.randrange(len(lines))
    lines[at] = lines[at][rng.choice((1, 2)) :]


def _between(pattern: str) -> Damage:
    """Put a word in the place of another."""
    found = re.compile(pattern)

    def damage(rng: random.Random, text: str, words: tuple[str, ...]) -> str:
        places = [match.span() for match in found.finditer(text)]
        if not places:
            return text + rng.choice(words)
        start, end = rng.choice(places)
        return text[:start] + rng.choice(words) + text[end:]

    return damage


def _swap(pattern: str) -> Damage:
    """Exchange two words of the text."""
    found = re.compile(pattern)

    def damage(rng: random.Random, text: str, words: tuple[str, ...]) -> str:
        places = [match.span() for match in found.finditer(text)]
        if len(places) < 2:
            return text
        (a, b), (c, d) = sorted(rng.sample(places, 2))
        return text[:a] + text[c:d] + text[b:c] + text[a:b] + text[d:]

    return damage


def _wrap(rng: random.Random, text: str, words: tuple[str, ...]) -> str:
    """Nest what follows a colon in a list or a mapping, once or often."""
    places = [match.end() for match in re.finditer(r": (?=\S)", text)]
    if not places:
        return text
    at = rng.choice(places)
    end = text.find("\n", at) if "\n" in text[at:] else len(text)
    depth = rng.choice((1, 1, 2, 30))
    opening, closing = rng.choice((("[", "]"), ("{a: ", "}")))
    return text[:at] + opening * depth + text[at:end] + closing * depth + text[end:]


def _separate(rng: random.Random, text: str, words: tuple[str, ...]) -> str:
    old, new = rng.choice(((",", ";"), (",", "\t"), ("\n", "\r\n"), ("\n", "\r"), (".", ",")))
    return text.replace(old, new, rng.choice((1, -1)))


_BYTES = (_flip, _insert, _delete, _repeat)
_LINES = tuple(map(_lines, (_drop_line, _double_line, _move_line)))
_WORD = r"[^\s,:\[\]{}]+"
_VALUE = r"(?<=: )[^\s,:\[\]{}]+"
_CELL = r"(?<=,)[^,\n]*"
_YAML: tuple[Damage, ...] = (
    *_BYTES, *_LINES, _lines(_indent_line), _lines(_outdent_line), _swap(_WORD), _swap(_VALUE),
    _between(_WORD), *(_between(_VALUE),) * 5, *(_between(r"[0-9.]+"),) * 3, _wrap,
)  # fmt: skip
_CSV: tuple[Damage, ...] = (
    *_BYTES, *_LINES, _swap(_CELL), *(_between(_CELL),) * 5, _between(r"(?m)^[^,\n]*"), _separate,
)  # fmt: skip
_FORMULA: tuple[Damage, ...] = (*_BYTES, _swap(r"\w+"), *(_between(r"\w+|\W"),) * 4)
