"""Ctrl-C and SIGTERM, whenever they come: one message, one status, nothing lost and nobody left.

Every method of `own/waits.py` says by a file when the moment has come. No test waits for luck.
"""

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from kill_cases import same

import simlab
from simlab.results import sessions

pytestmark = pytest.mark.slow

INT, TERM = signal.SIGINT, signal.SIGTERM
MESSAGE = "simlab: interrupted; a study keeps its finished blocks, and the same command continues"
NOTHING_KEPT = "simlab: interrupted\n"
STUDY = """\
name: waits
replicates: 40
block: 2
seed: 3
estimators: [pooled, waits:{method}]
population:
  clusters: 4
  gamma: [12, 2]
  G: [[16, 8], [8, 25]]
  sigma2: 20
  cluster_sizes: {{law: fixed, size: 6}}
"""
DASK = pytest.mark.skipif(find_spec("distributed") is None, reason="needs dask")


def hears():
    """Let a process hear Ctrl-C where the tests themselves run in the background, and do not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Running:
    """The command, in a session of its own."""

    def __init__(self, folder, *arguments, **environment):
        self.marker = folder / "marker"
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from simlab.cli import main; main()", *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
            env={**os.environ, "SIMLAB_TEST_MARKER": str(self.marker), **environment}, cwd=folder,
            preexec_fn=hears,  # noqa: PLW1509 - it starts no thread
        )  # fmt: skip

    def wait_for(self, there):
        while not there():
            assert self._process.poll() is None, self._process.communicate()
            time.sleep(0.01)

    def wait_for_line(self, text):
        while text not in (line := self._process.stderr.readline()):
            assert line, self._process.communicate()

    def send(self, *signals, group=False):
        for number in signals:
            (os.killpg if group else os.kill)(self._process.pid, number)

    def ended(self):
        """Exit status, and what was printed; nobody of the session is left."""
        out, printed = self._process.communicate(timeout=120)
        end = time.monotonic() + 60
        while left := self._members():
            assert time.monotonic() < end, left
            time.sleep(0.05)
        return self._process.returncode, out, printed

    def kill(self):
        for process in self._members():
            os.kill(process, signal.SIGKILL)

    def _members(self):
        results = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal():
                try:
                    state, _, _, session = (
                        (folder / "stat").read_text().rpartition(")")[2].split()[:4]
                    )
                except OSError:  # it has ended
                    continue
                if int(session) == self._process.pid and state != "Z":
                    results.append(int(folder.name))
        return results


@pytest.fixture
def start(tmp_path):
    """Start a command in a folder of its own, where there are the methods and a study of each."""
    running = []
    source = Path(__file__).with_name("own") / "waits.py"
    (tmp_path / "waits.py").write_text(source.read_text())

    def study(method, *more, **environment):
        (tmp_path / "waits.yaml").write_text(STUDY.format(method=method))
        line = ("run", "waits.yaml", "--quiet", "--out", tmp_path, *more)
        running.append(Running(tmp_path, *line, **environment))
        return running[-1]

    yield study
    for one in running:
        one.kill()


def interrupted(ended, status):
    code, out, message = ended
    assert (code, out, message.count(MESSAGE)) == (status, "", 1), message
    assert len(message.strip().splitlines()) == 1, message


@pytest.mark.parametrize(
    ("backend", "number", "status", "group"),
    [
        ("threading", INT, 130, True),
        ("threading", TERM, 143, False),
        ("loky", INT, 130, True),
        ("loky", TERM, 143, False),
        ("loky", TERM, 143, True),
        pytest.param("dask", INT, 130, True, marks=DASK),
        pytest.param("dask", TERM, 143, False, marks=DASK),
    ],
)
def test_the_first_signal_keeps_what_is_done(start, tmp_path, backend, number, status, group):
    running = start("hangs", "--backend", backend, "--jobs", "2")
    store = tmp_path / "waits.zarr"
    running.wait_for(lambda: running.marker.exists() and list((store / "done").glob("c.*")))
    running.send(number, group=group)
    interrupted(running.ended(), status)
    assert [session["outcome"] for session in sessions(store)] == ["interrupted"]
    study = simlab.load(tmp_path / "waits.yaml")
    continued = simlab.run(study, out=store, jobs=1)
    assert sessions(store)[1]["blocks"] < 20
    assert same(continued, simlab.run(study, jobs=1)) == []


@pytest.mark.parametrize("signals", [(INT, INT), (INT, TERM), (TERM, INT)])
def test_the_second_signal_ends_at_once(start, signals):
    running = start("forgets", "--jobs", "1")
    running.wait_for(running.marker.exists)
    running.send(signals[0])
    forgotten = running.marker.with_name("marker.forgotten")
    running.wait_for(forgotten.exists)
    running.send(signals[1])
    interrupted(running.ended(), 128 + signals[1])


@pytest.mark.parametrize(
    ("backend", "group"),
    [("loky", False), ("loky", True), pytest.param("dask", False, marks=DASK)],
)
def test_two_signals_at_a_time_leave_no_process(start, tmp_path, backend, group):
    running = start("hangs", "--backend", backend, "--jobs", "2")
    running.wait_for(running.marker.exists)
    running.send(INT, TERM, group=group)
    code, _, printed = running.ended()
    assert code in (130, 143)
    assert printed.strip().startswith(MESSAGE)
    assert "Traceback" not in printed


def test_compiled_code_that_does_not_return_is_ended_by_the_second(start):
    running = start("locked", "--jobs", "1")
    running.wait_for(running.marker.exists)
    running.send(INT, TERM)
    code, _, printed = running.ended()
    assert code in (130, 143)  # sent at a time, they arrive in any order
    assert printed.strip() == MESSAGE + " it"


@pytest.mark.parametrize(("number", "status"), [(INT, 130), (TERM, 143)])
def test_every_command_is_ended_in_the_same_way(tmp_path, number, status):
    long = ("--replicates", "512", "--draws", "512", "--jobs", "2")
    running = Running(
        tmp_path, "audit", "hs", "--y", "mathach", "--x", "ses", "--cluster", "school", *long
    )
    try:
        running.wait_for_line("now with 512 other parameter sets")
        running.send(number)
        code, out, printed = running.ended()
    finally:
        running.kill()
    assert (code, out, printed.count(NOTHING_KEPT)) == (status, "", 1)
    assert "Traceback" not in printed


@pytest.mark.parametrize(
    "arguments",
    [
        ("app", "--port", "0", "--no-browser"),
        ("bootstrap", "hs", "mathach ~ ses + (1 | school)"),
        ("pvalue", "hs", "--null", "mathach ~ ses", "--alternative", "mathach ~ 1 + (1 | school)"),
        ("fit", "hs", "mathach ~ ses + (1 | school)"),
    ],
)
def test_a_command_that_writes_no_store_does_not_say_that_one_is_kept(tmp_path, arguments):
    (tmp_path / "numpy.py").write_text(
        "import os, time\nopen(os.environ['SIMLAB_TEST_MARKER'], 'w').close()\n"
        "while True:\n    time.sleep(0.01)\n"
    )
    running = Running(tmp_path, *arguments)
    try:
        running.wait_for(running.marker.exists)
        running.send(INT)
        assert running.ended() == (130, "", "\n" + NOTHING_KEPT)
    finally:
        running.kill()


@pytest.mark.parametrize(("number", "status"), [(INT, 130), (TERM, 143)])
def test_a_signal_during_the_imports_ends_at_once(start, tmp_path, number, status):
    (tmp_path / "numpy.py").write_text(
        "import os, time\nopen(os.environ['SIMLAB_TEST_MARKER'], 'w').close()\n"
        "while True:\n    time.sleep(0.01)\n"
    )
    running = start("hangs", PYTHONPATH=str(tmp_path))
    running.wait_for(running.marker.exists)
    running.send(number)
    interrupted(running.ended(), status)
    assert not (tmp_path / "waits.zarr").exists()


def test_a_signal_during_an_import_of_the_work_is_heard_after_it(start, tmp_path):
    (tmp_path / "slow_to_import.py").write_text(
        "import os, time, waits\nmarker = waits.marked()\n"
        "while not os.path.exists(marker + '.go'):\n    time.sleep(0.01)\n"
    )
    running = start("imports", "--jobs", "1")
    running.wait_for(running.marker.exists)
    running.send(INT)
    (tmp_path / "marker.go").touch()
    code, _, printed = running.ended()
    assert (code, "Traceback" in printed) == (130, False)
    assert [session["outcome"] for session in sessions(tmp_path / "waits.zarr")] == ["interrupted"]


def test_a_signal_that_a_destructor_would_hide_is_heard_again(start, tmp_path):
    running = start("in_destructor", "--jobs", "1")
    running.wait_for(running.marker.exists)
    running.send(TERM)
    interrupted(running.ended(), 143)
    assert [session["outcome"] for session in sessions(tmp_path / "waits.zarr")] == ["interrupted"]


@pytest.mark.parametrize(("number", "status"), [(INT, 130), (TERM, 143)])
def test_a_signal_after_the_work_ends_at_once(start, tmp_path, number, status):
    running = start("at_exit", "--jobs", "1")
    running.wait_for(running.marker.exists)
    running.send(number)
    code, out, printed = running.ended()
    assert (code, "Traceback" in printed) == (status, False)
    assert "Pooled" in out
    assert [session["outcome"] for session in sessions(tmp_path / "waits.zarr")] == ["finished"]


def test_processes_end_with_a_parent_that_is_killed(start):
    running = start("hangs", "--backend", "loky", "--jobs", "2")
    running.wait_for(running.marker.exists)
    running.send(signal.SIGKILL)
    code, _, printed = running.ended()
    assert (code, printed) == (-signal.SIGKILL, "")


def test_a_process_that_a_method_forks_hears_as_any_other(start, tmp_path):
    code, _, printed = start("forks", "--jobs", "1").ended()
    assert code == 0, printed
    ds = simlab.open_dataset(tmp_path / "waits.zarr")
    assert (ds.estimate.sel(estimator="waits:forks", term="slope") == -TERM).all()


def test_a_signal_that_is_ignored_from_the_start_stays_so(start, tmp_path):
    """As after nohup, or in the background of a script."""
    code = "from simlab.cli import interrupts; interrupts.listen(); import signal, os;" + (
        "os.kill(os.getpid(), signal.SIGINT); print('deaf')"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (0, "deaf\n")


def test_a_process_that_listens_again_blocks_no_signal_in_those_it_starts():
    code = """
import os, signal
from simlab.cli import interrupts
for _ in range(3):
    interrupts.listen()
    child = os.fork()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    if child == 0 and not mask:
        interrupts.listen()
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except KeyboardInterrupt:
            interrupts.end()
    assert not mask, mask
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 143, status
"""
    line = [sys.executable, "-c", code]
    process = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert process.returncode == 0, process
