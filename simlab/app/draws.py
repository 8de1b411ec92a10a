"""Draws of what is on the screen: by the key of its own condition, or by a key that is held.

The random stream of a condition is opened by its key, which is made of its content. So each
setting has draws of its own, and they are those of `simlab run`. Where the key of one setting is
held while others are shown, the same standard normals serve them all: common random numbers. What
then moves on the screen is what the slider does, and not chance.

The numbers that a law consumes may depend on its parameters: with other sizes (n) or another
number of schools (J) the normals fall to other students. All other settings leave them in place.
"""

from __future__ import annotations

from dataclasses import replace

from simlab import runner
from simlab.config import Study
from simlab.runner import Work

__all__ = ["prepare"]


def prepare(study: Study, key: str | None = None) -> Work:
    """Compile a study of one condition, to be drawn from the stream of a given key.

    Parameters
    ----------
    study : Study
        Without a grid.
    key : str, optional
        32 hexadecimal digits, the key of another condition; by default its own.

    Raises
    ------
    ConfigError
        If the study cannot be drawn.
    """
    work = runner.prepare(study)
    if key is None:
        return work
    (job,) = work.jobs
    return replace(work, jobs=(replace(job, key=key),))
