"""How long a replicate takes, and what that depends on. Prints a Markdown table.

    python benchmarks/throughput.py

Times are core times (the clock of the thread that computes), warm, unless a row says otherwise;
the median of several, interleaved where two things are compared. Run it on an idle machine: the
load average is printed, and above 0.3 per core the numbers should not be quoted.
"""

from __future__ import annotations

import csv
import importlib.util
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from common import core, machine

import simlab
from simlab.config import Study
from simlab.estimators import METHODS
from simlab.estimators.base import Sample
from simlab.inference import infer
from simlab.moments import Moments
from simlab.runner import SLAB, prepare, run_block
from simlab.sampling import draw_block

POPULATION = {  # the course's example, configs/slides_example.yaml
    "clusters": 40,
    "gamma": [12, 2],
    "G": [[16, 8], [8, 25]],
    "sigma2": 20,
    "cluster_sizes": {"law": "poisson", "mean": 30},
}
BLOCK = 256
US = 1e6

Row = tuple[str, str]


def study(blocks: int = 1, draw: str = "auto", **population: object) -> Study:
    return Study.model_validate(
        {
            "name": "benchmark",
            "replicates": BLOCK * blocks,
            "block": BLOCK,
            "draw": draw,
            "population": POPULATION | population,
        }
    )


def replicate_time(one: Study, repeats: int = 7) -> float:
    """Core seconds of one replicate with all methods, from draw to p-values."""
    work = prepare(one)
    return core(lambda: run_block(work, 0, 0), repeats) / one.replicates


def parts() -> list[Row]:
    """Draw, every method, inference: µs a replicate, in the slabs that `run_block` uses."""
    work = prepare(study())
    job = work.jobs[0]

    def draw() -> Moments:
        return draw_block(job.plan, "new-clusters", False, 0, job.key, 0, BLOCK)[0]

    moments = draw()
    step = SLAB // job.plan.J
    slabs = [slice(a, min(a + step, BLOCK)) for a in range(0, BLOCK, step)]
    samples = [Sample(moments.take(slab), job.known) for slab in slabs]
    rows = [("draw the moments", f"{core(draw, 15) / BLOCK * US:.1f} µs")]
    for method in METHODS:
        seconds = core(lambda fit=method.fit: [fit(sample) for sample in samples], 15)
        rows.append((f"`{method.name}`", f"{seconds / BLOCK * US:.1f} µs"))
    block = run_block(work, 0, 0)
    seconds = core(lambda: infer(block.estimate, block.std_error, block.df), 15)
    return [*rows, ("intervals and p-values", f"{seconds / BLOCK * US:.1f} µs")]


def ratios() -> list[Row]:
    """What the time of a replicate depends on."""
    base = replicate_time(study())
    large = replicate_time(study(cluster_sizes={"law": "poisson", "mean": 3000}))
    small = BLOCK // 8
    many = replicate_time(study(clusters=4000).replace(replicates=small), 3)
    rows = replicate_time(study(draw="rows"))
    large_rows = replicate_time(
        study(draw="rows", cluster_sizes={"law": "poisson", "mean": 3000}).replace(
            replicates=small
        ), 3,
    )  # fmt: skip
    return [
        ("**one replicate, all methods**, J = 40, n ~ Poisson(30)", f"**{base * US:.0f} µs**"),
        ("the same with n ~ Poisson(3000)", f"× {large / base:.2f}"),
        ("the same with J = 4000", f"× {many / base:.0f}"),
        ("the same drawn as rows", f"× {rows / base:.2f}"),
        ("n ~ Poisson(3000) drawn as rows", f"× {large_rows / base:.1f}"),
    ]


class Clock:
    """Wall time of the blocks alone, without preparing the study."""

    def start(self, replicates: int, done: int) -> None:  # noqa: ARG002
        self.began = self.ended = time.perf_counter()

    def advance(self, replicates: int, failures: int) -> None:  # noqa: ARG002
        self.ended = time.perf_counter()


def threads(pairs: int = 5) -> list[Row]:
    """Wall time on one thread over that on two, runs interleaved."""
    many = study(blocks=24)
    times: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(pairs):
        for jobs, found in times.items():
            clock = Clock()
            simlab.run(many, jobs=jobs, progress=clock)
            found.append(clock.ended - clock.began)
    gains = [one / two for one, two in zip(*times.values(), strict=True)]
    one = statistics.median(times[1]) / many.replicates * US
    return [
        ("wall time of a replicate, one thread", f"{one:.0f} µs"),
        (
            "two threads against one",
            f"× {statistics.median(gains):.2f} ({min(gains):.2f} to {max(gains):.2f})",
        ),
    ]


def starting() -> list[Row]:
    """What one waits for: the help text, a small study, and the very first one."""
    code = (
        "import simlab; from simlab.config import Study; "
        f"simlab.run(Study.model_validate({study().model_dump()!r}), jobs=1)"
    )

    def wall(command: list[str], **environment: str) -> float:
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, **environment})
        return time.perf_counter() - began

    program = [sys.executable, "-c", "from simlab.cli import main; main()", "--help"]
    helping = statistics.median(wall(program) for _ in range(5))
    warm = statistics.median(wall([sys.executable, "-c", code]) for _ in range(3))
    with tempfile.TemporaryDirectory() as empty:
        cold = wall([sys.executable, "-c", code], NUMBA_CACHE_DIR=empty)
    return [
        ("`simlab --help`, wall", f"{helping:.2f} s"),
        (f"a study of {BLOCK} replicates from a new Python, wall", f"{warm:.1f} s"),
        ("the same, first ever: kernels compiled, wall", f"{cold:.1f} s"),
    ]


LME4 = """
suppressMessages(library(lme4))
d <- read.csv(commandArgs(TRUE)[1])
d$cluster <- factor(d$cluster)
fit <- lmer(y ~ x + (1 + x | cluster), d, control = lmerControl(calc.derivs = FALSE))
times <- sapply(1:30, function(i) system.time(refit(fit, d$y + 1e-6 * i))["elapsed"])
cat(as.character(packageVersion("lme4")), median(times))
"""


def elsewhere() -> list[Row]:
    """The same random-slope model, one data set of the same population, in other software."""
    rows = simlab.replicate(study())
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "replicate.csv"
        with file.open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["cluster", "x", "y"])
            writer.writerows(rows[["cluster", "x", "y"]].itertuples(index=False))
        return [_lme4(file), _statsmodels(file)]


def _lme4(file: Path) -> Row:
    name = "R, lme4 `refit` of the model of `hlm`, without df, wall"
    program = shutil.which("Rscript")
    if program is None:
        return name, "skipped: no Rscript"
    command = [program, "-e", LME4, str(file)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        return name, "skipped: no lme4"
    number, seconds = found.stdout.split()[-2:]
    return f"{name} (lme4 {number})", f"{float(seconds) * 1e3:.1f} ms"


def _statsmodels(file: Path) -> Row:
    name = "statsmodels `MixedLM`, the model of `hlm`"
    if importlib.util.find_spec("statsmodels") is None:
        return name, "skipped: no statsmodels"
    import pandas as pd
    import statsmodels.formula.api as smf

    d = pd.read_csv(file)
    seconds = core(lambda: smf.mixedlm("y ~ x", d, groups="cluster", re_formula="~x").fit(), 5)
    return f"{name} (statsmodels {version('statsmodels')})", f"{seconds * 1e3:.0f} ms"


def main() -> None:
    where, began = machine(), time.perf_counter()
    simlab.run(study(), jobs=1)
    measurements = (ratios, parts, threads, starting, elsewhere)
    table = [row for measurement in measurements for row in measurement()]
    print(f"{where}\n\n| what | time |\n|---|---:|")
    for what, value in table:
        print(f"| {what} | {value} |")
    print(f"\nMeasured in {time.perf_counter() - began:.0f} s.")


if __name__ == "__main__":
    main()
