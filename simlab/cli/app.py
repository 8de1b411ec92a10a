"""The application that the commands belong to."""

from __future__ import annotations

from cyclopts import App, Parameter

app = App(
    name="simlab",
    help="A laboratory for sampling experiments on hierarchical data.",
    version_flags=["--version"],
    default_parameter=Parameter(negative=()),  # a flag is given or not: no --no-quiet
    suppress_keyboard_interrupt=False,  # `main` says what an interrupted study keeps
)
