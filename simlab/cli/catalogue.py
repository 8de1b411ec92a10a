"""`simlab catalogue`: the ten models of the course on one data set."""

from __future__ import annotations

import sys

from simlab.cli.choices import Page
from simlab.text.plain import exact


def catalogue(
    data: str,
    *,
    y: str,
    x: str,
    w: str,
    cluster: str,
    ml: bool = False,
    format: Page = "text",
) -> None:
    """Fit the course's ten models, from one way ANOVA to contextual models, side by side.

    Parameters
    ----------
    data
        A CSV file, or hs, or hsb.
    y
        Column of the response.
    x
        Column of the covariate of level 1, which varies within clusters.
    w
        Column of the covariate of level 2, which does not.
    cluster
        Column that names the cluster.
    ml
        Maximum likelihood instead of REML.
    format
        csv has every digit; html is a page.
    """
    from simlab.cli.reading import by_roles
    from simlab.course.catalogue import catalogue as ten_models
    from simlab.report import Section, page

    rows = by_roles(data, cluster)
    found = ten_models(rows, y, x, w, cluster, "ML" if ml else "REML", source=data)
    if format == "csv":
        found.to_frame().reset_index().to_csv(exact(sys.stdout), index=False)
    elif format == "html":
        print(page(f"Ten models of {y}", [Section("", found._repr_html_())]))
    else:
        print(found)
