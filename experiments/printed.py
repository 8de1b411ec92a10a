"""What the documentation shows of commands that take minutes.

    python experiments/printed.py

Runs each of them and writes what it prints to results/, where a test compares README and docs/ with
it: some ten minutes on two cores. A study that is there already is read, and not run again.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

COMMANDS = {
    "methods_summary.txt": ("run", "configs/methods_summary.yaml"),
    "audit_hs.txt": ("audit", "hs", "--y", "mathach", "--x", "ses", "--cluster", "school"),
}


def main() -> None:
    """Run, and write."""
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    for name, command in COMMANDS.items():
        line = [sys.executable, "-c", "from simlab.cli import main; main()", *command]
        print("simlab", *command, flush=True)
        ran = subprocess.run(line, stdout=subprocess.PIPE, check=True, cwd=ROOT, env=environment)
        (ROOT / "results" / name).write_bytes(ran.stdout)


if __name__ == "__main__":
    main()
