"""A few pictures as a whole, pixel by pixel, against those in tests/baseline.

What a picture must contain is tested elsewhere; these notice what no one thought of, such as
letters over letters. The numbers are made, so that only drawing can change the pictures. After a
change that is meant, draw them anew, and look at them:

    pytest tests/test_plots_baseline.py --mpl-generate-path=tests/baseline
"""

import numpy as np
import pytest
from matplotlib.figure import Figure
from plot_cases import results

from simlab import pictures
from simlab.measures import measure
from simlab.plots import honest_se, lolly, school_beta_space, zipplot

pytest.importorskip("pytest_mpl", reason="pytest-mpl compares pictures; it is in the extra dev")

# Root mean square of the differences of grey values, 0 to 255: rounding of edges by another
# version of the renderer stays below, a label that moves does not.
TOLERANCE = 4
compare = pytest.mark.mpl_image_compare(
    baseline_dir="baseline",
    style="default",
    tolerance=TOLERANCE,
    savefig_kwargs={"dpi": 60, "metadata": {"Software": None}},
)


def paper(width, height):
    figure = Figure((width, height), layout="constrained")
    return figure, figure.subplots()


@compare
def test_zipplot():
    figure, ax = paper(5, 5)
    zipplot(results(), "pooled", target="limit", ax=ax)
    return figure


@compare
def test_lolly():
    figure, ax = paper(9, 4)
    lolly(measure(results()), "bias", ax=ax)
    return figure


@compare
def test_honest_se():
    figure, ax = paper(8, 6)
    honest_se(measure(results()), {"new schools": 0, "the same schools": 2}, ax=ax)
    return figure


@compare
def test_school_beta_space():
    figure, ax = paper(7, 6)
    x = np.linspace(-1.5, 2, 23)
    school_beta_space(pictures.school([12, 2], [[16, 8], [8, 25]], 20, x, seed=10), ax=ax)
    return figure
