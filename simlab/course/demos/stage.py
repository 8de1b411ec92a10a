"""What a demonstration is made of, and how it is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from simlab.config import Study
from simlab.errors import ClaimError, UsageError
from simlab.files import present
from simlab.text import wrapped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Demo(Generic[Found]):
    """A demonstration.

    Attributes
    ----------
    find : callable
        Run the study and measure: all the numbers there are.
    table : callable
        Those numbers that a reader should see, as text.
    draw : callable
        The figure.
    notice : callable
        What to notice; each sentence is a `claims.claim`, so it raises ClaimError when untrue.
    replicates : int, optional
        Instead of the study's own number, where that would take more than seconds.
    """

    find: Callable[[Study], Found]
    table: Callable[[Found], str]
    draw: Callable[[Found], Figure]
    notice: Callable[[Found], list[str]]
    replicates: int | None = None


def prepared(
    demo: Demo[Found], study: Study, replicates: int | None = None, seed: int | None = None
) -> Study:
    """Return the study with as many replicates as asked for, else as the demonstration wants."""
    wanted = {"replicates": demo.replicates if replicates is None else replicates, "seed": seed}
    changes = {name: value for name, value in wanted.items() if value is not None}
    return study.replace(**changes) if changes else study


def show(demo: Demo[Found], name: str, words: tuple[str, str], study: Study, out: Path) -> None:
    """Print a demonstration's question, its table and what to notice, and save its figure.

    Raises
    ------
    UsageError
        If the figure cannot be written, or another one is in its place.
    ClaimError
        If the numbers do not bear out what is said of them.
    """
    picture = out / f"demo_{name}.png"
    check_picture(picture)
    for part in "\n\n".join(words).split("\n\n"):
        print(wrapped(" ".join(part.split())), end="\n\n")
    found = demo.find(study)
    print(demo.table(found))
    try:
        out.mkdir(parents=True, exist_ok=True)
        demo.draw(found).savefig(picture, dpi=100)
    except OSError as error:
        raise UsageError(f"{picture}: cannot be written ({error.strerror})") from None
    print(f"\n{study.replicates:,} replicates, seed {study.seed}; figure: {picture}\n")
    try:
        sentences = demo.notice(found)
    except ClaimError as error:
        hint = f"{study.replicates:,} replicates may be too few, or the population is another one"
        raise ClaimError(f"{name}: {error}; {hint}") from None
    print("What to notice\n")
    for number, sentence in enumerate(sentences, 1):
        print(wrapped(sentence, "   ", f"{number}. "))


def check_picture(file: Path) -> None:
    """Refuse to draw over a picture that simlab did not draw.

    Raises
    ------
    UsageError
        If there is one, or anything else.
    """
    there = present(file)
    if there is not None and b"Software\0Matplotlib" not in there[:4096]:
        raise UsageError(f"{file}: was not drawn by simlab; move it away, or name another --out")
