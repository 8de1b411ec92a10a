"""The first page is followed from top to bottom in an empty folder, at 80 columns.

Each block of the shell is run by bash, each block of Python after those before it, and what is
printed is compared with the block of text beneath.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from page_cases import ROOT, Block, blocks, printed, shows

pytestmark = pytest.mark.slow

README = ROOT / "README.md"
BLOCKS = blocks(README)
COLUMNS = 80
ENVIRONMENT = {
    **os.environ,
    "COLUMNS": str(COLUMNS),
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
}


def bash(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a block as a reader does; a command that fails ends it."""
    return subprocess.run(
        ["bash", "-euc", script],
        capture_output=True, text=True, cwd=folder, env=ENVIRONMENT, check=False, timeout=600,
    )  # fmt: skip


def served(script: str, folder: Path) -> str:
    """The first line of a command that serves until it is interrupted, at a port that is free."""
    assert re.fullmatch(r"simlab app( +#.*)?\n", script)
    line = script.replace("simlab app", "simlab app --no-browser --port 0", 1)
    with subprocess.Popen(
        ["bash", "-euc", f"exec {line}"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=folder, env=ENVIRONMENT,
    ) as server:  # fmt: skip
        first = server.stdout.readline()
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=60)
    return re.sub(r"localhost:\d+", "localhost:5006", first)


def output(block: Block, folder: Path, names: dict[str, object]) -> str:
    """What a block prints."""
    if block.language == "python":
        return printed(block.text, names)
    if block.text.startswith("make "):  # done already: these tests run in what it has installed
        return bash(f"make --dry-run {block.text.split()[1]}", ROOT).stdout
    if block.text.startswith("simlab app"):
        return served(block.text, folder)
    ran = bash(block.text, folder)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def followed(folder: Path) -> list[tuple[Block, str]]:
    """Every block that prints something, with what it printed."""
    names: dict[str, object] = {}
    return [(block, output(block, folder, names)) for block in BLOCKS if block.language != "text"]


def test_readme_can_be_followed_in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    after = {block: BLOCKS[i + 1] for i, block in enumerate(BLOCKS[:-1])}
    compared = 0
    for block, out in followed(tmp_path):
        shown = after.get(block)
        if shown is not None and shown.language == "text":
            assert shows(shown.text, out), (shown.line, out)
            compared += 1
        else:
            assert block.text.startswith("make "), block  # nothing is run without being shown
    assert compared == sum(block.language == "text" for block in BLOCKS) == 6


def test_the_way_to_install_makes_the_environment_that_is_activated():
    install = next(block for block in BLOCKS if block.text.startswith("make "))
    assert install is BLOCKS[0]
    planned = bash("make --dry-run --always-make install", ROOT)
    assert planned.returncode == 0, planned.stderr
    assert re.search(r"-m venv \.venv\n", planned.stdout)
    assert re.search(r"^\.venv/bin/python -m pip install .*--editable", planned.stdout, re.M)
    assert "source .venv/bin/activate" in install.text


def test_readme_is_short_and_its_output_narrow():
    assert len(README.read_text("utf-8").splitlines()) <= 150
    texts = [block for block in BLOCKS if block.language == "text"]
    for block in texts:
        assert max(map(len, block.text.splitlines())) <= COLUMNS, block
    first, *rest = (len(block.text.splitlines()) for block in texts)
    assert first <= 11
    assert max(rest) <= 8


@pytest.mark.parametrize(
    ("text", "printed_now"), [("a  1.50\n", "a  1.51\n"), ("…\nb\n", "a\nb\nc\n"), ("a\n", "")]
)
def test_a_difference_is_noticed(text, printed_now):
    """Negative control: a number, a line that is left out without a sign, nothing printed."""
    assert not shows(text, printed_now)
