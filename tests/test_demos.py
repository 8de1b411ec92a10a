"""Every demonstration runs, says what its numbers bear out, and does not say it where they do not.

Claims hold by 4 Monte Carlo standard errors (`claims.MARGIN`) at fixed seeds. Each has a negative
control: a population in which the sentence is untrue must be refused with that sentence.
"""

import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")

from simlab import runner
from simlab.cli.commands import app
from simlab.config import ConfigError
from simlab.course import demos
from simlab.course.demos import shrinkage
from simlab.course.demos.samples import samples
from simlab.course.demos.showing import prepared
from simlab.errors import ClaimError, UsageError
from simlab.text import Table

ROOT = Path(__file__).resolve().parents[1]

ENOUGH = {  # replicates with which all claims hold
    "methods_summary": 400,
    "robinson": 300,
    "simpson": 300,
    "three_estimates": 500,
    "ecological_and_atomistic": 1000,
    "shrinkage": 1000,
    "same_or_new_schools": 2500,
    "weights": 100,
    "pvalues": 10000,
    "asymptotics": 200,
}


def changed(name, replicates, **population):
    """The study of a demonstration with another population."""
    study = demos.study(name).replace(replicates=replicates)
    return study.replace(population={**study.population.model_dump(mode="json"), **population})


@pytest.fixture(scope="module")
def shown():
    """What the demonstrations found, each run once."""
    return {}


def result(shown, name):
    if name not in shown:
        demo = demos.demo(name)
        shown[name] = demo.find(prepared(demo, demos.study(name), ENOUGH[name]))
    return shown[name]


@pytest.mark.parametrize("name", demos.NAMES)
def test_claims_hold(shown, name):
    sentences = demos.demo(name).notice(result(shown, name))
    assert len(sentences) >= 3
    assert all(sentence.endswith(".") for sentence in sentences)


@pytest.mark.parametrize("name", demos.NAMES)
def test_table_fits_a_terminal(shown, name, monkeypatch):
    for width in (60, 80, 100):
        monkeypatch.setenv("COLUMNS", str(width))
        table = demos.demo(name).table(result(shown, name))
        lines = (table.text() if isinstance(table, Table) else str(table)).splitlines()
        assert len(lines) >= 4
        assert max(map(len, lines)) <= width
        assert "nan" not in " ".join(lines)


@pytest.mark.parametrize("name", demos.NAMES)
def test_figure_has_named_axes(shown, name):
    for ax in demos.demo(name).draw(result(shown, name)).axes:
        assert ax.get_xlabel()
        assert ax.has_data()


@pytest.mark.parametrize(
    ("name", "message", "study"),
    [
        ("robinson", "The sign reverses", lambda: changed("robinson", 100, beta_between=2)),
        (
            "simpson",
            "The sign reverses",
            lambda: changed("simpson", 100, x={"between_sd": 0.3, "within_sd": 1}),
        ),
        (
            "three_estimates",
            "mostly β_B",
            lambda: demos.study("three_estimates").replace(
                replicates=200, grid={"population.x.between_sd": [0.2, 0.3]}
            ),
        ),
        (
            "ecological_and_atomistic",
            "does not warn",
            lambda: demos.study("ecological_and_atomistic").replace(
                replicates=1000, grid={"population.beta_between": [2.2, 2]}
            ),
        ),
        (
            "shrinkage",
            "the BLUE has the smaller error",
            lambda: changed("shrinkage", 1000, sigma2=100),
        ),
        (
            "same_or_new_schools",
            "too small",
            lambda: changed("same_or_new_schools", 500, G=[[9, 0], [0, 0]]),
        ),
        (
            "weights",
            "GLS estimates neither",
            lambda: demos.study("weights").replace(
                replicates=100, grid={"population.sigma2": [1, 2]}
            ),
        ),
        ("pvalues", "do not agree", lambda: demos.study("pvalues").replace(seed=3)),
        ("asymptotics", "do not help", lambda: changed("asymptotics", 100, beta_between=2)),
        (
            "methods_summary",
            "Pooling mixes",
            lambda: changed("methods_summary", 64, x={"between_sd": 0.05, "within_sd": 1}),
        ),
    ],
)
def test_what_does_not_hold_is_not_said(name, message, study):
    demo = demos.demo(name)
    with pytest.raises(ClaimError, match="this cannot be said here") as refused:
        demo.notice(demo.find(study()))
    assert message in str(refused.value)


def test_every_demonstration_has_a_question_a_study_and_a_script():
    lines = demos.listing().splitlines()
    assert [line.split()[0] for line in lines if line[0] != " "] == list(demos.NAMES)
    assert max(map(len, lines)) <= 100
    for name in demos.NAMES:
        line, question = demos.question(name)
        assert line
        assert "?" in line + question
        assert demos.study(name).name == name
        assert demos.study(name).description
        assert (ROOT / "experiments" / f"{name}.py").exists()


def test_the_command_lists(capsys):
    app(["demo"], result_action="return_value")
    assert capsys.readouterr().out == demos.listing() + "\n"


def test_the_command_shows(tmp_path, capsys):
    options = ["--replicates", "300", "--out", str(tmp_path / "new")]
    app(["demo", "robinson", *options], result_action="return_value")
    out = capsys.readouterr().out
    parts = ["Robinson's paradox", "slope within", "What to notice", "1. The sign reverses"]
    assert sorted(parts, key=out.index) == parts
    assert (tmp_path / "new" / "demo_robinson.png").stat().st_size > 10_000


def test_too_few_replicates_are_an_error_in_one_line(tmp_path):
    """By the script in experiments/, which is the command."""
    command = [sys.executable, str(ROOT / "experiments" / "shrinkage.py"), "--replicates", "3"]
    process = subprocess.run(
        [*command, "--out", str(tmp_path)], capture_output=True, text=True, check=False, cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.returncode == 2
    assert "3 replicates, seed 18; figure" in process.stdout
    assert "What to notice" not in process.stdout
    assert process.stderr.count("\n") == 1
    assert "3 replicates may be too few" in process.stderr


def test_what_there_is_not_is_refused(tmp_path):
    with pytest.raises(UsageError, match="did you mean 'simpson'"):
        demos.run("simson")
    with pytest.raises(UsageError, match="there are methods_summary, robinson"):
        demos.run("xyz")
    with pytest.raises(ConfigError, match="replicates"):
        demos.run("simpson", replicates=0)
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"demo_shrinkage\.png: cannot be written"):
        demos.run("shrinkage", 2, out=tmp_path / "file")


@pytest.mark.parametrize("condition", [0, 1])
def test_samples_are_those_that_are_estimated_from(condition):
    study = demos.study("shrinkage").replace(replicates=300)
    drawn = samples(study, condition)
    ds = runner.run(study, jobs=1).isel(condition=condition).sel(estimator="two_stage")
    slope = drawn.moments.slope.mean(axis=1)
    assert slope == pytest.approx(ds["estimate"].sel(term="slope").values, rel=1e-12)
    assert drawn.clusters.u1.shape == ((300, 40) if condition == 0 else (1, 40))


def test_rows_have_the_moments():
    drawn = samples(demos.study("weights").replace(replicates=3), rows=True)
    means = np.array([[own.mean() for own in y] for y in drawn.y])
    assert means == pytest.approx(drawn.moments.y_mean, rel=1e-12)


def test_blup_is_the_average_of_the_slides():
    """(G⁻¹ + S⁻¹)⁻¹(G⁻¹γ + S⁻¹β̂), S = σ²(X'X)⁻¹ with X'X from its definition."""
    study = changed("shrinkage", 2, G=[[9, 1], [1, 1]])
    lines, m = shrinkage.predict(study, 0), samples(study).moments
    gamma, G_inverse = np.array([12, 2]), np.linalg.inv([[9, 1], [1, 1]])
    for b, j in [(0, 0), (1, 39)]:
        n, x, ss = m.n[b, j], m.x_mean[b, j], m.ss_x[b, j]
        S_inverse = np.array([[n, n * x], [n * x, ss + n * x * x]]) / 20
        conditional = np.linalg.inv(G_inverse + S_inverse)
        blup = conditional @ (G_inverse @ gamma + S_inverse @ lines.blue[b, j])
        assert lines.blup[b, j] == pytest.approx(blup, rel=1e-12)
        assert lines.conditional[b, j] == pytest.approx(conditional, rel=1e-12)
