"""Kernels answer before they are compiled, with the same bits; machine code is kept and found."""

import ast
import math
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numba
import numpy as np
import pytest

import simlab
from simlab.errors import Notice
from simlab.kernels import background, compiled, folder, inner, interpreted, kernel, loop, machine

ROOT = Path(simlab.__file__).parents[1]

BITS = """
import hashlib, sys
import numpy as np, pandas as pd
import simlab
from simlab.errors import Notice
from simlab.kernels import background, compiled

def bits(*arrays):
    return hashlib.sha256(b"".join(np.asarray(a, float).tobytes() for a in arrays)).hexdigest()[:16]

def data(seed, J, n, tau):
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(J), n)
    x, z = rng.normal(size=J * n) + rng.normal(size=J)[g], rng.normal(size=J * n)
    u = rng.normal(size=(3, J)) * np.reshape(tau, (3, 1))
    y = 1 + x + u[0, g] + u[1, g] * x + u[2, g] * z + rng.normal(size=J * n)
    return pd.DataFrame({"y": y, "x": x, "z": z, "g": g})

FORMULAS = [
    "y ~ x + (1 | g)", "y ~ x + (1 + x | g)", "y ~ x + (1 + x || g)", "y ~ x * z + (1 + x + z | g)",
]
CASES = [
    (1, 15, 6, (1, 0.5, 0.5)), (2, 12, 5, (1, 0, 0)), (3, 10, 8, (0, 0.6, 0)), (4, 8, 4, (0, 0, 0)),
]

def all_bits():
    for case in CASES:
        frame = data(*case)
        for formula in FORMULAS:
            for method in ("REML", "ML"):
                fit = simlab.fit(formula, frame, method)
                df = "satterthwaite" if method == "ML" else "kenward-roger"
                yield bits(fit.loglik, fit.G, fit.sigma2, fit.table(), fit.table(df=df))

if sys.argv[1] == "interpreted":
    background.ask = lambda *_: None  # and nobody compiles
    print(*all_bits())
else:
    with compiled():
        print(*all_bits())
"""


def answers(how, cache):
    """What a new process finds, kernels interpreted or compiled."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)} | cache
    run = [sys.executable, "-W", "ignore", "-c", BITS, how]
    out = subprocess.run(run, env=env, capture_output=True, text=True, check=False)
    assert out.returncode == 0, out.stderr
    return out.stdout.split()


def test_an_interpreted_fit_has_the_bits_of_a_compiled_one(tmp_path):
    interpreted_bits = answers("interpreted", {"NUMBA_CACHE_DIR": str(tmp_path)})
    assert len(set(interpreted_bits)) == len(interpreted_bits) == 32
    assert interpreted_bits == answers("compiled", {})


LONG = """
import sys
import simlab.kernels
from simlab.kernels import interpreted
from simlab.mixed import many
exec(sys.argv[1].split("if sys.argv")[0])
interpreted.LONG, simlab.kernels.PATIENCE = float(sys.argv[2]), 1000
fit = simlab.fit(data(1, 15, 6, (1, 0.5, 0.5)), "y ~ x * z + (1 + x + z || g)")
print(many._fit.code is not None, bits(fit.loglik, fit.G, fit.sigma2, fit.table()))
"""


def test_an_interpreted_call_that_takes_long_waits_for_machine_code():
    found = []
    for seconds in ("1000", "0.01"):
        run = [sys.executable, "-W", "ignore", "-c", LONG, BITS, seconds]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        out = subprocess.run(run, env=env, capture_output=True, text=True, check=True)
        found.append(out.stdout.split())
    (patient, bits), (impatient, same) = found
    assert (patient, impatient) == ("False", "True")
    assert bits == same


def compiled_function(text):
    """Machine code of an expression in x and y, with the arithmetic of kernels."""
    return numba.njit(error_model="numpy")(eval(f"lambda x, y=0.0: {text}", {"np": np}))


def test_functions_of_one_number_have_the_bits_of_machine_code():
    rng = np.random.default_rng(1)
    x = rng.normal(size=2000) * np.exp(3 * rng.normal(size=2000))
    numpy = interpreted._Numpy()
    for name, values in {
        "log": abs(x),
        "log1p": abs(x),
        "exp": x % 50,
        "expm1": x % 50,
        "cos": x,
        "sin": x,
    }.items():
        machine = compiled_function(f"np.{name}(x)")
        wrapped = getattr(numpy, name)
        assert all(machine(v) == wrapped(v) for v in values.tolist()), name
    machine = compiled_function("np.arctan2(x, y)")
    assert all(machine(a, b) == numpy.arctan2(a, b) for a, b in zip(x[1:], x[:-1], strict=True))
    edges = {"log": (0.0, -1.0), "log1p": (-1.0, -2.0), "expm1": (-800.0, 800.0), "exp": (800.0,)}
    for name, values in edges.items():
        machine, wrapped = compiled_function(f"np.{name}(x)"), getattr(numpy, name)
        with np.errstate(all="ignore"):
            for v in values:
                assert np.array_equal(machine(v), wrapped(v), equal_nan=True), (name, v)


def kernels():
    """Every function of ours that numba compiles, as syntax."""
    for file in sorted((ROOT / "simlab").rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                names = {getattr(d, "id", "") for d in node.decorator_list}
                if names & {"kernel", "inner", "loop"}:
                    yield file, node


def test_kernels_take_no_powers():
    """x**2 differs from x * x in a last bit, where one of them is interpreted."""
    result = list(kernels())
    assert len(result) > 50
    for file, node in result:
        if file.parent.name == "sampling":  # never interpreted
            continue
        assert not any(isinstance(n, ast.Pow) for n in ast.walk(node)), (file.name, node.name)


@inner
def _half(x):
    return x / 2.0


@inner
def _sum_of_halves(x):
    total = 0.0
    for value in x:
        total += _half(value)
    return total


def test_functions_inside_a_kernel_are_optimised_once(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "path", lambda: tmp_path)
    times = []
    library = numba.core.codegen.JITCodeLibrary
    optimise = library._optimize_final_module
    monkeypatch.setattr(
        library, "_optimize_final_module", lambda self: (times.append(self.name), optimise(self))
    )

    @kernel
    def whole(x):
        return _sum_of_halves(x) + _half(x[0])

    with compiled():
        assert whole(np.arange(5.0)) == 5.0
    assert [name for name in times if name != "nrt"] == [
        "test_functions_inside_a_kernel_are_optimised_once.<locals>.whole"
    ]


def test_a_kernel_waits_for_its_code_where_many_fits_are_to_come(tmp_path, monkeypatch):
    waited, wanted = [], []
    monkeypatch.setattr(folder, "path", lambda: tmp_path)
    monkeypatch.setattr(background, "ask", lambda *a: wanted.append(a))
    monkeypatch.setattr(machine, "_announce", waited.append)
    monkeypatch.setattr("simlab.kernels.PATIENCE", 0.0)

    def total(x):
        value = 0.0
        for i in range(x.size):
            value += np.log1p(x[i])
        return value

    globals()["total"] = total  # numba keeps what has a name in a module
    at_once = kernel(total)
    x = np.arange(3.0)
    assert at_once(x) == math.log1p(1) + math.log1p(2)
    assert len(wanted) == 1
    assert not at_once.code.signatures
    assert at_once(x) == math.log1p(1) + math.log1p(2)
    assert len(wanted) == 1  # it does not look again at once
    with compiled():
        assert at_once(x) == math.log1p(1) + math.log1p(2)
    assert waited == [total]
    assert len(at_once.code.signatures) == 1
    assert folder.has(total, tuple(at_once.code.signatures[0]))
    large = kernel(total)
    assert large(np.ones(400_000)) == pytest.approx(400_000 * math.log(2))
    assert len(large.code.signatures) == 1  # faster compiled than interpreted


def test_the_first_answers_need_no_numba():
    script = (
        "import sys, simlab; fit = simlab.fit('mathach ~ ses + (1 | school)', simlab.data.hs());"
        "fit.summary(); assert not {'numba', 'formulaic', 'scipy.stats'} & set(sys.modules)"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", script], env=env, check=True)


def test_a_division_by_zero_is_quiet_and_a_nan(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "path", lambda: tmp_path)
    monkeypatch.setattr(background, "ask", lambda *_: None)

    def ratio(x):
        return x[0] / x[1]

    globals()["ratio"] = ratio
    assert np.isnan(kernel(ratio)(np.zeros(2)))


def test_machine_code_goes_where_it_may_be_written(tmp_path, monkeypatch):
    writable = []
    monkeypatch.setattr(folder, "_is_writable", lambda f: f.parent in writable)
    monkeypatch.setattr(folder.Path, "home", lambda: tmp_path)
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)

    def chosen():
        for cached in (folder._lasting, folder._temporary):
            cached.cache_clear()
        try:
            return folder.path().parent, folder.is_lasting()
        finally:
            for cached in (folder._lasting, folder._temporary):
                cached.cache_clear()

    own = tmp_path / ".cache" / "simlab"
    package = folder.PACKAGE / "__pycache__"
    monkeypatch.setattr(folder, "_prune", lambda f: None)
    with pytest.warns(Notice, match="compiled anew"):
        assert chosen()[1] is False
    writable.append(own)
    assert chosen() == (own, True)
    writable.append(package)
    assert chosen() == (package, True)
    given = tmp_path / "simlab-me"  # as docs/clusters.md has it
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(given))
    writable.append(given)
    assert chosen() == (given, True)
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setattr(folder.Path, "home", nobody)
    assert chosen() == (package, True)
    writable.remove(package)
    with pytest.warns(Notice, match="compiled anew"):
        assert chosen()[1] is False


def nobody():
    raise RuntimeError("Could not determine home directory.")


def test_the_same_is_asked_for_now_and_then_and_not_for_ever(tmp_path, monkeypatch):
    now, started = [100.0], []
    monkeypatch.setattr(folder, "_lasting", lambda: tmp_path)
    monkeypatch.setattr(background, "_started", [-background.APART])
    monkeypatch.setattr(background, "_asked", {})
    monkeypatch.setattr(background, "_start", lambda: started.append(now[0]))
    monkeypatch.setattr(background.time, "monotonic", lambda: now[0])
    for _ in range(1000):
        background.ask(nobody, ("one",))
        background.ask(nobody, ("other",))
        now[0] += 1.0
    assert started == [100.0 + background.APART * i for i in range(background.TRIES)]
    background.ask(nobody, ("a third",))  # much later, something new is compiled all the same
    assert len(started) == background.TRIES + 1
    assert len(list(tmp_path.glob("*.asked"))) == 3


def test_threads_that_wait_for_the_same_say_so_once(tmp_path, monkeypatch):
    texts = []
    monkeypatch.setattr(folder, "path", lambda: tmp_path)
    monkeypatch.setattr(machine, "_announce", texts.append)

    def both(x):
        return x[0] + x[1]

    globals()["both"] = both
    function = loop(both)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(function, [np.ones(2)] * 8)) == {2.0}
    assert texts == [both]


def test_machine_code_of_other_sources_is_removed_after_a_month(tmp_path):
    mine, old, recent = (tmp_path / f"kernels-{name}" for name in "abc")
    for path in (mine, old, recent):
        path.mkdir()
    month_ago = time.time() - 40 * 24 * 3600
    os.utime(old, (month_ago, month_ago))
    os.utime(mine, (month_ago, month_ago))
    folder._prune(mine)
    assert sorted(tmp_path.iterdir()) == [mine, recent]


@pytest.mark.slow
def test_another_process_compiles_meanwhile(tmp_path):
    """The first fit is interpreted; its kernels are there soon after, and nobody asks for more."""
    script = (
        "import simlab, time\n"
        "ended = time.monotonic() + 3\n"
        "for i in range(10**6):  # longer than its patience\n"
        "    fit = simlab.fit('mathach ~ ses + (1 | school)', simlab.data.hs())\n"
        "    if i > 4 and time.monotonic() > ended: break\n"
        "print(repr(fit.loglik))"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(tmp_path)}
    run = [sys.executable, "-c", script]

    def answer():
        return subprocess.run(run, env=env, capture_output=True, text=True, check=True).stdout

    first = answer()
    (own,) = tmp_path.glob("kernels-*")
    deadline = time.monotonic() + 500
    while list(own.glob("*.asked")) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert len(list(own.glob("*.ready"))) == 6
    kept = {file: file.stat().st_mtime for file in own.glob("*.nbc")}
    assert answer() == first
    assert {file: file.stat().st_mtime for file in own.glob("*.nbc")} == kept


IN_NEED = """
import numpy as np
from simlab.kernels import compiled
from simlab.mixed.satterthwaite import variances
from simlab.mixed.rotated import allocate
from simlab.mixed.work import allocate_work
w = allocate_work(allocate(np.array([0, 3]), 1, 1))
for field in w:
    field[...] = 1
with compiled():
    variances(np.ones((1, 1, 1)), w, 3.0, np.ones(1), np.ones(1), np.ones(1))
print(sum(variances.code.stats.cache_misses.values()))
"""


@pytest.mark.skipif(os.name == "nt", reason="no locks there")
def test_processes_in_need_of_the_same_compile_it_once(tmp_path):
    env = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(tmp_path)}
    run = [sys.executable, "-c", IN_NEED]
    each = [
        subprocess.Popen(run, env=env, stdout=subprocess.PIPE, text=True, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    said = [process.communicate() for process in each]
    assert sorted(out.strip() for out, _ in said) == ["0", "0", "1"], said
