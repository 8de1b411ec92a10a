"""A page says what it was given, escapes what a user named, and asks nobody for anything."""

import base64
import io
import re
from xml.etree import ElementTree

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pytest
from matplotlib.figure import Figure

from simlab.text import Table
from simlab.text.figures import figure_tag
from simlab.text.html import code_tag, html_text
from simlab.text.page import Section, page

NASTY = """<script>alert("x")</script> & '"><img src=x onerror=y>"""


def tree(html):
    """A page or a piece of one as XML: every tag is closed, and everything is escaped."""
    if html.startswith("<!DOCTYPE html>\n"):
        return ElementTree.fromstring(html.split("\n", 1)[1])
    return ElementTree.fromstring(f"<div>{html}</div>")


def words(element):
    return " ".join("".join(element.itertext()).split())


def plot(n=20):
    figure = Figure(figsize=(4, 3), layout="constrained")
    ax = figure.subplots()
    x = np.linspace(0, 1, n)
    ax.scatter(x, x**2, rasterized=True)
    ax.plot(x, x, clip_on=True)
    return figure


def embedded(tag):
    """Kind and bytes of the image in a figure."""
    source = tree(tag).find(".//img").get("src")
    kind, data = re.fullmatch(r"data:([a-z/+]+);base64,(.+)", source).groups()
    return kind, base64.b64decode(data)


# ---------------------------------------------------------------- page


def test_a_page_has_what_it_was_given():
    root = tree(page("An audit", [Section("First", "<p>One.</p>"), Section("", "<p>Two.</p>")]))
    assert root.get("lang") == "en"
    assert words(root.find("head/title")) == words(root.find("body/main/h1")) == "An audit"
    first, second = root.findall("body/main/section")
    assert words(first) == "First One."
    assert first.get("aria-labelledby") == first.find("h2").get("id")
    assert second.find("h2") is None
    assert root.find("body/footer") is None
    assert root.find("body/main/nav") is None


def test_a_long_page_begins_with_its_contents():
    parts = [Section(f"Part {i}", "<p>Text.</p>") for i in range(5)]
    root = tree(page("Long", parts, footer="simlab"))
    targets = {heading.get("id") for heading in root.iter("h2")}
    links = root.findall("body/main/nav/ul/li/a")
    assert [words(link) for link in links] == [part.heading for part in parts]
    assert {link.get("href")[1:] for link in links} == targets
    assert words(root.find("body/footer")) == "simlab"


def test_everything_a_user_named_is_escaped():
    body = (
        Table([NASTY, "n"], [[NASTY, "1"]], NASTY).html()
        + figure_tag(plot(), NASTY, NASTY)
        + code_tag(NASTY)
        + f"<p>{html_text(NASTY)}</p>"
    )
    html = page(NASTY, [Section(NASTY, body)] * 4, footer=NASTY)
    root = tree(html)
    assert "<script" not in html
    assert "<img src=x" not in html
    assert not list(root.iter("script"))
    # title, heading and footer; four links; and in each section: heading, caption, column, cell,
    # figure caption, code, paragraph; alt texts are attributes
    assert words(root).count(words(tree(html_text(NASTY)))) == 3 + 4 + 4 * 7
    assert {image.get("alt") for image in root.iter("img")} == {NASTY}


def test_a_page_asks_nobody_for_anything():
    table = Table(["method", "λ"], [["Pooled", "0.5"]])
    html = page("t", [Section("s", table.html() + figure_tag(plot(), "a plot"))])
    assert "//" not in re.sub(r"data:[a-z/+]+;base64,[A-Za-z0-9+/=]+", "", html)
    assert "url(" not in html
    assert "@import" not in html
    policy = tree(html).find("head/meta[@http-equiv='Content-Security-Policy']").get("content")
    assert policy.startswith("default-src 'none'; img-src data:")
    assert not any(element.tag in ("link", "script", "iframe") for element in tree(html).iter())


def test_the_sheet_can_stand_in_a_page():
    sheet = re.search("<style>(.*?)</style>", page("t", []), re.S)[1]
    assert not set("<&") & set(sheet)
    assert sheet.count("{") == sheet.count("}")
    assert "@media print" in sheet


# ---------------------------------------------------------------- figures


def test_a_figure_is_embedded_with_words_for_those_who_cannot_see_it():
    tag = figure_tag(plot(), "y rises with x", "Figure 1. All rows.")
    root = tree(tag)
    assert root.find("figure/img").get("alt") == "y rises with x"
    assert words(root.find("figure/figcaption")) == "Figure 1. All rows."
    kind, data = embedded(tag)
    assert kind == "image/svg+xml"
    assert ElementTree.fromstring(data).tag == "{http://www.w3.org/2000/svg}svg"


def test_the_same_figure_gives_the_same_bytes_and_every_name_is_known():
    assert figure_tag(plot(), "a") == figure_tag(plot(), "a") != figure_tag(plot(21), "a")
    _, data = embedded(figure_tag(plot(), "a"))
    names = set(re.findall(rb'\bid="([^"]+)"', data))
    used = set(re.findall(rb'href="#([^"]+)"|url\(#([^)]+)\)', data))
    assert used
    assert {a or b for a, b in used} <= names


def test_thousands_of_points_stay_small():
    sizes = [len(embedded(figure_tag(plot(n), "a"))[1]) for n in (20, 20_000)]
    assert sizes[1] < 3 * sizes[0]


@pytest.mark.parametrize(("form", "kind"), [("svg", "image/svg+xml"), ("png", "image/png")])
def test_bytes_of_a_file_do_as_well(form, kind):
    file = io.BytesIO()
    plot().savefig(file, format=form)
    assert embedded(figure_tag(file.getvalue(), "a"))[0] == kind
    assert embedded(figure_tag(plot(), "a", form=form))[0] == kind


@pytest.mark.parametrize(
    ("figure", "alt", "message"),
    [(b"GIF89a", "a", "must be SVG or PNG"), (b"<svg/>", " ", "needs an alt text")],
)
def test_what_is_no_figure(figure, alt, message):
    with pytest.raises(ValueError, match=message):
        figure_tag(figure, alt)


# ---------------------------------------------------------------- tables


def test_a_table_has_rows_named_by_its_first_column():
    header = ["method", "estimate", "n", "honest?", "coverage\n%"]
    cells = [["Pooled", "3.142", "1,977", "no", "74.1"], ["HLM", "", "40", "", "95.0"]]
    root = tree(Table(header, cells, "Methods").html())
    assert words(root.find(".//caption")) == "Methods"
    head = root.findall(".//thead/tr/th")
    assert [words(cell) for cell in head] == [*header[:4], "coverage%"]
    assert len(head[4].findall("br")) == 1
    assert {cell.get("scope") for cell in head} == {"col"}
    rows = root.findall(".//tbody/tr")
    assert [[words(cell) for cell in row] for row in rows] == cells
    assert [row[0].tag for row in rows] == ["th", "th"]
    assert [cell.get("class") for cell in rows[0]] == ["words", None, None, "words", None]


def test_code_keeps_its_lines_and_shows_what_is_not_printed():
    assert tree(code_tag("a: 1\n  b: <2>\x07")).find("pre/code").text == "a: 1\n  b: <2>\\x07"
