"""Draw the figures of the gallery, by the very lines that the gallery shows.

Every block of code in `gallery.md` is run, in order, in one namespace. Where a picture follows a
block, the block's `figure` is saved under the picture's name, in 64 colours to keep it small.

    python docs/make_gallery.py

Run in the directory of the repository: the studies are found there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure
from PIL import Image

PAGE = Path(__file__).with_name("gallery.md")
DPI = 100
COLOURS = 64
_BLOCK = re.compile(r"^```python\n(.*?)^```\n+(?:!\[([^\]]*)\]\(([^)]+)\))?", re.M | re.S)


class Block(NamedTuple):
    """Code of the gallery, and the file of the picture it draws, relative to the page."""

    code: str
    picture: str | None


def blocks(text: str) -> list[Block]:
    """Read the blocks of code, each with the picture that follows it, if one does."""
    return [Block(code, picture or None) for code, _, picture in _BLOCK.findall(text)]


def drawn(text: str) -> Iterator[tuple[str, Figure]]:
    """Run all blocks, and give each picture's name and figure as soon as it is drawn."""
    names: dict[str, object] = {}
    for i, block in enumerate(blocks(text), 1):
        exec(compile(block.code, f"gallery, block {i}", "exec"), names)
        if block.picture is not None:
            figure = names.pop("figure")
            assert isinstance(figure, Figure)
            yield block.picture, figure


def save(figure: Figure, path: Path) -> None:
    """Save a figure with a palette of the colours that differ most, for fewer bytes."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    picture = Image.open(buffer).convert("RGB")
    picture.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        path, optimize=True
    )


def main() -> None:
    """Draw and save all of them."""
    for name, figure in drawn(PAGE.read_text("utf-8")):
        path = PAGE.parent / name
        save(figure, path)
        print(f"{path.stat().st_size / 1000:6.1f} kB  {name}")


if __name__ == "__main__":
    main()
