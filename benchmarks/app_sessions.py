"""What many visitors of `simlab app` cost at once: memory, and how long each of them waits.

    python -m benchmarks.app_sessions --sessions 50

A visitor asks for the page and opens its websocket as a browser does, and draws nothing. They come
one after the other, wait for their thousand samples, and stay. Then each in turn moves the slider
of β_B and waits for the new sample. Then all move it at the same moment: they wait for the new
sample, and for a thousand samples of it. Nothing is asserted; a busy machine is slow.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from browser import serving
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

PATIENCE = 600.0
"""Seconds."""

READY = {
    "kind": "MessageSent", "msg_type": "bokeh_event",
    "msg_data": {"type": "event", "name": "document_ready", "values": {"type": "map"}},
}  # fmt: skip
"""What a browser sends when it has drawn the page."""

SLIDER = "β_B  between schools"


class Visitor:
    """One session of the page. Bokeh's messages are a header, metadata and a content."""

    def __init__(self, socket: WebSocketClientConnection) -> None:
        self._socket = socket
        self._slider = self._students = ""
        self._count = -1  # samples in the table

    @classmethod
    async def open(cls, address: str) -> Visitor:
        """Open the page, and find on it what is moved and what is watched."""
        page = await AsyncHTTPClient(max_clients=1000).fetch(
            address, request_timeout=PATIENCE, connect_timeout=PATIENCE
        )
        (token,) = re.findall(r'"token":"([^"]+)"', page.body.decode())
        socket = HTTPRequest(
            address.replace("http", "ws", 1) + "ws",
            connect_timeout=PATIENCE,
            request_timeout=PATIENCE,
        )
        visitor = cls(await websocket_connect(socket, subprotocols=["bokeh", token]))
        await visitor._until(lambda text: '"ACK"' in text)
        await visitor._send("PULL-DOC-REQ", {})
        whole = json.loads(await visitor._until(lambda text: '"roots"' in text))
        models = list(_models(whole))
        visitor._slider = next(m["id"] for m in models if _named(m, "title", SLIDER))
        picture = next(m for m in models if _named(m, "name", "data picture"))
        first = next(m for m in _models(picture) if m.get("name") == "ColumnDataSource")
        visitor._students = first["id"]
        await visitor._send("PATCH-DOC", {"events": [READY]})
        return visitor

    async def move(self, value: float) -> float:
        """Move the slider, and return the seconds until there is a new sample."""
        start, self._count = time.perf_counter(), -1
        event = {
            "kind": "ModelChanged", "model": {"id": self._slider}, "attr": "value", "new": value
        }  # fmt: skip
        await self._send("PATCH-DOC", {"events": [event]})
        await self._until(lambda text: f'"{self._students}"' in text)
        return time.perf_counter() - start

    async def sampled(self) -> None:
        """Wait for a thousand samples."""
        if self._count < 1000:
            await self._until(lambda _: self._count >= 1000)

    async def _send(self, kind: str, content: dict[str, Any]) -> None:
        for part in ({"msgid": str(time.perf_counter_ns()), "msgtype": kind}, {}, content):
            await self._socket.write_message(json.dumps(part))

    async def _until(self, wanted: Callable[[str], bool]) -> str:
        async with asyncio.timeout(PATIENCE):
            while True:
                text = await self._socket.read_message()
                if text is None:
                    raise ConnectionError("the page has gone")
                if not isinstance(text, str):
                    continue
                for count in re.findall(r"data-count=\D*(\d+)", text):
                    self._count = int(count)
                if wanted(text):
                    return text


def _models(part: Any) -> Iterator[dict[str, Any]]:
    """All models in a document, or in a part of it."""
    if isinstance(part, dict):
        if "id" in part and "attributes" in part:
            yield part
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from _models(inner)


def _named(model: dict[str, Any], attribute: str, value: str) -> bool:
    return bool(model["attributes"].get(attribute) == value)


def memory(process: int) -> float:
    """Resident memory of a process in MB."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


def line(what: str, seconds: Sequence[float]) -> str:
    """Return the median and the worst, in ms."""
    middle, worst = 1000 * statistics.median(seconds), 1000 * max(seconds)
    return f"{what:44}{middle:>10,.0f}{worst:>10,.0f}"


async def timed(work: Any) -> tuple[Any, float]:
    """Return a result, and the seconds that it took."""
    start = time.perf_counter()
    return await work, time.perf_counter() - start


async def opened(address: str) -> Visitor:
    """Open the page and wait for its thousand samples."""
    visitor = await Visitor.open(address)
    await visitor.sampled()
    return visitor


async def moved(visitor: Visitor, value: float) -> tuple[float, float]:
    """Move the slider; return the seconds until a new sample, and until a thousand of them."""
    first = await visitor.move(value)
    _, rest = await timed(visitor.sampled())
    return first, first + rest


async def measure(address: str, process: int, n: int) -> None:
    """Print a table."""
    await opened(address)  # compiles, or reads what was compiled
    before, load = memory(process), os.getloadavg()[0]
    print(f"{n} sessions, {os.cpu_count()} cores, load {load:.1f} at the start\n")
    print(f"{'milliseconds':44}{'median':>10}{'worst':>10}", flush=True)
    there = [await timed(opened(address)) for _ in range(n)]
    visitors = [visitor for visitor, _ in there]
    print(line("opens the page: until 1,000 samples", [s for _, s in there]), flush=True)
    after = memory(process)
    one = [await moved(visitor, 2.0) for visitor in visitors]
    print(line("one moves a slider: until a new sample", [first for first, _ in one]))
    print(line("one moves a slider: until 1,000 samples", [last for _, last in one]), flush=True)
    both = await asyncio.gather(*(moved(visitor, 3.0) for visitor in visitors))
    print(line("all move it: until a new sample", [first for first, _ in both]))
    print(line("all move it: until 1,000 samples", [last for _, last in both]))
    print(f"\nmemory: {before:,.0f} MB with 1 session, {after:,.0f} MB with {n + 1}: ", end="")
    print(f"{(after - before) / n:.1f} MB a session; {memory(process):,.0f} MB at the end")


def main() -> None:
    """Serve the page, and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=50)
    given = parser.parse_args()
    with serving() as (address, process):
        asyncio.run(measure(address, process, given.sessions))


if __name__ == "__main__":
    main()
