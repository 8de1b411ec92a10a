"""Forecast of what a precision takes: `forecast` runs the pilot; `ranges` and `disk_of` read it."""

from simlab.planning.forecast import Forecast, Needed, plan

__all__ = ["Forecast", "Needed", "plan"]
