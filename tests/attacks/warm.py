"""A process made warm, so that children begin at once: all is imported, kernels in memory."""

import os
import pkgutil
import tempfile
import warnings
from importlib import import_module
from pathlib import Path

COLD = ("app", "demos", "plots")  # take long, and no attack is on them


def warm():
    """Import what commands import, and fit once with what most attacks fit."""
    os.environ["COLUMNS"] = "100"
    import simlab

    for found in pkgutil.walk_packages(simlab.__path__, "simlab.", onerror=lambda _: None):
        if found.name.split(".")[1] not in COLD and not found.name.endswith("cluster"):
            import_module(found.name)
    from simlab.kernels import compiled

    from . import extremes, formulas, tables

    with compiled(), tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "d.csv"
        path.write_text(tables.text(tables.rows()))
        df = simlab.data.read(path)
        simlab.compare(df, "y", "x", "g")
        for formula in (tables.FORMULA, "y ~ x + (1 | g)", "y ~ x + (1 + x || g)"):
            simlab.fit(formula, df).summary()
        for formula in formulas.FORMULAS:
            simlab.fit(formula, formulas.frame().assign(**{"odd name": 1 + formulas.frame().g}))
        for draw in ("moments", "rows"):
            study = simlab.load(extremes.usual(Path(folder), draw))
            simlab.run(study, jobs=1)
