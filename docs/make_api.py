"""Write docs/api.md: what is public, in one line each, from the docstrings.

python docs/make_api.py
"""

import inspect
from pathlib import Path

import simlab

HEAD = """# What is public

`import simlab` is enough: everything below is reached from it, and imported when it is first
used. What is not listed here may change without notice. One word means one thing everywhere:

| word | means |
|---|---|
| `data` | the data frame that is analysed: one row a unit. Always the first argument |
| `y`, `x`, `cluster`, `group` | its columns: response, covariate, level-2 unit, sector |
| `ds` | what a study found, as `simlab.run` and `simlab.open_dataset` return it |
| `df` | degrees of freedom, or how they are taken |
| `level` | confidence level |
| `draws` | data sets that a test or a bootstrap draws |
| `replicates` | data sets of each condition of a study |
| `jobs` | workers; −1: as many as there are processors |
| `ax` | matplotlib's Axes to draw on; without it a figure of its own is made |

Everything that simlab raises on purpose is a `simlab.Error`.
"""


def first_line(thing):
    """First sentence of a docstring, one line; of a measure, its name and definition."""
    if hasattr(thing, "definition"):
        return f"{thing.long_name[0].upper()}{thing.long_name[1:]}: {thing.definition}."
    text = inspect.getdoc(thing) or ""
    return " ".join(text.split("\n\n")[0].split())


def arguments(thing):
    """Names of the arguments, those that may be left out with an equals sign."""
    if not inspect.isfunction(thing):
        return ""
    shown = []
    for name, one in inspect.signature(thing).parameters.items():
        star = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "")
        optional = "" if star or one.default is one.empty else "="
        shown.append(f"{star}{name}{optional}")
    return f"({', '.join(shown)})"


def table(module, names):
    """Names of a module, each with its arguments and what it is."""
    lines = ["| name | what it is |", "|---|---|"]
    for name in names:
        thing = getattr(module, name)
        shown = f"`{name}{arguments(thing)}`"
        lines.append(f"| {shown} | {first_line(thing).replace('|', chr(92) + '|')} |")
    return "\n".join(lines)


def page():
    """The page."""
    modules = [n for n in simlab.__all__ if inspect.ismodule(getattr(simlab, n))]
    here = [n for n in simlab.__all__ if n not in modules]
    classes = [n for n in here if inspect.isclass(getattr(simlab, n))]
    parts = [HEAD, "## Functions", table(simlab, [n for n in here if n not in classes])]
    parts += ["## Classes", table(simlab, classes)]
    own = [n for n, f in vars(simlab.MixedFit).items() if not n.startswith("_") and callable(f)]
    parts += ["## What a fit answers", table(simlab.MixedFit, own)]
    for name in modules:
        module = getattr(simlab, name)
        public = sorted(getattr(module, "__all__", []), key=str.lower)
        shown = [n for n in public if n[:1].islower() and callable(getattr(module, n))]
        if module is simlab.errors:  # what is caught; its functions are for simlab itself
            raised = (simlab.Error, simlab.errors.Notice)
            shown = [
                n for n, e in vars(module).items() if inspect.isclass(e) and issubclass(e, raised)
            ]
        parts += [f"## `simlab.{name}`", first_line(module), table(module, shown)]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("api.md").write_text(page(), encoding="utf-8")
