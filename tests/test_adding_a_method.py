"""The page "Adding a method", obeyed in a copy of simlab: two files, and everything knows it."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("panel")
pytest.importorskip("bokeh")

from simlab.kernels.folder import path as machine_code

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/adding_a_method.md"
LABEL, SHORT = "Swamy's random coefficients", "Swamy"
NAME = re.compile(r"(?<![\w=\"'-])swamy(?![\w\"'.])")

STUDY = """\
name: with_swamy
seed: 1
replicates: 100
population:
  clusters: 30
  gamma: [12, 2]
  beta_between: 5
  G: [[4, 1], [1, 2]]
  sigma2: 20
  cluster_sizes: {law: poisson, mean: 20}
  x: {between_sd: 1, within_sd: 1}
grid:
  - scheme: [new-clusters, same-clusters]
"""

PICTURES = """
from matplotlib.figure import Figure
import simlab
from simlab import looks, methods, plots

ds = simlab.run(simlab.load("configs/methods_summary.yaml").replace(replicates=60), jobs=1)
measured = simlab.measure(ds, reference="gls_oracle")
sweeps = ["population.clusters", "population.cluster_sizes.mean"]
draws = {
    "sampling": lambda ax: plots.sampling_distributions(ds, condition=1, ax=ax),
    "lolly": lambda ax: plots.lolly(measured, "coverage", condition=1, ax=ax),
    "honest": lambda ax: plots.honest_se(measured, ax=ax),
    "sweep": lambda ax: plots.bias_sweep(measured, sweeps[0], ax=ax),
    "nested": lambda ax: plots.nested_loop(measured, "bias", ax=ax),
    "zip": lambda ax: plots.zipplot(ds, "swamy", condition=1, ax=ax),
    "estimates": lambda ax: plots.estimate_se(ds, "swamy", condition=1, ax=ax),
}
beta = simlab.beta_space(simlab.data.hs(), "mathach", "ses", "school", "sector")["Public"]
lines = {name: plots.Estimate(*point) for name, point in beta.lines.items()}
draws["beta"] = lambda ax: plots.beta_space(estimates=lines, ax=ax)
for name, draw in draws.items():
    figure = Figure((10, 7), layout="constrained")
    ax = figure.subplots()
    draw(ax)
    figure.savefig("/dev/null", format="png")
    ticks = [label.get_text() for label in ax.get_yticklabels()]
    words = {*ticks, *(text.get_text() for text in ax.texts), ax.get_title(loc="left")}
    print(name, "Swamy" in words, not any("swamy" in word for word in words))
color = methods.look("swamy").color
assert color in looks.SPARE and color not in {methods.look(m).color for m in methods.METHODS
                                              if m != "swamy"}
"""

LABORATORY = """
import threading
from bokeh.document import Document
from simlab.app import page

made = page.Page(Document())
done = threading.Event()
made._live._arrived = done.set
while made._live.count < 250:
    assert made._live.running
    done.wait(0.05)
made._look()
html = made._table.object
print(html[html.index('data-method="swamy"'):].split("</tr>")[0])
print(list(made._rows.picture.yaxis[0].major_label_overrides.values()))
print(made._controls.options if hasattr(made._controls, "options") else "")
made.close()
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A copy of simlab with the method of the page, and with the machine code that there is."""
    copy = tmp_path_factory.mktemp("copy") / "simlab"
    shutil.copytree(ROOT / "simlab", copy, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "configs", copy.parent / "configs")
    file, line, _ = re.findall(r"^```python\n# (\S+)\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    assert [file[0], line[0]] == ["simlab/estimators/swamy.py", "simlab/methods.py"]
    (copy.parent / file[0]).write_text(file[1])
    table = (copy / "methods.py").read_text()
    assert table.count("\n})") == 1
    (copy / "methods.py").write_text(table.replace("\n})", f"\n{line[1]}}})"))
    cache = machine_code()
    own = copy / "__pycache__" / cache.name
    own.mkdir(parents=True)
    for marker in cache.glob("*.ready"):
        shutil.copy(marker, own)
    for folder in filter(Path.is_dir, (ROOT / "simlab").rglob("*")):
        if (compiled := cache / cached(folder)).is_dir():
            there = copy / folder.relative_to(ROOT / "simlab")
            shutil.copytree(compiled, own / cached(there))
    return copy.parent


def cached(folder):
    """Name of the folder in which numba keeps the machine code of the files of a folder."""
    return f"{folder.name}_{hashlib.sha1(str(folder).encode()).hexdigest()}"


def python(house, code, *arguments):
    """Run code in the copy, and return what it prints."""
    line = [sys.executable, "-c", code, *arguments]
    environment = os.environ | {"PYTHONPATH": str(house), "COLUMNS": "110"}
    environment.pop("NUMBA_CACHE_DIR", None)
    ran = subprocess.run(
        line, cwd=house, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert "Traceback" not in ran.stderr
    return ran.stdout


def simlab(house, *arguments):
    return python(house, "from simlab.cli import main; main()", *arguments)


def called_by_its_label(text, label=LABEL):
    assert label in " ".join(text.split())
    assert not NAME.search(text), NAME.search(text)


def test_the_copy_is_what_runs(house):
    printed = python(house, "import simlab.estimators as e; print(e.__file__, *e.REGISTRY)").split()
    assert printed[0] == str(house / "simlab/estimators/__init__.py")
    assert printed[-1] == "swamy"


def test_it_is_in_the_tables(house):
    (house / "study.yaml").write_text(STUDY)
    text = simlab(house, "run", "study.yaml", "--out", "results", "--jobs", "1")
    called_by_its_label(text)
    called_by_its_label((house / "results/with_swamy.md").read_text())
    called_by_its_label(
        simlab(house, "compare", "hs", "--y", "mathach", "--x", "ses", "--cluster", "school")
    )


def test_it_is_in_every_picture(house):
    lines = [line.split() for line in python(house, PICTURES).splitlines()]
    assert len(lines) == 8
    assert all(answers == ["True", "True"] for _, *answers in lines), lines


def test_it_is_in_the_laboratory_and_the_lesson_still_opens(house):
    row, ticks, _ = python(house, LABORATORY).split("\n", 2)
    assert SHORT in row.replace('data-method="swamy"', "")
    assert row.count("<td") == 4
    assert f"'{SHORT}'" in ticks
    simlab(house, "app", "--export", "lesson.html")
    assert "Ecological" in (house / "lesson.html").read_text()


def test_it_is_audited_and_reported(house):
    roles = ("--y", "mathach", "--x", "ses", "--cluster", "school")
    sizes = ("--replicates", "250", "--draws", "0", "--jobs", "1")
    text = simlab(house, "audit", "hs", *roles, *sizes, "--report", "audit.html")
    called_by_its_label(text, SHORT)
    page = re.sub(r"base64,[^\"']*", "", (house / "audit.html").read_text())
    study = re.compile(r"^estimators: \[[^]]*\]", re.M)  # the study's file, which has the name
    assert "swamy" in study.search(page)[0]
    called_by_its_label(study.sub("", page), SHORT)
