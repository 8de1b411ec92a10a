"""Study on the screen as a file and as Python: both give the same numbers again."""

from __future__ import annotations

from simlab.config import Study, declared, flow

HELD = """\
# The draws were held while a slider moved. `simlab run` of this file gives this population draws
# of its own; the Python text gives those that were on the screen.
"""


def yaml_text(study: Study, sample: int, key: str | None = None) -> str:
    """Return the study on the screen as a file for `simlab run`.

    `sample` is the number of the replicate that is shown, `key` that from which draws come, where
    it is not the study's own.
    """
    p = declared(study.population)
    lines = [
        "# What simlab app showed: the population, and the repeated samples.",
        f"# The sample in the pictures was replicate {sample}, counted from 0.",
        f"name: {study.name}",
        f"seed: {study.seed}",
        f"replicates: {study.replicates}",
        f"block: {study.block}",
        f"scheme: {study.scheme}",
        "population:",
        f"  clusters: {flow(p.clusters)}",
        f"  gamma: {flow(p.gamma)}  # γ_0",
    ]
    fields = ("beta_within", "beta_between", "G", "sigma2", "cluster_sizes", "x")
    lines += [f"  {name}: {flow(getattr(p, name))}" for name in fields]
    return (HELD if key else "") + "\n".join(lines) + "\n"


def python_text(study: Study, sample: int, key: str | None = None) -> str:
    """Return a script that rebuilds the sample, and repeats the sampling.

    It leaves `rows`, the sample, and `estimate` (replicates, methods, terms).
    """
    ending = REPEAT if key is None else REPEAT_HELD
    return SCRIPT.format(
        yaml=yaml_text(study, sample), ending=ending.format(sample=sample, key=repr(key))
    )


SCRIPT = '''\
"""What simlab app showed."""

from simlab.config import loads

study = loads("""\\
{yaml}""")

{ending}'''

REPEAT = """\
import simlab

rows = simlab.replicate(study, replicate={sample})  # the sample in the pictures
ds = simlab.run(study)                        # the repeated samples
print(simlab.methods_table(ds))
estimate = ds["estimate"].values[0]
"""

REPEAT_HELD = """\
import numpy as np

from simlab.app import draws
from simlab.runner import run_block
from simlab.sampling import replicate_rows

KEY = {key}  # of the setting at which the draws were held
work = draws.prepare(study, KEY)
job = work.jobs[0]
rows = replicate_rows(
    job.plan, job.condition.scheme, job.rows, study.seed, KEY, study.block, {sample}
)
blocks = [run_block(work, 0, number) for number in range(-(-study.replicates // study.block))]
estimate = np.concatenate([block.estimate for block in blocks])
"""
