"""Serve the page on this machine, and say plainly when that is impossible."""

from __future__ import annotations

import errno
import socket
import webbrowser
from importlib.util import find_spec
from typing import Any

__all__ = ["AppError", "require", "serve"]

HOST = "localhost"


class AppError(Exception):
    """The page cannot be served; one line says why and what to do."""


def require(*packages: str) -> None:
    """Refuse to go on without packages that only this part of simlab needs.

    Raises
    ------
    AppError
        Naming those that are missing.
    """
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise AppError(
            f"simlab app needs {' and '.join(missing)}; install with pip install 'simlab[app]'"
        )


def serve(port: int, browser: bool) -> None:
    """Serve the page until interrupted.

    Parameters
    ----------
    port : int
        0 for any that is free.
    browser : bool
        Whether to open a browser too; the address is printed in any case.

    Raises
    ------
    AppError
        If Panel is not installed, or the port is taken.
    """
    require("panel", "bokeh")
    port = _free(port)
    import panel as pn

    from simlab.app.page import Page

    def visit() -> Any:
        page = Page()
        pn.state.on_session_destroyed(lambda _: page.close())
        return page.template()

    pn.extension()
    address = f"http://{HOST}:{port}/"
    print(f"simlab app: {address}   (Ctrl+C ends it)", flush=True)
    if browser and not _open(address):
        print("no browser was found: open the address in one", flush=True)
    pn.serve(
        {"/": visit}, port=port, address="127.0.0.1", show=False, title="simlab", verbose=False,
        websocket_origin=[f"{HOST}:{port}", f"127.0.0.1:{port}"],
    )  # fmt: skip


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
    try:
        return webbrowser.open(address)
    except webbrowser.Error:
        return False
