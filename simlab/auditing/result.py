"""An audit: its findings, and how a person reads them."""

from __future__ import annotations

from dataclasses import dataclass

from simlab.auditing import text
from simlab.auditing.findings import Findings


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Audit(Findings):
    """Which method can be trusted on a data set, for which question; see `Findings`."""

    def __str__(self) -> str:
        return text.text(self)

    def html(self) -> str:
        """Return a report as one HTML page with pictures, for a file."""
        from simlab.auditing import page  # matplotlib

        return page.html(self)
