"""The audit of a data set: which method can be trusted on it, for which question.

`audit` fits every method, takes the contextual model for true and the data's own design for the
sampling plan, and measures what each method would do in samples from it.
"""

from simlab.auditing.paradox import Paradox
from simlab.auditing.run import Audit, audit

__all__ = ["Audit", "Paradox", "audit"]
