"""What comes from a file commands no terminal: it is shown as escapes, wherever it is printed."""

import io
import os
import pty
import subprocess
import sys

import pytest
from rich.console import Console
from rich.text import Text

from simlab.cli import call
from simlab.cli.written import save_page
from simlab.text import text_table
from simlab.text.html import html_table
from simlab.text.plain import Plain, escape, exact, one_line, plain_streams

COMMANDS = {
    "\x1b[2J": r"\x1b[2J",
    "\x07\b\r": r"\x07\x08\x0d",
    "\x9b31m\x85": r"\x9b31m\x85",
    "\u202egnp.exe\u2066": r"\u202egnp.exe\u2066",
    "a\u200bb\u200d\ufeff": r"a\u200bb\u200d\ufeff",
    "\u2028\u2029": r"\u2028\u2029",
    "\U000e0041": r"\U000e0041",
    "\x00\x7f": r"\x00\x7f",
}
FINE = "β_W = 3\t± 0.1\nÅngström, Ελλάδα, 日本, 5\xa0% ✓ 👩 é"
ALL = "".join(COMMANDS)


@pytest.mark.parametrize(("text", "shown"), COMMANDS.items(), ids=COMMANDS.values())
def test_a_command_is_shown_as_an_escape(text, shown):
    assert escape(f"{FINE}{text}{FINE}") == f"{FINE}{shown}{FINE}"


def test_every_character_that_is_not_seen_is_escaped_or_a_blank():
    """Of all there are; private and unassigned ones, which may have a picture, stay in a text."""
    for number in range(sys.maxunicode + 1):
        c = chr(number)
        assert c.isprintable() or not one_line(c).strip("\xa0 ") or one_line(c).startswith("\\")
    assert {c for c in map(chr, range(256)) if escape(c) == c and not c.isprintable()} == {
        "\t", "\n", "\xa0",
    }  # fmt: skip


def test_what_is_printed_is_plain(capsys):
    with plain_streams():
        print(ALL, FINE)
        print(ALL, file=sys.stderr)
        print(ALL, file=exact(sys.stdout))
        sys.stdout.writelines([ALL])
    shown = "".join(COMMANDS.values())
    assert capsys.readouterr() == (f"{shown} {FINE}\n{ALL}\n{shown}", f"{shown}\n")


def test_colours_of_ones_own_go_through_and_nothing_else():
    stream = io.StringIO()
    console = Console(
        file=Plain(stream, colours=True), force_terminal=True, color_system="standard"
    )
    console.print(Text("red\x1b[2J", "red"), soft_wrap=True)
    assert stream.getvalue() == "\x1b[31mred\\x1b[2J\x1b[0m\n"


@pytest.mark.parametrize("text", COMMANDS, ids=COMMANDS.values())
def test_tables_and_pages_are_plain(tmp_path, text):
    save_page(tmp_path / "s.md", f"| {text} |", "s")
    for made in (
        text_table(["name", "x"], [[text, "1"]]),
        html_table(["name", "x"], [[text, "1"]]),
        (tmp_path / "s.md").read_text("utf-8"),
    ):
        assert escape(made) == made


def ran(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["simlab", *arguments])
    with pytest.raises(SystemExit) as stop:
        call()
    assert stop.value.code
    return capsys.readouterr()


@pytest.mark.parametrize("text", [t for t in COMMANDS if "\x00" not in t])
@pytest.mark.filterwarnings("ignore:Cyclopts application invoked")
def test_messages_about_files_are_plain(tmp_path, monkeypatch, capsys, text):
    """In a name of a column, of a field and of a file."""
    quoted = "".join(f"\\U{ord(c):08x}" for c in text)
    (tmp_path / "c.yaml").write_text(f'name: s\n"{quoted}": 1\n')
    named = tmp_path / f"d{text.replace('/', '')}.csv"
    named.write_text(f'"{text}",b\n1\n', "utf-8")
    for arguments in (
        ["check", str(tmp_path / "c.yaml")],
        ["check", str(tmp_path / text)],
        ["fit", str(named), f"y ~ {text} + (1 | g)"],
        ["info", str(tmp_path / text)],
        [text],
    ):
        out, err = ran(monkeypatch, capsys, *arguments)
        assert err
        assert escape(out + err) == out + err, arguments


def test_on_a_terminal_help_is_coloured_and_files_are_not(tmp_path):
    (tmp_path / "x\x1b[31my.yaml").write_text("name: [")
    for arguments, colour in ((["--help"], True), (["check", "x\x1b[31my.yaml"], False)):
        ours, theirs = pty.openpty()
        command = [sys.executable, "-c", "from simlab.cli import main; main()", *arguments]
        environment = {**os.environ, "TERM": "xterm-256color"}
        environment.pop("NO_COLOR", None)
        process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=tmp_path, env=environment
        )
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 65536):
                shown += part
        except OSError:  # the other end is closed
            pass
        os.close(ours)
        process.wait()
        assert (b"\x1b[" in shown) == colour, shown
        if not colour:
            assert rb"x\x1b[31my.yaml" in shown
