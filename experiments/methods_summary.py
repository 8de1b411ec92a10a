"""Which line is which? The summary of methods, with all the replicates of its study.

    python experiments/methods_summary.py --replicates 1000

The demonstration is simlab/course/demos/methods_summary.py. Without --replicates the results are
those of `simlab run configs/methods_summary.yaml`, and are read rather than computed again where
they are there. An interrupted run continues.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import simlab
from simlab.course.demos import study as study_of
from simlab.course.demos.methods_summary import draw, notice, read, table

RESULTS = Path(__file__).resolve().parents[1] / "results"


def main() -> None:
    """Run, print, draw, and say what to notice."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, help="instead of the number in the study")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()

    study = study_of("methods_summary")
    store = given.out / f"{study.name}.zarr"
    if given.replicates:
        study = study.replace(replicates=given.replicates)
        store = given.out / f"{study.name}_{given.replicates}.zarr"
    found = read(simlab.run(study, out=store))
    print(table(found))
    picture = given.out / f"{study.name}.png"
    draw(found).savefig(picture, dpi=150)
    print("\nWhat to notice\n")
    for number, sentence in enumerate(notice(found), 1):
        print(f"{number}. {sentence}")
    print(f"\n{picture}")


if __name__ == "__main__":
    main()
