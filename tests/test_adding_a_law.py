"""The page "Adding a law", obeyed in a copy of simlab: a file and a name, and everything knows it.

Tolerances: five Monte Carlo standard errors of a mean of independent numbers, sd/√N. Probabilities
are sums on both sides, so 1e-10 relative. Negative controls: the same check refuses the moments
that a normal law, or Poisson sizes, would have.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

pytestmark = pytest.mark.slow  # kernels are compiled anew for the copy

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "adding_a_law.md").read_text("utf-8")
(STUDY,) = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.M | re.S)

DRAWN = """
import json, sys
import numpy as np
from simlab import config, design
from simlab.population import compile_plan, size_moments
from simlab.sampling import Common, block_clusters, replicate_rows, draw_block

study = sys.stdin.read()
laplace = "\\n  x: {law: laplace, mean: 3, within_sd: 2}\\n"
for common in (False, True):
    condition = next(iter(design.conditions(config.loads(study.rstrip() + laplace))))
    plan = compile_plan(condition)
    key = Common(400) if common else condition.key
    _, rows = draw_block(plan, "new-clusters", True, 1, key, 0, 400, keep_rows=True)
    clusters = block_clusters(plan, "new-clusters", 1, key, 0, 400)
    n = clusters.n.astype(int).ravel()
    u0, u1 = (np.repeat(u.ravel(), n) for u in (clusters.u0, clusters.u1))
    numbers = {
        "random_effects": np.concatenate(
            [clusters.u0.ravel() / 4, (clusters.u1 - clusters.u0 / 2).ravel() / 21**0.5]
        ),
        "errors": (rows.y - 12 - u0 - (2 + u1) * rows.x) / 20**0.5,
        "x": (rows.x - 3) / 2,
        "sizes": clusters.n.ravel(),
    }
    moments = {}
    for name, z in numbers.items():
        powers = [z, z**2, np.abs(z), z**4]
        moments[name] = [[p.mean(), p.std() / len(z) ** 0.5] for p in powers]
    expected = [float(m[0]) for m in size_moments(plan)]
    print(json.dumps([moments, expected]))
"""

RUN = """
import json, sys
import simlab
from simlab import config
study = config.loads(sys.stdin.read())
ds = simlab.run(study, jobs=1)
found = simlab.measure(ds).sel(term="slope", target="beta_within")
print(json.dumps([found[v].values.ravel().tolist() for v in ("bias", "bias_mcse")]))
"""

REFUSED = """
import sys
from simlab import config
without, study = sys.argv[1:]
if without:
    del config.STANDARD["laplace"].draw_common
import simlab
try:
    simlab.run(config.loads(study), jobs=1)
except simlab.Error as error:
    print(error)
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """A copy of simlab with the laws of the page; returns what runs code in it."""
    folder = tmp_path_factory.mktemp("copy")
    package = folder / "simlab"
    shutil.copytree(ROOT / "simlab", package, ignore=shutil.ignore_patterns("__pycache__"))
    blocks = re.findall(r"^```python\n# (\S+)\n(.*?)^```", TEXT, re.M | re.S)
    table = "simlab/config/laws/__init__.py"
    assert [file for file, _ in blocks].count(table) == 2
    assert len({file for file, _ in blocks}) == 3  # a file each, and the table
    for file, text in blocks:
        if file != table:
            (folder / file).write_text(text, "utf-8")
            continue
        before = (folder / file).read_text("utf-8")
        imported, _, line = text.partition("\n\n")
        before = before.replace("\n\nfrom .", f"\n\n{imported}\nfrom .", 1)
        name = re.escape(line.partition(":")[0])
        after, changes = re.subn(rf"^{name}: .*?\)\n", line, before, flags=re.M | re.S)
        assert changes == 1
        (folder / file).write_text(after, "utf-8")

    def run(code, *arguments, stdin=""):
        environment = os.environ | {"PYTHONPATH": str(folder)}
        environment.pop("NUMBA_CACHE_DIR", None)
        process = subprocess.run(
            [sys.executable, "-c", code, *arguments], input=stdin,
            cwd=folder, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert process.returncode == 0, process.stderr
        return process.stdout

    return run


@pytest.fixture(scope="module")
def drawn(python):
    """Moments of what was drawn, with streams of its own and with common random numbers."""
    return [json.loads(line) for line in python(DRAWN, stdin=STUDY).splitlines()]


def near(moment, expected):
    value, mcse = moment
    return abs(value - expected) < 5 * mcse


@pytest.mark.parametrize("common", [False, True])
@pytest.mark.parametrize("what", ["random_effects", "errors", "x"])
def test_laplace_has_its_moments(drawn, what, common):
    mean, square, absolute, fourth = drawn[common][0][what]
    assert near(mean, 0)
    assert near(square, 1)
    assert near(absolute, np.sqrt(0.5))
    assert near(fourth, 6)
    assert not near(absolute, np.sqrt(2 / np.pi))  # of a normal law
    assert not near(fourth, 3)


@pytest.mark.parametrize("common", [False, True])
def test_sizes_have_their_moments(drawn, common):
    n = np.arange(1000)
    p = stats.nbinom.pmf(n, 2, 2 / (2 + 12))
    sizes = np.maximum(n, 2)
    moments, expected = drawn[common]
    known = [p @ sizes, p @ (1 / sizes), p @ sizes**2]
    np.testing.assert_allclose(expected, known, rtol=1e-10)
    mean, square, _, _ = moments["sizes"]
    assert near(mean, known[0])
    assert near(square, known[2])
    assert not near(square, 12**2 + 12)  # of Poisson's


def test_a_study_of_the_page_has_no_bias_where_there_is_no_context(python):
    biases, mcses = json.loads(python(RUN, stdin=STUDY))
    assert len(biases) == 2
    for bias, mcse in zip(biases, mcses, strict=True):
        assert 0 < mcse < 0.1
        assert abs(bias) < 4 * mcse


MISSPELT = (
    "population.errors.law: must be one of normal, uniform, exponential, student-t, laplace, "
    "not 'laplce'; did you mean 'laplace'?"
)
MISSPELT_KEY = "population.cluster_sizes.men: unknown key; did you mean 'mean'?"
MOMENTS = (
    "draw: moments are drawn from normal laws only, but population.errors has the law laplace; "
    "write draw: auto"
)
COMMON = (
    "population.random_effects: the law laplace cannot be drawn with common random numbers; "
    "known are normal, uniform, exponential, student-t"
)


@pytest.mark.parametrize(
    ("changed", "by", "without", "message"),
    [
        ("errors: {law: laplace}", "errors: {law: laplce}", "", MISSPELT),
        ("binomial, mean", "binomial, men", "", MISSPELT_KEY),
        ("name: unequal", "name: unequal\ndraw: moments", "", MOMENTS),
        ("name: unequal", "name: unequal\ncommon_random_numbers: true", "without", COMMON),
    ],
    ids=["misspelt", "misspelt key", "moments", "no common random numbers"],
)
def test_what_cannot_be_is_one_line(python, changed, by, without, message):
    assert STUDY.count(changed) == 1
    (line,) = python(REFUSED, without, STUDY.replace(changed, by)).splitlines()
    assert line.endswith(message)


def test_the_schema_knows_the_laws(python):
    code = "import json; from simlab import config; print(json.dumps(config.schema()))"
    sections = [s.get("properties", {}) for s in json.loads(python(code))["$defs"].values()]
    laws = [properties["law"].get("const") for properties in sections if "law" in properties]
    assert laws.count("laplace") == 2  # of its own, and of x
    assert laws.count("negative-binomial") == 1
