"""A law, a scheme or a context that sampling does not know fails; it never becomes the default."""

from dataclasses import replace

import pytest

import simlab
from simlab import config, design
from simlab.population import LAWS, Law, PopulationError, compile_plan, plan
from simlab.runner import work
from simlab.sampling import Common, block_clusters, draw_block, require_laws
from simlab.sampling.laws import standardised

KEY = "0" * 32
UNKNOWN = Law(len(LAWS), 0.0, 0.0)
STUDY = """\
name: laws
replicates: 8
estimators: [pooled]
common_random_numbers: {common}
population:
  clusters: 6
  gamma: [1, 2]
  G: [[1, 0], [0, 1]]
  sigma2: 4
  cluster_sizes: {{law: fixed, size: 4}}
"""


def study(common=True):
    return config.loads(STUDY.format(common=str(common).lower()))


def a_plan():
    return compile_plan(next(iter(design.conditions(study()))))


def with_law(p, field):
    """A copy of a plan in which one law is made up."""
    if field == "x":
        parameters = p.parameters._replace(random_x=p.parameters.random_x._replace(law=UNKNOWN))
    else:
        name = {"random_effects": "effects"}.get(field, field)
        parameters = p.parameters._replace(**{name: UNKNOWN})
    return replace(p, parameters=parameters)


@pytest.mark.parametrize("common", [True, False])
@pytest.mark.parametrize("field", ["random_effects", "errors", "x"])
def test_a_law_made_up_is_refused_at_preparation(monkeypatch, field, common):
    made_up = with_law(a_plan(), field)
    monkeypatch.setattr(work, "compile_plan", lambda *_: made_up)
    with pytest.raises(config.ConfigError) as caught:
        simlab.run(study(common))
    (line,) = str(caught.value).splitlines()
    how = "with common random numbers" if common else "by the kernels"
    assert line == (
        f"<string>:5:1: population.{field}: the law number 4 cannot be drawn {how}; known are "
        "normal, uniform, exponential, student-t"
    )


def test_a_law_with_a_name_is_named(monkeypatch):
    """So it is where somebody adds a law, and forgets common random numbers."""
    monkeypatch.setattr(plan, "LAWS", (*LAWS, "cauchy"))
    with pytest.raises(PopulationError, match=r"^population\.errors: the law cauchy cannot be"):
        require_laws(with_law(a_plan(), "errors"), Common(256))


def test_sizes_without_a_law_are_refused():
    p = a_plan()
    none = replace(p, parameters=p.parameters._replace(sizes=p.parameters.sizes[:0]))
    with pytest.raises(PopulationError, match=r"^population\.cluster_sizes: 0 sizes of 6 clusters"):
        require_laws(none, Common(256))


@pytest.mark.parametrize("key", [KEY, Common(8)])
def test_every_law_that_is_known_is_let_through(key):
    for code in range(len(LAWS)):
        p = a_plan()
        known = p.parameters._replace(errors=Law(code, 5.0, 0.0), effects=Law(code, 5.0, 0.0))
        require_laws(replace(p, parameters=known), key)


@pytest.mark.parametrize("field", ["random_effects", "errors", "x"])
def test_a_law_made_up_is_not_drawn_with_common_random_numbers(field):
    made_up = with_law(a_plan(), field)
    with pytest.raises(PopulationError, match="the law number 4 cannot be drawn with common"):
        draw_block(made_up, "new-clusters", True, 1, Common(8), 0, 8)
    with pytest.raises(PopulationError, match="number 4"):
        standardised(lambda: None, UNKNOWN, (2, 2))


def test_a_context_that_is_none_is_refused():
    condition = next(iter(design.conditions(study())))
    population = condition.population.model_copy(update={"context": "median"})
    with pytest.raises(PopulationError, match=r"^population\.context: median cannot be drawn"):
        compile_plan(replace(condition, population=population))


def test_a_scheme_that_is_none_is_refused():
    with pytest.raises(PopulationError, match=r"^scheme: old-clusters is none; there are new-clu"):
        block_clusters(a_plan(), "old-clusters", 1, KEY, 0, 8)
