"""Studies with a fault: made by hand (tests/hostile/configs, one fault each), then damaged ones.

`simlab check` must refuse it by the name of its file or field, or read it as what its text says,
which `oracles` reads in another way.
"""

import shutil
from pathlib import Path

import mutation
from oracles import Misreading, check_study

from .forked import command, main
from .judge import judge, misread

HOSTILE = Path(__file__).parents[1] / "hostile"
BY_HAND = sorted((HOSTILE / "configs").glob("*.yaml"))
FIRST = 10**8  # of the damaged ones, beyond those of experiments/fuzz.py


def attack(seed, folder, entry=main):
    if seed < len(BY_HAND):
        return _by_hand(BY_HAND[seed], folder, entry)
    text = mutation.study(FIRST + seed)
    content = text.encode("utf-8", "surrogatepass")
    (folder / "study.yaml").write_bytes(content)
    verdict = judge(command(["check", "study.yaml"], folder, entry), ["study.yaml"])
    if verdict.ended != "answered":
        return verdict
    try:
        read = check_study(text)
    except Misreading as error:
        return misread(verdict, error)
    return verdict if read == "valid" else misread(verdict, f"valid, and by its reader: {read}")


def _by_hand(path, folder, entry):
    with path.open(encoding="latin-1") as file:
        _, _, name = file.readline().strip().partition("refused: ")
    shutil.copy(path, folder)
    verdict = judge(command(["check", path.name], folder, entry), [name])
    if verdict.ended == "answered":
        return misread(verdict, f"{path.name} is taken for valid")
    if list(folder.glob("owned")):
        return misread(verdict, f"{path.name} was executed")
    return verdict
