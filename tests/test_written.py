"""What simlab did not write is not written over by a name that it made up."""

import os
from pathlib import Path

import pytest
from damage_cases import NO_FILES
from matplotlib.figure import Figure

from simlab.cli.written import MARK, check_data, check_inputs, save_page
from simlab.course.demos.showing import check_picture
from simlab.errors import UsageError

RESULTS = Path(__file__).resolve().parents[1] / "results"
OWN = ["# My study\n\nyears of work\n", "## Thoughts on: noise\n\nnone\n", "\n", "x" * 100]


def test_a_page_is_replaced_by_the_next(tmp_path):
    page = tmp_path / "noise.md"
    for text in ("## Tests: noise", "## Tests: noise\n\nmore"):
        assert save_page(page, text, "noise")
        assert page.read_text() == f"{text}\n\n{MARK}\n"


@pytest.mark.parametrize("text", OWN)
def test_a_page_of_the_users_stays(tmp_path, capsys, text):
    page = tmp_path / "noise.md"
    page.write_text(text)
    assert not save_page(page, "## Tests: noise", "noise")
    assert page.read_text() == text
    assert capsys.readouterr().err == (
        f"simlab: {page}: was not written by simlab, and stays as it is; the tables are printed\n"
    )


@pytest.mark.parametrize("name", ["methods_summary", "pvalue_size"])
def test_a_page_of_an_earlier_version_is_replaced(tmp_path, name):
    page = tmp_path / f"{name}.md"
    earlier = (RESULTS / page.name).read_text("utf-8").replace(MARK, "")
    page.write_text(earlier, "utf-8")
    assert save_page(page, "new", name)
    page.write_text(earlier, "utf-8")
    assert not save_page(page, "new", "another")


@pytest.mark.parametrize("make", NO_FILES.values(), ids=NO_FILES)
def test_what_is_no_file_stays(tmp_path, make):
    make(tmp_path / "noise.md")
    before = os.lstat(tmp_path / "noise.md")
    assert not save_page(tmp_path / "noise.md", "text", "noise")
    assert os.lstat(tmp_path / "noise.md").st_mode == before.st_mode


def test_a_page_is_not_written_through_a_link_to_other_files(tmp_path):
    (tmp_path / "thesis").write_text("years of work")
    (tmp_path / "noise.md").symlink_to("thesis")
    assert not save_page(tmp_path / "noise.md", "text", "noise")
    assert (tmp_path / "thesis").read_text() == "years of work"


def test_a_picture_of_the_users_is_refused(tmp_path):
    file = tmp_path / "demo_x.png"
    check_picture(file)
    Figure().savefig(file)
    check_picture(file)
    file.write_bytes(b"\x89PNG\r\n\x1a\n my holidays")
    with pytest.raises(UsageError, match=r"demo_x.png: was not drawn by simlab; move it away"):
        check_picture(file)


def test_other_data_are_refused(tmp_path):
    file = tmp_path / "school-complete.csv"
    check_data(file, "a\n1\n")
    file.write_text("a\n1\n")
    check_data(file, "a\n1\n")
    with pytest.raises(UsageError, match=r"school-complete.csv: holds other data; move it away"):
        check_data(file, "a\n2\n")


def test_an_input_is_refused_by_whatever_name(tmp_path):
    data, link = tmp_path / "d.csv", tmp_path / "link"
    data.write_text("a\n1\n")
    link.symlink_to(data)
    check_inputs(tmp_path / "new", data, None)
    check_inputs(None, data)
    check_inputs(data, "hs", tmp_path / "nowhere")
    for name in (data, link, tmp_path / "." / "d.csv"):
        with pytest.raises(UsageError, match="is what is read; name another file to write"):
            check_inputs(name, "hs", str(data))
