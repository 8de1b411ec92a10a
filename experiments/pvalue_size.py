"""Which p-value has the size that it claims? Three null hypotheses, over J and n.

Question: under a true null hypothesis a test at 5 % should reject in 5 % of the samples. With few
clusters, or on the boundary of the parameter space, which kinds of p-value do?

    python experiments/pvalue_size.py --replicates 500

Without --replicates the study is that of `simlab run configs/pvalue_size.yaml`, and is read rather
than computed again where it is there. An interrupted run continues. The table, what to notice and
the picture go to results/.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import simlab
from simlab.plots import size
from simlab.words import p_value_label, test_label

ROOT = Path(__file__).resolve().parents[1]
J, N, G = "population.clusters", "population.cluster_sizes.mean", "population.G"
ALIKE, DIFFER = "schools alike", "schools differ"
NULL = {"random_intercept": ALIKE, "random_slope": DIFFER, "fixed_slope": DIFFER}
"""The population in which each null hypothesis is drawn, and told of first."""


def main() -> None:
    """Run, print, draw, and say what to notice."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, help="instead of the number in the study")
    parser.add_argument("--out", type=Path, default=ROOT / "results")
    given = parser.parse_args()

    study = simlab.load(ROOT / "configs" / "pvalue_size.yaml")
    name = study.name
    if given.replicates:
        study = study.replace(replicates=given.replicates)
        name = f"{study.name}_{given.replicates}"
    ds = simlab.run(study, out=given.out / f"{name}.zarr")
    measured = simlab.rejection(ds)

    table = simlab.size_table(ds)
    said = f"What to notice\n\n{notice(measured)}"
    draw(measured).savefig(given.out / f"{name}.png", dpi=150)
    page = f"{table.to_markdown()}\n\n![]({name}.png)\n\n### {said}\n"
    (given.out / f"{name}.md").write_text(page, encoding="utf-8")
    print(f"{table}\n\n{said}\n\n{given.out / name}.md, .png")


def draw(measured: xr.Dataset, nominal: float = 0.05) -> Figure:
    """Draw the size of every test at 5 %, small clusters above large ones."""
    figure = Figure(figsize=(17, 9.5), layout="constrained")
    figure.get_layout_engine().set(wspace=0.04, hspace=0.06, w_pad=0.15, h_pad=0.1)
    sizes = np.unique(measured[N].values)
    axes = figure.subplots(len(sizes), len(NULL), sharey="col", squeeze=False)
    for row, n in zip(axes, sizes, strict=True):
        for ax, (test, population) in zip(row, NULL.items(), strict=True):
            size(measured, test, nominal, J, at={N: n, G: population}, ax=ax)
            ax.set_title(f"{test_label(test)}    n = {n:g}", loc="left", fontsize=15, pad=12)
    return figure


def notice(measured: xr.Dataset) -> str:
    """Say in words, with the numbers of this run, what the table and the picture show."""
    five = measured.sel(nominal=0.05)
    few = int(measured[J].min())

    def of(test: str, kind: str, population: str = "", clusters: int | None = None) -> str:
        """Range of a size over the conditions in which the null hypothesis is drawn."""
        here = _where(five, test, population or NULL[test], clusters)["rejection"].sel(kind=kind)
        low, high = 100 * float(here.min()), 100 * float(here.max())
        return f"{low:.1f} to {high:.1f} %"

    kinds = ("chi2", "wald", "satterthwaite", "kenward_roger", "simulated")
    with_few = (f"{p_value_label(kind)} {of('fixed_slope', kind, clusters=few)}" for kind in kinds)
    lines = [
        "At 5 %, over J and n: the naive χ² of a random intercept rejects "
        f"{of('random_intercept', 'chi2')}, that of a random slope {of('random_slope', 'chi2')}. A "
        "variance of 0 is on the boundary, and half of the law has one degree of freedom less.",
        f"The mixture does better: {of('random_intercept', 'mixture')} and "
        f"{of('random_slope', 'mixture')}. It is a law for many clusters; with {few} it rejects "
        f"{of('random_intercept', 'mixture', clusters=few)} and "
        f"{of('random_slope', 'mixture', clusters=few)}.",
        f"Simulated: {of('random_intercept', 'simulated')}, {of('random_slope', 'simulated')}, and "
        f"{of('fixed_slope', 'simulated')} for the fixed slope; pooled over J and n "
        + ", ".join(pooled(five, test, population) for test, population in NULL.items())
        + f". Exact, where it exists: {of('random_intercept', 'exact')}, pooled "
        f"{pooled(five, 'random_intercept', ALIKE, 'exact')}.",
        "Where the intercept variance that the null of the random slope estimates is itself 0 "
        f"(schools alike), the mixture rejects {of('random_slope', 'mixture', ALIKE)}, and the "
        f"simulated p {of('random_slope', 'simulated', ALIKE)}, pooled "
        f"{pooled(five, 'random_slope', ALIKE)}. The likely cause: T tends to be smaller there, "
        "and responses are drawn with an estimate that is 0 or too large.",
        f"For the fixed slope with {few} schools that differ: {', '.join(with_few)}. With schools "
        f"alike Kenward–Roger rejects {of('fixed_slope', 'kenward_roger', ALIKE, few)}.",
    ]
    return "\n".join(f"{i}. {line}" for i, line in enumerate(lines, 1))


def _where(
    measured: xr.Dataset, test: str, population: str, clusters: int | None = None
) -> xr.Dataset:
    kept = measured[G].values == population
    if clusters is not None:
        kept &= measured[J].values == clusters
    return measured.sel(test=test).isel(condition=np.flatnonzero(kept))


def pooled(measured: xr.Dataset, test: str, population: str, kind: str = "simulated") -> str:
    """Size over all J and n together, ± its standard error."""
    here = _where(measured, test, population).sel(kind=kind)
    n = float(here["rejection_n"].sum())
    share = float((here["rejection"] * here["rejection_n"]).sum()) / n
    return f"{100 * share:.2f} ± {100 * np.sqrt(share * (1 - share) / n):.2f} %"


if __name__ == "__main__":
    main()
