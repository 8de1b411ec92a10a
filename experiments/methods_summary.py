"""Which line is which? The summary of methods, measured.

Question: students sit in schools, the effect of x among students of a school is β_W, among
schools β_B. Of the usual ways to draw a line through such data, which estimates β_W, which
β_B, which neither; does more data help; and can its standard error be believed?

    python experiments/methods_summary.py --replicates 1000

Without --replicates the results are those of `simlab run configs/methods_summary.yaml`, and are
read rather than computed again where they are there. An interrupted run continues.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import xarray as xr
from matplotlib.figure import Figure

import simlab
from simlab.plots import bias_sweep, sampling_distributions
from simlab.tables import render
from simlab.verdicts.places import config_of, places

ROOT = Path(__file__).resolve().parents[1]
MORE, LARGER = "population.clusters", "population.cluster_sizes.mean"
IN_SWEEP = ("ecological", "pooled", "hlm", "hlm_contextual")


def main() -> None:
    """Run, print, draw, and say what to notice."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, help="instead of the number in the study")
    parser.add_argument("--out", type=Path, default=ROOT / "results")
    given = parser.parse_args()

    study = simlab.load(ROOT / "configs" / "methods_summary.yaml")
    store = given.out / f"{study.name}.zarr"
    if given.replicates:
        study = study.replace(replicates=given.replicates)
        store = given.out / f"{study.name}_{given.replicates}.zarr"
    ds = simlab.run(study, out=store)
    measured = simlab.measure(ds, reference="gls_oracle")

    print(render(simlab.methods_table(ds), "text"))
    base = places(ds, config_of(ds)).base or 0
    picture = given.out / f"{study.name}.png"
    draw(ds, measured, base).savefig(picture, dpi=150)
    print(f"\nWhat to notice\n\n{notice(measured, base)}\n\n{picture}")


def draw(ds: xr.Dataset, measured: xr.Dataset, base: int) -> Figure:
    """Put the sampling distributions beside the bias as clusters grow."""
    figure = Figure(figsize=(17, 8), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1.45, 1])
    figure.get_layout_engine().set(wspace=0.06, w_pad=0.15, h_pad=0.15)
    sampling_distributions(ds, left, condition=base)
    left.set_title("What each method estimates, and how surely", loc="left", fontsize=17, pad=38)
    bias_sweep(measured, right, LARGER, estimators=IN_SWEEP)
    right.set_title("Bias as schools get more students", loc="left", fontsize=17, pad=38)
    return figure


def notice(measured: xr.Dataset, base: int) -> str:
    """Say in words, with the numbers of this run, what the table and the picture show."""
    found = places(measured, config_of(measured))
    slope = measured.sel(term="slope")
    here = slope.isel(condition=base)
    bias = here["bias"].sel(target="beta_within")
    gap = bias - here["bias"].sel(target="beta_between")  # β_B − β_W
    share = {str(name): float(v) for name, v in zip(bias.estimator.values, bias / gap, strict=True)}
    hlm = slope["bias"].sel(target="beta_within", estimator="hlm")

    def along(factor: str) -> str:
        """Say how the bias of HLM goes from the smallest to the largest level."""
        first, *_, last = found.sweep(factor)
        sizes = found.sizes[factor]
        return f"{hlm[first]:z.2f} at {sizes[first]:g} and {hlm[last]:z.2f} at {sizes[last]:g}"

    lines = [
        f"Pooling mixes β_W and β_B: the slope has gone {share['pooled']:.0%} of the way to β_B, "
        f"that of HLM {share['hlm']:.0%}, that of HLM + context {share['hlm_contextual']:.1%}.",
        f"The bias of HLM is {along(MORE)} schools; it is {along(LARGER)} students a school.",
        f"Standard error under new schools: pooled {_off(here, 'pooled')}, fixed effects "
        f"{_off(here, 'fixed_effects_separate')}, ecological {_off(here, 'ecological')}, "
        f"two-stage {_off(here, 'two_stage')}, HLM + context {_off(here, 'hlm_contextual')}.",
    ]
    if found.same is not None:
        again = slope.isel(condition=found.same)
        lines.append(
            f"With other students of the same schools, that of fixed effects is "
            f"{_off(again, 'fixed_effects_separate')}: this is the question it answers."
        )
    efficiency = [
        float(here["efficiency"].sel(estimator=m)) for m in ("two_stage", "hlm_contextual")
    ]
    lines.append(
        "Efficiency for β_W, against GLS with the true variances: "
        "two-stage {:.1%}, HLM + context {:.1%}.".format(*efficiency)
    )
    return "\n".join(f"{i}. {line}" for i, line in enumerate(lines, 1))


def _off(here: xr.Dataset, method: str) -> str:
    error = float(here["relative_error"].sel(estimator=method))
    return f"{abs(error):.1f} % too {'small' if error < 0 else 'large'}"


if __name__ == "__main__":
    main()
