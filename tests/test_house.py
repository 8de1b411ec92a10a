"""The house: no circle among files or rooms, no import put off without need, no long file."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 400  # lines of a file
GLOSSARY = 30  # words

spec = importlib.util.spec_from_file_location("make_rooms", ROOT / "docs" / "make_rooms.py")
make_rooms = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make_rooms)

# Files of commands are imported for their help, and Ctrl-C is heard before anything else is.
AT_ONCE = "simlab.cli"


def graph_of(files):
    return {
        module: {found.module for found in make_rooms.imports(module, files)} & set(files)
        for module in files
    }


def packages_at_start(files):
    """What each module imports of other people's packages as soon as it is imported itself."""
    plain, theirs = {}, {}
    for module in files:
        now = {found.module for found in make_rooms.imports(module, files) if not found.lazy}
        parents = {module[:place] for place in range(len(module)) if module[place] == "."}
        plain[module] = (now | parents) & set(files)
        theirs[module] = {name.split(".")[0] for name in now - set(files)}
    return {
        module: set().union(*(theirs[m] for m in {module, *make_rooms.reached(plain, module)}))
        - set(sys.stdlib_module_names)
        for module in files
    }


def needless(files):
    """Imports inside functions that save no package at start."""
    start = packages_at_start(files)
    return {
        f"{module}, line {found.line}: {found.module}"
        for module in files
        for found in make_rooms.imports(module, files)
        if found.lazy and found.module in files and start[found.module] <= start[module]
        if not module.startswith(AT_ONCE)
    }


@pytest.fixture(scope="module")
def files():
    return make_rooms.modules()


def test_no_circle_among_files(files):
    assert make_rooms.circles(graph_of(files)) == []


def test_no_circle_among_rooms(files):
    assert make_rooms.circles(make_rooms.rooms(files)) == []


def test_an_import_inside_a_function_saves_a_package_at_start(files):
    assert needless(files) == set()


@pytest.fixture
def bad_house(tmp_path):
    """A house with a circle by way of a package, and one by way of a function."""
    texts = {
        "__init__": "",
        "data/__init__": "from simlab.data.reading import read\n",
        "data/reading": "from . import DataError\n",
        "record": "def show(it):\n    from simlab.text import shown\n    return shown(it)\n",
        "text": "import pandas\nfrom simlab.record import show\n",
        "plain": "def show(it):\n    from simlab.numbers import number\n",
        "numbers": "TYPE_CHECKING = False\nif TYPE_CHECKING:\n    import simlab.plain\n",
    }
    for name, text in texts.items():
        path = tmp_path / "simlab" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return make_rooms.modules(tmp_path)


def test_circles_would_be_found(bad_house):
    circles = [{"simlab.data", "simlab.data.reading"}, {"simlab.record", "simlab.text"}]
    assert make_rooms.circles(graph_of(bad_house)) == circles
    assert make_rooms.circles(make_rooms.rooms(bad_house)) == [{"record", "text"}]


def test_a_needless_import_would_be_found(bad_house):
    assert needless(bad_house) == {"simlab.plain, line 2: simlab.numbers"}


def test_no_file_is_too_long(files):
    lines = {path: len(path.read_text("utf-8").splitlines()) for path in files.values()}
    assert {str(path.relative_to(ROOT)): n for path, n in lines.items() if n > LONGEST} == {}


def test_the_picture_shows_every_room(files):
    """The one in docs/ and a new one; `make rooms` draws it."""
    rooms = set(make_rooms.rooms(files))
    for picture in (make_rooms.drawn(files, make_rooms.towers()), make_rooms.PICTURE.read_text()):
        assert set(re.findall(r'font-size="12">([^<]+)<', picture)) == rooms


def test_a_room_stands_above_what_it_imports(files):
    rooms = make_rooms.rooms(files)
    floors = make_rooms.floors(rooms)
    floor = {room: i for i, rooms_of_floor in enumerate(floors) for room in rooms_of_floor}
    assert all(floor[room] > floor[other] for room in rooms for other in rooms[room])
    assert set(make_rooms.towers()) <= set(rooms)


def test_the_table_of_rooms_names_every_room(files):
    """And no other."""
    page = (ROOT / "docs" / "design.md").read_text("utf-8")
    table = page.split("## Rooms")[1].split("\n## ")[0]
    named = {
        name.rstrip("/")
        for row in re.findall(r"^\|([^|]+)\|", table, re.M)
        for name in re.findall(r"`([\w./]+)`", row)
    }
    shelves = {name.removeprefix("simlab.") for name in make_rooms.SHELVES}
    assert named == set(make_rooms.rooms(files)) - shelves


def test_the_glossary_is_short():
    page = (ROOT / "docs" / "design.md").read_text("utf-8")
    rows = re.findall(r"^\| \*\*", page.split("## Glossary")[1].split("\n## ")[0], re.M)
    assert 0 < len(rows) <= GLOSSARY
