"""What ten million replicates take when a study keeps measures.

    python experiments/ten_million.py [REPLICATES]

Runs one condition with three methods and `keep: measures`, into a folder, and reports memory, disk,
time and what is measured. Then the first replicates once more, kept, as many as fit easily into
memory: every measure, Monte Carlo standard error and number must be that of the sums, bit for bit.
Writes results/ten_million.md.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import xarray as xr

import simlab
from simlab.config import Study

KEPT = 200_000
MOST_MEMORY, MOST_DISK = 500, 100  # MB
STUDY = Study.model_validate(
    {
        "name": "ten_million",
        "seed": 20261123,
        "replicates": KEPT,
        "estimators": ["pooled", "fixed_effects_common", "ecological"],
        "population": {
            "clusters": 40,
            "gamma": [12, 2],
            "beta_between": 5,
            "G": [[16, 8], [8, 25]],
            "sigma2": 20,
            "cluster_sizes": {"law": "poisson", "mean": 30},
            "x": {"between_sd": 1},
        },
    }
)


def memory() -> float:
    """The most memory that this process has held so far, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def disk(folder: Path) -> float:
    """What a folder holds, in MB."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 2**20


class Watch:
    """Looks at the folder while the study runs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.most, self.arrived = folder, 0.0, 0

    def start(self, *_: int) -> None:
        """Nothing is there yet."""

    def advance(self, *_: int) -> None:
        """Look at every hundredth block."""
        self.arrived += 1
        if self.arrived % 100 == 0:
            self.most = max(self.most, disk(self.folder))


def differing(kept: xr.Dataset, summed: xr.Dataset) -> tuple[int, int]:
    """How many numbers differ in any bit, and how many there are."""
    one, other = (simlab.measure(ds, "fixed_effects_common") for ds in (kept, summed))
    assert set(one.data_vars) == set(other.data_vars)
    off = count = 0
    for name in one.data_vars:
        x, y = one[name].values, other[name].values
        off += int(((x != y) & ~(np.isnan(x) & np.isnan(y))).sum())
        count += int((~np.isnan(x)).sum())
    return off, count


def main() -> None:
    """Run, compare, write."""
    replicates = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    large = STUDY.replace(replicates=replicates, keep="measures")
    simlab.run(STUDY.replace(replicates=256), jobs=1)  # so that compilation is not timed
    before = memory()
    with tempfile.TemporaryDirectory() as folder:
        watch, began = Watch(Path(folder)), time.monotonic()
        ds = simlab.run(large, out=Path(folder) / "store.zarr", progress=watch)
        seconds, peak = time.monotonic() - began, memory()
        most = max(watch.most, disk(Path(folder)))
    m = simlab.measure(ds).sel(term="slope").isel(condition=0)
    off, count = differing(simlab.run(STUDY), simlab.run(STUDY.replace(keep="measures")))
    core, load = float(ds["seconds"][0]), os.getloadavg()[0]

    lines = [
        "# Ten million replicates that keep measures",
        "",
        f"{replicates:,} replicates of one condition ({large.population.clusters} clusters of "
        f"Poisson(30) rows, {', '.join(large.estimators or ())}), `keep: measures`, blocks of "
        f"{large.block}; {os.cpu_count()} cores, load {load:.1f} at the end.",
        "",
        "| | measured | at most |",
        "|---|---:|---:|",
        f"| memory, peak of the process, MB | {peak:.0f} | {MOST_MEMORY} |",
        f"| of which before the run, MB | {before:.0f} | |",
        f"| disk, at most at any time, MB | {most:.2f} | {MOST_DISK} |",
        f"| wall time, s | {seconds:.0f} | |",
        f"| core time of the blocks, without their sums, s | {core:.0f} | |",
        f"| of {count:,} numbers, those that differ from {KEPT:,} replicates that were kept | "
        f"{off} | 0 |",
        "",
        "| slope | bias against its limit | empirical SE | relative error of the model SE, % | "
        "coverage of the limit | bias-eliminated coverage |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name in m.estimator.values:
        here = m.sel(estimator=name)
        cells = [
            f"{float(value):.{digits}f} ± {float(mcse):.{digits}f}"
            for value, mcse, digits in (
                (here["bias"].sel(target="limit"), here["bias_mcse"].sel(target="limit"), 5),
                (here["empirical_se"], here["empirical_se_mcse"], 5),
                (here["relative_error"], here["relative_error_mcse"], 3),
                (
                    here["coverage"].sel(target="limit"),
                    here["coverage_mcse"].sel(target="limit"),
                    5,
                ),
                (here["bias_eliminated_coverage"], here["bias_eliminated_coverage_mcse"], 5),
            )
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    text = "\n".join(lines) + "\n"
    print(text)
    assert off == 0, off
    assert peak < MOST_MEMORY, peak
    assert most < MOST_DISK, most
    (Path(__file__).parents[1] / "results" / "ten_million.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
