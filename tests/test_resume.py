"""A study that is killed at random moments loses at most the block being written, and no bit.

`kill_cases` does the killing, in a process of its own. What is compared with an uninterrupted run
is every variable but the times, bit for bit, and every attribute but the date.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from kill_cases import same

import simlab
from simlab.results import sessions

pytestmark = pytest.mark.slow

STUDY = """\
name: killed
replicates: {replicates}
block: 4
seed: 3
estimators: [pooled, two_stage]
population:
  clusters: 8
  gamma: [12, 2]
  G: [[16, 8], [8, 25]]
  sigma2: 20
  cluster_sizes: {{law: fixed, size: 6}}
grid: {{population.sigma2: {levels}}}
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    script = Path(__file__).with_name("kill_cases.py")
    command = [sys.executable, str(script), str(tmp_path_factory.mktemp("kills"))]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.mark.parametrize("how", ["continued", "extended", "sums", "extended sums"])
def test_a_killed_run_loses_at_most_the_block_being_written(report, how):
    """A block told is in the store; besides these there is at most the one being told."""
    result = report[how]
    assert result["effective"] >= 8, "the kills came too late to test anything"
    assert result["in flight"]
    assert set(result["in flight"]) <= {0, 1}
    assert result["damaged"] == []


def test_estimators_are_added_through_kills_and_nothing_is_lost(report):
    result = report["widened"]
    assert result["effective"] >= 8
    assert result["unfinished"] >= 4, "the kills came when nothing of the past was needed"
    assert result["damaged"] == []
    assert not result["left"]


@pytest.mark.parametrize("how", ["continued", "extended", "widened", "sums", "extended sums"])
def test_what_is_finished_after_kills_is_the_uninterrupted_study(report, how):
    assert report[how]["exit"] == 0
    assert report[how]["last"] > 0, "every block was done before the last run"
    assert report[how]["different"] == []


def test_an_extension_killed_at_any_step_keeps_every_block(report):
    assert report["steps"]["problems"] == []
    assert report["steps"]["steps"] >= 20
    assert report["steps"]["shapes"] == 2, "both stores must have been found after a kill"


def test_a_flag_before_its_data_is_found_out(report):
    """Control: a writer that promises first leaves damage that these kills bring to light."""
    assert report["control"] > 0


def test_the_command_is_killed_and_repeated(tmp_path):
    config, store = tmp_path / "killed.yaml", tmp_path / "results" / "killed.zarr"
    command = [sys.executable, "-c", "from simlab.cli import main; main()", "run", str(config)]
    command += ["--jobs", "4", "--quiet", "--out", str(store.parent)]
    for replicates, levels, more in ((200, "[1, 4]", []), (302, "[9, 4, 1]", ["--extend"])):
        config.write_text(STUDY.format(replicates=replicates, levels=levels))
        running = subprocess.Popen([*command, *more], stdout=subprocess.DEVNULL)
        before = done(store)
        while running.poll() is None and done(store) in (0, before):
            time.sleep(0.001)
        running.send_signal(signal.SIGKILL)
        running.wait()
        assert done(store)
        ended = subprocess.run([*command, *more], capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        assert same(simlab.open_dataset(store), simlab.run(simlab.load(config), jobs=1)) == []
    outcomes = [session["outcome"] for session in sessions(store)]
    assert set(outcomes) <= {"unfinished", "finished"}
    assert outcomes[-1] == "finished"
    assert not list(store.parent.glob(".*"))


def done(store):
    try:
        return len(list((store / "done").glob("c.*[0-9]")))
    except FileNotFoundError:  # the names of an extension are just being changed
        return 0
