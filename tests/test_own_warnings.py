"""Warnings of the user's code: heard in its replicates, counted and kept, and nobody else's."""

import json
import re
import warnings
from threading import Thread

import numpy as np
import pytest
from test_own import HERE, SMALL, run, study

import simlab
from simlab import runner
from simlab.cli.failures import failures
from simlab.cli.info import info
from simlab.cli.replay import replay as command
from simlab.custom.warned import listening
from simlab.results import ReplicateResults
from simlab.results.messages import Message, summary
from simlab.words import Status

FLAT = SMALL | {"gamma": [1, 2]}


def warned(s):
    """What a study's code warned of, from its blocks."""
    work = runner.prepare(s)
    blocks = range(-(-s.replicates // s.block))
    return [(b, *message) for b in blocks for message in runner.run_block(work, 0, b).warnings]


def steep(s):
    """Replicates of which `warns.steep` is true."""
    frames = [simlab.replicate(s, 0, r) for r in range(s.replicates)]
    return [r for r, df in enumerate(frames) if np.polyfit(df.x, df.y, 1)[0] > 2]


@pytest.mark.parametrize("jobs", [1, 2])
def test_warnings_are_kept_by_replicate_and_stop_nothing(tmp_path, jobs, capfd):
    s = study("pooled", "warns:sometimes", "warns:quiet", population=FLAT)
    ds = simlab.run(s, jobs=jobs, out=tmp_path / "s.zarr")
    assert (ds.status == Status.OK).all()
    kept = ReplicateResults.open(tmp_path / "s.zarr").warnings()
    assert [m.replicate for m in kept] == steep(s)
    assert 0 < len(kept) < 20
    assert {(m.condition, m.estimator) for m in kept} == {(0, "warns:sometimes")}
    assert all(re.fullmatch(r"UserWarning: steep \(warns.py:\d+\)", m.text) for m in kept)
    assert json.loads(ds.attrs["warned"]) == {"warns:sometimes": len(kept)}
    (summary,) = json.loads(ds.attrs["warnings"])
    assert (summary["count"], summary["replicate"]) == (len(kept), kept[0].replicate)
    memory = simlab.run(s, jobs=jobs)
    assert memory.attrs["warnings"] == ds.attrs["warnings"]
    assert "messages" not in ds.attrs
    again = simlab.open_dataset(tmp_path / "s.zarr")
    assert {name: again.attrs[name] for name in ("warnings", "warned")} == {
        name: ds.attrs[name] for name in ("warnings", "warned")
    }
    assert "steep" not in "".join(capfd.readouterr())


def test_without_warnings_nothing_is_kept(tmp_path):
    ds = run("warns:quiet", "warns:silenced")
    assert not {"warnings", "warned"} & set(ds.attrs)
    simlab.run(study("warns:quiet"), jobs=1, out=tmp_path / "s.zarr")
    assert not list((tmp_path / "s.zarr").rglob("*messages*"))


def test_numpy_warns_too_and_what_python_hides_stays_hidden():
    texts = warned(study("warns:numpys", replicates=3))
    assert [b for _, b, _, _ in texts] == [0, 1, 2]
    text = r"RuntimeWarning: invalid value encountered in log \(warns.py:\d+\)"
    assert all(re.fullmatch(text, line) for *_, line in texts)


def test_many_warnings_are_few_lines():
    texts = warned(study("warns:flood", "warns:same", replicates=2))
    lines = [line for _, b, name, line in texts if (b, name) == (0, "warns:flood")]
    assert len(lines) == 6
    assert lines[-1] == "and 19,995 others"
    assert [line for _, b, name, line in texts if (b, name) == (1, "warns:same")] == [
        next(line for *_, line in texts if "again" in line)
    ]


def test_of_methods_on_moments_each_replicate_has_its_own():
    s = study("warns:together", "pooled", population=FLAT)
    work = runner.prepare(s)
    drawn = [runner.run_block(work, 0, b) for b in range(3)]
    b = np.concatenate([block.estimate[:, 1, list(work.terms).index("slope")] for block in drawn])
    warned_in = [r * 8 + place for r, place, _, _ in warned(s)]
    assert warned_in == np.flatnonzero(b > 2).tolist()
    assert 0 < len(warned_in) < 20


def test_a_fit_that_fails_has_its_warnings_too():
    s = study("warns:dies", replicates=2)
    block = runner.run_block(runner.prepare(s), 0, 0)
    assert (block.status == Status.ERROR).all()
    assert [text.partition(" (")[0] for *_, text in block.messages] == ["ValueError: the end"] * 2
    assert [text.partition(" (")[0] for *_, text in block.warnings] == [
        "UserWarning: before the end"
    ] * 2


def test_what_the_code_does_with_its_warnings_holds():
    s = study("warns:silenced", "warns:as_error", "warns:strange", "warns:long", replicates=1)
    block = runner.run_block(runner.prepare(s), 0, 0)
    texts = {name: text for _, name, text in block.warnings}
    assert "warns:silenced" not in texts
    assert "warns:as_error" not in texts
    failed = {name: text.partition(" (")[0] for _, name, text in block.messages}
    assert failed == {  # Python itself asks a warning for its text
        "warns:as_error": "UserWarning: an error now",
        "warns:strange": "RuntimeError: no text",
    }
    assert re.fullmatch(r"UserWarning: x{400,}\.\.\. \(warns.py:\d+\)", texts["warns:long"])
    assert len(texts["warns:long"]) == 500


def test_others_are_warned_as_before():
    """What is given elsewhere goes where it went, and what was shown once is heard again."""
    run("warns:sometimes", replicates=1)
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("default")
        for _ in range(3):
            warnings.warn("outside", stacklevel=1)
        run("warns:sometimes", replicates=8, population=FLAT)
        warnings.warn("after", stacklevel=1)
    assert [str(one.message) for one in shown] == ["outside", "after"]
    with pytest.raises(UserWarning, match="as ever"):  # pytest makes an error of a warning
        warnings.warn("as ever", stacklevel=1)
    with listening("") as heard:
        warnings.warn("as ever", stacklevel=1)
    assert heard.texts == ("UserWarning: as ever",)


def test_generators_warn_by_their_own_name():
    s = study("pooled", "warns:quiet", population="warns:draws")
    texts = warned(s)
    positive = [r for r in range(20) if simlab.replicate(s, 0, r).x.iloc[0] > 0]
    assert [number * 8 + b for number, b, _, _ in texts] == positive
    assert {name for _, _, name, _ in texts} == {"warns:draws"}
    assert (simlab.run(s, jobs=1).status == Status.OK).all()
    texts = warned(study("pooled", population="warns:draws_moments"))
    assert [(number, b, name) for number, b, name, _ in texts] == [
        (number, 0, "warns:draws_moments") for number in range(3)
    ]


def test_commands_show_warnings(tmp_path, capsys):
    s = study("warns:sometimes", population=FLAT)
    simlab.run(s, jobs=1, out=tmp_path / "s.zarr")
    first, count = steep(s)[0], len(steep(s))
    failures(tmp_path / "s.zarr", limit=5)
    printed = capsys.readouterr().out
    assert "every fit is ok" in printed
    assert re.search(
        rf"^warns:sometimes warned: UserWarning: steep .* \({count} times, first condition 0, "
        rf"replicate {first}\)",
        printed, re.M,
    )  # fmt: skip
    info(tmp_path / "s.zarr")
    assert f"warnings warns:sometimes in {count} replicates" in " ".join(
        capsys.readouterr().out.split()
    )
    for r in (first, next(r for r in range(20) if r not in steep(s))):
        assert command(tmp_path / "s.zarr", replicate=r) == 0
        shown = "warns:sometimes warned: UserWarning: steep" in capsys.readouterr().out
        assert shown == (r == first)


def test_sums_count_warnings(tmp_path, capsys):
    s = study("warns:sometimes", "warns:quiet", population=FLAT, keep="measures")
    ds = simlab.run(s, jobs=2, out=tmp_path / "s.zarr")
    warned = {"warns:sometimes": len(steep(s))}
    assert json.loads(ds.attrs["warned"]) == warned
    again = simlab.open_dataset(tmp_path / "s.zarr")
    assert again.warned_hits.values.ravel().tolist() == [*warned.values(), 0]
    failures(tmp_path / "s.zarr", limit=5)
    text = f"warnings: warns:sometimes in {len(steep(s))} replicates"
    assert text in capsys.readouterr().out
    assert "warned_hits" not in simlab.run(study("pooled", keep="measures"), jobs=1)


def test_processes_hear_the_same(tmp_path):
    s = study("warns:sometimes", "warns:together", population=FLAT, replicates=24)
    here = simlab.run(s, jobs=1)
    there = simlab.run(s, jobs=2, backend="loky")
    assert there.attrs["warnings"] == here.attrs["warnings"]
    assert there.estimate.values.tobytes() == here.estimate.values.tobytes()


def test_the_module_may_silence_what_it_likes(tmp_path):
    (tmp_path / "calm.py").write_text(
        "import warnings\nwarnings.filterwarnings('ignore', 'dull')\n"
        "def f(df):\n    warnings.warn('dull')\n    warnings.warn('bright')\n"
        "    return {'slope': 1.0}\n"
    )
    texts = warned(study("calm:f", folder=tmp_path, replicates=2))
    assert [line.partition(" (")[0] for *_, line in texts] == ["UserWarning: bright"] * 2


@pytest.mark.parametrize("jobs", [1, 2])
def test_threads_of_a_method_warn_for_it(jobs, capfd):
    s = study("warns:in_threads", "warns:quiet", replicates=16)
    ds = simlab.run(s, jobs=jobs)
    assert json.loads(ds.attrs["warned"]) == {"warns:in_threads": 16}
    lines = [(b, re.sub(r" \(.*", "", text)) for _, b, _, text in warned(s.replace(replicates=2))]
    texts = ["UserWarning: alone", "UserWarning: pool 0", "UserWarning: pool 1"]
    assert sorted(lines) == [(b, text) for b in (0, 1) for text in texts]
    assert "UserWarning" not in "".join(capfd.readouterr())
    with pytest.warns(UserWarning, match="apart"):  # control: a thread that no method started
        _in_thread(lambda: warnings.warn("apart", stacklevel=1))


def _in_thread(call):
    thread = Thread(target=call)
    thread.start()
    thread.join()


def test_every_method_has_a_message_in_the_summary():
    often = [Message(0, b, "often", f"text {i}") for i in range(30) for b in range(2)]
    result = json.loads(summary([*often, Message(0, 3, "seldom", "once")]))
    assert len(result) == 21
    assert result[-1] == {
        "count": 1, "condition": 0, "replicate": 3, "estimator": "seldom", "text": "once",
    }  # fmt: skip


STRICT = """\
import warnings

warnings.simplefilter("error")
warnings.filterwarnings("ignore", "hush")


def f(df):
    warnings.warn("hush")
    if df.x.iloc[0] > 0:
        warnings.warn("strict")
    return {"slope": 1.0}
"""


def test_filters_of_a_module_are_for_its_own_code(tmp_path):
    (tmp_path / "strict.py").write_text(STRICT)
    (tmp_path / "other.py").write_text(STRICT.replace('"error"', '"always"'))
    with warnings.catch_warnings():
        s = study("strict:f", "other:f", "warns:sometimes", folder=tmp_path)
        (tmp_path / "warns.py").write_text((HERE / "warns.py").read_text())
        for _ in range(2):
            ds = simlab.run(s, jobs=1)
            errors = (ds.status.sel(estimator="other:f") == Status.ERROR).sum()
            assert errors == 0 < (ds.status.sel(estimator="strict:f") == Status.ERROR).sum()
            assert "hush" not in ds.attrs.get("warnings", "")
            warnings.simplefilter("ignore")  # of a script, which is not for what is kept
            assert json.loads(ds.attrs["warned"])["other:f"] > 0
    with pytest.warns(UserWarning, match="ours"):
        warnings.warn("ours", stacklevel=1)
