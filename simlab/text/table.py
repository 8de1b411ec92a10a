"""The one way to print a table.

A table that is too wide has more lines in a cell, or is printed as several below one another, or
has its columns under the name of the row: whichever takes the fewest lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from rich.cells import cell_len

from simlab.text.lines import MARK, TIE, tied, width
from simlab.text.plain import one_line

GAP = 2  # blanks between columns
HANGING = 2  # by which the later lines of a row's name are indented
SOME = 200  # rows by which plans are compared
NAMES = (1000, 32, 24, 16, 0)  # widths of the names of rows that are tried

_VALUE = r"[+\-−]?(?:\d[\d,]*(?:\.\d*)?|∞)(?:e[+\-−]?\d+)?"
WHOLE = re.compile(r"(?:× )?\(?[<>]?[+\-−]?\d[\d,]*")
NUMBER = re.compile(rf"(?:× )?\(?[<>]?{_VALUE}(?: %)?(?: ?± ?{_VALUE})?(?: %)?\)?(?: {MARK})?")


class _Column(NamedTuple):
    """A column of a table, its texts with `TIE` for the blanks that hold words together."""

    header: list[str]  # its lines
    cells: list[list[str]]  # lines of each cell
    right: bool  # whether it stands on the right, as numbers do
    hanging: int  # indent of the lines that a line of a cell is broken into, but the first
    least: int  # width of the longest word
    most: int  # width without a further line break


def text_table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    indent: str = "",
    *,
    names: int = 1,
    breaks: Sequence[int] = (),
) -> str:
    """Lay out a table in the `width` that there is; no line is longer unless a word is.

    Cells may have several lines, but for those of the first column. A column most of whose cells
    are numbers stands on the right, their decimal points in a line. The first columns, `names` of
    them, say what a row is, and are repeated where a table is printed as several. `breaks` are rows
    that begin a new part: after an empty line, with an alignment of its own.
    """
    parts = sorted({0, *(b for b in breaks if b < len(rows)), len(rows)})
    columns = [
        _column(header[i], [row[i] for row in rows], i == 0, parts) for i in range(len(header))
    ]
    names = min(names, len(header) - 1)
    room = width() - cell_len(indent)
    plans = list(_plans(columns[:names], columns[names:], room))
    if len(plans) > 1:
        plans.sort(key=lambda plan: len(_printed(plan.cut(SOME), room, breaks)))
    shown = _printed(plans[0], room, breaks)
    return "\n".join((indent + line.replace(TIE, " ")).rstrip() for line in shown)


def number_columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[bool]:
    """Say of each column whether most of its cells are numbers; the first one names the rows."""
    cells = [[line for row in rows for line in row[i].split("\n")] for i in range(len(header))]
    return [i > 0 and _numeric(column) for i, column in enumerate(cells)]


def _numeric(lines: Sequence[str]) -> bool:
    """Whether most lines that are not empty are numbers."""
    given = [line for line in lines if line not in ("", "–", "—")]
    return 2 * sum(bool(NUMBER.fullmatch(line)) for line in given) > len(given)


def _column(name: str, cells: Sequence[str], first: bool, parts: Sequence[int]) -> _Column:
    """Column of a table: texts with tied blanks, numbers aligned, and its limits of width."""
    split = [[one_line(line) for line in ([cell] if first else cell.split("\n"))] for cell in cells]
    right = not first and _numeric([line for cell in split for line in cell])
    if right:
        split = [cell for a, b in pairwise(parts) for cell in _aligned(split[a:b])]
    whole = [[_tie(line) for line in cell] for cell in split]
    head = [_tie(one_line(line)) for line in name.split("\n")]
    every = [*head, *(line for cell in whole for line in cell)]
    hanging = HANGING if first else 0
    words = [w + (k > 0) * hanging for line in every for k, w in enumerate(_lengths(line))]
    return _Column(head, whole, right, hanging, max(words), max(map(cell_len, every)))


def _tie(line: str) -> str:
    """Line with `TIE` for the blanks inside numbers with their errors."""
    bare = line.lstrip(" ")
    return TIE * (len(line) - len(bare)) + tied(bare)


def _lengths(line: str) -> Iterator[int]:
    return map(cell_len, line.split(" "))


def _aligned(cells: list[list[str]]) -> list[list[str]]:
    """Pad numbers without an exponent on the right to the same length after the whole part."""

    def tail(line: str) -> int:
        """Characters after the whole part of a number; −1 of what is none."""
        whole = WHOLE.match(line)
        if whole is None or not NUMBER.fullmatch(line) or "e" in line:
            return -1
        return len(line) - whole.end()

    longest = max((tail(line) for cell in cells for line in cell), default=0)
    return [
        [line if (t := tail(line)) < 0 else line + TIE * (longest - t) for line in cell]
        for cell in cells
    ]


class _Plan(NamedTuple):
    """Plan of a table: columns that stand above each row, and the columns of each of its parts."""

    above: list[_Column]
    tables: list[list[_Column]]

    def cut(self, rows: int) -> _Plan:
        """The same of the first rows."""
        above, *tables = (
            [column._replace(cells=column.cells[:rows]) for column in columns]
            for columns in (self.above, *self.tables)
        )
        return _Plan(above, tables)


def _plans(names: list[_Column], others: list[_Column], room: int) -> Iterator[_Plan]:
    """Every plan that fits, the plainest first."""
    if _taken(names + others, "most") <= room:
        yield _Plan([], [names + others])
        return
    for lifted in range(len(names) + 1):
        above, columns = names[:lifted], names[lifted:]
        seen = []
        for most in NAMES if columns else (0,):
            capped = [c._replace(least=min(max(c.least, most), c.most)) for c in columns]
            left = room - GAP * (lifted > 0) - sum(c.least + GAP for c in capped)
            groups = _groups(others, left)
            fits = max(_taken(group, "least") for group in groups) <= left
            if groups not in seen and (fits or not columns):
                seen.append(groups)
                yield _Plan(above, [columns + group for group in groups])


def _printed(plan: _Plan, room: int, breaks: Sequence[int]) -> list[str]:
    """The lines of the tables of a plan, one below the other."""
    out: list[str] = []
    for table in plan.tables:
        laid = _laid(table, room - GAP * bool(plan.above))
        out += [*[""] * bool(out), *_block(laid, plan.above, room, breaks)]
    return out


def _taken(columns: Sequence[_Column], which: Literal["least", "most"]) -> int:
    widths = [column.most if which == "most" else column.least for column in columns]
    return sum(widths) + GAP * (len(columns) - 1)


def _groups(columns: list[_Column], room: int) -> list[list[_Column]]:
    """Split columns into as few groups as fit side by side, of the same number if that fits."""
    groups: list[list[_Column]] = []
    for column in columns:
        if groups and _taken([*groups[-1], column], "least") <= room:
            groups[-1].append(column)
        else:
            groups.append([column])
    each = -(-len(columns) // len(groups))
    even = [columns[i : i + each] for i in range(0, len(columns), each)]
    fit = len(even) == len(groups) and all(_taken(group, "least") <= room for group in even)
    return even if fit else groups


class _Laid(NamedTuple):
    """Columns side by side: lines of the header, lines of each row, whether it is tall; width."""

    header: list[str]
    rows: list[list[str]]
    tall: list[bool]
    width: int


def _laid(columns: list[_Column], room: int) -> _Laid:
    """Lay columns side by side in a width: lines of the header and of each row."""
    limits = _widths(columns, room)
    heads, cells, widths = [], [], []
    for column, limit in zip(columns, limits, strict=True):
        heads.append([piece for line in column.header for piece in _broken(line, limit, 0)])
        cells.append([
            [piece for line in cell for piece in _broken(line, limit, column.hanging)]
            for cell in column.cells
        ])  # fmt: skip
        pieces = [*heads[-1], *(line for cell in cells[-1] for line in cell)]
        widths.append(max(map(cell_len, pieces)))
    if columns[0].hanging:
        _let_hang(cells[0], [max(map(len, row), default=1) for row in zip(*cells[1:], strict=True)])
    deep = max(map(len, heads))
    heads = [[""] * (deep - len(head)) + head for head in heads]
    rows = list(zip(*cells, strict=True))
    return _Laid(
        _lines(heads, columns, widths),
        [_lines(row, columns, widths) for row in rows],
        [any(len(cell) > 1 for cell in row[1:]) for row in rows],
        sum(widths) + GAP * (len(widths) - 1),
    )


def _let_hang(names: list[list[str]], heights: list[int]) -> None:
    """Move later lines of a name down to the rows beneath that have no name of their own."""
    for k, height in enumerate(heights[:-1]):
        if len(names[k]) > height and names[k + 1] == [""]:
            names[k], names[k + 1] = names[k][:height], names[k][height:]


def _widths(columns: list[_Column], room: int) -> list[int]:
    """Give each column its longest word, and what is left to those whose width saves most lines."""
    widths = [column.least for column in columns]
    heights = [_heights(column, w) for column, w in zip(columns, widths, strict=True)]
    spare = room - _taken(columns, "least")
    while True:
        now, steps = _height(heights), []
        for i, column in enumerate(columns):
            to = _next_width(column, widths[i])
            if widths[i] < column.most and to - widths[i] <= spare:
                lower = _heights(column, to)
                saved = now - _height([*heights[:i], lower, *heights[i + 1 :]])
                steps.append((-saved / (to - widths[i]), to, i, lower))
        if not steps:
            return widths
        _, to, i, heights[i] = min(steps)
        spare -= to - widths[i]
        widths[i] = to


def _heights(column: _Column, limit: int) -> list[int]:
    """Number of lines of the header and of each cell, in so many columns."""
    return [
        sum(len(_broken(line, limit, column.hanging)) for line in cell)
        for cell in [column.header, *column.cells]
    ]


def _height(heights: list[list[int]]) -> int:
    return sum(map(max, zip(*heights, strict=True)))


def _next_width(column: _Column, limit: int) -> int:
    """The least width at which a line of the column holds one word more."""
    lines = {line for cell in [column.header, *column.cells] for line in cell}
    return min(
        (
            cell_len(one) + 1 + cell_len(other.lstrip(TIE).split(" ")[0])
            for line in lines
            for one, other in pairwise(_broken(line, limit, column.hanging))
        ),
        default=column.most,
    )


def _broken(line: str, limit: int, hanging: int) -> list[str]:
    """Break a line at its blanks; a word longer than the limit stands alone."""
    if cell_len(line) <= limit:
        return [line]
    out: list[str] = []
    for word in line.split(" "):
        if out and cell_len(out[-1]) + 1 + cell_len(word) <= limit:
            out[-1] += f" {word}"
        else:
            out.append(TIE * (hanging if out else 0) + word)
    return out


def _lines(
    cells: Sequence[list[str]], columns: Sequence[_Column], widths: Sequence[int]
) -> list[str]:
    """The lines of one row."""
    lines = []
    for k in range(max(map(len, cells))):
        pieces = []
        for cell, column, w in zip(cells, columns, widths, strict=True):
            text = cell[k] if k < len(cell) else ""
            blank = " " * (w - cell_len(text))
            pieces.append(blank + text if column.right else text + blank)
        lines.append((" " * GAP).join(pieces))
    return lines


def _block(laid: _Laid, above: list[_Column], room: int, breaks: Sequence[int]) -> list[str]:
    """Columns side by side, under what names the row; that is not repeated where it is the same.

    An empty line stands after a row with several lines.
    """
    indent = " " * GAP if above else ""
    heads = [" ".join(line for line in column.header if line) for column in above]
    out = [*_named(heads, room), *(indent + line for line in laid.header)]
    out.append("─" * (laid.width + len(indent)))
    before = [""] * len(above)
    for k, row in enumerate(laid.rows):
        own = [" ".join(column.cells[k]) for column in above]
        name = [cell or given for cell, given in zip(own, before, strict=True)]
        if k in breaks or (k and laid.tall[k - 1]):
            out.append("")
        out += _named(name, room) if name != before else []
        out += [indent + line for line in row]
        before = name
    return out


def _named(cells: list[str], room: int) -> list[str]:
    """Names of a row, in a line of its own."""
    line = f"{TIE} ".join(cell for cell in cells if cell)
    return _broken(line, room, 2 * HANGING) if line else []
