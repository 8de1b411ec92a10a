"""What needs a package that is not installed says so in one line, before it does anything."""

import subprocess
import sys

import pytest

WITHOUT = """\
import sys
for name in {missing}:
    sys.modules[name] = None  # as if it were not installed
from simlab.cli import main
sys.argv = ["simlab", *sys.argv[1:]]
main()
"""
STUDY = """\
name: small
replicates: 4
estimators: [pooled]
{more}
population:
  clusters: 4
  gamma: [1, 2]
  G: [[1, 0], [0, 1]]
  sigma2: 4
  cluster_sizes: {{law: fixed, size: 4}}
"""


def without(folder, missing, *arguments):
    code = WITHOUT.format(missing=missing)
    line = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, check=False, cwd=folder)


@pytest.mark.parametrize(
    ("missing", "more", "arguments"),
    [
        (("distributed",), "", ["--backend", "dask"]),
        (("dask", "distributed"), "", ["--scheduler", "tcp://127.0.0.1:9"]),
        (("dask",), "parallel: {backend: dask}", []),
    ],
)
def test_dask_is_refused_before_anything_is_done(tmp_path, missing, more, arguments):
    (tmp_path / "small.yaml").write_text(STUDY.format(more=more))
    ran = without(tmp_path, missing, "run", "small.yaml", "--out", "there", *arguments)
    assert ran.returncode == 2
    (line,) = ran.stderr.strip().splitlines()
    assert line.startswith("backend dask needs dask and distributed (")
    assert line.endswith("pip install dask distributed")
    assert not (tmp_path / "there").exists()


def test_threads_need_no_dask(tmp_path):
    (tmp_path / "small.yaml").write_text(STUDY.format(more=""))
    ran = without(
        tmp_path, ("dask", "distributed"), "run", "small.yaml", "--out", "there", "--quiet"
    )
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize(
    ("missing", "arguments"),
    [(("panel",), []), (("bokeh",), []), (("bokeh",), ["--export", "lesson.html"])],
)
def test_the_app_is_refused(tmp_path, missing, arguments):
    ran = without(tmp_path, missing, "app", "--no-browser", *arguments)
    assert ran.returncode == 2
    (line,) = ran.stderr.strip().splitlines()
    assert line == f"simlab app needs {missing[0]}: pip install {missing[0]}"
    assert not (tmp_path / "lesson.html").exists()


def test_parquet_is_refused_before_the_store_is_read(tmp_path):
    ran = without(tmp_path, ("pyarrow",), "export", "no_such.zarr", "out.parquet")
    assert ran.returncode == 2
    assert ran.stderr == ("Parquet needs pyarrow: pip install pyarrow, or export to .csv or .nc\n")
