"""Programmes that are wrong on purpose: the judge must tell each by its fault."""

import os
import signal
import subprocess
import sys
import time

from . import configs, extremes, interrupted, stores, tables
from .forked import command, main
from .judge import judge


def crashes():
    raise KeyError("no such thing")


def segfaults():
    os.kill(os.getpid(), signal.SIGSEGV)


def is_busy():
    while True:
        pass


def waits():
    time.sleep(1e6)


def is_silent():
    sys.exit(2)


def garbles():
    print("\x1b[31mno", file=sys.stderr)
    sys.exit(2)


def is_vague():
    print("something is wrong", file=sys.stderr)
    sys.exit(2)


def ends_oddly():
    sys.exit(9)


def leaves_a_process():
    subprocess.Popen(["sleep", "1000"])


def is_large():
    b"x" * 10**8 * 4


def agrees():
    """Takes every study for valid."""


def drops_a_row():
    """Reads all but the last row of a table."""
    from simlab.cli import reading

    right = reading.table
    reading.table = lambda *args: right(*args).iloc[:-1]
    main()


class Whole(bytes):
    """A checksum that is right whatever the data are."""

    def __ne__(self, other):
        return False

    __hash__ = bytes.__hash__


def trusts_checksums():
    """Takes every chunk for whole."""
    from simlab.results import chunks

    chunks.checksum = lambda data: Whole(4)
    main()


def forgets():
    """Begins anew where there is a store."""
    import shutil

    shutil.rmtree("cut.zarr", ignore_errors=True)
    main()


def doubles():
    """Estimates that are twice what they should be."""
    from simlab.estimators import pooled

    right = pooled.METHOD.fit

    def fit(sample):
        fitted = right(sample)
        return fitted._replace(estimate=2 * fitted.estimate)

    object.__setattr__(pooled.METHOD, "fit", fit)
    main()


def control(folder):
    """The fault that is told of each wrong programme, by its name."""
    results = {}
    wrong = (crashes, segfaults, is_silent, garbles, is_vague, ends_oddly, leaves_a_process)
    usual = command(["schema"], folder).memory
    for entry in (*wrong, is_large, is_busy, waits):
        place = folder / entry.__name__
        place.mkdir()
        outcome = command(["check"], place, entry, 3 if entry is is_large else 1)
        results[entry.__name__] = judge(outcome, ["study.yaml"], memory=usual + 200).fault
    sorts = (
        (agrees, configs.attack, 30),
        (drops_a_row, tables.attack, 48),
        (doubles, extremes.attack, 4),
        (trusts_checksums, stores.attack, 0),
        (forgets, interrupted.killed, 3),
    )
    for entry, attack, first in sorts:
        for seed in range(first, first + 40):
            place = folder / f"{entry.__name__}-{seed}"
            place.mkdir()
            fault = attack(seed, place, entry).fault
            results[entry.__name__] = fault
            if fault:
                break
    return results
