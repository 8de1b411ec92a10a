"""Attacks of every sort, or the controls, in a warm process of their own; prints JSON.

`python -m attacks controls`, or `python -m attacks configs=20 stores=10`.
"""

import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from .controls import control
from .sorts import attack
from .warm import warm

warm()
if sys.argv[1:] == ["controls"]:
    with tempfile.TemporaryDirectory() as place:
        print(json.dumps(control(Path(place))))
else:
    wanted = [(sort, int(number)) for sort, _, number in (a.partition("=") for a in sys.argv[1:])]
    seeds = [(sort, seed) for sort, number in wanted for seed in range(number)]
    print(json.dumps([{"sort": s, "seed": n, **asdict(attack(s, n))} for s, n in seeds]))
