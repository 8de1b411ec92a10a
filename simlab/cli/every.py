"""The application with all of its commands; nothing heavy is imported."""

from __future__ import annotations

from simlab.cli import lab, models, sampling, stores, studies
from simlab.cli.app import app

__all__ = ["app", "lab", "models", "sampling", "stores", "studies"]
