"""Clusters, sizes and x of a data set."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from simlab.config.section import Section, Text

from .sizes import Sizes

__all__ = ["LAW", "DataCovariate", "DataSizes"]


class DataSizes(Sizes):
    """Clusters, sectors and sizes of a data set."""

    law: Literal["data"] = Field("data", description="Sizes found in a data set.")
    data: Text = Field(description="'hs', or a CSV file relative to this one.")
    cluster: Text = Field(description="Column that names the clusters.")
    sector: Text | None = Field(None, description="Column that names the sector of a cluster.")


class DataCovariate(Section):
    """x held at the values of a data set, which then also gives the clusters and their sizes."""

    law: Literal["data"] = Field("data", description="x held at the values of a data set.")
    data: Text = Field(description="'hs', or a CSV file relative to this one.")
    column: Text = Field(description="Column that holds x.")
    cluster: Text = Field(description="Column that names the clusters.")
    sector: Text | None = Field(None, description="Column that names the sector of a cluster.")


LAW = DataSizes
