"""The application that the commands belong to."""

from __future__ import annotations

from cyclopts import App

app = App(
    name="simlab",
    help="A laboratory for sampling experiments on hierarchical data.",
    version_flags=["--version"],
    suppress_keyboard_interrupt=False,  # `main` says what an interrupted study keeps
)
