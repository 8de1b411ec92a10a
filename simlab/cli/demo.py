"""`simlab demo`: the demonstrations of the course."""

from __future__ import annotations

from pathlib import Path

from simlab.cli.choices import options_named


def demo(
    name: str | None = None,
    *,
    replicates: int | None = None,
    seed: int | None = None,
    out: Path | None = None,
) -> None:
    """Run a demonstration of the course, or list them all.

    Parameters
    ----------
    name
        Which one; without a name, all are listed with one line each.
    replicates
        Instead of the number in its study.
    seed
        Instead of the seed in its study.
    out
        Folder for its figure, demo_NAME.png; results by default.
    """
    from simlab.course import demos

    if name is None:
        print(demos.listing())
    else:
        with options_named():
            demos.run(name, replicates, seed, out or Path("results"))
