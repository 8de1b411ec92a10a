"""Attacks of every sort, or the controls, in a warm process of their own; prints JSON.

python -m attacks controls
python -m attacks NUMBER [SORT …]
"""

import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from .controls import control
from .sorts import SORTS, attack
from .warm import warm

what, *sorts = sys.argv[1:]
warm()
if what == "controls":
    with tempfile.TemporaryDirectory() as place:
        print(json.dumps(control(Path(place))))
else:
    spread = [(sort, seed) for sort in sorts or SORTS for seed in range(int(what))]
    print(json.dumps([{"sort": s, "seed": n, **asdict(attack(s, n))} for s, n in spread]))
