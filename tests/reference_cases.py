"""Reading of tests/reference: data sets, designs of R's formulae, moments."""

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from simlab.data import hs
from simlab.moments import Moments, from_rows

FOLDER = Path(__file__).parent / "reference"


@cache
def stored(*parts: str) -> dict:
    return json.loads(FOLDER.joinpath(*parts).read_text())


META = stored("data", "meta.json")


@cache
def rows(name: str, folder: str = "data") -> pd.DataFrame:
    return hs() if name == "hs" else pd.read_csv(FOLDER / folder / f"{name}.csv")


class Design(NamedTuple):
    """What `rotate` takes."""

    X: np.ndarray
    Z: np.ndarray
    y: np.ndarray
    cluster: np.ndarray


def design(name: str, coef_names: list[str], ranef_names: list[str]) -> Design:
    """Columns of R's coefficients: products of covariates and of treatment dummies."""
    df, meta = rows(name), META[name]
    covariate = meta["centred_covariate"]
    columns = {c: df[c] for c in df.columns if c not in meta["factors"]}
    if covariate:
        columns["cvar"] = df.groupby(meta["group"])[covariate].transform("mean")
        columns["dvar"] = df[covariate] - columns["cvar"]
    for factor, levels in meta["factors"].items():
        columns |= {factor + level: (df[factor] == level) * 1.0 for level in levels[1:]}
    columns["(Intercept)"] = np.ones(len(df))

    def matrix(names: list[str]) -> np.ndarray:
        parts = [[np.asarray(columns[part]) for part in term.split(":")] for term in names]
        return np.column_stack([np.prod(part, axis=0) for part in parts]).astype(float)

    y = df[meta["response"]].to_numpy(float)
    cluster = pd.factorize(df[meta["group"]])[0].astype(np.int64)
    return Design(matrix(coef_names), matrix(ranef_names), y, cluster)


def moments(name: str, sectors: bool) -> Moments:
    """Moments of a set with covariate x (hs: ses), its clusters numbered sector after sector."""
    df, meta = rows(name), META[name]
    levels = meta["factors"]["sector"] if sectors else ["all"]
    sector = df.sector if sectors else pd.Series("all", index=df.index)
    code = sector.map({level: i for i, level in enumerate(levels)}).to_numpy(int)
    group = df[meta["group"]].to_numpy()
    order = sorted(pd.unique(pd.Series(list(zip(code, group, strict=True)))))
    place = {pair: j for j, pair in enumerate(order)}
    cluster = np.array([place[pair] for pair in zip(code, group, strict=True)])
    x = df["ses" if name == "hs" else "x"].to_numpy(float)
    y = df[meta["response"]].to_numpy(float)
    return from_rows(x, y, cluster, np.array([s for s, _ in order]))
