"""A study with `keep: measures`, run: the same numbers, tables and sentences; and what it refuses.

Numbers agree to the bit: kept replicates are summed as those that ran.
"""

from functools import cache

import numpy as np
import pytest
from matplotlib.figure import Figure
from study_cases import study

import simlab
from simlab import plots, tables
from simlab.cli.diff import diff
from simlab.cli.info import info
from simlab.cli.measure import measure as measured
from simlab.cli.table import table
from simlab.config import ConfigError, dumps, loads
from simlab.measures import measure, paired
from simlab.results import StoreError, open_dataset
from simlab.verdicts import judge

pytestmark = pytest.mark.slow

METHODS = ["pooled", "fixed_effects_common", "hlm_contextual", "gls_oracle"]


def declared(**fields):
    """Two conditions of 600 replicates in blocks of 256: two that are merged, and one short."""
    fields = {"replicates": 600, "grid": {"population.clusters": [6, 12]}} | fields
    return study(
        estimators=METHODS,
        tests={"names": ["fixed_slope"], "draws": 19},
        population={"beta_between": 5, "cluster_sizes": {"law": "poisson", "mean": 8}},
        **fields,
    )


@cache
def both():
    return simlab.run(declared()), simlab.run(declared(keep="measures"), jobs=2)


@pytest.mark.parametrize("reference", ["gls_oracle", "pooled"])
def test_measures_agree(reference):
    kept, summed = (measure(ds, reference) for ds in both())
    assert set(kept.data_vars) == set(summed.data_vars)
    for name in kept.data_vars:
        x, y = kept[name].values, summed[name].values
        np.testing.assert_array_equal(y, x, err_msg=str(name))


def test_paired_differences_agree():
    for quantity in ("bias", "mse", "coverage"):
        kept, summed = (paired(ds, "pooled", quantity, "limit") for ds in both())
        for name in kept.data_vars:
            np.testing.assert_array_equal(summed[name], kept[name])


def test_tables_and_verdicts_are_the_same_text():
    kept, summed = both()
    for format in ("text", "markdown"):
        one, other = (tables.methods_table(ds).render(format) for ds in (kept, summed))
        assert one == other
        one, other = (tables.size_table(ds).render(format) for ds in (kept, summed))
        assert one == other
    assert [v.sentences for v in judge(kept).rows] == [v.sentences for v in judge(summed).rows]


def test_workers_do_not_matter():
    one = simlab.run(declared(keep="measures"), jobs=1).drop_vars("seconds").drop_attrs()
    assert one.identical(both()[1].drop_vars("seconds").drop_attrs())


def test_a_store_is_continued_and_read_by_the_commands(tmp_path, capsys):
    store = tmp_path / "s.zarr"
    small = declared(keep="measures")
    simlab.run(small, out=store)
    again = simlab.run(small, out=store)  # nothing is left to do
    assert again.drop_attrs().identical(open_dataset(store).drop_attrs())
    assert (
        again.drop_vars("seconds")
        .drop_attrs()
        .identical(both()[1].drop_vars("seconds").drop_attrs())
    )
    measured(store)
    assert "relative_precision" in capsys.readouterr().out
    table(store)
    assert "600 replicates" in capsys.readouterr().out
    info(store)
    diff(store, store)
    assert "the same" in capsys.readouterr().out
    with pytest.raises(StoreError, match="config  keep: measures → replicates"):
        simlab.run(declared(), out=store)


def test_pictures_that_need_replicates_say_so():
    kept, summed = both()
    ax = Figure().subplots()
    for draw in (
        lambda ds: plots.sampling_distributions(ds, ax=ax),
        lambda ds: plots.zipplot(ds, "pooled", ax=ax),
    ):
        draw(kept)
        with pytest.raises(ValueError, match="keeps measures only; run with keep: replicates"):
            draw(summed)


def test_keep_is_a_word_of_two():
    text = dumps(declared(keep="measures"))
    assert "keep: measures" in text
    assert loads(text).keep == "measures"
    assert declared().keep == "replicates"
    with pytest.raises(ConfigError, match="must be replicates or measures, not 'nothing'"):
        declared().replace(keep="nothing")
