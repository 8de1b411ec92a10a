"""What can go wrong with a demonstration."""

from __future__ import annotations

from simlab.errors import Error


class ClaimError(Error):
    """The numbers do not bear out a sentence about them."""
