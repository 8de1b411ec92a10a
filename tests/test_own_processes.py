"""Code of the user that hangs, crashes and spoils: what is told of it, what is kept, how it ends.

With seed 8 there is one replicate in which the hostile functions do what they do: 6 by rows, 22 by
moments, 6 of a generator. Nothing depends on how long a thing takes, but that a function which is
called in milliseconds is not mistaken, within PATIENCE, for one that never returns.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
from test_own import HERE, SMALL, bits, generated, study

import simlab
from simlab import runner
from simlab.cli.outcome import ALL_FAILED
from simlab.config import ConfigError, dumps
from simlab.custom.calls import ALL, Order
from simlab.parallel import ParallelError
from simlab.results import ReplicateResults
from simlab.runner import RunError, RunWarning
from simlab.words import Status

pytestmark = pytest.mark.slow

PATIENCE = 6
BY_ROWS, TOGETHER, DRAWN = 6, 22, 6


def hostile(*names, **fields):
    fields = {"seed": 8, "replicates": 24, **fields}
    return study("pooled", *(f"hostile:{name}" for name in names), **fields)


def failed(ds, name):
    return np.flatnonzero(ds.status.sel(estimator=name).values[0] == Status.ERROR).tolist()


# ---------------------------------------------------------------- calls that are left out


def block(s, number, *orders):
    return runner.run_block(runner.prepare(s), 0, number, orders=orders)


def test_a_call_that_is_left_out_is_an_error_and_changes_nothing_else():
    s = study("pooled", "mine:ols", "mine:by_moments", replicates=16)
    whole = block(s, 1)
    result = block(s, 1, Order("mine:ols", 11, "took longer than 1 s"))
    assert np.argwhere(result.status == Status.ERROR).tolist() == [[3, 1]]
    assert result.messages == ((3, "mine:ols", "took longer than 1 s"),)
    rest = result.status != Status.ERROR
    assert result.estimate[rest].tobytes() == whole.estimate[rest].tobytes()
    alone = block(s, 1, Order("mine:by_moments", ALL, "one by one"))
    assert alone.messages == ()
    for name in ("estimate", "std_error", "p_value"):
        assert getattr(alone, name).tobytes() == getattr(whole, name).tobytes()


@pytest.mark.parametrize("name", ["lines", "as_moments"])
def test_a_draw_that_is_left_out_is_an_error_of_all_methods(name):
    s = generated(name, "pooled", "hlm", replicates=16)
    which = 11 if name == "lines" else ALL
    result = block(s, 1, Order(f"mine:{name}", which, "took longer than 1 s"))
    places = np.flatnonzero((result.status == Status.ERROR).all(axis=1)).tolist()
    assert places == ([3] if name == "lines" else list(range(8)))
    assert {text for *_, text in result.messages} == {f"mine:{name}: took longer than 1 s"}


# ---------------------------------------------------------------- what hangs


def test_processes_end_what_hangs_and_the_run_goes_on(tmp_path):
    s = hostile("hangs", "hangs_together", "together")
    with pytest.warns(RunWarning) as caught:
        ds = simlab.run(s, jobs=2, backend="loky", patience=PATIENCE, out=tmp_path / "s.zarr")
    texts = sorted(str(one.message) for one in caught)
    ended = f"takes longer than {PATIENCE} s; its process is ended, and"
    assert texts == [
        f"condition 0, replicate {TOGETHER}: hostile:hangs_together {ended} it counts as an error",
        f"condition 0, replicate {BY_ROWS}: hostile:hangs {ended} it counts as an error",
        f"condition 0, replicates 16 to 23: hostile:hangs_together {ended} the replicates are "
        "begun again one by one",
    ]
    assert failed(ds, "hostile:hangs") == [BY_ROWS]
    assert failed(ds, "hostile:hangs_together") == [TOGETHER]
    assert [(m.estimator, m.replicate, m.text) for m in _messages(tmp_path / "s.zarr")] == [
        ("hostile:hangs", BY_ROWS, f"took longer than {PATIENCE} s"),
        ("hostile:hangs_together", TOGETHER, f"took longer than {PATIENCE} s"),
    ]
    assert bits(ds, "pooled") == bits(simlab.run(hostile(), jobs=1), "pooled")
    both = ds.estimate.sel(term="slope").values[0]
    sound = np.arange(24) != TOGETHER
    np.testing.assert_array_equal(both[sound, 2], both[sound, 3])
    # What is there is not begun again: without patience this would hang.
    again = simlab.run(s, jobs=1, out=tmp_path / "s.zarr")
    assert bits(again, "pooled", "hostile:hangs") == bits(ds, "pooled", "hostile:hangs")


def _messages(store):
    return ReplicateResults.open(store).messages()


def test_a_generator_that_hangs_is_an_error_of_all_methods():
    s = study("pooled", population="hostile:hanging_rows", seed=8, replicates=16)
    with pytest.warns(RunWarning, match=f"replicate {DRAWN}: hostile:hanging_rows takes longer"):
        ds = simlab.run(s, jobs=1, backend="loky", patience=PATIENCE)
    assert failed(ds, "pooled") == [DRAWN]
    honest = simlab.run(study("pooled", population="hostile:rows", seed=8, replicates=16), jobs=1)
    assert honest.status.values.max() == Status.OK


@pytest.mark.parametrize("jobs", [1, 2])
def test_threads_can_only_tell(monkeypatch, tmp_path, jobs):
    """The method waits until it has been told of: so it ends, however slow the machine."""
    (tmp_path / "waits.py").write_text(
        "import threading\nTOLD = threading.Event()\n"
        "def f(df):\n    assert TOLD.wait(60)\n    return {'slope': 1.0}\n"
    )
    s = study("waits:f", replicates=1, folder=tmp_path)
    from simlab.custom.addresses import locate_object

    module = sys.modules[locate_object("waits:f", tmp_path).load().__module__]
    warn, heard = warnings.warn, []

    def hear(message, category=UserWarning, stacklevel=1):
        if category is not RunWarning:
            return warn(message, category, stacklevel + 1)
        heard.append(message)
        return module.TOLD.set()

    monkeypatch.setattr("simlab.runner.watch.warnings.warn", hear)
    ds = simlab.run(s, jobs=jobs, patience=0.05)
    assert (ds.status == Status.OK).all()
    assert heard[0].startswith(
        "condition 0, replicate 0: waits:f takes longer than 0.05 s; a thread"
    )
    assert "--backend loky" in heard[0]


@pytest.mark.parametrize(
    ("patience", "backend", "text"),
    [
        (0, None, "must be a number of seconds above 0, not 0"),
        (-1.5, None, "not -1.5"),
        (float("nan"), None, "not nan"),
        (3, "dask", "is for threading and loky"),
    ],
)
def test_a_patience_that_is_none_is_one_line(patience, backend, text):
    with pytest.raises(ConfigError, match=f"patience: .*{text}") as caught:
        simlab.run(study("mine:ols"), patience=patience, backend=backend)
    assert "\n" not in str(caught.value).strip()


# ---------------------------------------------------------------- what ends its process


@pytest.mark.parametrize(
    ("name", "how"), [("exits", "exit code 0"), ("crashes", r"SIGSEGV, hostile.py:\d+")]
)
def test_code_that_ends_its_process_is_named(name, how, tmp_path, capfd):
    s = hostile(name, replicates=40, grid={"population.sigma2": [20, 1]})
    place = rf"condition 0, replicate {BY_ROWS}: hostile:{name}"
    with pytest.raises(ParallelError, match=rf"a process died twice \({how}\) over {place}\. What"):
        simlab.run(s, jobs=1, backend="loky", out=tmp_path / "s.zarr")
    assert "Traceback" not in "".join(capfd.readouterr())


def test_no_process_of_ours_is_given_code_that_may_end_it():
    ds = simlab.run(hostile("where", replicates=8), jobs=1, backend="loky")
    assert os.getpid() not in ds.estimate.sel(estimator="hostile:where", term="slope").values
    ds = simlab.run(hostile("where", replicates=8), jobs=1)
    assert (ds.estimate.sel(estimator="hostile:where", term="slope") == os.getpid()).all()


def test_an_interrupt_that_is_no_ctrl_c_is_an_error():
    for jobs, backend in ((2, None), (1, "loky")):
        ds = simlab.run(hostile("interrupts"), jobs=jobs, backend=backend)
        assert failed(ds, "hostile:interrupts") == [BY_ROWS]
        (message,) = json.loads(ds.attrs["messages"])
        assert re.fullmatch(r"KeyboardInterrupt \(hostile.py:\d+\)", message["text"])


@pytest.mark.parametrize(
    ("name", "text"),
    {
        "generator_exit": r"GeneratorExit: out \(hostile.py:\d+\)",
        "hungry": r"MemoryError: Unable to allocate .* \(hostile.py:\d+\)",
    }.items(),
)
def test_other_ways_to_end_are_errors(name, text):
    ds = simlab.run(hostile(name), jobs=2)
    assert failed(ds, f"hostile:{name}") == [BY_ROWS]
    (message,) = json.loads(ds.attrs["messages"])
    assert re.fullmatch(text, message["text"])


@pytest.mark.parametrize(
    ("name", "text"),
    {
        "yields": "returned a generator; a method returns a mapping",
        "huge": r"slope: estimate has the shape \(10000000,\), not \(1,\)",
        "many_terms": "returned the term 'term 0",
    }.items(),
)
def test_what_is_returned_and_is_too_much_is_an_error(name, text):
    ds = simlab.run(hostile(name, replicates=2), jobs=1)
    (message,) = json.loads(ds.attrs["messages"])
    assert message["count"] == 2
    assert re.match(text, message["text"])
    assert len(message["text"]) <= 500


def test_what_spoils_simlab_itself_is_one_line(monkeypatch):
    monkeypatch.setattr(np, "sqrt", np.sqrt)  # put back what the method takes away
    monkeypatch.setattr(np.linalg, "inv", np.linalg.inv)
    s = study("hostile:spoils_numpy", "pooled", replicates=300, block=8)
    with pytest.raises(RunError, match="an error in simlab, unless hostile:spoils_numpy changed"):
        simlab.run(s, jobs=1)


# ---------------------------------------------------------------- the command


def command(tmp_path, s, *more):
    file = tmp_path / f"{s.name}.yaml"
    if not file.exists():
        for module in HERE.glob("*.py"):
            (tmp_path / module.name).write_text(module.read_text())
        file.write_text(dumps(s))
    line = [sys.executable, "-c", "from simlab.cli import main; main()", "run", str(file)]
    return [*line, "--out", str(tmp_path), "--quiet", *more]


def called(*args):
    return subprocess.run(command(*args), capture_output=True, text=True, check=False, timeout=500)


def test_a_method_that_failed_everywhere_ends_with_a_status_of_its_own(tmp_path):
    ran = called(tmp_path, hostile("fails", "together"))
    assert ran.returncode == ALL_FAILED == 3
    lines = ran.stderr.splitlines()
    store = tmp_path / "own.zarr"
    assert re.fullmatch(
        r"simlab: warning: failed: hostile:fails 100 % \(ValueError: always \(hostile.py:\d+\)\): "
        rf"simlab failures {store}",
        lines[-2],
    )
    assert lines[-1] == "simlab: failed in every replicate of condition 0 (base): hostile:fails"
    assert "Pooled" in ran.stdout
    assert "Traceback" not in ran.stderr
    again = called(tmp_path, hostile("fails", "together"))
    assert (again.returncode, again.stderr.splitlines()[-1]) == (3, lines[-1])


def test_few_failures_are_told_and_many_are_warned_of(tmp_path):
    name = "hostile:generator_exit"
    ran = called(tmp_path, hostile("generator_exit"))
    assert ran.returncode == 0
    assert f"simlab: warning: failed: {name} 4.17 % (GeneratorExit: out (hostile.py:" in ran.stderr
    fewer = SMALL | {"x": {"between_sd": 0.01, "within_sd": 0.5}}
    few = hostile("generator_exit", population=fewer, replicates=400).replace(name="few")
    ran = called(tmp_path, few)
    assert ran.returncode == 0
    assert f"simlab: failed: {name} 0.5 % (GeneratorExit" in ran.stderr
    clean = called(tmp_path, hostile("together").replace(name="clean"))
    assert (clean.returncode, "failed" in clean.stderr) == (0, False)


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_what_methods_print_is_not_among_the_results(tmp_path, backend):
    ran = called(tmp_path, hostile("prints"), "--backend", backend, "--jobs", "1")
    assert ran.returncode == 0
    assert ran.stderr.count("printed by the method") == 24
    assert "printed" not in ran.stdout
    assert "Pooled" in ran.stdout


@pytest.mark.parametrize("what", ["sys.stdout.close()", "sys.stderr.close()", "sys.stderr = None"])
def test_methods_do_not_close_what_the_command_prints_to(tmp_path, what):
    (tmp_path / "closes.py").write_text(
        f"import sys\n\n\ndef f(df):\n    {what}\n    return None\n"
    )
    ran = called(tmp_path, study("pooled", "closes:f", seed=8, replicates=4), "--jobs", "1")
    assert ran.returncode == 3
    assert "Pooled" in ran.stdout
    assert "simlab: failed" in ran.stderr


def test_what_spoils_the_table_is_one_line(tmp_path):
    process = called(tmp_path, hostile("spoils_numpy", replicates=2, keep="measures"))
    assert process.returncode == 2, process
    assert "Traceback" not in process.stderr
    assert "an error in simlab, unless hostile:spoils_numpy changed what it uses" in process.stderr


def test_threads_that_are_left_do_not_keep_the_command(tmp_path):
    ran = called(tmp_path, hostile("leaves_threads", replicates=4), "--jobs", "1")
    assert ran.returncode == 0
    assert "simlab: 4 threads that the study's functions started are still at work" in ran.stderr
    assert "Pooled" in ran.stdout


def interruptible():
    """Let a process hear Ctrl-C where the tests themselves run in the background, and do not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("hangs", ["--jobs", "1"]),
        ("hangs", ["--jobs", "2"]),
        ("hangs", ["--jobs", "2", "--backend", "loky"]),
        ("leaves_a_thread_and_hangs", ["--jobs", "1"]),
    ],
)
def test_ctrl_c_ends_a_function_that_hangs(tmp_path, name, more):
    marker = tmp_path / "hangs"
    running = subprocess.Popen(
        command(tmp_path, hostile(name), *more),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "SIMLAB_TEST_MARKER": str(marker)},
        preexec_fn=interruptible,  # noqa: PLW1509 - it starts no thread
    )  # fmt: skip
    try:
        while not marker.exists():
            assert running.poll() is None, running.communicate()
            time.sleep(0.05)
        os.killpg(running.pid, signal.SIGINT)
        _, printed = running.communicate(timeout=120)
    finally:
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
    assert running.returncode == 130
    assert "simlab: interrupted; a study keeps its finished blocks" in printed
    assert "Traceback" not in printed


def test_the_command_names_what_crashes_and_goes_on(tmp_path):
    s = hostile("crashes", replicates=40)
    ran = called(tmp_path, s, "--backend", "loky", "--jobs", "1")
    assert ran.returncode == 2
    (line,) = ran.stderr.strip().splitlines()
    assert re.match(
        r"a process died twice \(SIGSEGV, hostile.py:\d+\) over condition 0, replic", line
    )
    assert ran.stdout == ""
    done = ReplicateResults.open(tmp_path / "own.zarr").done
    assert not done.any()  # the crash is in the first block
    hostile_code = (tmp_path / "hostile.py").read_text()
    mended = hostile_code.replace("ctypes.string_at(0)", "None")
    (tmp_path / "hostile.py").write_text(mended)
    refused = called(tmp_path, s)
    assert "code    hostile:crashes: " in refused.stderr
    assert called(tmp_path, s, "--overwrite").returncode == 0


@pytest.mark.parametrize("keep", ["replicates", "measures"])
def test_who_goes_to_another_folder_takes_nobody_with_him(tmp_path, monkeypatch, keep):
    monkeypatch.chdir(tmp_path)
    s = hostile("goes_away", keep=keep)
    simlab.run(s, jobs=1, out="r/s.zarr")
    assert os.getcwd() == str(tmp_path)
    ds = simlab.open_dataset("r/s.zarr")
    assert int(ds.attrs["replicates_done"]) == 24


def test_what_rows_refer_to_is_of_each_method_alone():
    s = study("hostile:counts_lists", "hostile:spoils_lists", population="hostile:listed")
    s = s.replace(estimators=["hostile:spoils_lists", "hostile:counts_lists"])
    ds = simlab.run(s, jobs=1)
    assert (ds.estimate.sel(estimator="hostile:counts_lists", term="slope") == 1).all()


@pytest.mark.parametrize(
    ("name", "status", "text"),
    [
        ("exits", 1, rf"condition 0, replicate {BY_ROWS}: hostile:exits ended this process by "),
        ("crashes", -signal.SIGSEGV, r'Fatal Python error: Segmentation fault(.|\n)*hostile.py"'),
    ],
)
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_code_that_ends_the_program_is_named(tmp_path, name, status, text, jobs):
    ran = called(tmp_path, hostile(name), "--jobs", jobs)
    assert ran.returncode == status
    assert re.search(text, ran.stderr)
    assert called(tmp_path, hostile("together").replace(name="clean")).returncode == 0
