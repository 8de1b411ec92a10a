"""What a precision takes, before it is run: `forecast` runs the pilot; `ranges`, `disk` read it."""

from simlab.planning.forecast import Forecast, Needed, plan

__all__ = ["Forecast", "Needed", "plan"]
