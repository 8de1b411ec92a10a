"""Errors and warnings of single replicates, in words.

They go with the status error, and with any status. A block that has any keeps them in a file next
to its chunk of the array ``status``, written before its flag. Texts that are alike are written
once, for a mistake is usually made in every replicate.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from simlab.files import Unread, clear, content, replace_file
from simlab.results.chunks import checksum

LARGEST = 1 << 28
"""Bytes of a file of messages; a text is one line of each estimator and replicate of a block."""

SHOWN = 20
"""Different texts that a Dataset's summary has, or more if there are more estimators."""

BlockMessages = tuple[tuple[int, str, str], ...]
"""Messages of one block: position in the block, estimator, text."""

MESSAGES, WARNINGS = "messages", "warnings"
KINDS = (MESSAGES, WARNINGS)
"""Fields of a `Block`: errors and warnings."""

_AT = {MESSAGES: "at", WARNINGS: "warned"}


class Message(NamedTuple):
    """Error of one fit, or a warning; of a generator's warnings by its name.

    `text` is one line: what was raised, and in which line of the user's file.
    """

    condition: int
    replicate: int
    estimator: str
    text: str


def write(file: Path, by_kind: Mapping[str, BlockMessages]) -> None:
    """Write errors and warnings of a block, by `KINDS`, whole or not at all; if any, a file.

    A line of JSON, and a line with its CRC-32C.
    """
    if not any(by_kind.values()):
        clear(file)
        return
    texts = list(dict.fromkeys(text for kind in KINDS for _, _, text in by_kind[kind]))
    number = {text: i for i, text in enumerate(texts)}
    record: dict[str, Any] = {"texts": texts}
    for kind in KINDS:
        record[_AT[kind]] = [[b, name, number[text]] for b, name, text in by_kind[kind]]
    text = json.dumps(record).encode()
    replace_file(file, text + b"\n" + checksum(text).hex().encode())


def read(file: Path) -> dict[str, BlockMessages]:
    """Read errors and warnings of a block, by `KINDS`.

    ValueError if the file cannot be read, fails its checksum, or does not hold messages.
    """
    try:
        text, last, written = content(file, LARGEST).partition(b"\n")
        if last and written != checksum(text).hex().encode():  # earlier versions wrote none
            raise ValueError("fail their checksum")
        record = json.loads(text)
    except FileNotFoundError:
        return dict.fromkeys(KINDS, ())
    except Unread as error:
        raise ValueError(str(error)) from None
    except RecursionError:
        raise ValueError("holds no messages") from None
    try:
        texts, at = record["texts"], {MESSAGES: record["at"], WARNINGS: record.get("warned", [])}
        return {
            kind: tuple((int(b), str(name), str(texts[i])) for b, name, i in at[kind])
            for kind in KINDS
        }
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ValueError(f"holds no messages ({error!r})") from None


def attributes(errors: Iterable[Message], warned: Iterable[Message]) -> dict[str, str]:
    """Summaries, as JSON, that a Dataset has of them among its attributes; without any, nothing.

    ``messages`` and ``warnings`` are summaries. ``warned`` has, by estimator, in how many of its
    fits there was a warning.
    """
    by_kind = {MESSAGES: tuple(errors), WARNINGS: tuple(warned)}
    summaries = {kind: summary(each) for kind, each in by_kind.items() if each}
    fits = {(m.estimator, m.condition, m.replicate) for m in by_kind[WARNINGS]}
    if fits:
        summaries["warned"] = json.dumps(Counter(sorted(estimator for estimator, _, _ in fits)))
    return summaries


def summary(messages: Iterable[Message]) -> str:
    """The different texts as JSON: how often each came, and where first.

    The most frequent come first, and at most `SHOWN` of them, but one of every estimator.
    """
    groups: dict[tuple[str, str], list[Message]] = {}
    for message in messages:
        groups.setdefault((message.estimator, message.text), []).append(message)
    most = sorted(groups.values(), key=len, reverse=True)
    first = {alike[0].estimator: i for i, alike in reversed([*enumerate(most)])}
    shown = [a for i, a in enumerate(most) if i < SHOWN or first[a[0].estimator] == i]
    return json.dumps([{"count": len(alike), **alike[0]._asdict()} for alike in shown])
