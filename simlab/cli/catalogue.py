"""`simlab catalogue`: the ten models of the course on one data set."""

from __future__ import annotations

from simlab.cli.choices import ML, Cluster, Data, Y
from simlab.text import Format


def catalogue(
    data: Data,
    *,
    y: Y,
    x: str,
    w: str,
    cluster: Cluster,
    ml: ML = False,
    format: Format = "text",
) -> None:
    """Fit the course's ten models, from one way ANOVA to contextual models, side by side.

    Parameters
    ----------
    x
        Column of the covariate of level 1, which varies within clusters.
    w
        Column of the covariate of level 2, which does not.
    format
        csv has every digit; html is a page.
    """
    from simlab.cli.console import show
    from simlab.cli.reading import by_roles
    from simlab.course.catalogue import catalogue as ten_models

    rows = by_roles(data, cluster)
    result = ten_models(rows, y, x, w, cluster, "ML" if ml else "REML", source=data)
    show(result, format, f"Ten models of {y}")
