"""Studies that are valid or nearly, and absurd: σ² = 1e-300, γ = 1e300, 2 clusters, rows of one.

Each is run, run once more (which must compute nothing), and its table and measures are asked for.
Estimates must be finite where their status says that they are there; and the pooled slope of some
replicates is computed from their rows in exact arithmetic.
"""

import random
from fractions import Fraction

import numpy as np
from ruamel.yaml import YAML

from .forked import command, main
from .judge import judge, misread
from .saved import opened

NUMBERS = (0, 1e-300, 1e-150, 1e-12, 1e-5, 0.3, 1, 2, 20, 1e5, 1e12, 1e100, 1e150, 1e300)
COUNTS = (1, 2, 2, 2, 3, 4, 5, 12, 40)
SHAPES = ("normal", "uniform", "exponential", "student-t")
METHODS = (
    *("pooled", "pooled_robust", "fixed_effects_common", "fixed_effects_separate", "two_stage"),
    *("ecological", "hlm", "hlm_contextual", "gls_oracle"),
)
SANE = 1e100
"""The largest number whose square, and the sum of many of them, is one too."""


def attack(seed, folder, entry=main):
    rng = random.Random(seed)
    declared = study(rng)
    with (folder / "study.yaml").open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(declared, file)
    run = ["run", "study.yaml", "--out", "out", "--quiet", "--jobs", "1"]
    verdict = judge(command(run, folder, entry), ["study", "population"], answers=(0, 3))
    if verdict.ended != "answered":
        return verdict
    store = folder / "out" / "x.zarr"
    before = _flags(store)
    wanted = rng.choice((run, ["table", str(store)], ["measure", str(store)], ["info", str(store)]))
    for argv in (wanted,):
        more = judge(command(argv, folder, entry), ["study", "x.zarr"], answers=(0, 3))
        if more.fault:
            more.why = f"{argv[0]}: {more.why}"
            return more
        verdict.seconds = max(verdict.seconds, more.seconds)
        verdict.memory = max(verdict.memory, more.memory)
    if _flags(store) != before:
        return misread(verdict, "blocks that were done are done again")
    wrong = differs(folder / "study.yaml", opened(store)) if "keep" not in declared else ""
    return misread(verdict, wrong) if wrong else verdict


def usual(folder, draw):
    """The path of a study that has nothing absurd in it, all methods and all tests."""
    declared = study(random.Random(0)) | {"draw": draw, "replicates": 3, "block": 3}
    declared["keep"] = "replicates"
    population = {"clusters": 6, "gamma": [12, 2], "G": [[4, 1], [1, 2]], "sigma2": 3}
    population["cluster_sizes"] = {"law": "fixed", "size": 5}
    names = ["random_intercept", "random_slope", "fixed_slope"]
    declared |= {"population": population, "tests": {"names": names, "draws": 3}}
    for name in ("estimators", "grid", "level"):
        declared.pop(name, None)
    with (folder / "usual.yaml").open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(declared, file)
    return folder / "usual.yaml"


def _flags(store):
    return sorted((p.name, p.stat().st_mtime_ns) for p in (store / "done").glob("c.*"))


# --- what is declared -------------------------------------------------------------------------


def study(rng):
    """An absurd study, as a mapping."""

    def absurd(usual):
        return rng.choice(NUMBERS) * rng.choice((1, 1, -1)) if rng.random() < 0.25 else usual

    def size(usual):
        return abs(absurd(usual))

    clusters = rng.choice(COUNTS)
    population = {
        "clusters": clusters,
        "gamma": [absurd(12), absurd(2)],
        "G": _covariance(size(4), size(1), rng.choice((0, 0, 0.5, -1, 1))),
        "sigma2": size(3),
        "cluster_sizes": _sizes(rng, clusters),
        "context": rng.choice(("sample-mean", "latent-mean")),
        "x": _shape(rng) | {"mean": absurd(0), "between_sd": size(1), "within_sd": size(1)},
        "errors": _shape(rng),
        "random_effects": _shape(rng),
    }
    if rng.random() < 0.3:
        population["beta_between"] = absurd(5)
    declared = {"name": "x", "seed": rng.randrange(100), "population": population}
    declared["replicates"] = rng.choice((1, 1, 2, 3, 7, 20))
    declared["block"] = rng.choice((1, 2, 3, 7, 256, 10**6))
    declared["scheme"] = rng.choice(("new-clusters", "same-clusters"))
    if rng.random() < 0.5:
        declared["estimators"] = rng.sample(METHODS, rng.choice((1, 2, 4, 9)))
    if rng.random() < 0.2:
        declared["keep"] = "measures"
    if rng.random() < 0.2:
        names = rng.sample(("random_intercept", "random_slope", "fixed_slope"), 2)
        declared["tests"] = {"names": names, "draws": rng.choice((1, 19))}
    if rng.random() < 0.2:
        declared["level"] = rng.choice((1e-300, 1e-9, 0.5, 0.999999, 1 - 1e-16))
    if rng.random() < 0.2:
        declared["draw"] = rng.choice(("moments", "rows"))
    if rng.random() < 0.2:
        declared["grid"] = {"population.sigma2": sorted({size(1), size(2), size(5)})}
    return declared


def _covariance(a, b, r):
    middle = r * a**0.5 * b**0.5
    return [[a, middle], [middle, b]]


def _sizes(rng, clusters):
    kind = rng.randrange(3)
    if kind == 0:
        return {"law": "fixed", "size": rng.choice((1, 2, 2, 3, 10, 1000))}
    if kind == 1:
        return {"law": "list", "sizes": [rng.choice((1, 1, 2, 3, 30)) for _ in range(clusters)]}
    return {"law": "poisson", "mean": rng.choice((1e-9, 0.5, 3, 30)), "minimum": rng.choice((1, 2))}


def _shape(rng):
    law = rng.choice(SHAPES)
    return {"law": law} | ({"df": rng.choice((2.0001, 3, 1e300))} if law == "student-t" else {})


# --- what must come out -----------------------------------------------------------------------


def differs(path, ds):
    """What is wrong with the numbers of a study; empty if nothing is."""
    import simlab

    status, estimate = ds["status"].values, ds["estimate"].values  # 0 is ok, 1 is singular
    there = np.isfinite(estimate).any(axis=-1)
    if bad := int((there != (status <= 1)).sum()):
        return f"{bad} fits whose status does not say whether there are estimates"
    if (np.isinf(estimate)).any():
        return "an estimate is infinite"
    error = ds["std_error"].values
    if (error < 0).any() or np.isinf(error).any():
        return "a standard error is negative or infinite"
    if "pooled" not in ds.estimator.values:
        return ""
    study = simlab.load(path)
    for replicate in range(min(2, study.replicates)):
        own = ds.sel(estimator="pooled", term="slope").isel(condition=0, replicate=replicate)
        rows = simlab.replicate(study, 0, replicate)
        if int(own.status) <= 1 and (why := _slope_differs(rows, float(own.estimate))):
            return f"replicate {replicate}: {why}"
    return ""


def _slope_differs(rows, slope):
    x, y = rows.x.to_numpy(), rows.y.to_numpy()
    if max(np.abs(x).max(), np.abs(y).max()) > SANE:
        return ""
    X, Y = [Fraction(v) for v in x.tolist()], [Fraction(v) for v in y.tolist()]
    mean_x, mean_y = sum(X) / len(X), sum(Y) / len(Y)
    ss = sum((v - mean_x) ** 2 for v in X)
    if ss < Fraction(1, 10**200):
        return ""
    exact = sum((v - mean_x) * (w - mean_y) for v, w in zip(X, Y, strict=True)) / ss
    # rows have rounding of their own, which weighs most where the spread is small beside the size
    digits = 1e-12 * (np.abs(x).max() + 1e-300) / float(ss / len(X)) ** 0.5
    scale = abs(float(exact)) + np.abs(y).max() / float(ss / len(X)) ** 0.5
    if abs(float(exact) - slope) <= max(1e-8, 1e3 * digits) * scale:
        return ""
    return f"pooled slope is {slope!r}, and by its rows {float(exact)!r}"
