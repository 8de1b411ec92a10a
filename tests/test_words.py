"""The words of studies are written once, and names of terms are built and read in one place."""

import ast
import re
from pathlib import Path

import pandas as pd
import pytest
from study_cases import study

import simlab
from simlab.words import (
    FAILED,
    FITTED,
    KINDS,
    Status,
    Term,
    ambiguous_place,
    places_of,
    sectors_of,
    term_names,
)

SIMLAB = Path(simlab.__file__).parent
HOSTILE = [
    ("A", "B"), ("Public school", "Catholic"), ("a[b]", "]"), ("[", "]["), ("A]", "[B"),
    (" - ", "A - B", "B"), ("slope[A]", "slope"), ("−", "é\t"), ("all", "0"), ("1.5", "1.50"),
]  # fmt: skip


def test_results_store_these_numbers():
    """Stores of long ago have them."""
    stored = {"ok": 0, "singular": 1, "not_converged": 2, "not_estimable": 3, "error": 4}
    assert {status.word: int(status) for status in Status} == stored
    assert [status.word for status in FITTED] == ["ok", "singular"]
    assert (*FITTED, *FAILED) == tuple(Status)


@pytest.mark.parametrize("sectors", HOSTILE)
@pytest.mark.parametrize("kind", [*KINDS, "my own term", "x - y"])
def test_a_term_is_read_as_it_was_built(kind, sectors):
    for place in places_of(sectors):
        term = Term(kind, place)
        assert Term.parse(str(term)) == term
    assert Term.parse(kind) == Term(kind) == (kind, "")


@pytest.mark.parametrize("sectors", [("",), ("only",), *HOSTILE])
def test_places_of_terms(sectors):
    S = len(sectors)
    names = term_names(KINDS, sectors)
    assert len(set(names)) == len(names) == len(KINDS) * (2 * S - 1)
    assert places_of(sectors, differences=False) == (sectors if S > 1 else ("",))
    assert sectors_of(names) == (sectors if S > 1 else ("",))
    assert ambiguous_place(sectors) is None
    assert f"{Term('slope', 'B - A')}" == "slope[B - A]"


@pytest.mark.parametrize(
    ("groups", "place"),
    [(("A", "B", "B - A"), "B - A"), (("x", "x - x", "x - x - x"), "x - x - x"), (("", "A"), "")],
)
def test_sectors_whose_terms_have_one_name_are_refused(groups, place):
    assert ambiguous_place(groups) == place
    df = pd.DataFrame({"c": range(60), "g": [*groups] * (60 // len(groups))})
    df = pd.concat([df.assign(x=i, y=df["c"] % 7 * i**2) for i in range(3)])
    with pytest.raises(simlab.Error, match=re.escape(f"'g' has the level {place!r}, which")):
        simlab.compare(df, "y", "x", "c", "g")
    if place:
        one = study(population={"clusters": dict.fromkeys(groups, 9)}, replicates=4)
        with pytest.raises(simlab.Error, match=f"population: a sector is called {place!r}"):
            simlab.run(one, jobs=1)


def test_a_group_cannot_be_called_as_all_of_them_are():
    assert ambiguous_place(("all", "B")) is None
    assert ambiguous_place(("all", "B"), "all") == "all"


# What nobody but simlab.words may write, as Python prints it, and a line of that kind.
ONCE = {
    "a status": (
        r"'ok', 'singular'|'not_(converged|estimable)'|isin\(\W*0, 1\b|OK,.* = range",
        "kept = one['status'].isin([0, 1])",
    ),
    "the name of a term, taken apart": (
        r"(split|partition|len)\('\w*\[|(startswith|removeprefix)\('(intercept|slope)",
        "kind, bracket, place = term.partition('[')",
    ),
    "the name of a term, put together": (
        r"'[^']*(slope|intercept|between|\{(kind|term|k)\})\[\{|'\[\{\w+\}\]'|\} - \{",
        "names = (f'{kind}[{place}]', f'{later} - {first}')",
    ),
    "the targets": (
        r"[(\[{]'beta_within', 'beta_between'(, 'limit')?[)\]}]|'beta_within': 'β_W'",
        "('beta_within', 'beta_between', 'limit')",
    ),
    "a scheme": (r"'(new|same)-clusters'", "NEW, SAME = ('new-clusters', 'same-clusters')"),
    "the oracle": (r"=+ 'gls_oracle'", "ORACLE = 'gls_oracle'"),
    "the kinds of p-values": (r"'exact', 'wald'", "('chi2', 'mixture', 'exact', 'wald')"),
}  # fmt: skip


def code_of(file):
    """The code as Python prints it, a line a statement, without comments and docstrings."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [n for n in body if not isinstance(getattr(n, "value", 0), ast.Constant)
                         or not isinstance(n, ast.Expr)] or [ast.Pass()]  # fmt: skip
    return ast.unparse(tree).splitlines()


@pytest.fixture(scope="module")
def code():
    files = {file.relative_to(SIMLAB).as_posix(): file for file in sorted(SIMLAB.rglob("*.py"))}
    return {name: code_of(file) for name, file in files.items() if name != "words.py"}


@pytest.mark.parametrize("what", ONCE)
def test_words_are_written_once(what, code):
    form, example = ONCE[what]
    assert re.search(form, example)
    found = [f"{name}: {line}" for name in code for line in code[name] if re.search(form, line)]
    assert found == []
