"""The commands. Each is a function in the file of its name, imported when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence

from cyclopts import App, Parameter

NAMES = (
    "app",
    *("compare", "fit", "catalogue", "notation"),
    *("audit", "pvalue", "bootstrap"),
    *("info", "failures", "replay", "export", "diff"),
    *("run", "check", "plan", "schema", "table", "measure", "contrast", "demo"),
)

app = App(
    name="simlab",
    help="A laboratory for sampling experiments on hierarchical data.",
    version_flags=["--version"],
    help_format="plaintext",  # which loads less
    default_parameter=Parameter(negative=()),  # a flag is given or not: no --no-quiet
    suppress_keyboard_interrupt=False,  # `main` says what an interrupted study keeps
)
for name in NAMES:
    app.command(f"simlab.cli.{name}:{name}", help_format="markdown")


def for_words(words: Sequence[str]) -> App:
    """Return the application that is to read these words of the command line."""
    if not (words and words[0] in NAMES):  # the help shows the first line of every command
        for name in NAMES:
            app[name]
    return app
