"""Every sort of attack by its name, and how one is made."""

import shutil
import tempfile
from pathlib import Path

from . import configs, extremes, formulas, interrupted, own, stores, tables
from .forked import main
from .judge import Verdict

SORTS = {
    "configs": configs.attack,
    "runs": extremes.attack,
    "tables": tables.attack,
    "formulas": formulas.attack,
    "own": own.attack,
    "stores": stores.attack,
    "kills": interrupted.killed,
    "signals": interrupted.signalled,
}


def attack(sort, seed, entry=main, keep=None):
    """Make one attack in a folder of its own, which goes unless it is to be kept."""
    folder = Path(keep or tempfile.mkdtemp(prefix=f"attack-{sort}-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return SORTS[sort](seed, folder, entry)
    except Exception as error:  # of the attack itself
        return Verdict("failed", "attack", f"{type(error).__name__}: {error}")
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)
