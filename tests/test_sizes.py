"""Tests in a study: the same estimates, the statistics of whole fits, and the sizes of theory.

Sizes are compared at fixed seeds, with tolerances of 4 Monte Carlo standard errors √(α(1 − α)/n);
the naive χ² is the control that must fail the same comparison.
"""

from functools import partial

import numpy as np
import pytest
import xarray as xr
from study_cases import plan, study

import simlab
from simlab.cli.check import check
from simlab.cli.run import run
from simlab.cli.table import table
from simlab.config import ConfigError, dumps
from simlab.results import TIMES
from simlab.sampling import NULL_DRAWS, draw_block, replicate_rows, stream
from simlab.testing.likelihood_ratio import chi2, mixture, statistics
from simlab.testing.studied import HYPOTHESES, REGISTRY, Sampling, evaluate
from simlab.testing.studied.evaluation import simulated_p_value
from simlab.words import P_VALUES, TESTS

pytestmark = pytest.mark.slow

ALL = tuple(REGISTRY)
SMALL = {
    "clusters": 6,
    "gamma": [12, 0],
    "G": [[4, 0], [0, 0]],
    "sigma2": 16,
    "cluster_sizes": {"law": "poisson", "mean": 5},
    "x": {"law": "normal", "mean": 3, "between_sd": 0.5},
}
KEY = "0" * 32


def a_study(names, draws=19, stop=None, **fields):
    population = SMALL | fields.pop("population", {})
    tests = {"names": list(names), "draws": draws, "stop": stop}
    fields = {"estimators": ["pooled", "hlm"]} | fields
    return study(population=population, tests=tests, **fields)


def assert_same_bits(one, other, names):
    for name in names:
        assert one[name].values.tobytes() == other[name].values.tobytes(), name


# ---------------------------------------------------------------- in a study


@pytest.fixture(scope="module")
def ds():
    return simlab.run(a_study(ALL, replicates=20, block=8), jobs=1)


def test_estimates_do_not_change_when_tests_are_added(ds):
    s = a_study(ALL, replicates=20, block=8).replace(tests=None)
    plain = simlab.run(s, jobs=1)
    assert "test" not in plain.dims
    assert_same_bits(plain, ds, [name for name in plain.variables if name not in TIMES])


def test_workers_and_stores_do_not_matter(ds, tmp_path):
    s = a_study(ALL, replicates=20, block=8)
    names = [name for name in ds.variables if name not in TIMES]
    assert_same_bits(simlab.run(s, jobs=2), ds, names)
    simlab.run(s, jobs=2, out=tmp_path / "r.zarr")
    assert_same_bits(simlab.open_dataset(tmp_path / "r.zarr"), ds, names)


def test_no_test_changes_the_draws_of_another(ds):
    alone = simlab.run(a_study(["fixed_slope"], replicates=20, block=8), jobs=1)
    p_value = alone["test_p_value"].sel(test="fixed_slope")
    assert np.array_equal(p_value, ds["test_p_value"].sel(test="fixed_slope", kind=alone["kind"]))


def test_other_tests_are_another_study(tmp_path):
    simlab.run(a_study(["fixed_slope"], replicates=4), out=tmp_path / "r")
    from simlab.results import StoreError

    with pytest.raises(StoreError, match=r"tests\.draws: 19 → 29"):
        simlab.run(a_study(["fixed_slope"], draws=29, replicates=4), out=tmp_path / "r")


def test_every_kind_that_is_offered_is_there_and_no_other(ds):
    assert ds["test"].values.tolist() == list(ALL)
    there = ds["test_p_value"].notnull()
    for hypothesis in HYPOTHESES:
        for kind in ds["kind"].values:
            share = float(there.sel(test=hypothesis.name, kind=kind).mean())
            assert share == (kind in hypothesis.kinds)


SECTORS = {"clusters": {"A": 5, "B": 5}}


def test_several_sectors_are_refused_by_line():
    s = a_study(ALL, population=SECTORS)
    with pytest.raises(ConfigError, match=r"tests: need a population of one sector, .* A, B"):
        simlab.run(s)
    simlab.run(study(4, population=SMALL | SECTORS))  # it is the tests that are refused


def test_a_test_that_does_not_exist_is_refused_in_python_too():
    with pytest.raises(ConfigError, match=r"tests\.names\.1: unknown test 'f'; known are random_i"):
        simlab.run(a_study(["fixed_slope", "f"]))


HOLDS = {
    "random_intercept": ({"G": [[0, 0], [0, 0]]}, {"G": [[0, 0], [0, 1]]}),
    "random_slope": ({"G": [[4, 0], [0, 0]]}, {"G": [[4, 1], [1, 1]]}),
    "fixed_slope": ({"gamma": [12, 0]}, {"gamma": [12, 0], "beta_between": 1}),
}


@pytest.mark.parametrize("name", ALL)
def test_a_null_hypothesis_holds_or_not(name):
    true, false = HOLDS[name]
    assert REGISTRY[name].holds(plan(**SMALL | true))
    assert not REGISTRY[name].holds(plan(**SMALL | false))


# ---------------------------------------------------------------- one replicate


@pytest.fixture(scope="module")
def replicates():
    """Eight replicates as moments, and each as rows."""
    p = plan(**SMALL)
    moments, _ = draw_block(p, "new-clusters", False, 1, KEY, 0, 8)
    return moments, [replicate_rows(p, "new-clusters", False, 1, KEY, 8, b) for b in range(8)]


def sampling(name, b, draws=9):
    return Sampling(stream(1, KEY, NULL_DRAWS, b, name), draws)


def evaluated(name, moments, draws=9):
    T, p = evaluate(REGISTRY[name], tuple(P_VALUES), moments, partial(sampling, name, draws=draws))
    return T, dict(zip(P_VALUES, p.T, strict=True))


def test_statistics_and_p_values_are_those_of_whole_fits(replicates):
    """Fits of the rows, in other units, by the same engine: 1e-6 of deviances, 1e-5 of p."""
    moments, rows = replicates
    T_slope, _ = evaluated("random_slope", moments)
    T_fixed, p = evaluated("fixed_slope", moments)
    for b, df in enumerate(rows):
        simple = simlab.fit("y ~ x + (1 | cluster)", df)
        full = simlab.fit("y ~ x + (1 + x | cluster)", df)
        assert T_slope[b] == pytest.approx(simple.deviance - full.deviance, abs=1e-6)
        null = simlab.fit("y ~ 1 + (1 | cluster)", df, method="ML")
        ratio = null.deviance - simlab.fit("y ~ x + (1 | cluster)", df, method="ML").deviance
        assert T_fixed[b] == pytest.approx(ratio, abs=1e-6)
        for kind, df_method in (
            ("wald", "normal"), ("satterthwaite", "satterthwaite"),
            ("kenward_roger", "kenward-roger"),
        ):  # fmt: skip
            stored = simple.table(df=df_method)["p_value"]["x"]
            assert p[kind][b] == pytest.approx(stored, rel=1e-5)


def test_origin_and_units_do_not_matter(replicates):
    moments, _ = replicates
    other = moments._replace(
        x_mean=1e6 + 1e3 * moments.x_mean, ss_x=1e6 * moments.ss_x,
        y_mean=-1e6 + 10 * moments.y_mean, rss=100 * moments.rss, s_xy=1e4 * moments.s_xy,
    )  # fmt: skip
    for name in ALL:
        for one, two in zip(evaluated(name, moments), evaluated(name, other), strict=True):
            if isinstance(one, dict):
                assert all(two[k] == pytest.approx(one[k], abs=1e-5, nan_ok=True) for k in one)
            else:
                assert two == pytest.approx(one, abs=1e-5)


def test_exact_and_simulated_are_two_ways_to_one_p_value(replicates):
    """Both exceedance shares of 1,999 draws: within 4 standard errors of their difference."""
    _, p = evaluated("random_intercept", replicates[0], draws=1999)
    spread = np.sqrt(2 * p["exact"] * (1 - p["exact"]) / 1999)
    assert (np.abs(p["exact"] - p["simulated"]) <= 4 * spread + 1e-12).all()
    assert (np.abs(p["chi2"] - p["exact"]) > 4 * spread).any()


class Drawn:
    """Models that have these statistics, draw after draw."""

    def __init__(self, values):
        self.left = iter(values)

    def null_statistics(self, rng, B):
        return np.array([[next(self.left)] for _ in range(B)])


def simulated(values, T, *sampling):
    return simulated_p_value(Drawn(values), T, Sampling(None, *sampling))


def test_zeros_are_draws_and_failures_are_exceedances():
    assert simulated([0, 0, 0, 2.0, 3.0, np.nan, 0, 1.9, 5.0], 2.0, 9) == (1 + 4) / 10
    assert simulated([0, 0, 1.0], 0.0, 3) == 1
    assert np.isnan(simulated([], np.nan, 3))


def test_draws_stop_at_the_last_exceedance_that_is_asked_for():
    values = [0, 3, 0, 0, 3, 0, 3, 0, 0]
    assert simulated(values, 2.0, 9, 2) == 2 / 5
    assert simulated(values, 2.0, 9, 3) == 3 / 7
    assert simulated(values, 2.0, 9, 4) == (1 + 3) / 10


def test_statistics_are_zero_but_for_rounding_and_missing_where_a_search_failed():
    null = np.array([3.0, 3.0, 3.0, 3.0, np.nan])
    T = statistics(null, np.array([1.0, 3 - 1e-9, 3 + 1e-7, 3.1, 1.0]))[:, 0]
    np.testing.assert_array_equal(T, [2.0, 0.0, 0.0, np.nan, np.nan])


def test_mixtures():
    intercept, slope = (REGISTRY[f"random_{name}"].restriction for name in ("intercept", "slope"))
    assert (slope, REGISTRY["fixed_slope"].restriction) == ((2, 0, 1), (1, 1, 0))
    assert mixture(0.0, intercept.mixture) == 1
    assert mixture(2.7055434540954, intercept.mixture) == pytest.approx(0.05, rel=1e-10)
    assert mixture(3.0, slope.mixture) == pytest.approx((chi2(3.0, 1) + chi2(3.0, 2)) / 2)


# ---------------------------------------------------------------- sizes


def sizes(name, population, replicates, seed=11):
    ds = simlab.run(
        a_study([name], stop=2, seed=seed, replicates=replicates, population=population,
                estimators=["pooled"])
    )  # fmt: skip
    measured = simlab.rejection(ds, (0.05, 0.10)).isel(condition=0, test=0)
    assert bool(measured["null_holds"])
    return measured["rejection"]


def tolerance(nominal, n):
    return 4 * np.sqrt(nominal * (1 - nominal) / n)


@pytest.mark.parametrize(
    ("name", "population", "n"),
    [
        ("random_intercept", {"G": [[0, 0], [0, 0]]}, 800),
        ("random_slope", {"cluster_sizes": {"law": "poisson", "mean": 20}}, 500),
        ("fixed_slope", {}, 800),
    ],
)
def test_simulated_p_values_have_their_size_with_six_clusters_and_chi2_has_not(name, population, n):
    """With 19 draws, stopped at 2 exceedances, 5 and 10 % are attained exactly.

    The χ² of a fixed slope is no control: with 800 samples it may pass.
    """
    share = sizes(name, population, n)
    for nominal in (0.05, 0.10):
        simulated = float(share.sel(kind="simulated", nominal=nominal))
        assert abs(simulated - nominal) < tolerance(nominal, n)
    if name != "fixed_slope":
        naive = float(share.sel(kind="chi2", nominal=0.10))
        mixture = float(share.sel(kind="mixture", nominal=0.10))
        assert naive < 0.10 - tolerance(0.10, n)
        assert naive < mixture
    if name == "random_intercept":
        exact = float(share.sel(kind="exact", nominal=0.05))
        assert abs(exact - 0.05) < tolerance(0.05, n)


# ---------------------------------------------------------------- measured, told, drawn


def by_hand(R=400):
    """Three conditions; the null of `a` holds in two of them, and `b` has no p of kind chi2."""
    p = np.full((3, R, 2, 2), np.nan)
    p[:, :, 0, 0] = 1.0
    p[0, :4, 0, 0] = 0.05  # a p-value equal to the level rejects
    p[0, 4:50, 0, 0] = 0.051
    p[1, :80, 0, 0] = 0.001
    p[2, :, 0, 0] = 0.001
    p[:, :, :, 1] = (np.arange(R) % 20 / 20 + 0.05)[None, :, None]
    p[1, 0, 0, 1] = np.nan
    return xr.Dataset(
        {
            "test_p_value": (("condition", "replicate", "test", "kind"), p),
            "null_holds": (("condition", "test"), [[True, True], [True, True], [False, True]]),
        },
        coords={
            "test": ["random_slope", "b"],
            "kind": ["chi2", "simulated"],
            "key": ("condition", list("xyz")),
            "population.clusters": ("condition", [6, 12, 24]),
        },
        attrs={"name": "by_hand", "seed": 3},
    )


def test_rejection_is_what_a_hand_computes():
    measured = simlab.rejection(by_hand(), (0.05,))
    assert measured["rejection"].dims == ("condition", "test", "kind", "nominal")
    chi2 = measured.sel(test="random_slope", kind="chi2", nominal=0.05)
    assert chi2["rejection"].values.tolist() == [4 / 400, 80 / 400, 1.0]
    assert chi2["rejection_mcse"].values == pytest.approx(
        [np.sqrt(0.01 * 0.99 / 400), np.sqrt(0.2 * 0.8 / 400), np.sqrt(402 * 2 / 404**2 / 400)]
    )
    low, high = (float(chi2[f"rejection_{end}"][2]) for end in ("low", "high"))
    assert (low, high) == (pytest.approx(1 / (1 + 1.96**2 / 400)), 1.0)  # Wilson's at p = 1
    simulated = measured.sel(test="random_slope", kind="simulated")
    assert simulated["rejection_n"].values.ravel().tolist() == [400, 399, 400]
    assert float(simulated["rejection"][1, 0]) == 19 / 399
    assert measured["rejection"].sel(test="b", kind="chi2").isnull().all()
    assert "population.clusters" in measured.coords


@pytest.mark.parametrize("levels", [(), (0.0,), (0.05, 1)])
def test_rejection_refuses_levels_that_are_none(levels):
    with pytest.raises(ValueError, match="levels must be numbers between 0 and 1"):
        simlab.rejection(by_hand(), levels)


def test_a_study_without_tests_says_so():
    plain = by_hand().drop_vars("null_holds")
    for call in (simlab.rejection, simlab.size_table):
        with pytest.raises(ValueError, match="the study tests nothing; name what to test"):
            call(plain)


def test_the_table_tells_size_from_power_and_marks_what_is_not_nominal():
    frame = simlab.size_table(by_hand(), (0.05,)).frame
    chi2 = frame[(frame["test"] == "random_slope") & (frame["kind"] == "chi2")]
    assert chi2["what"].tolist() == ["size", "size", "power"]
    assert chi2["word"].tolist() == ["conservative", "liberal", ""]
    assert set(frame[frame["kind"] == "simulated"]["word"]) == {"nominal", ""}
    assert "chi2" not in set(frame[frame["test"] == "b"]["kind"])


def test_tables_are_rendered_in_every_format():
    table = simlab.size_table(by_hand())
    text = str(table)
    assert max(map(len, text.splitlines())) <= 100
    assert "1.0 ± 0.5 ↓" in text
    assert "20.0 ± 2.0 ↑" in text
    assert "Size: random slope" in text
    assert "Power: random slope" in text
    assert "seed 3" in text
    assert "| 5 % | 12 | 20.0 ± 2.0 ↑ | 4.8 ± 1.1 |" in table.render("markdown")
    latex = table.render("latex")
    assert r"$\downarrow$" in latex
    assert not set("β²₁↓±%_") & set(
        latex.split(r"\midrule")[1].replace(r"\%", "").split(r"\bot")[0]
    )
    assert table.render("csv").startswith("test,what,population.clusters,nominal,kind,")
    with pytest.raises(ValueError, match="unknown format 'word'"):
        table.render("word")


def test_every_registered_test_and_kind_has_a_name_in_tables():
    assert {kind for h in HYPOTHESES for kind in h.kinds} == set(P_VALUES)
    assert [*REGISTRY] == [*TESTS]


def test_the_command_prints_both_tables(tmp_path, capsys):
    file = tmp_path / "test.yaml"
    file.write_text(dumps(a_study(["fixed_slope"], replicates=8)), encoding="utf-8")
    check(file)
    assert "test fixed_slope: chi2, wald" in capsys.readouterr().out
    run(file, jobs=1, out=tmp_path, quiet=True)
    printed = capsys.readouterr().out
    assert printed.index("Summary of methods") < printed.index("Size: fixed slope")
    assert "### Size: fixed slope" in (tmp_path / "test.md").read_text("utf-8")
    table(tmp_path / "test.zarr", format="csv", tests=True)
    assert "fixed_slope,size" in capsys.readouterr().out
    table(tmp_path / "test.zarr", format="csv")
    assert "fixed_slope" not in capsys.readouterr().out


@pytest.fixture
def ax():
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    return Figure().subplots()


def test_the_picture_shows_what_was_measured(ax):
    from simlab.plots import size

    measured = simlab.rejection(by_hand())
    drawn = size(measured, "random_slope", ax=ax)
    assert list(drawn.lines) == list(drawn.labels) == ["chi2", "simulated"]
    data, _, (bars,) = drawn.lines["chi2"].lines
    assert data.get_ydata() == pytest.approx([1, 20])  # power in the third condition is no size
    assert data.get_xdata() == pytest.approx([6, 12], rel=0.05)
    low, high = bars.get_segments()[1][:, 1]
    assert high - low == pytest.approx(
        2 * 1.96 * 100 * np.sqrt(0.2 * 0.8 / 400), rel=0.01
    )  # Wilson
    assert set(drawn.nominal.get_ydata()) == {5.0}


def test_pictures_that_cannot_be_drawn_are_refused(ax):
    from simlab.plots import size

    measured = simlab.rejection(by_hand())
    J = "population.clusters"
    for message, call in {
        "test 'c' is unknown; give one of random_slope, b": {"test": "c"},
        "nominal '0.2' is unknown": {"test": "b", "nominal": 0.2},
        "does not vary 'population.G'": {"test": "b", "at": {"population.G": "x"}},
        "holds in no such condition": {"test": "random_slope", "at": {J: 24}},
    }.items():
        with pytest.raises(ValueError, match=message):
            size(measured, **call, ax=ax)
    twice = measured.assign_coords({J: ("condition", [6, 6, 24])})
    with pytest.raises(ValueError, match="several conditions have one level"):
        size(twice, "b", ax=ax)


# --- no p-values ------------------------------------------------------------------------------


@pytest.mark.parametrize("keep", ["replicates", "measures"])
def test_a_test_that_always_fails_is_said_to(keep):
    population = {"clusters": 2, "gamma": [12, 1e100], "cluster_sizes": {"law": "fixed", "size": 5}}
    ds = simlab.run(a_study(["random_slope"], replicates=2, population=population, keep=keep))
    text = str(simlab.size_table(ds))
    assert "random slope, g₁₁ = 0?: no p-value in any replicate" in text
    assert simlab.size_table(ds).to_csv().startswith("test,what,nominal,kind,rejection")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numpy's, of what overflows
def test_a_response_whose_squares_are_no_numbers_ends_no_study():
    wild = {"gamma": [0, 1e150], "x": {"between_sd": 1e150}}
    wild |= {"clusters": 3, "cluster_sizes": {"law": "fixed", "size": 2}}
    tests = {"names": ["random_intercept"], "draws": 19}
    ds = simlab.run(study(2, population=wild, tests=tests), jobs=1)
    assert ds["test_p_value"].isnull().all()
