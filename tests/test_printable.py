"""Every result is printed in every format, and what a user named does no harm in any of them."""

import importlib
import io
import pkgutil
import re
from dataclasses import dataclass
from xml.etree import ElementTree

import pandas as pd
import pytest

import simlab
from simlab.text import (
    Command,
    Facts,
    Formula,
    Heading,
    Items,
    Note,
    Paragraph,
    Printable,
    PrintableFrame,
    Table,
)
from simlab.text.html import Cell, Row, element, html_table, html_text
from simlab.text.latex import latex
from simlab.text.markdown import markdown

HOSTILE = "a|b_$%&<script>\x1b[31m"
RESULTS = {
    "Anova", "Audit", "Bootstrap", "Catalogue", "Contextual", "Fitted", "Hausman",
    "MeasuresTable", "MixedFit", "Model", "NearSingularity", "PValue", "PValues",
    "RandomEffects", "Refits", "StudyTable", "Summary", "ThreeMeans", "VarCorr", "WaldTest",
    "Weights",
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Result(Printable):
    """A result with every part, in each of which stands the same name."""

    name: str

    def to_frame(self):
        return pd.DataFrame({"name": [self.name], "n": [1.5]})

    def parts(self):
        return [
            Heading(self.name),
            [Paragraph(self.name), Note(f"Note: {self.name}"), Formula(self.name)],
            Formula(self.name, "  level 1  ", code=False),
            Items([(self.name, [self.name])]),
            Facts([(self.name, self.name)]),
            Command(self.name, self.name),
            Table(["", self.name], [[self.name, "1.5"]], self.name),
        ]


def classes(of):
    return {one for child in of.__subclasses__() for one in ({child} | classes(child))}


def test_all_results_say_what_they_show_and_nothing_else():
    for module in pkgutil.walk_packages(simlab.__path__, "simlab."):
        if not module.name.startswith(("simlab.app", "simlab.__main__")):
            importlib.import_module(module.name)
    results = {one for one in classes(Printable) if one.__module__.startswith("simlab.")}
    results.remove(PrintableFrame)
    assert {one.__name__ for one in results} == RESULTS
    ways = ("__str__", "__repr__", "_repr_html_", "to_text", "to_markdown", "to_latex", "render")
    for one in results:
        assert "parts" in vars(one), one
        own = "to_frame" in vars(one)
        assert own != (issubclass(one, PrintableFrame) and "frame" in one.__annotations__), one
        assert not set(ways) & set(vars(one)), one


def test_a_hostile_name_is_shown_as_it_is_in_text():
    text = Result(HOSTILE).to_text()
    assert "\x1b" not in text
    assert text.count(r"a|b_$%&<script>\x1b[31m") == 14


def test_a_hostile_name_is_text_in_markdown():
    page = Result(HOSTILE).to_markdown()
    assert "\x1b" not in page
    code = "`" + r"a|b_$%&<script>\x1b[31m" + "`"
    assert page.count(code) == 3
    rest = page.replace(code, "")
    assert not re.search(r"(?<!\\)(<script|\$)", rest)
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {3}


def test_a_hostile_name_is_text_in_latex():
    page = Result(HOSTILE).to_latex()
    body = "\n".join(line for line in page.splitlines() if not line.startswith("%"))
    assert "\x1b" not in page
    assert not re.search(r"(?<!\\)[$%_#]", body.replace(" & ", " "))
    assert r"a\textbar{}b\_\$\%\&\textless{}script\textgreater{}\textbackslash{}x1b[31m" in body


def test_a_hostile_name_is_text_in_html():
    page = Result(HOSTILE).to_html()
    root = ElementTree.fromstring(page)
    assert "<script" not in page
    assert not list(root.iter("script"))
    assert "".join(root.itertext()).count(r"<script>\x1b[31m") == 14


def test_a_hostile_name_is_text_in_every_part_of_a_cell():
    cell = Cell(HOSTILE, "●", "red", HOSTILE, f'"{HOSTILE}', HOSTILE, "▲", HOSTILE)
    page = html_table(
        ["", HOSTILE], [Row([cell, cell], {"data-name": f'"{HOSTILE}'})], attributes={"id": HOSTILE}
    )
    root = ElementTree.fromstring(page)
    assert not list(root.iter("script"))
    assert "\x1b" not in page
    named, number = (next(root.iter(tag)) for tag in ("th", "td"))
    assert [row.get("data-name", "")[:2] for row in root.iter("tr")] == ["", '"a']
    assert number.get("class") == "off"
    assert number.get("title") == ", ".join([r"a|b_$%&<script>\x1b[31m"] * 2)
    assert named.get("scope") == "col"
    assert element("p", "", {"class": ""}) == "<p></p>"


def test_facts_stand_in_a_column_and_a_command_is_never_broken(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    facts = Facts([("a", "one"), ("a longer name", "words and words and words and words")], "  ")
    assert facts.text().splitlines() == [
        "  a              one",
        "  a longer name  words and words and",
        "                 words and words",
    ]
    assert Command("simlab run s.yaml", "short").text() == "simlab run s.yaml   # short"
    line = "simlab replay results/a_study.zarr --replicate 3"
    assert Command(line, "hlm singular").text() == f"# hlm singular\n{line}"


def test_a_hostile_name_is_one_cell_of_csv():
    frame = pd.read_csv(io.StringIO(Result(HOSTILE).to_csv()))
    assert frame.shape == (1, 2)
    assert frame["name"][0] == HOSTILE


@pytest.mark.parametrize("escape", [markdown, latex, html_text])
def test_plain_words_stay_as_they_are(escape):
    """Control: nothing is escaped that needs no escape."""
    assert escape("Public, 12.5 (n = 3)") == "Public, 12.5 (n = 3)"


def test_names_with_underscores_stay_readable_in_markdown():
    assert markdown("n_sim of β_W, 3 * 4") == r"n_sim of β_W, 3 \* 4"
    assert markdown("_a_ [b](c) # d") == r"\_a\_ [b\](c) # d"
    assert markdown("# d") == r"\# d"


def test_numbers_stand_on_the_right_in_every_format():
    table = Table(["", "n", "word"], [["a", "1.5", "x"], ["b", "−2", "y"]])
    assert "| --- | ---: | --- |" in table.markdown()
    assert r"\begin{tabular}{lrl}" in table.latex()
    assert '<td>1.5</td><td class="words">x</td>' in table.html()
