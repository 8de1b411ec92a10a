"""`simlab notation`: the same model in six notations."""

from __future__ import annotations


def notation() -> None:
    """Print a dictionary of notations: HLM, SAS, nlme, lme4, the course, simlab."""
    from simlab.course.notation import notation as dictionary

    print(dictionary())
