"""Errors are all of one family, and a confidence level is refused in the same words everywhere."""

import importlib
import pkgutil
import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from study_cases import study

import simlab
from simlab import config, plots
from simlab.errors import LEVEL_RULE, LevelError, check_level, closest, did_you_mean, is_level
from simlab.fitting.errors import FitError

FORMULA = "mathach ~ ses + (1 | school)"
COLUMNS = {"y": "mathach", "x": "ses", "cluster": "school"}
WRONG = {
    "95": 95, "0": 0, "1": 1.0, "-0.95": -0.95, "nan": np.nan, "inf": np.inf, "1000": 1e3,
    "95 ": np.float64(95.0), "True": True, "'0.95'": "0.95", "None": None, "[0.95]": [0.95],
    "(0.95+0j)": 0.95 + 0j,
}  # fmt: skip


@pytest.fixture(scope="module")
def fit():
    return simlab.fit(FORMULA, simlab.data.hs())


@pytest.fixture(scope="module")
def drawn(fit):
    return simlab.bootstrap(fit, ["ses"], draws=20, jobs=1)


@pytest.mark.parametrize(("text", "level"), WRONG.items())
def test_what_is_no_level_is_refused_in_one_line(text, level):
    assert not is_level(level)
    with pytest.raises(LevelError) as error:
        check_level(level)
    assert str(error.value) == f"level is {text.strip()}; it {LEVEL_RULE}"


@pytest.mark.parametrize("level", [np.array([0.9, 0.95]), "9" * 500, "a\nb", 10**400, Decimal("2")])
def test_the_refusal_is_short_and_one_line(level):
    with pytest.raises(LevelError) as error:
        check_level(level, "conf")
    assert len(str(error.value)) < 120
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "level", [0.95, np.float64(0.5), np.float32(0.5), 1e-12, 1 - 1e-12, Fraction(19, 20)]
)
def test_a_level_is_returned_as_a_float(level):
    assert check_level(level) == float(level)
    assert type(check_level(level)) is float


@pytest.fixture(scope="module")
def results():
    return simlab.run(study(), jobs=1)


def places(fit, drawn):
    hs, null = simlab.data.hs(), "mathach ~ 1 + (1 | school)"
    return {
        "conf_int": lambda level: fit.conf_int(level=level),
        "conf_int, random": lambda level: fit.conf_int(level=level, which="random"),
        "conf_int, profile": lambda level: fit.conf_int(level=level, kind="profile"),
        "wald": lambda level: fit.wald("ses", level=level),
        "summary": lambda level: fit.summary(level=level),
        "varcorr": lambda level: fit.varcorr(level=level),
        "profile": lambda level: fit.profile("ses", level=level),
        "predict": lambda level: fit.predict(interval="confidence", level=level),
        "compare": lambda level: simlab.compare(hs, **COLUMNS, level=level),
        "audit": lambda level: simlab.audit(hs, **COLUMNS, level=level),
        "pvalue": lambda level: simlab.pvalue(hs, null, FORMULA, draws=10, level=level),
        "bootstrap": lambda level: simlab.bootstrap(fit, ["ses"], draws=10, level=level),
        "its intervals": lambda level: drawn.conf_int(level=level),
        "ellipses": lambda level: plots.beta_space(level=level, ax=plt.figure().add_subplot()),
    }


@pytest.mark.parametrize("level", [95, 0, 1, True, np.nan, "0.95"])
def test_every_place_that_takes_a_level_refuses_it_alike(fit, drawn, results, level):
    messages = {}
    for place, ask in places(fit, drawn).items():
        with pytest.raises(FitError) as error:
            ask(level)
        messages[place] = str(error.value)
    expected = f"level is {level!r}; it {LEVEL_RULE}"
    assert messages == dict.fromkeys(messages, expected)
    with pytest.raises(ValueError, match=re.escape(f"attribute {expected}")):
        simlab.measure(results.assign_attrs(level=level))
    plt.close("all")


@pytest.mark.parametrize(("written", "shown"), [("95", "95"), ("true", "true"), ("'x'", "'x'")])
def test_a_study_refuses_it_with_its_place_in_the_file(written, shown):
    text = f"name: a\nreplicates: 9\nlevel: {written}\n"
    with pytest.raises(config.ConfigError) as error:
        config.loads(text)
    refusals = [str(p) for p in error.value.problems if p.field == "level"]
    assert refusals == [f"<string>:3:8: level: {LEVEL_RULE}, not {shown}"]


def test_the_places_accept_what_is_a_level(fit, drawn):
    """Negative control: with 0.9 none of them raises, and the interval is narrower than at 0.95."""
    for place, ask in places(fit, drawn).items():
        if place != "audit":  # which takes seconds
            ask(0.9)
    wide, narrow = fit.conf_int(level=0.95), fit.conf_int(level=0.9)
    assert (narrow.upper - narrow.lower < wide.upper - wide.lower).all()
    plt.close("all")


def classes():
    """All exceptions that simlab defines, but for its warnings."""
    for module in pkgutil.walk_packages(simlab.__path__, "simlab."):
        for one in vars(importlib.import_module(module.name)).values():
            own = isinstance(one, type) and one.__module__.startswith("simlab.")
            if own and issubclass(one, Exception) and not issubclass(one, Warning):
                yield one


def test_whoever_catches_error_catches_all_that_simlab_raises():
    values = {*classes()}
    assert {error for error in values if not issubclass(error, simlab.Error)} == set()
    assert len({error.__name__ for error in values}) == len(values) > 20


# Errors of Python that are on their way to an `Error`: from validators to a ConfigError, from
# functions in formulas to a FormulaError, from a damaged store to a StoreError; and one that
# `simlab.fitting` forestalls.
TRANSLATED = (
    "config/", "formula/", "results/messages", "results/nodes", "results/layout",
    "custom/returned", "mixed/kenward_roger",
)  # fmt: skip


def test_simlab_raises_errors_of_its_own():
    raised = re.compile(r"raise (\w*(?:Value|Type|Key|Index|Lookup|Runtime|Arithmetic|OS)Error)\b")
    folder = Path(simlab.__file__).parent
    found = {
        f"{name}: {found.group()}"
        for file in folder.rglob("*.py")
        if not (name := file.relative_to(folder).as_posix()).startswith(TRANSLATED)
        for found in raised.finditer(file.read_text(encoding="utf-8"))
    }
    assert found == set()


def test_no_error_is_known_by_its_name():
    folder = Path(simlab.__file__).parent
    form = re.compile(r"\)\.__name__ (not )?(in|==|!=)|text\.startswith\(\"\w*Error")
    for file in folder.rglob("*.py"):
        assert not form.search(file.read_text(encoding="utf-8")), file


@pytest.mark.parametrize(
    ("word", "options", "close"),
    [("slop", ["slope", "df"], "slope"), ("SLOPE", ["slope"], "slope"), ("zzz", ["slope"], ""),
     ("sigma2", ["population.sigma2"], "population.sigma2"), ("s" * 300, ["s" * 300], ""),
     (1, ["10", "2"], "10"), ("x", [], "")],
)  # fmt: skip
def test_what_may_have_been_meant(word, options, close):
    assert closest(word, options) == close
    assert did_you_mean(word, options) == (f"; did you mean '{close}'?" if close else "")
    assert did_you_mean(word, options, "write more") == (
        f"; did you mean '{close}'?" if close else "; write more"
    )


def test_one_function_guesses():
    folder = Path(simlab.__file__).parent
    named = {
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*.py")
        if re.search("get_close_matches|did you mean", file.read_text(encoding="utf-8"))
    }
    assert named == {"errors.py"}
