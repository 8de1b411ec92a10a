"""Draw the rooms of simlab, and which imports which, from the imports themselves.

    make rooms

A room is a package or a file directly under `simlab/`. It stands above all rooms that it imports.
A line is left out where a longer way along other lines says the same. Rooms of the computing tower
and of the reading tower have the colours of their contracts in `.importlinter`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from configparser import ConfigParser
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parents[1]
PICTURE = Path(__file__).with_name("figures") / "rooms.svg"
SHELVES = ("simlab.course.methods",)  # files that stand by themselves, below their room

Graph = dict[str, set[str]]

# ---------------------------------------------------------------- imports


class Import(NamedTuple):
    """One module that a file imports, and whether inside a function only."""

    module: str
    lazy: bool
    line: int


def modules(root: Path = ROOT) -> dict[str, Path]:
    """Every module of simlab with its file."""
    found = {}
    for path in sorted((root / "simlab").rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(module: str, files: Mapping[str, Path]) -> list[Import]:
    """What a module imports; not what it names in annotations only."""
    path = files[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found = []
    for node, lazy in _statements(ast.parse(path.read_text("utf-8")), False):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            above = package.split(".")[: 1 - node.level or None] if node.level else []
            source = ".".join([*above, *filter(None, [node.module])])
            children = [f"{source}.{alias.name}" for alias in node.names]
            names = [child if child in files else source for child in children]
        found += [Import(name, lazy, node.lineno) for name in names if name != module]
    return found


def _statements(node: ast.AST, lazy: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, lazy
        yield from _statements(child, lazy or isinstance(child, ast.FunctionDef))


def reached(graph: Mapping[str, set[str]], start: str) -> set[str]:
    """Everything that can be come to from one node."""
    seen: set[str] = set()
    ahead = [start]
    while ahead:
        new = graph[ahead.pop()] - seen
        seen |= new
        ahead += new
    return seen


def circles(graph: Mapping[str, set[str]]) -> list[set[str]]:
    """Sets of nodes that can all be come to from each other."""
    after = {node: reached(graph, node) for node in graph}
    found: list[set[str]] = []
    for node in graph:
        if node in after[node] and not any(node in circle for circle in found):
            found.append({other for other in after[node] if node in after[other]})
    return found


# ---------------------------------------------------------------- rooms


def room_of(module: str) -> str:
    """Name of the room that a module stands in; "" for `simlab` itself."""
    if module in SHELVES:
        return module.removeprefix("simlab.")
    return ".".join(module.split(".")[1:2])


def rooms(files: Mapping[str, Path]) -> Graph:
    """Every room with those that it imports."""
    graph: Graph = {room_of(module): set() for module in files if room_of(module)}
    for module in files:
        for target, *_ in imports(module, files):
            here, there = room_of(module), room_of(target) if target in files else ""
            if here and there and here != there:
                graph[here].add(there)
    return graph


def floors(graph: Graph) -> list[list[str]]:
    """Rooms by floor, from the ground: each one above all that it imports."""
    floor: dict[str, int] = {}

    def place(room: str) -> int:
        if room not in floor:
            floor[room] = 1 + max(map(place, graph[room]), default=-1)
        return floor[room]

    for room in graph:
        place(room)
    return [sorted(r for r in graph if floor[r] == i) for i in range(1 + max(floor.values()))]


def shortest(graph: Graph) -> Graph:
    """Leave out an import of what another import comes to anyway."""
    after = {room: reached(graph, room) for room in graph}
    return {
        room: {a for a in below if not any(a in after[b] for b in below)}
        for room, below in graph.items()
    }


def towers(root: Path = ROOT) -> dict[str, str]:
    """Rooms of the two towers, as the contracts name them."""
    contracts = ConfigParser()
    contracts.read(root / ".importlinter")
    named = {
        "computing": "importlinter:contract:computing",
        "reading": "importlinter:contract:towers",
    }
    return {
        name.removeprefix("simlab."): tower
        for tower, contract in named.items()
        for name in contracts[contract]["source_modules"].split()
    }


# ---------------------------------------------------------------- the picture

WIDTH, HEIGHT, GAP, RISE = 104, 34, 14, 44
FILL = {"computing": "#dbe7f5", "reading": "#e0f0de", "": "#f1efe9"}


def drawn(files: Mapping[str, Path], tower: Mapping[str, str]) -> str:
    """The picture as SVG: a box for each room, with its lines of code, and lines between them."""
    graph = rooms(files)
    below, layers = shortest(graph), _ordered(floors(graph), shortest(graph))
    size = dict.fromkeys(graph, 0)
    for module, path in files.items():
        if room_of(module):
            size[room_of(module)] += len(path.read_text("utf-8").splitlines())
    across = max(map(len, layers)) * (WIDTH + GAP) + GAP
    down = len(layers) * (HEIGHT + RISE) + GAP
    at = {
        room: ((across - len(layer) * (WIDTH + GAP) + GAP) / 2 + i * (WIDTH + GAP),
               down - (floor + 1) * (HEIGHT + RISE) + RISE - GAP)
        for floor, layer in enumerate(layers)
        for i, room in enumerate(layer)
    }  # fmt: skip
    lines = [_line(at[room], at[other]) for room in below for other in sorted(below[room])]
    boxes = [_box(room, *at[room], size[room], FILL[tower.get(room, "")]) for room in graph]
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {across:g} {down:g}" '
        'font-family="sans-serif" text-anchor="middle">',
        f'<rect width="{across:g}" height="{down:g}" fill="white"/>',
        '<g fill="none" stroke="#9a9a9a">', *lines, "</g>", *boxes, "</svg>\n",
    ])  # fmt: skip


def _ordered(layers: list[list[str]], below: Graph) -> list[list[str]]:
    """Rooms of each floor beside those that they are joined to, so that few lines cross."""
    joined: Graph = {room: set(others) for room, others in below.items()}
    for room, others in below.items():
        for other in others:
            joined[other].add(room)
    where = {room: (i + 0.5) / len(layer) for layer in layers for i, room in enumerate(layer)}
    for _ in range(40):
        for layer in layers:
            middle = {
                room: sum(where[o] for o in joined[room]) / len(joined[room])
                if joined[room] else where[room]
                for room in layer
            }  # fmt: skip
            layer.sort(key=lambda room: (middle[room], room))
            where |= {room: (i + 0.5) / len(layer) for i, room in enumerate(layer)}
    return layers


def _line(upper: tuple[float, float], lower: tuple[float, float]) -> str:
    (x0, y0), (x1, y1) = upper, lower
    x0, x1, y0 = x0 + WIDTH / 2, x1 + WIDTH / 2, y0 + HEIGHT
    bend = min(RISE, y1 - y0)
    return f'<path d="M{x0:g} {y0:g}C{x0:g} {y0 + bend:g} {x1:g} {y1 - bend:g} {x1:g} {y1:g}"/>'


def _box(room: str, x: float, y: float, size: int, fill: str) -> str:
    middle = x + WIDTH / 2
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="4" fill="{fill}" '
        f'stroke="#555"/><text x="{middle:g}" y="{y + 15:g}" font-size="12">{escape(room)}</text>'
        f'<text x="{middle:g}" y="{y + 28:g}" font-size="9" fill="#555">{size:,} lines</text>'
    )


if __name__ == "__main__":
    PICTURE.write_text(drawn(modules(), towers()), encoding="utf-8")
    print(PICTURE.relative_to(ROOT))
