"""Some attacks of each sort are refused in a line or answered as the control is.

`make test-all` makes a thousand of each (experiments/attacks.py). They are made in a process of
their own, which forks. Left out here are those by signals, whose moments are the machine's.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
NUMBERS = {
    **{"configs": 20, "tables": 20, "formulas": 20},
    **{"runs": 10, "own": 10, "stores": 10, "kills": 6},
}
WRONG = {
    "crashes": "traceback",
    "segfaults": "crash",
    "is_silent": "words",
    "garbles": "words",
    "is_vague": "words",
    "ends_oddly": "status",
    "leaves_a_process": "orphans",
    "is_large": "memory",
    "is_busy": "hang",
    "waits": "hang",
    "agrees": "misreading",
    "drops_a_row": "misreading",
    "doubles": "misreading",
    "trusts_checksums": "misreading",
    "forgets": "misreading",
}


def attacks(*arguments):
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "attacks", *arguments]
    ran = subprocess.run(
        command, capture_output=True, text=True, cwd=HERE, env=environment, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.fixture(scope="module")
def made():
    return attacks(*(f"{sort}={number}" for sort, number in NUMBERS.items()))


@pytest.mark.parametrize("sort", NUMBERS)
def test_no_attack_succeeds(sort, made):
    own = [record for record in made if record["sort"] == sort]
    assert [record for record in own if record["fault"]] == []
    assert len({record["seed"] for record in own}) == NUMBERS[sort]


def test_every_wrong_programme_is_told_by_its_fault():
    assert attacks("controls") == WRONG
