"""simlab: a laboratory for sampling experiments on hierarchical data.

Students sit in schools. A line through all students, through each school,
through the school means, or a mixed model: different answers with different
standard errors. simlab shows by sampling which of them estimates what, and
which standard error can be believed.

    >>> import simlab
    >>> study = simlab.load("configs/slides_example.yaml")
    >>> ds = simlab.run(study)
    >>> print(simlab.methods_table(ds))
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from simlab import data as data
    from simlab import errors as errors
    from simlab import measures as measures
    from simlab import plots as plots
    from simlab.archive import difference as difference
    from simlab.archive import export as export
    from simlab.archive import failures as failures
    from simlab.auditing.run import Audit as Audit
    from simlab.auditing.run import audit as audit
    from simlab.beta import beta_space as beta_space
    from simlab.comparison import compare as compare
    from simlab.comparison import fit_statistics as fit_statistics
    from simlab.config import Study as Study
    from simlab.course.catalogue import catalogue as catalogue
    from simlab.course.notation import notation as notation
    from simlab.custom.declarations import estimator as estimator
    from simlab.custom.declarations import generator as generator
    from simlab.data import cvar as cvar
    from simlab.data import dvar as dvar
    from simlab.data import merge_levels as merge_levels
    from simlab.data import up as up
    from simlab.errors import Error as Error
    from simlab.fitting.diagnostics import three_means as three_means
    from simlab.fitting.model import fit as fit
    from simlab.fitting.result import MixedFit as MixedFit
    from simlab.measures import contrast as contrast
    from simlab.measures import measure as measure
    from simlab.measures import paired as paired
    from simlab.measures import rejection as rejection
    from simlab.measures import tidy as tidy
    from simlab.planning import plan as plan
    from simlab.replaying import replay as replay
    from simlab.results import open_dataset as open_dataset
    from simlab.runner import run as run
    from simlab.study import load as load
    from simlab.study import replicate as replicate
    from simlab.tables import contrast_table as contrast_table
    from simlab.tables import methods_table as methods_table
    from simlab.tables import size_table as size_table
    from simlab.testing.bootstrapping.bootstrap import bootstrap as bootstrap
    from simlab.testing.bootstrapping.result import Bootstrap as Bootstrap
    from simlab.testing.pvalue import pvalue as pvalue
    from simlab.testing.result import PValue as PValue
    from simlab.testing.result import PValues as PValues

_PUBLIC = {
    "archive": "difference export failures",
    "auditing.run": "Audit audit",
    "beta": "beta_space",
    "comparison": "compare fit_statistics",
    "config": "Study",
    "course.catalogue": "catalogue",
    "course.notation": "notation",
    "custom.declarations": "estimator generator",
    "data": "cvar data dvar merge_levels up",
    "errors": "Error errors",
    "fitting.diagnostics": "three_means",
    "fitting.model": "fit",
    "fitting.result": "MixedFit",
    "measures": "contrast measure measures paired rejection tidy",
    "planning": "plan",
    "plots": "plots",
    "replaying": "replay",
    "results": "open_dataset",
    "runner": "run",
    "study": "load replicate",
    "tables": "contrast_table methods_table size_table",
    "testing.bootstrapping.bootstrap": "bootstrap",
    "testing.bootstrapping.result": "Bootstrap",
    "testing.pvalue": "pvalue",
    "testing.result": "PValue PValues",
}
"""Public names by where they live: nothing is imported before it is asked for."""

_HOMES = {name: home for home, names in _PUBLIC.items() for name in names.split()}

__all__ = sorted(_HOMES)  # noqa: PLE0605


if not TYPE_CHECKING:  # where it would make any name a name of simlab

    def __getattr__(name: str) -> object:
        """Import a public name when it is first used (PEP 562)."""
        if name not in _HOMES:
            raise AttributeError(f"module 'simlab' has no attribute {name!r}")
        home = import_module(f"simlab.{_HOMES[name]}")
        return home if name == _HOMES[name] else getattr(home, name)


def __dir__() -> list[str]:
    return __all__
