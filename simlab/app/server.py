"""Serve the page on this machine, and say plainly when that is impossible."""

from __future__ import annotations

import errno
import logging
import socket
import threading
import webbrowser
from collections.abc import Callable
from concurrent.futures import Future
from importlib.util import find_spec
from typing import Any

from simlab.errors import AppError

HOST = "localhost"

UNUSED = 60_000
"""Milliseconds for which a page is kept whose browser is still to connect, or was cut off: of fifty
that are opened at once the last waits that long."""


def require(*packages: str) -> None:
    """Refuse to go on without packages that only this part of simlab needs."""
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise AppError(f"simlab app needs {' and '.join(missing)}: pip install {' '.join(missing)}")


def serve(port: int, browser: bool) -> None:
    """Serve the page until interrupted; port 0 is any that is free.

    The address is printed, and opened in a browser if asked for. An AppError says that Panel is not
    installed, or the port is taken.
    """
    require("panel", "bokeh")
    port = _free(port)
    import panel as pn
    from bokeh.settings import settings

    from simlab.app.page import Page  # panel
    from simlab.app.waiting import compiled  # numba

    ready = _in_background(compiled)

    def visit() -> Any:
        """Page for a new visitor."""
        page = Page(ready=ready)
        pn.state.on_session_destroyed(lambda _: page.close())
        return page.template()

    logging.getLogger("asyncio").addFilter(_not_of_visitors_who_left)
    settings.perform_document_validation = False  # half a second a visit; tests do it
    pn.extension()
    server = pn.serve(
        {"/": visit}, port=port, address="127.0.0.1", show=False, title="simlab", verbose=False,
        websocket_origin=[f"{HOST}:{port}", f"127.0.0.1:{port}"], start=False,
        unused_session_lifetime_milliseconds=UNUSED,
    )  # fmt: skip
    # It listens from here on: whoever reads the address can open it.
    address = f"http://{HOST}:{port}/"
    print(f"simlab app: {address}   (Ctrl+C ends it)", flush=True)
    if browser and not _open(address):
        print("no browser was found: open the address in one", flush=True)
    server.start()
    server.io_loop.start()


def _not_of_visitors_who_left(record: logging.LogRecord) -> bool:
    """Whether a record tells anything else than that there is nobody to send to any more."""
    from tornado.iostream import StreamClosedError
    from tornado.websocket import WebSocketClosedError

    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, StreamClosedError | WebSocketClosedError)


def _in_background(work: Callable[[], None]) -> Future[None]:
    """Call a function in a thread that does not keep the process alive."""
    result: Future[None] = Future()

    def run() -> None:
        """Set the result, or the error that every visitor is shown."""
        try:
            work()
        except Exception as error:  # every visitor is shown it
            result.set_exception(error)
        else:
            result.set_result(None)

    threading.Thread(target=run, daemon=True, name="simlab-compile").start()
    return result


def _free(port: int) -> int:
    """Return the port, or one that is free for 0."""
    if not 0 <= port < 65536:
        raise AppError(f"--port {port}: a port is a number from 0 to 65535")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            why = "in use" if error.errno == errno.EADDRINUSE else "not allowed"
            raise AppError(
                f"--port {port} is {why}: give another, or --port 0 for any that is free"
            ) from None
        return int(probe.getsockname()[1])


def _open(address: str) -> bool:
    """Open a browser; whether there is one."""
    try:
        return webbrowser.open(address)
    except webbrowser.Error:
        return False
