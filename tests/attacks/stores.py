"""Saved studies that are damaged: by bits, by whole files, by what stands in the place of a file.

A command that reads says what is damaged, or prints what it prints of the intact store. A run that
continues refuses, or comes to the same bits.
"""

import os
import random
import re
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from simlab.errors import Error

from .forked import command, main
from .judge import judge, misread
from .saved import POPULATION, opened, same

STUDY = """\
name: kept
replicates: 22
block: 4
seed: 3
estimators: [pooled, two_stage, "mine:plain", "mine:bad_exit", "warns:sometimes"]
keep: {keep}
tests: {{names: [fixed_slope], draws: 3}}
grid: {{population.sigma2: [1, 4]}}
"""
READING = {
    "info": ["info", "kept.zarr"],
    "config": ["info", "kept.zarr", "--config"],
    "table": ["table", "kept.zarr"],
    "by": ["table", "kept.zarr", "--by", "sigma2"],
    "tests": ["table", "kept.zarr", "--tests"],
    "measure": ["measure", "kept.zarr"],
    "failures": ["failures", "kept.zarr", "--format", "csv"],
    "export": ["export", "kept.zarr", "kept.csv"],
    "replay": ["replay", "kept.zarr", "--replicate", "5"],
}
RUN = ["run", "study.yaml", "--out", ".", "--quiet", "--jobs", "1"]
OWN = Path(__file__).parents[1] / "own"


@cache
def intact(keep):
    """A folder with a finished store, what commands print of it, and its Dataset."""
    folder = Path(mkdtemp(prefix="intact-"))
    (folder / "study.yaml").write_text(STUDY.format(keep=keep) + POPULATION)
    for name in ("mine.py", "warns.py"):
        shutil.copy(OWN / name, folder)
    ran = command(RUN, folder)
    assert ran.status in (0, 3), ran.err
    before = {name: told_of(argv, folder, command(argv, folder)) for name, argv in READING.items()}
    return folder, before, opened(folder / "kept.zarr")


def told_of(argv, folder, outcome):
    """What a command says of numbers: status and output, without sizes and times."""
    out = outcome.out
    if argv[0] == "export" and (folder / "kept.csv").exists():
        out += (folder / "kept.csv").read_text()
    return outcome.status, re.sub(r"on disk .*|\d+\.\d+ (s|ms)\b", "", out)


def attack(seed, folder, entry=main):
    rng = random.Random(seed)
    keep = rng.choice(("replicates", "replicates", "measures"))
    source, before, whole = intact(keep)
    shutil.copytree(source, folder, dirs_exist_ok=True)
    (folder / "kept.csv").unlink(missing_ok=True)
    store = folder / "kept.zarr"
    what = damage(rng, store)
    try:
        if rng.random() < 0.3:
            verdict = _continued(folder, whole, entry)
        else:
            verdict = _read(rng.choice(list(READING)), folder, before, entry)
    finally:
        big = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
        for path in big:
            if path.stat().st_size > 10**8:
                path.unlink()
    if verdict.fault:
        verdict.why = f"{what}: {verdict.why}"
    return verdict


def _read(name, folder, before, entry):
    argv = READING[name]
    outcome = command(argv, folder, entry)
    verdict = judge(outcome, ["kept.zarr", "study.yaml"], answers=(before[name][0],))
    if verdict.ended == "answered" and "unfinished" in outcome.out + outcome.err:
        verdict.ended = "refused"  # that blocks are missing is said
        return verdict
    if verdict.ended == "answered" and told_of(argv, folder, outcome) != before[name]:
        return misread(verdict, f"{name} prints other than of the intact store")
    if verdict.fault:
        verdict.why = f"{name}: {verdict.why}"
    return verdict


def _continued(folder, whole, entry):
    verdict = judge(command(RUN, folder, entry), ["kept.zarr"], answers=(0, 3))
    if verdict.ended == "answered":
        verdict.ended = "continued"
        try:
            continued = opened(folder / "kept.zarr")
        except Error as error:
            return misread(verdict, f"run leaves {error}")
        if different := same(continued, whole):
            return misread(verdict, f"run: other than uninterrupted: {', '.join(different)[:300]}")
    return verdict


# --- damages ----------------------------------------------------------------------------------


def damage(rng, store):
    """Do one damage, and say which."""
    files = sorted(path for path in store.rglob("*") if path.is_file())
    if rng.random() < 0.3:
        files = [path for path in files if path.suffix == ".json"]
    path = rng.choice(files)
    kind = rng.choice((*BYTES * 3, *FILES, *FOLDERS))
    kind(rng, path)
    return f"{kind.__name__.strip('_')} {path.relative_to(store)}"


def _flip(rng, path):
    content = bytearray(path.read_bytes())
    if content:
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def _truncate(rng, path):
    os.truncate(path, rng.randrange(path.stat().st_size + 1))


def _noise(rng, path):
    path.write_bytes(rng.randbytes(rng.choice((0, 1, 100, path.stat().st_size))))


def _zeros(rng, path):
    path.write_bytes(b"\0" * path.stat().st_size)


def _append(rng, path):
    path.write_bytes(path.read_bytes() + rng.randbytes(rng.choice((1, 8, 1000))))


def _word(rng, path):
    """Another word or number in the place of one, as an editor would leave it."""
    text = path.read_bytes().decode("latin-1")
    words = [m.span() for m in re.finditer(r"[\w.]+", text)]
    if words:
        start, end = rng.choice(words)
        other = rng.choice(
            ("null", "-1", "1e999", "99999999999", "[]", "{}", "", "NaN", "true", "é")
        )
        path.write_bytes((text[:start] + other + text[end:]).encode("latin-1"))


def _remove(rng, path):
    path.unlink()


def _swap(rng, path):
    """Another file's content, of another length: a chunk knows no place but by its name."""
    size = path.stat().st_size
    files = (p for p in path.parents[1].rglob("*") if p.is_file() and p.stat().st_size != size)
    other = rng.choice(sorted(files))
    mine, its = path.read_bytes(), other.read_bytes()
    path.write_bytes(its)
    other.write_bytes(mine)


def _folder(rng, path):
    path.unlink()
    path.mkdir()


def _loop(rng, path):
    path.unlink()
    path.symlink_to(path.name)


def _dangling(rng, path):
    path.unlink()
    path.symlink_to("nowhere/at/all")


def _pipe(rng, path):
    path.unlink()
    os.mkfifo(path)


def _device(rng, path):
    path.unlink()
    path.symlink_to("/dev/zero")


def _huge(rng, path):
    os.truncate(path, rng.choice((10**9, 10**11)))


def _empty_folder(rng, path):
    shutil.rmtree(path.parent)
    path.parent.mkdir()


def _no_folder(rng, path):
    shutil.rmtree(path.parent)


def _file_for_folder(rng, path):
    shutil.rmtree(path.parent)
    path.parent.write_bytes(b"not a folder")


def _more(rng, path):
    """Files that somebody's system leaves there."""
    for name in (".DS_Store", "Thumbs.db", "c", "zarr.json~", "c.9.9.9.9"):
        (path.parent / name).write_bytes(b"\0\1\2")


BYTES = (_flip, _flip, _truncate, _noise, _zeros, _append, _word, _word)
FILES = (_remove, _remove, _swap, _folder, _loop, _dangling, _pipe, _device, _huge)
FOLDERS = (_empty_folder, _no_folder, _file_for_folder, _more)
