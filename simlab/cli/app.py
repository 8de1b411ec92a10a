"""`simlab app`: the laboratory on the screen."""

from __future__ import annotations

from pathlib import Path


def app(*, port: int = 5006, no_browser: bool = False, export: Path | None = None) -> None:
    """Open the laboratory in a browser: move a population, see a sample, see sampling happen.

    Parameters
    ----------
    port
        Where the page is served, on this machine only; 0 for any port that is free.
    no_browser
        Print the address and open nothing.
    export
        Write a page that needs no server to this file, and serve nothing.
    """
    from simlab.app import server
    from simlab.cli import interrupts

    if export is not None:
        from simlab.app.lesson import write

        print(f"{write(export)}: opens in any browser, without a server")
    else:
        interrupts.over()  # nothing is kept, and visitors' code may swallow an exception
        server.serve(port, browser=not no_browser)
