"""Estimators, generators and measures that a user might write, by mistake or on purpose.

Some are those of tests/own; the others are put together from misdeeds. Whatever they do, the run
ends with a refusal or an answer, and simlab's own methods have the numbers, bit for bit, that they
have without them.
"""

import random
import shutil
import textwrap
from pathlib import Path

from .forked import command, main
from .judge import judge, misread
from .saved import opened

MODULES = Path(__file__).parents[1] / "own"
CONFIG = """\
name: own
replicates: {replicates}
block: {block}
seed: 5
keep: {keep}
estimators: [pooled, two_stage{more}]
population:
  clusters: 8
  gamma: [12, 2]
  G: [[4, 1], [1, 2]]
  sigma2: 20
  cluster_sizes: {{law: fixed, size: 6}}
"""
GENERATED = """\
name: own
replicates: {replicates}
block: {block}
estimators: [pooled, two_stage]
population: mischief:made
"""
BY_HAND = (
    *("mine:ols", "mine:plain", "mine:by_moments", "mine:random", "mine:cheat"),
    *("mine:odd_estimates", "mine:failing_block", "mine:not_a_function", "mine:no_such"),
    *("broken:f", "nothing:f"),
    *(f"mine:bad_{name}" for name in ("exit", "strange", "key", "deep", "long", "nothing")),
    *(f"mine:bad_{name}" for name in ("number", "empty", "text", "none", "nan", "inf", "negative")),
    *(f"mine:bad_{name}" for name in ("df", "shape", "four", "part", "term", "complex")),
    *("hostile:generator_exit", "hostile:hungry", "hostile:prints"),
    *("hostile:leaves_threads", "hostile:yields", "hostile:huge", "hostile:many_terms"),
    *("hostile:spoils_numpy", "hostile:goes_away", "hostile:fails", "told:together", "told:half"),
    *("warns:flood", "warns:same", "warns:numpys", "warns:sometimes"),
)  # fmt: skip
MISDEEDS = (
    "raise ValueError('no estimate')",
    "raise KeyError",
    "raise RuntimeError('\\x1b[31mred\\x1b[0m\\nand a second line')",
    "raise RuntimeError('x' * 10**6)",
    "raise Untold()",
    "raise MemoryError",
    "raise RecursionError('deep')",
    "raise StopIteration",
    "raise GeneratorExit",
    "raise SystemExit(0)",
    "raise SystemExit('bye')",
    "raise BaseException('base')",
    "raise ExceptionGroup('several', [ValueError('a'), TypeError('b')])",
    "sys.exit()",
    "again()",
    "1 / 0",
    "np.linalg.inv(np.zeros((3, 3)))",
    "np.ones(2**50)",
    "list(range(10**10))[0] if False else bytearray(2**45)",
    "print('said by the method'); print('and on stderr', file=sys.stderr)",
    "print('x' * 10**6)",
    "sys.stdout.write('\\x1b[2J'); sys.stdout.flush()",
    "sys.stdout.close()",
    "sys.stderr.close()",
    "sys.stdout = sys.stderr = None",
    "warnings.warn('look out')",
    "warnings.warn('x' * 10**5)",
    "warnings.warn('\\x1b[31mred')",
    "warnings.simplefilter('error'); warnings.warn('an error now')",
    "np.seterr(all='raise')",
    "np.random.seed(0)",
    "random.seed(0)",
    "os.chdir('/')",
    "os.environ.clear()",
    "sys.path.clear()",
    "sys.setrecursionlimit(10**6)",
    "sys.modules.pop('numpy', None)",
    "data['y'] = 0.0",
    "data.drop(data.index, inplace=True)",
    "data.iloc[:, :] = None",
    "data.columns = list('abcd')",
    "threading.Thread(target=print, args=('from a thread',)).start()",
    "time.sleep(0.01)",
    "gc.disable()",
    "signal.signal(signal.SIGINT, signal.SIG_IGN)",
    "globals().clear()",
    "logging.getLogger().error('logged')",
    "pd.set_option('mode.copy_on_write', True) if False else pd.set_option('display.width', 1)",
    "locale.setlocale(locale.LC_ALL, 'C')",
)
RETURNED = (
    *("{'slope': 1.0}", "{'slope': (1.0, 0.5)}", "{'slope': (1.0, 0.5, 7)}", "None", "{}", "3"),
    *("()", "'slope'", "{'slope': None}", "{'slope': 'steep'}", "{'slope': np.nan}"),
    *("{'slope': np.inf}", "{'slope': (1.0, -1.0)}", "{'slope': (1.0, np.inf)}"),
    "{'slope': (np.nan, np.nan)}",
    *("{'slope': (1.0, 1.0, 0)}", "{'slope': (1.0, 1.0, -3)}", "{'slope': (1, 2, 3, 4, 5)}"),
    *("{'slope': np.zeros(10**6)}", "{'slope': np.zeros((0,))}", "{'slope': [[1.0]]}"),
    *("{'slope': 1j}", "{'slope': True}", "{'slope': 10**400}", "{'slope': -0.0}", "{1: 2}"),
    *("{'slope': data}", "{'slope': object()}", "{'slope': 1.0, 'status': 'fine'}"),
    *("{'slope': 1.0, 'status': 'singular'}", "{'status': 'not_converged'}", "{'between': 1.0}"),
    *("{'slope': {'estimate': 1.0, 'lower': 2.0, 'upper': 0.0}}", "{'slope': {'p_value': 2.0}}"),
    *("{'slope': np.float32(1)}", "{'slope': pd.NA}", "{'slope': pd.Series([1.0])}", "iter([1])"),
    *("{'slope': 1e308}", "{'slope': (1e308, 1e308)}", "{'slope': (5e-324, 5e-324)}", "data"),
    *("type('D', (dict,), {'__getitem__': lambda s, k: 1 / 0})(slope=1)", "{('slope',): 1.0}"),
)  # fmt: skip
WHEN = ("True", "value > 0.5", "value > 1.5", "next(count) == 0", "next(count) == 11", "False")
KINDS = {
    "rows": ("@simlab.estimator(terms=('slope',))", "data", "data.x.iloc[0]"),
    "stream": ("@simlab.estimator(terms=('slope',))", "data, rng", "rng.standard_normal()"),
    "plain": ("", "data", "data.x.iloc[-1]"),
    "moments": (
        "@simlab.estimator(terms=('slope',), needs='moments')",
        "data",
        "data.moments.x_mean.max()",
    ),
    "generator": ("", "rng", "rng.standard_normal()"),
}
MODULE = """\
import gc, itertools, locale, logging, os, random, signal, sys, threading, time, warnings

import numpy as np
import pandas as pd

import simlab

count = itertools.count()


class Untold(Exception):
    def __str__(self):
        raise RuntimeError("no text")


def again():
    return again()


{mark}
def made({arguments}):
{body}
"""
FRAME = """\
data = pd.DataFrame({'cluster': np.repeat(np.arange(6), 5), 'x': rng.standard_normal(30)})
data['y'] = data.x + rng.standard_normal(30)
"""


def module(rng, kind):
    """The text of a module whose function does something that it should not."""
    mark, arguments, value = KINDS[kind]
    frame = FRAME if kind == "generator" else ""
    returned = rng.choice(RETURNED) if rng.random() < 0.5 else "{'slope': (1.0, 0.5)}"
    if kind == "generator":
        returned = "data" if rng.random() < 0.7 else returned
    body = f"{frame}value = {value}\nif {rng.choice(WHEN)}:\n    {rng.choice(MISDEEDS)}\n"
    body += f"return {returned}\n"
    return MODULE.format(mark=mark, arguments=arguments, body=textwrap.indent(body, "    "))


def attack(seed, folder, entry=main):
    rng = random.Random(seed)
    kind = rng.choice(list(KINDS))
    keep = rng.choice(("replicates", "replicates", "measures"))
    fields = {"replicates": rng.choice((1, 5, 24)), "block": rng.choice((1, 4, 256)), "keep": keep}
    if seed < len(BY_HAND):
        kind, name = "by hand", BY_HAND[seed]
        for path in MODULES.glob("*.py"):
            shutil.copy(path, folder)
    else:
        name = "mischief:made"
        (folder / "mischief.py").write_text(module(rng, kind))
    text = GENERATED if kind == "generator" else CONFIG
    (folder / "own.yaml").write_text(text.format(more=f", {name}", **fields))
    run = ["run", "own.yaml", "--out", "with", "--quiet", "--jobs", rng.choice(("1", "2"))]
    verdict = judge(command(run, folder, entry), ["own.yaml", name.split(":")[0]], answers=(0, 3))
    if verdict.ended != "answered" or kind == "generator":
        return verdict
    wanted = rng.choice(("table", "failures", "measure"))
    more = judge(command([wanted, "with/own.zarr"], folder, entry), ["own.zarr"])
    if more.fault:
        more.why = f"{wanted}: {more.why}"
        return more
    why = _spoiled(opened(folder / "with" / "own.zarr"), _alone(folder, **fields))
    return misread(verdict, why) if why else verdict


_ALONE = {}


def _alone(folder, **fields):
    """The same study without the user's method."""
    key = tuple(fields.values())
    if key not in _ALONE:
        (folder / "alone.yaml").write_text(CONFIG.format(more="", **fields))
        ran = command(["run", "alone.yaml", "--out", "alone", "--quiet", "--jobs", "1"], folder)
        assert ran.status == 0, ran.err
        _ALONE[key] = opened(folder / "alone" / "own.zarr")
    return _ALONE[key]


def _spoiled(ours, alone):
    """Which number of simlab's own methods is another beside the user's; empty if none is."""
    for name in ("estimate", "std_error", "df", "status"):
        if name not in alone:
            continue
        labels = {d: alone[d] for d in ("estimator", "term") if d in alone[name].dims}
        other = ours[name].sel(labels).transpose(*alone[name].dims)
        if other.values.tobytes() != alone[name].values.tobytes():
            return f"{name} of pooled or two_stage is another beside the user's method"
    return ""
