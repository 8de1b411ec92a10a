"""Threads and processes: the same bits, nothing lost with a process, one line when it cannot be.

Tests of time hold by construction: a fake pool has a clock of its own.
"""

import os
import time
from collections import deque
from itertools import count, islice
from pathlib import Path

import parallel_cases as cases
import pytest
from study_cases import study
from test_runner import GRID, SMALL, assert_same_bits

import simlab
from simlab import config, runner
from simlab.config import ConfigError
from simlab.parallel import ParallelError, Workers, workers
from simlab.parallel.batch import Outcome, do, pack

TASKS = [(i,) for i in range(20)]


@pytest.fixture(scope="module")
def base():
    s = study(70, block=16, grid=GRID, population=SMALL)
    return s, simlab.run(s, jobs=1)


# ---------------------------------------------------------------- the same bits


def test_threads_and_processes_give_the_same_bits(base, tmp_path):
    s, ds = base
    assert_same_bits(simlab.run(s, jobs=2), ds)
    stored = simlab.run(s, jobs=2, backend="loky", out=tmp_path / "r.zarr")
    assert_same_bits(stored, ds)
    with pytest.raises(AssertionError):  # control: the comparison sees another seed
        assert_same_bits(simlab.run(s.replace(seed=8)), ds)


def test_where_it_runs_is_no_part_of_the_study(base, tmp_path):
    """A store that threads began is continued by processes."""
    s, _ = base
    there = s.replace(parallel={"backend": "loky", "n_jobs": 2})
    one, other = (runner.schema_of(runner.prepare(which)) for which in (s, there))
    assert one.fingerprint == other.fingerprint
    assert one.keys == other.keys


def test_what_is_said_goes_before_the_study():
    s = study(parallel={"backend": "dask", "scheduler": "tcp://10.0.0.1:8786", "n_jobs": 3})

    def where(*message):
        result = runner.loop._where(s, *message)
        return result.backend, result.n_jobs, result.scheduler

    assert where(None, None, None) == ("dask", 3, "tcp://10.0.0.1:8786")
    assert where(2, "loky", None) == ("loky", 2, None)
    assert runner.loop._where(study(), None, None, "cluster.json").backend == "dask"


def test_the_page_on_clusters_says_what_can_be_said():
    page = Path(__file__).parents[1] / "docs" / "clusters.md"
    lines = page.read_text("utf-8").split("```yaml\n")[1].split("```")[0].splitlines()
    assert len(lines) == 4
    for line in lines:
        config.loads(f"{config.dumps(study())}{line}\n")


@pytest.mark.parametrize(
    ("parallel", "says"),
    [
        ({"backend": "loki"}, "did you mean 'loky'?"),
        ({"n_jobs": 0}, "must be a number of workers, or -1 for one per core, not 0"),
        ({"n_jobs": -3}, "must be a number of workers, or -1 for one per core, not -3"),
        ({"scheduler": "tcp://10.0.0.1:8786"}, "is for backend dask, not threading"),
        ({"jobs": 2}, "did you mean 'n_jobs'?"),
    ],
)
def test_what_does_not_fit_is_refused(parallel, says):
    with pytest.raises(ConfigError) as error:
        study().replace(parallel=parallel)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


# ---------------------------------------------------------------- processes


def test_processes_have_one_thread_each():
    result = list(cases.in_workers(cases.where, None, TASKS, "loky", 2))
    others = [(blas, threads) for process, blas, threads in result if process != os.getpid()]
    assert len(others) == len(TASKS) - 1  # the first task is done here
    assert set(others) == {("1", 1)}
    assert cases.threads_of(60) > 1  # control: here there are several


def test_a_process_that_is_killed_is_replaced_and_nothing_lost(tmp_path):
    marker = tmp_path / "died"
    result = sorted(cases.in_workers(cases.die_once, str(marker), TASKS, "loky", 2))
    assert result == [i for (i,) in TASKS]
    assert marker.exists()


def test_work_that_kills_whoever_does_it_is_given_up():
    result = cases.in_workers(cases.die_always, os.getpid(), TASKS, "loky", 2)
    assert next(result) == 0
    with pytest.raises(ParallelError, match=r"processes died 4 times.*the same command") as error:
        list(result)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_an_exception_in_a_task_surfaces(backend):
    result = cases.in_workers(cases.fail_at, 7, TASKS, backend, 1)
    assert list(islice(result, 7)) == list(range(7))
    with pytest.raises(ValueError, match="task 7") as error:
        next(result)
    assert str(error.value) == "task 7 cannot be done"


def test_a_reader_who_stops_ends_the_processes():
    result = cases.in_workers(cases.where, None, ((i,) for i in count()), "loky", 2)
    processes = {process for process, _, _ in islice(result, 10)} - {os.getpid()}
    result.close()
    assert processes
    deadline = time.monotonic() + 300
    while any(map(_alive, processes)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(_alive, processes))


def _alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_processes_stay_for_the_next_tasks():
    with Workers(cases.where, None, "loky", 1) as there:
        first, second = ({process for process, _, _ in there.do(TASKS)} for _ in range(2))
    assert second == first - {os.getpid()}


def test_one_task_starts_no_process(monkeypatch):
    monkeypatch.setattr(Workers, "_open", None)
    assert list(cases.in_workers(cases.square, 1, [(3,)], "loky", 2)) == [10]
    assert list(cases.in_workers(cases.square, 1, [], "loky", 2)) == []


# ---------------------------------------------------------------- batches


class Pool:
    """Workers without end of patience and with a clock of their own; remembers what it was sent."""

    def __init__(self, workers, seconds):
        self.workers, self.seconds = workers, seconds
        self.under_way, self.most, self.sizes = deque(), 0, []

    def submit(self, tasks, seconds):
        self.under_way.append((tasks, seconds))
        self.most = max(self.most, len(self.under_way))
        self.sizes.append(len(tasks))

    def collect(self):
        tasks, limit = self.under_way.popleft()
        results, spent = [], 0.0
        for (i,) in tasks:
            spent += self.seconds(i)
            results.append(i)
            if spent > limit:
                break
        return tasks, Outcome(results, spent)


def test_tasks_are_taken_as_workers_become_free():
    taken = count()
    pool = Pool(50, lambda _: 1 / 128)
    stream = workers._stream(pool, ((i,) for i in taken))
    assert len(list(islice(stream, 100_000))) == 100_000
    assert pool.most == 2 * 50
    assert max(pool.sizes) == 64  # half a second
    assert next(taken) < 100_000 + 2 * 50 * 64


def test_many_workers_get_longer_batches():
    pool = Pool(1000, lambda _: 1 / 128)
    stream = workers._stream(pool, ((i,) for i in count()))
    assert len(list(islice(stream, 700_000))) == 700_000
    assert max(pool.sizes) == 640  # 5 s: 200 batches a second


def test_a_worker_hands_back_what_takes_too_long():
    """Short tasks promise large batches; then each takes 3 s, and a batch is cut after one."""
    pool = Pool(2, lambda i: 1 / 128 if i < 500 else 3.0)
    result = list(workers._stream(pool, ((i,) for i in range(600))))
    assert sorted(result) == list(range(600))
    assert len(result) == 600
    assert max(pool.sizes) == 64
    assert pool.sizes[-1] == 1


def test_what_was_done_before_an_error_is_kept():
    parcel = cases.unpacked(pack(cases.fail_at, 2))
    outcome = do(parcel, TASKS, 1e9)
    assert outcome.results == [0, 1]
    assert str(outcome.error) == "task 2 cannot be done"
    assert "parallel_cases.py" in outcome.trace


def test_an_error_that_cannot_be_sent_is_told_in_words():
    outcome = do(cases.unpacked(pack(cases.fail_unspeakably, "no")), TASKS, 1e9)
    assert type(outcome.error) is RuntimeError
    assert str(outcome.error) == "Unspeakable: no"


def test_time_is_kept():
    outcome = do(cases.unpacked(pack(cases.square, 0)), TASKS, 0.0)
    assert outcome.results == [0]  # at least one
