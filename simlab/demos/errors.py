"""What can go wrong with a demonstration."""

from __future__ import annotations


class ClaimError(Exception):
    """The numbers do not bear out a sentence about them."""
