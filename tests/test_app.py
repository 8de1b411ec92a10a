"""The laboratory on the screen, without a screen: what is set, drawn, repeated, measured, told."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from dataclasses import asdict, replace

import numpy as np
import pytest
from scipy.stats import poisson

import simlab
from simlab.app import draws, facts, live, server, summary, table, texts
from simlab.app.settings import PRESETS, RANGES, Settings, problems, study
from simlab.config import ConfigError, loads
from simlab.course import demos
from simlab.design import conditions
from simlab.estimators import METHODS, REGISTRY
from simlab.estimators.base import Sample
from simlab.moments import from_rows
from simlab.population import compile_plan
from simlab.runner import run_block
from simlab.sampling import draw_block

SMALL = Settings(
    beta_within=-1.0, beta_between=3.0, sd_intercepts=1.5, sd_slopes=0.5, sigma=2.0,
    clusters=8, size=10, x_between=1.0, x_within=1.0, seed=7,
)  # fmt: skip
TWO = replace(SMALL, sectors=2, intercept_difference=-2.0, slope_difference=0.7, clusters=11)


# Settings and texts


def test_presets_are_studies_and_lie_on_their_sliders() -> None:
    for name, settings in PRESETS.items():
        assert study(settings).replicates == 1000, name
        for field, (_, start, end, _) in RANGES.items():
            assert start <= getattr(settings, field) <= end, (name, field)


def test_presets_and_demonstrations_of_one_name_have_one_population() -> None:
    shared = {name: PRESETS[name.title()] for name in demos.NAMES if name.title() in PRESETS}
    assert list(shared) == ["robinson", "simpson"]
    for name, settings in shared.items():
        here, there = (conditions(one)[0] for one in (study(settings), demos.study(name)))
        ours, theirs = (repr(compile_plan(one).parameters) for one in (here, there))
        assert ours == theirs
        changed = conditions(study(replace(settings, sigma=3.0)))[0]
        assert repr(compile_plan(changed).parameters) != theirs
        sizes, least = here.population.cluster_sizes, there.population.cluster_sizes.minimum
        alike = there.population.cluster_sizes.model_copy(update={"minimum": sizes.minimum})
        assert alike == sizes
        # The page has no least number of students: one school in a hundred million is below it.
        assert poisson.cdf(least - 1, sizes.mean) < 1e-8


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [("sigma", 0.0, "σ is 0"), ("x_within", 0.0, "x within schools is 0"), ("seed", -1, "seed"),
     ("correlation", 1.5, "covariance"), ("clusters", 1, "2 schools")],
)  # fmt: skip
def test_an_impossible_value_is_told_beside_its_slider(field: str, value: float, word: str) -> None:
    settings = Settings(**{**asdict(SMALL), field: value})
    with pytest.raises(ConfigError) as refused:
        study(settings)
    (place, message), *others = problems(refused.value).items()
    assert (place, others) == (field, [])
    assert word in message


def test_a_sector_of_one_school_is_told_beside_the_number_of_schools() -> None:
    with pytest.raises(ConfigError) as refused:
        study(replace(TWO, clusters=3))
    assert set(problems(refused.value)) == {"clusters"}


@pytest.mark.parametrize("correlation", [-1.0, 1.0])
def test_a_singular_G_is_possible_whatever_the_rounding(correlation: float) -> None:
    for sd in np.arange(0.0, 6.05, 0.1).round(1):
        study(replace(SMALL, sd_intercepts=1.3, sd_slopes=float(sd), correlation=correlation))


@pytest.mark.parametrize("preset", PRESETS)
def test_every_slider_can_go_to_either_end(preset: str) -> None:
    for field, (_, start, end, _) in RANGES.items():
        for value in (start, end):
            settings = replace(PRESETS[preset], **{field: value})
            blamed: dict[str, str] = {}
            try:
                work = draws.prepare(study(settings))
            except ConfigError as error:
                blamed = problems(error)
            assert "" not in blamed
            if blamed:
                continue
            drawn = draws.draw(work, 0)
            assert np.isfinite(drawn.y).all()
            facts.facts(work)
            assert np.isfinite(facts.frames(settings)).all()


def estimates(work: simlab.runner.Work) -> np.ndarray:
    size = work.study.block
    blocks = range(-(-work.study.replicates // size))
    return np.concatenate([run_block(work, 0, number).estimate for number in blocks])


@pytest.mark.parametrize("settings", [SMALL, TWO, replace(SMALL, scheme="same-clusters")])
def test_yaml_gives_what_is_on_the_screen_bit_for_bit(settings: Settings) -> None:
    shown = study(settings, 260)
    again = loads(texts.yaml_text(shown, 3))
    assert again == shown
    drawn = draws.draw(draws.prepare(shown), 3)
    rows = simlab.replicate(again, replicate=3)
    assert np.array_equal(rows["x"], drawn.x)
    assert np.array_equal(rows["y"], drawn.y)
    ran = simlab.run(again)["estimate"].values[0]
    assert np.array_equal(ran, estimates(draws.prepare(shown)), equal_nan=True)


def test_python_gives_what_is_on_the_screen_bit_for_bit(capsys: pytest.CaptureFixture[str]) -> None:
    shown = study(SMALL, 30)
    key = draws.prepare(study(TWO)).jobs[0].key
    for frozen in (None, key):
        work = draws.prepare(shown, frozen)
        left: dict[str, object] = {}
        exec(texts.python_text(shown, 2, frozen), left)
        drawn = draws.draw(work, 2)
        assert np.array_equal(left["rows"]["y"], drawn.y)  # type: ignore[index]
        assert np.array_equal(left["estimate"], estimates(work), equal_nan=True)
    assert "Pooled" in capsys.readouterr().out
    assert "held" in texts.yaml_text(shown, 2, key)


# Draws


def test_with_a_held_key_a_slider_moves_the_population_and_not_the_chance() -> None:
    first = draws.prepare(study(SMALL))
    key = first.jobs[0].key
    higher = study(replace(SMALL, gamma0=SMALL.gamma0 + 5))
    before, held, free = (
        draws.draw(work, 0) for work in (first, draws.prepare(higher, key), draws.prepare(higher))
    )
    assert np.array_equal(before.x, held.x)
    np.testing.assert_allclose(held.y, before.y + 5, rtol=0, atol=1e-12)
    assert not np.array_equal(before.x[:5], free.x[:5])
    steeper = draws.prepare(study(replace(SMALL, sd_slopes=1.0)), key)
    u1 = before.true[:, 1] - SMALL.beta_within
    np.testing.assert_allclose(
        draws.draw(steeper, 0).true[:, 1] - SMALL.beta_within, 2 * u1, atol=1e-12
    )


# One sample


@pytest.fixture(scope="module", params=[SMALL, TWO], ids=["one sector", "two sectors"])
def one(request: pytest.FixtureRequest) -> tuple[simlab.runner.Work, Sample, draws.Drawn]:
    work = draws.prepare(study(request.param))
    (job,) = work.jobs
    s, key = work.study, job.key
    moments, _ = draw_block(job.plan, job.condition.scheme, job.rows, s.seed, key, 0, 1)
    return work, Sample(moments, job.known), draws.draw(work, 0)


def test_the_students_have_the_moments_that_the_methods_saw(one) -> None:
    _, seen, drawn = one
    result = from_rows(drawn.x, drawn.y, drawn.school, drawn.sector)
    for name in ("n", "x_mean", "y_mean", "ss_x", "s_xy", "rss"):
        np.testing.assert_allclose(getattr(result, name), getattr(seen.moments, name), atol=1e-9)


def test_lines_and_ellipses_are_the_methods_own(one) -> None:
    work, seen, drawn = one
    for method in work.methods:
        fit, line = method.fit(seen), drawn.lines[method.name]
        P = len(line.center)
        slope = method.kinds.index("slope")
        assert np.array_equal(line.center[:, 1], fit.estimate[0].reshape(-1, P)[slope])
        if "intercept" in method.kinds:
            se = np.sqrt(np.diagonal(line.covariance, axis1=1, axis2=2)).T
            np.testing.assert_allclose(se, fit.std_error[0].reshape(-1, P)[[0, slope]], rtol=1e-12)


def test_covariance_of_intercept_and_slope_is_that_of_the_textbook(one) -> None:
    _, seen, drawn = one
    m, S = seen.moments, seen.moments.n_sectors
    weighted = (m.sum(m.n * m.x_mean) / m.sum(m.n))[0]
    plain = (m.sum(m.x_mean) / m.clusters)[0]
    for name, x_mean in (("pooled", weighted), ("ecological", plain)):
        covariance = drawn.lines[name].covariance[:S]
        # Least squares: Cov(a, b) = −x̄ Var b.
        np.testing.assert_allclose(covariance[:, 0, 1], -x_mean * covariance[:, 1, 1], rtol=1e-7)
        assert (np.abs(covariance[:, 0, 1]) > 1e-4).all()  # or the sign would not be tested
    blue = drawn.blue
    inside = [blue[drawn.sector == s] for s in range(S)]
    pooled = sum((len(b) - 1) * np.cov(b.T) for b in inside) / (len(blue) - S)
    for s in range(S):
        expected = pooled / len(inside[s])
        np.testing.assert_allclose(drawn.lines["two_stage"].covariance[s], expected, rtol=1e-7)


def test_covariance_of_the_contextual_model_agrees_with_its_standard_errors(one) -> None:
    work, seen, _ = one
    S = seen.moments.n_sectors
    known = work.jobs[0].known
    phi = draws.gls_covariance(seen.moments, known.G, known.sigma2)
    fit = next(m for m in METHODS if m.name == "gls_oracle").fit(seen)
    intercept, within, between, context = fit.std_error[0].reshape(4, -1)[:, :S] ** 2
    for value, weights in (
        (intercept, [1, 0, 0]), (within, [0, 1, 0]), (between, [0, 1, 1]), (context, [0, 0, 1])
    ):  # fmt: skip
        np.testing.assert_allclose(np.einsum("i,sij,j->s", weights, phi, weights), value, rtol=1e-7)


def test_blups_are_those_of_the_rows(one) -> None:
    work, seen, drawn = one
    known = work.jobs[0].known
    target = drawn.gamma[drawn.sector]
    result = draws.blups(seen.moments, target, known.G, known.sigma2)
    for j in range(len(target)):
        at = drawn.school == j
        Z = np.column_stack([np.ones(at.sum()), drawn.x[at]])
        V = Z @ known.G @ Z.T + known.sigma2 * np.eye(at.sum())
        u = known.G @ Z.T @ np.linalg.solve(V, drawn.y[at] - Z @ target[j])
        np.testing.assert_allclose(result[j], target[j] + u, rtol=1e-6, atol=1e-8)
        assert np.abs(result[j] - drawn.blue[j]).max() > 1e-3


# What is true


def test_badges() -> None:
    on = {}
    for name, settings in PRESETS.items():
        work = draws.prepare(study(settings))
        on[name] = {which for which, _ in facts.paradoxes(facts.facts(work), ("all",))}
    assert on["Robinson"] == {"Robinson"}
    assert on["Simpson"] == {"Robinson", "Simpson"}
    assert not any(on[name] for name in set(PRESETS) - {"Robinson", "Simpson"})


def test_the_pooled_slope_converges_to_what_the_badge_says() -> None:
    work = draws.prepare(study(replace(PRESETS["Simpson"], clusters=100), 250))
    slope = estimates(work)[:, 0, work.columns["pooled"][1]]
    mcse = slope.std() / np.sqrt(len(slope))
    (limit,) = facts.facts(work).pooled
    # With 100 schools the bias of a ratio is of the order of 1/J of the limit.
    assert abs(slope.mean() - limit) < 4 * mcse + 0.02
    assert abs(slope.mean() - PRESETS["Simpson"].beta_within) > 40 * mcse


# Repeating


def collected(counter: live.Live, until: int, arrived: threading.Event) -> None:
    while counter.count < until:
        assert arrived.wait(120)
        arrived.clear()


def test_replicates_do_not_depend_on_the_steps_in_which_they_were_asked_for() -> None:
    arrived = threading.Event()
    counter = live.Live(arrived.set)
    work = draws.prepare(study(SMALL))
    counter.start(work)
    for more, total in ((1, 1), (2, 3), (300, 303)):
        counter.more(more)
        assert counter.running
        collected(counter, total, arrived)
    assert (counter.count, counter.running) == (303, False)
    terms = np.array([work.columns[m.name][m.kinds.index("slope")] for m in work.methods])
    got = counter.replicates(terms)
    whole = estimates(draws.prepare(study(SMALL, 303)))[:, np.arange(len(terms)), terms]
    assert np.array_equal(got.estimate, whole, equal_nan=True)

    other = draws.prepare(study(replace(SMALL, seed=8)))
    counter.start(other)
    assert counter.count == 0
    counter.more(5)
    collected(counter, 5, arrived)
    assert not np.array_equal(counter.replicates(terms).estimate, whole[:5])
    counter.close()


def test_running_goes_on_until_paused() -> None:
    arrived = threading.Event()
    counter = live.Live(arrived.set)
    counter.start(draws.prepare(study(SMALL)))
    counter.more(live.MOST)
    collected(counter, 500, arrived)
    counter.pause()
    assert not counter.running
    counter.close()


# Measuring


def replicates(settings: Settings, count: int, target: summary.Target = "within"):
    work = draws.prepare(study(settings, count))
    sectors = work.jobs[0].plan.sectors
    terms = summary.terms(work.methods, work.terms, sectors, 0, target)
    counter = live.Live(lambda: None)
    counter._work, counter._blocks = work, [run_block(work, 0, 0)]
    got = counter.replicates(terms)
    counter.close()
    return work, got


def test_summary_is_what_the_library_measures() -> None:
    work, got = replicates(SMALL, 250)
    theta = float(facts.facts(work).within[0])
    measured = summary.summarise(got, theta)
    ds = simlab.measure(simlab.run(study(SMALL, 250)))
    cell = ds.isel(condition=0).sel(term="slope", target="beta_within")
    for name, ours in (
        ("bias", measured.bias), ("empirical_se", measured.true_se),
        ("model_se", measured.reported_se), ("coverage", measured.coverage),
    ):  # fmt: skip
        np.testing.assert_allclose(ours.value, cell[name].values, rtol=1e-12)
        np.testing.assert_allclose(ours.mcse, cell[f"{name}_mcse"].values, rtol=1e-12)


def test_for_beta_between_a_contextual_model_is_asked_for_its_between_effect() -> None:
    _, within = replicates(SMALL, 250)
    work, between = replicates(SMALL, 250, "between")
    at = {method.name: e for e, method in enumerate(work.methods)}
    theta = float(facts.facts(work).between[0])
    assert np.array_equal(within.estimate[:, at["pooled"]], between.estimate[:, at["pooled"]])
    bias = summary.summarise(between, theta).bias
    for name in ("hlm_contextual", "gls_oracle", "ecological"):
        assert abs(bias.value[at[name]]) < 4 * bias.mcse[at[name]]
    assert abs(bias.value[at["hlm"]]) > 10 * bias.mcse[at["hlm"]]


def test_bins_hold_every_estimate_that_is_inside() -> None:
    estimate = np.array([[0.0, 1.0], [0.5, np.nan], [0.99, 5.0], [1.0, -3.0]])
    assert summary.counts(estimate, np.array([0.0, 0.5, 1.0])).tolist() == [[1, 2], [0, 0]]
    at = summary.edges(estimate, np.array([-4.0, np.nan]), 10)
    assert len(at) == 11
    assert at[0] < -4.0 < 5.0 < at[-1] + 0.5
    assert np.isfinite(summary.edges(np.empty((0, 2)), np.array([np.nan]))).all()


def test_the_last_intervals_of_a_method() -> None:
    work, got = replicates(SMALL, 250)
    theta = float(facts.facts(work).within[0])
    last = summary.intervals(got, 0, theta)
    assert len(last.estimate) == summary.LAST
    assert np.array_equal(last.estimate, got.estimate[-summary.LAST :, 0])
    pooled, right = (summary.intervals(got, e, theta).covers.mean() for e in (0, 4))
    assert pooled < 0.5 < 0.85 < right


def test_the_table_marks_what_is_dishonest_and_nothing_else() -> None:
    work, got = replicates(SMALL, 250)
    text = table.table(
        summary.summarise(got, float(facts.facts(work).within[0])), 250, "hlm", "β_W"
    )
    rows = dict(zip(REGISTRY, text.split("<tr")[2:], strict=True))
    assert "too small" in rows["pooled"]
    assert "too " not in rows["two_stage"]
    assert 'class="focus"' in rows["hlm"]
    empty = summary.summarise(live.Replicates(*(np.empty((0, 9)) for _ in range(5))), 0.0)
    assert "no samples yet" in table.table(empty, 0, "hlm", "β_W")


def test_axes_stay_while_they_show_what_is_wanted() -> None:
    assert facts.steady(None, (0.0, 1.0)) == (0.0, 1.0)
    assert facts.steady((0.0, 1.0), (0.05, 0.95)) == (0.0, 1.0)
    assert facts.steady((0.0, 1.0), (0.5, 2.0)) == (0.5, 2.0)  # would be cut
    assert facts.steady((0.0, 10.0), (4.0, 5.0)) == (4.0, 5.0)  # would be dwarfed


# Serving


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-c", "from simlab.cli import main; main()", "app", *arguments]
    return subprocess.run(line, capture_output=True, text=True, check=False, timeout=600)


def test_a_port_in_use_is_told_in_one_line() -> None:
    pytest.importorskip("panel")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = command("--port", str(port), "--no-browser")
    assert process.returncode == 2
    assert process.stderr.strip() == (
        f"--port {port} is in use: give another, or --port 0 for any that is free"
    )


def test_a_number_that_is_no_port_is_refused() -> None:
    pytest.importorskip("panel")
    with pytest.raises(server.AppError, match="a port is a number from 0 to 65535"):
        server.serve(70000, browser=False)


def test_a_missing_package_is_told_with_the_remedy() -> None:
    with pytest.raises(server.AppError, match=r"needs no_such_thing: pip install no_such_thing"):
        server.require("no_such_thing")
