"""The demonstrations: what a course on hierarchical models claims, shown by sampling.

Each is a module of this package and a study of the same name. It states a question, runs the
study, prints a table, draws a figure, and says what to notice, in sentences made of the measured
numbers. A sentence that the numbers do not bear out is not printed: it is an error.

    $ simlab demo robinson

Nothing heavy is imported before a demonstration is run.
"""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simlab.errors import UsageError, did_you_mean
from simlab.text import Facts

if TYPE_CHECKING:
    from simlab.config import Study
    from simlab.course.demos.showing import Demo

__all__ = ["NAMES", "demo", "listing", "question", "run", "study"]

NAMES = (
    "methods_summary",
    "robinson",
    "simpson",
    "three_estimates",
    "ecological_and_atomistic",
    "shrinkage",
    "same_or_new_schools",
    "weights",
    "pvalues",
    "asymptotics",
)
"""In the order in which a course might show them."""

HERE = Path(__file__).parent


def listing() -> str:
    """Return the names of all demonstrations, with what each is about."""
    return Facts([(name, question(name)[0]) for name in NAMES]).text()


def question(name: str) -> tuple[str, str]:
    """Return a demonstration's one line and its question, without importing it."""
    _known(name)
    tree = ast.parse((HERE / f"{name}.py").read_text(encoding="utf-8"))
    line, _, rest = (ast.get_docstring(tree) or "").partition("\n\n")
    return line.removesuffix("."), rest


def study(name: str) -> Study:
    """Load the study of a demonstration: from the package, or in a checkout from configs/."""
    from simlab.study import load  # pandas, numba

    _known(name)
    installed = HERE / "configs" / f"{name}.yaml"
    return load(installed if installed.exists() else HERE.parents[2] / "configs" / f"{name}.yaml")


def demo(name: str) -> Demo[Any]:
    """Import a demonstration."""
    _known(name)
    result: Demo[Any] = import_module(f"simlab.course.demos.{name}").DEMO
    return result


def run(
    name: str, replicates: int | None = None, seed: int | None = None, out: Path = Path("results")
) -> None:
    """Run a demonstration: print its question, table and conclusions, and save its figure.

    Replicates and seed are those of its study unless they are given. The figure is
    ``demo_NAME.png`` in the folder `out`, which is made if it is not there. With few replicates,
    most likely, the numbers do not bear out the sentences: that is a ClaimError.
    """
    from simlab.course.demos.showing import prepared, show  # pandas, numba

    chosen, words = demo(name), question(name)
    show(chosen, name, words, prepared(chosen, study(name), replicates, seed), out)


def _known(name: str) -> None:
    if name not in NAMES:
        hint = did_you_mean(name, NAMES, f"there are {', '.join(NAMES)}")
        raise UsageError(f"there is no demonstration {name!r}{hint}")
