"""A headless browser for tests of pages; they are skipped where there is none."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
PATIENCE = 480_000
"""Milliseconds: the first visit may compile."""


@contextmanager
def browser() -> Iterator[Any]:
    """Start a Chromium that is installed; skip the test where it or its driver is not."""
    driver = pytest.importorskip("playwright.sync_api")
    found = os.environ.get("SIMLAB_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("no Chromium is installed; set SIMLAB_CHROMIUM to its path")
    with driver.sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=found, args=["--no-sandbox"])
        try:
            yield chromium
        finally:
            chromium.close()


@contextmanager
def serving() -> Iterator[tuple[str, int]]:
    """Serve the page on a free port; return its address and the number of its process."""
    code = "from simlab.cli import main; main()"
    line = [sys.executable, "-c", code, "app", "--port", "0", "--no-browser"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            printed = process.stdout.readline()
            address = re.search(r"http://\S+", printed)
            assert address, printed
            yield address.group(), process.pid
        finally:
            process.terminate()


@contextmanager
def served() -> Iterator[str]:
    """Serve the page on a free port and return its address."""
    with serving() as (address, _):
        yield address


def visit(chromium: Any, address: str, width: int = 1280, height: int = 720) -> Any:
    """Open a page that keeps a list of what it asks for, and of its errors."""
    page = chromium.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(PATIENCE)
    page.asked, page.errors = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda line: page.errors.append(line.text) if line.type == "error" else None)
    page.goto(address)
    return page
