"""Workers of dask: within this process, and as processes of their own of which one is killed.

Skipped without dask. Every wait has an end.
"""

import os
import pickle
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import parallel_cases as cases
import pytest
from study_cases import study
from test_runner import GRID, SMALL, assert_same_bits

import simlab
from simlab.parallel import ParallelError, batch

distributed = pytest.importorskip("distributed", reason="needs dask: pip install dask distributed")
from simlab.parallel import cluster as dask_workers  # noqa: E402

pytestmark = pytest.mark.slow

TASKS = [(i,) for i in range(20)]


@pytest.fixture(scope="module")
def base():
    s = study(640, block=16, grid=GRID, population=SMALL)
    return s, simlab.run(s, jobs=1)


@pytest.fixture(scope="module")
def within():
    """A scheduler and two workers in this very process."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
    ) as local:
        yield local.scheduler_address


# ---------------------------------------------------------------- within this process


def test_a_cluster_within_this_process_gives_the_same_bits(base, within):
    s, ds = base
    there = s.replace(parallel={"backend": "dask", "scheduler": within})
    assert_same_bits(simlab.run(there), ds)


def test_every_task_is_done_once(within):
    result = cases.in_workers(cases.square, 5, TASKS, "dask", scheduler=within)
    assert sorted(result) == [5 + i * i for (i,) in TASKS]


def test_an_exception_in_a_task_surfaces(within):
    with pytest.raises(ValueError, match=r"task 7") as error:
        list(cases.in_workers(cases.fail_at, 7, TASKS, "dask", scheduler=within))
    assert str(error.value) == "task 7 cannot be done"


def test_a_worker_of_another_version_is_refused(within, monkeypatch):
    here = batch.environment()
    other = (("simlab's code", "0" * 12), *here[1:])

    def from_another(function, shared):
        return pickle.dumps(batch.Parcel(function, shared, other))

    monkeypatch.setattr("simlab.parallel.workers.pack", from_another)
    says = f"simlab's code is {here[0][1]} there and 000000000000 here. Install the same"
    with pytest.raises(ParallelError, match=says) as error:
        list(cases.in_workers(cases.square, 0, TASKS, "dask", scheduler=within))
    assert "\n" not in str(error.value)


def test_a_reader_who_stops_stops_the_work(within):
    result = cases.in_workers(
        cases.sleep, 0.01, ((i,) for i in range(10**6)), "dask", scheduler=within
    )
    assert next(result) in range(10)
    result.close()
    with distributed.Client(within, set_as_default=False) as client:
        deadline = time.monotonic() + 300
        while any(client.processing().values()) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not any(client.processing().values())


# ---------------------------------------------------------------- what is not there


def test_a_scheduler_that_is_not_there(monkeypatch):
    monkeypatch.setattr(dask_workers, "CONNECT", 0.5)
    with pytest.raises(ParallelError, match=r"no dask scheduler answers at tcp://127.0.0.1:9"):
        simlab.run(study(), scheduler="tcp://127.0.0.1:9")
    with pytest.raises(ParallelError, match=r"neither an address .* nor a scheduler file"):
        simlab.run(study(), scheduler="nowhere.json")


def test_a_scheduler_without_workers(monkeypatch):
    monkeypatch.setattr(dask_workers, "PATIENCE", 0.3)
    with distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as local:
        result = cases.in_workers(cases.square, 0, TASKS, "dask", scheduler=local.scheduler_address)
        with pytest.raises(ParallelError, match=r"no worker for 0.3 s; start some with: dask wor"):
            list(result)


def test_without_dask_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "simlab.parallel.cluster")
    with pytest.raises(ParallelError, match=r"pip install dask distributed"):
        list(cases.in_workers(cases.square, 0, TASKS, "dask", scheduler="tcp://127.0.0.1:9"))


# ---------------------------------------------------------------- processes of their own


@contextmanager
def program(*words, **environment):
    """A command of dask, running; killed at the end whatever happens."""
    command = [sys.executable, "-m", "dask", *words]
    path = os.pathsep.join(filter(None, sys.path))
    process = subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": path, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def processes(folder, workers, **environment):
    """A scheduler and its workers by dask's own command line; yields its file and a client."""
    file = folder / "scheduler.json"
    here = ("--scheduler-file", str(file), "--host", "127.0.0.1", "--no-dashboard")
    alone = ("--nthreads", "1", "--no-nanny", "--local-directory", str(folder))
    with program("scheduler", "--port", "0", *here, **environment):
        deadline = time.monotonic() + 300
        while not (file.exists() and file.read_text().rstrip().endswith("}")):
            assert time.monotonic() < deadline, "the scheduler did not start"
            time.sleep(0.1)
        started = [program("worker", *here, *alone) for _ in range(workers)]
        try:
            for each in started:
                each.__enter__()
            with distributed.Client(
                scheduler_file=str(file), timeout=300, set_as_default=False
            ) as client:
                client.wait_for_workers(workers, timeout=300)
                yield str(file), client
        finally:
            for each in started:
                each.__exit__(None, None, None)


class Killer:
    """Kills a worker, once some blocks are there and as soon as it has work before it."""

    def __init__(self, client, after):
        self.client, self.after, self.arrived = client, after, 0
        self.processes = client.run(os.getpid)
        self.lost = None

    def start(self, replicates, done):
        pass

    def advance(self, replicates, failures):
        self.arrived += 1
        if self.arrived < self.after or self.lost is not None:
            return
        before_it = self.client.processing()
        victim = max(self.processes, key=lambda worker: len(before_it.get(worker, ())))
        if before_it.get(victim):  # on a loaded machine both may be done before this is heard
            self.lost = len(before_it[victim])
            os.kill(self.processes[victim], signal.SIGKILL)


def test_one_of_two_workers_is_killed_and_the_bits_are_the_same(base, tmp_path, monkeypatch):
    s, ds = base
    monkeypatch.setattr("simlab.parallel.workers.SECONDS", 0.001)  # a block a batch
    with processes(tmp_path, 2) as (scheduler, client):
        killer = Killer(client, after=10)
        stored = simlab.run(s, scheduler=scheduler, out=tmp_path / "r.zarr", progress=killer)
        assert len(client.nthreads()) == 1
    assert_same_bits(stored, ds)
    assert killer.arrived == 80
    assert killer.lost


def test_work_that_kills_whoever_does_it_is_given_up(tmp_path):
    none = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
    with processes(tmp_path, 1, **none) as (scheduler, _):
        result = cases.in_workers(
            cases.die_always, os.getpid(), TASKS[1:], "dask", scheduler=scheduler
        )
        with pytest.raises(ParallelError, match=r"1 workers of dask died over the same work"):
            list(result)


def test_a_scheduler_that_is_lost(tmp_path, monkeypatch):
    with processes(tmp_path, 1) as (scheduler, client):
        result = cases.in_workers(cases.sleep, 0.01, TASKS * 1000, "dask", scheduler=scheduler)
        next(result)
        monkeypatch.setattr(dask_workers, "CONNECT", 5)  # for closing what has gone
        os.kill(client.run_on_scheduler(os.getpid), signal.SIGKILL)
        with pytest.raises(ParallelError, match=r"scheduler .* is gone. What is finished is kept"):
            list(result)
