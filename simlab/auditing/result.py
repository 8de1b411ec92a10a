"""An audit: its findings, and how a person reads them."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from simlab.auditing import text
from simlab.auditing.findings import Findings
from simlab.text import Part, Printable


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Audit(Findings, Printable):
    """Which method can be trusted on a data set, for which question; see `Findings`."""

    def to_frame(self) -> pd.DataFrame:
        """The verdicts; see `Findings`."""
        return self.verdicts

    def parts(self) -> list[Part | list[Part]]:
        """The answer, a table for each slope, numbers and advice."""
        return text.report(self)

    def html(self) -> str:
        """Return a report as one HTML page with pictures, for a file."""
        from simlab.auditing import page  # matplotlib

        return page.html(self)
