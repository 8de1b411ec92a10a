"""What went wrong, replicate by replicate: the messages beside the status ERROR.

A block that has any keeps them in a file beside its chunk of the array ``status``, written before
its flag. Texts that are alike are written once, for a mistake is usually made in every replicate.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

SHOWN = 20
"""Different texts that a Dataset's summary has."""

BlockMessages = tuple[tuple[int, str, str], ...]
"""Of one block: place in the block, estimator, text."""


class Message(NamedTuple):
    """What went wrong in one fit.

    Attributes
    ----------
    condition, replicate : int
        Where, from 0.
    estimator : str
        Its name.
    text : str
        One line: what was raised, and in which line of the user's file.
    """

    condition: int
    replicate: int
    estimator: str
    text: str


def write(file: Path, messages: BlockMessages) -> None:
    """Write the messages of a block, whole or not at all; without any there is no file.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    if not messages:
        file.unlink(missing_ok=True)
        return
    texts = list(dict.fromkeys(text for _, _, text in messages))
    number = {text: i for i, text in enumerate(texts)}
    at = [[b, estimator, number[text]] for b, estimator, text in messages]
    partial = file.with_name(f"{file.name}.partial")
    partial.write_text(json.dumps({"texts": texts, "at": at}), encoding="utf-8")
    os.replace(partial, file)


def read(file: Path) -> BlockMessages:
    """Read the messages of a block.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it does not hold messages.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    try:
        return tuple((int(b), str(e), str(content["texts"][i])) for b, e, i in content["at"])
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(f"holds no messages ({error!r})") from None


def summary(messages: Iterable[Message]) -> str:
    """Return the different texts as JSON: how often each came, and where first.

    The most frequent come first, and at most `SHOWN` of them.
    """
    found: dict[tuple[str, str], list[Message]] = {}
    for message in messages:
        found.setdefault((message.estimator, message.text), []).append(message)
    most = sorted(found.values(), key=len, reverse=True)[:SHOWN]
    return json.dumps([{"count": len(alike), **alike[0]._asdict()} for alike in most])
