"""From declaration to numbers, the truth of a population, and every refusal.

Tolerances: 1e-12 relative is rounding; nothing here is random.
"""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from population_cases import BASE, HELD, SECTORS, condition, plan
from scipy import stats

from simlab.config import load
from simlab.data import DataError, hs
from simlab.design import conditions
from simlab.population import (
    LAWS,
    Clusters,
    PopulationError,
    compile_plan,
    expect_size,
    needs_rows,
    size_moments,
    truth,
)

CONFIGS = Path(__file__).parents[1] / "configs"

CSV = """\
school,kind,x,z
b,Public,1,1
a,Catholic,2,
b,Public,4,3
c,Public,5,4
d,Catholic,7,
a,Catholic,3,6
"""
FROM_CSV = {
    "gamma": [12, 2],
    "G": [[1, 0], [0, 1]],
    "sigma2": 1,
    "x": {"law": "data", "data": "s.csv", "column": "x", "cluster": "school", "sector": "kind"},
}


def from_csv(tmp_path, text=CSV, **changes):
    (tmp_path / "s.csv").write_text(text)
    x = FROM_CSV["x"] | changes.pop("x", {})
    return plan(FROM_CSV, base_dir=tmp_path, **changes, x={k: v for k, v in x.items() if v})


# --- numbers ------------------------------------------------------------------------------------


def test_coefficients_stand_by_cluster_sector_after_sector():
    compiled = plan(SECTORS)
    p = compiled.parameters
    assert compiled.sectors == ("Catholic", "Public")
    assert compiled.J == 5
    assert compiled.starts.tolist() == [0, 3, 5]
    assert compiled.labels.tolist() == [1, 2, 3, 4, 5]
    assert compiled.slices() == [slice(0, 3), slice(3, 5)]
    assert p.gamma0.tolist() == [14, 14, 14, 12, 12]
    assert p.beta_within.tolist() == [1, 1, 1, 2, 2]
    assert p.contextual.tolist() == [3, 3, 3, 0, 0]


@pytest.mark.parametrize(
    "G",
    [
        ((16, 8), (8, 25)),
        ((0, 0), (0, 0)),
        ((16, 0), (0, 0)),
        ((0, 0), (0, 25)),
        ((16, 20), (20, 25)),
        ((16, -20), (-20, 25)),
        ((0.1, 0.3), (0.3, 0.9)),
        ((1e-20, 1e-13), (1e-13, 1e-6)),
    ],
)
def test_the_root_of_any_G(G):
    root = plan(G=G).parameters.root
    np.testing.assert_allclose(root @ root.T, G, rtol=1e-12)
    assert root[0, 1] == 0


def test_the_root_of_a_G_that_is_singular_only_up_to_rounding_keeps_its_variances():
    root = plan(G=[[1e-20, 1e-7], [1e-7, 1]]).parameters.root
    np.testing.assert_allclose(np.diag(root @ root.T), [1e-20, 1], rtol=1e-12)


@pytest.mark.parametrize("law", LAWS)
def test_laws_have_codes(law):
    declared = {"law": law, "df": 5} if law == "student-t" else {"law": law}
    p = plan(errors=declared, random_effects=declared, x=declared).parameters
    expected = (LAWS.index(law), 5.0 if law == "student-t" else 0.0, 0.0)
    assert p.errors == p.effects == p.random_x.law == expected


def test_scalars():
    compiled = plan(x={"mean": 3, "between_sd": 0.5, "within_sd": 2}, context="latent-mean")
    p = compiled.parameters
    assert (p.sigma, p.latent, p.x_fixed) == (math.sqrt(20), True, False)
    assert p.random_x == (3, 0.5, 2, (0, 0, 0))
    assert p.sizes.shape == (0,)
    assert not plan().parameters.latent


# --- sizes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mean", "minimum"), [(0.5, 1), (3, 2), (30, 2), (30, 31), (3000, 2)])
def test_expectations_over_poisson_sizes(mean, minimum):
    k = np.arange(0, 20 * mean + 100)
    probability = stats.poisson.pmf(k, mean)
    n = np.maximum(k, minimum)
    result = size_moments(
        plan(SECTORS, cluster_sizes={"law": "poisson", "mean": mean, "minimum": minimum})
    )
    # scipy's probabilities are themselves right to about 1e-11 at a mean of 3000
    for name, value in (("n", n), ("inverse", 1 / n), ("square", n.astype(float) ** 2)):
        expected = [probability @ value] * 2
        np.testing.assert_allclose(getattr(result, name), expected, rtol=1e-10)


def test_poisson_sizes_have_the_mean_that_algebra_gives():
    compiled = plan(cluster_sizes={"law": "poisson", "mean": 2, "minimum": 1})
    np.testing.assert_allclose(
        size_moments(compiled).n, 2 + math.exp(-2), rtol=1e-14
    )  # E max(1, N)
    big = size_moments(plan(cluster_sizes={"law": "poisson", "mean": 1e6}))
    np.testing.assert_allclose(big.n, 1e6, rtol=1e-12)
    np.testing.assert_allclose(big.square, 1e12 + 1e6, rtol=1e-12)


def test_expectations_over_fixed_sizes():
    fixed = plan(SECTORS, cluster_sizes={"law": "fixed", "size": 4})
    assert [v.tolist() for v in size_moments(fixed)] == [[4, 4], [0.25, 0.25], [16, 16]]
    listed = plan(SECTORS, cluster_sizes={"law": "list", "sizes": [1, 2, 3, 4, 8]})
    np.testing.assert_allclose(size_moments(listed).n, [2, 6])
    np.testing.assert_allclose(size_moments(listed).inverse, [(1 + 1 / 2 + 1 / 3) / 3, 3 / 16])
    np.testing.assert_allclose(expect_size(listed, lambda n: 1.0 * (n > 1)), [2 / 3, 1])


# --- data ---------------------------------------------------------------------------------------


def test_clusters_of_data_stand_sector_after_sector_in_order_of_appearance(tmp_path):
    result = from_csv(tmp_path)
    fixed = result.parameters.fixed_x
    assert result.sectors == ("Public", "Catholic")
    assert result.labels.tolist() == ["b", "c", "a", "d"]
    assert result.starts.tolist() == [0, 2, 4]
    assert fixed.values.tolist() == [1, 4, 5, 2, 3, 7]
    assert fixed.first.tolist() == [0, 2, 3, 5, 6]
    assert fixed.mean.tolist() == [2.5, 5, 2.5, 7]
    assert fixed.ss.tolist() == [4.5, 0, 0.5, 0]
    assert result.parameters.sizes.tolist() == [2, 1, 2, 1]


def test_data_without_sectors(tmp_path):
    result = from_csv(tmp_path, x={"sector": None})
    assert result.sectors == ("all",)
    assert result.labels.tolist() == ["b", "a", "c", "d"]


def test_hs_has_the_order_of_its_levels_and_its_own_moments():
    result, df = plan(HELD), hs()
    assert result.sectors == ("Catholic", "Public")
    assert np.diff(result.starts).tolist() == [21, 19]
    schools = df.groupby("school").ses
    fixed = result.parameters.fixed_x
    np.testing.assert_allclose(fixed.mean, schools.mean()[result.labels], rtol=1e-12, atol=1e-15)
    ss_x = (schools.var() * (schools.size() - 1))[result.labels]
    np.testing.assert_allclose(fixed.ss, ss_x, rtol=1e-12)
    for j in (0, 17, 39):
        values = fixed.values[fixed.first[j] : fixed.first[j + 1]]
        assert values.tolist() == df.ses[df.school == result.labels[j]].tolist()


def test_sizes_alone_may_come_from_data():
    sizes = {"law": "data", "data": "hs", "cluster": "school", "sector": "sector"}
    p = plan(clusters=None, cluster_sizes=sizes).parameters
    assert (p.x_fixed, p.sizes.sum(), len(p.fixed_x.values)) == (False, 1977, 0)
    assert p.random_x.within_sd == 1


def test_a_held_covariate_that_is_constant_in_a_cluster_has_no_sum_of_squares(tmp_path):
    rows = "".join(f"{s},0.1\n" for s in "aaabbb")
    result = from_csv(tmp_path, f"school,x\n{rows}", x={"sector": None})
    assert result.parameters.fixed_x.ss.tolist() == [0, 0]


# --- rows or moments ----------------------------------------------------------------------------

T3 = {"law": "student-t", "df": 3}


@pytest.mark.parametrize(
    ("base", "changes", "rows"),
    [
        (BASE, {}, False),
        (BASE, {"random_effects": T3}, False),
        (BASE, {"errors": T3}, True),
        (BASE, {"errors": {"law": "uniform"}}, True),
        (BASE, {"x": {"law": "exponential"}}, True),
        (HELD, {}, False),
        (HELD, {"errors": T3}, True),
    ],
)
def test_what_needs_rows(base, changes, rows):
    given = condition(base, **changes)
    assert needs_rows(given) is rows
    assert needs_rows(compile_plan(given)) is rows


# --- truth --------------------------------------------------------------------------------------


def test_truth_of_new_clusters():
    values = truth(plan(SECTORS, x={"mean": 10, "between_sd": 2}))
    assert {kind: value.tolist() for kind, value in values.items()} == {
        "intercept": [[14 + 3 * 10, 14], [12, 12]],
        "slope": [[1, 4], [2, 2]],
        "between": [[1, 4], [2, 2]],
        "contextual": [[3, 3], [0, 0]],
    }


def test_truth_with_x_held_has_the_mean_of_the_cluster_means():
    result, df = truth(plan(HELD)), hs()
    mean = df.groupby("school").ses.mean().groupby(df.groupby("school").sector.first()).mean()
    expected = [[13 + 2.5 * mean["Catholic"], 13], [12 + 3.5 * mean["Public"], 12]]
    np.testing.assert_allclose(result["intercept"], expected, rtol=1e-12)


def test_truth_of_given_clusters():
    m = np.array([[1.0, 2, 4, 3, 3]])
    u0, u1 = np.array([[1.0, -2, 0, 5, 7]]), np.array([[0.5, 0, -1, 1, 2]])
    values = truth(plan(SECTORS), Clusters(np.full((1, 5), 9.0), m, u0, u1))
    beta0 = np.array([14 + 3 + 1, 14 + 6 - 2, 14 + 12, 12 + 5, 12 + 7])
    beta1 = np.array([1.5, 1, 0, 3, 4])
    slope, intercept = np.polyfit(m[0, :3], (beta0 + beta1 * m[0])[:3], 1)
    expected = {
        "intercept": [[beta0[:3].mean(), intercept], [18, np.nan]],  # all m_j of Public are equal
        "slope": [[beta1[:3].mean(), slope], [3.5, np.nan]],
        "contextual": [[slope - beta1[:3].mean()] * 2, [np.nan] * 2],
    }
    for kind, value in expected.items():
        np.testing.assert_allclose(values[kind], value, rtol=1e-12)
    np.testing.assert_array_equal(values["between"], values["slope"])


def test_truth_of_given_clusters_without_random_effects_is_that_of_the_population():
    clusters = Clusters(np.ones((1, 5)), np.arange(5.0)[None], np.zeros((1, 5)), np.zeros((1, 5)))
    result, population = truth(plan(SECTORS), clusters), truth(plan(SECTORS))
    for kind in ("slope", "between", "contextual"):
        np.testing.assert_allclose(result[kind], population[kind], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(result["intercept"][:, 1], population["intercept"][:, 1])


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"errors": T3},
            "draw: moments are drawn from normal laws only, but population.errors has the law "
            "student-t; write draw: auto",
        ),
        (
            {"errors": {"law": "uniform"}, "x": {"law": "exponential"}},
            "draw: moments are drawn from normal laws only, but population.errors has the law "
            "uniform and population.x has the law exponential; write draw: auto",
        ),
    ],
)
def test_moments_are_refused_where_rows_are_needed(changes, message):
    with pytest.raises(PopulationError) as caught:
        plan(draw="moments", **changes)
    assert str(caught.value) == message
    plan(draw="rows", **changes)
    plan(draw="moments", random_effects=T3)


MIXED = CSV.replace("a,Catholic,3", "a,Public,3").replace("b,Public,4", "b,Catholic,4")


@pytest.mark.parametrize(
    ("text", "changes", "message"),
    [
        (
            CSV,
            {"context": "latent-mean"},
            "population.context: x from data has no latent means; write context: sample-mean",
        ),
        (
            MIXED,
            {},
            "{file}: kind is not constant within school b, a; "
            "give clusters of different sectors different names",
        ),
        (
            CSV,
            {"x": {"column": "z"}},
            "{file}: missing values (z 2); remove or complete those rows",
        ),
        (
            CSV,
            {"gamma": {"Catholic": [1, 2], "Private": [1, 2]}},
            "population.gamma: names the sectors Catholic, Private, "
            "but kind of s.csv has Public, Catholic",
        ),
        (
            CSV,
            {"beta_between": {"Catholic": 1}},
            "population.beta_between: names the sectors Catholic, "
            "but kind of s.csv has Public, Catholic",
        ),
        (
            CSV.replace("d,Cath", "a,Cath"),
            {},
            "s.csv: only one school where kind is Catholic; a sector needs 2 or more",
        ),
        (
            "school,x\na,1\na,2\n",
            {"x": {"sector": None}},
            "s.csv: only one school; a sector needs 2 or more",
        ),
    ],
)
def test_refusals_of_data(tmp_path, text, changes, message):
    with pytest.raises(PopulationError) as caught:
        from_csv(tmp_path, text, **changes)
    assert str(caught.value) == message.format(file=tmp_path / "s.csv")


def test_what_is_wrong_with_a_file_passes_through(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        plan(FROM_CSV, base_dir=tmp_path)
    with pytest.raises(DataError, match="no column 'xx' for the covariate; did you mean 'x'"):
        from_csv(tmp_path, x={"column": "xx"})
    with pytest.raises(DataError, match=r"line 3: x is 'two', which is not a number"):
        from_csv(tmp_path, CSV.replace("Catholic,2", "Catholic,two"))


# --- the studies that come with simlab ------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_studies_compile(path):
    study = load(path)
    for given in conditions(study):
        result = compile_plan(given, study.base_dir)
        counts = given.population.clusters
        if counts is not None:  # otherwise they are those of the data
            assert (sum(counts.values()) if isinstance(counts, Mapping) else counts) == result.J
        assert all(np.isfinite(value).all() for value in truth(result).values())


def test_the_high_schools_are_calibrated_on_hs():
    """β_W: pooled slope about the school means; γ_0, β_B: means of school on mean ses."""
    (given, _), df = conditions(load(CONFIGS / "high_schools.yaml")), hs()
    values = truth(compile_plan(given))
    for s, sector in enumerate(("Catholic", "Public")):
        schools = df[df.sector == sector].groupby("school")[["ses", "mathach"]]
        mean, (ses, y) = (
            schools.mean(),
            (df[["ses", "mathach"]] - schools.transform("mean")).T.values,
        )
        within = np.nansum(ses * y) / np.nansum(ses * ses)
        between, intercept = np.polyfit(mean.ses, mean.mathach, 1)
        assert values["slope"][s].tolist() == pytest.approx([within, between], abs=0.005)
        assert values["intercept"][s, 1] == pytest.approx(intercept, abs=0.005)
