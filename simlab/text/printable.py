"""Base class of all results: they are printed in every format, from one list of parts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, get_args

from simlab.errors import ArgumentError
from simlab.text.html import html_block
from simlab.text.parts import Part

if TYPE_CHECKING:
    import pandas as pd

Format = Literal["text", "markdown", "latex", "csv", "html"]


class Printable(ABC):
    """A result that says what it shows, and so is printed in every format.

    ``print`` shows it as text, and a notebook as HTML.
    """

    __slots__ = ()

    @abstractmethod
    def parts(self) -> Sequence[Part | list[Part]]:
        """Return what is shown, in its order; parts in a list of their own stand close together."""

    @abstractmethod
    def to_frame(self) -> pd.DataFrame:
        """Return the numbers as a data frame, with every digit."""

    def to_text(self) -> str:
        """Return what ``print`` shows, as wide as the terminal."""
        return parts_text(self.parts())

    def to_markdown(self) -> str:
        """Return the same in Markdown."""
        return "\n\n".join(part.markdown() for part in self._each())

    def to_latex(self) -> str:
        r"""Return the same in LaTeX; it needs `booktabs`, `makecell` and `amssymb`."""
        return "\n\n".join(part.latex() for part in self._each())

    def to_html(self) -> str:
        """Return the same in HTML, with its style."""
        return html_block(*(part.html() for part in self._each()))

    def to_csv(self) -> str:
        """Return the data frame as comma-separated values."""
        frame = self.to_frame()
        named = any(name is not None for name in frame.index.names)
        return frame.to_csv(index=named).rstrip("\n")

    def render(self, format: Format = "text") -> str:
        """Return it in a format; `csv` is the data frame, all others show the same."""
        if format not in get_args(Format):
            known = ", ".join(get_args(Format))
            raise ArgumentError(f"unknown format {format!r}; give one of {known}")
        return str(getattr(self, f"to_{format}")())

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        return self.to_html()

    def _each(self) -> Iterator[Part]:
        return (part for group in self.parts() for part in _listed(group))


class PrintableFrame(Printable):
    """A result whose numbers are the data frame that it has."""

    __slots__ = ()
    frame: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Return the data frame, with every digit; see `frame`."""
        return self.frame


def parts_text(parts: Iterable[Part | list[Part]]) -> str:
    """Lay out parts as text, an empty line between two; those in a list stand close together."""
    return "\n\n".join("\n".join(part.text() for part in _listed(group)) for group in parts)


def _listed(group: Part | list[Part]) -> list[Part]:
    return group if isinstance(group, list) else [group]
