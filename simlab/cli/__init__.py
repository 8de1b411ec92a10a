"""The command line: arguments to calls. Signals are heard before anything is imported."""

from __future__ import annotations

import gc
import os
import sys
import threading
import warnings

from simlab.cli import interrupts

LOOKED_AT = 50_000
"""Objects made before Python looks for garbage among them, 700 by default: what is imported stays,
and looking through it again and again takes 6 % of the time of a short command."""

WITH_FORMULA = ("fit", "bootstrap", "pvalue")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cyclopts import App


def main() -> None:
    """Run the command line as this process; Ctrl-C and SIGTERM end it as `interrupts` says."""
    before = threading.enumerate()
    gc.set_threshold(LOOKED_AT)
    try:
        interrupts.listen()
        try:
            call()
        except SystemExit as end:
            _leave(end.code if isinstance(end.code, int) else int(end.code is not None), before)
            raise
        finally:
            interrupts.over()
        _leave(0, before)
    except KeyboardInterrupt:
        interrupts.end()


def call() -> None:
    """Run the command line; what the user can mend is one line on stderr and exit status 2.

    Where memory runs out it is one line too, and the status 1.
    """
    from simlab.errors import Error
    from simlab.memory import is_exhausted, out_of_memory
    from simlab.text.plain import plain_streams

    with plain_streams(), warnings.catch_warnings():
        # numpy's: what overflows is NaN, and its status says so
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            _run()
        except BrokenPipeError:
            sys.stderr.close()
            raise SystemExit(1) from None
        except Exception as error:
            if interrupts.heard():  # and turned into another error on its way
                raise KeyboardInterrupt from None
            if is_exhausted(error):
                print(f"error: {out_of_memory(error)}", file=sys.stderr)
                raise SystemExit(1) from None
            if not isinstance(error, Error):
                raise
            print(error, file=sys.stderr)
            raise SystemExit(2) from None


def _run() -> None:
    """Run the command; where words are left over, a formula may not have been in quotes."""
    from cyclopts import CycloptsError, UnusedCliTokensError

    try:
        _coloured()(exit_on_error=False)
    except CycloptsError as error:  # which has been printed
        if isinstance(error, UnusedCliTokensError) and sys.argv[1] in WITH_FORMULA:
            print('put a formula in quotes, as one word: "y ~ x + (1 | g)"', file=sys.stderr)
        raise SystemExit(2) from None


def _coloured() -> App:
    """Return the application, whose help and messages about arguments may be coloured."""
    from simlab.cli.commands import for_words
    from simlab.text.plain import Plain, exact

    app = for_words(sys.argv[1:])
    streams = {"console": sys.stdout, "error_console": sys.stderr}
    for name, stream in streams.items():
        if stream.isatty():
            from rich.console import Console

            file: Any = Plain(exact(stream, always=True), colours=True)
            setattr(app, name, Console(file=file))
    return app


def _leave(status: int, before: list[threading.Thread]) -> None:
    """End at once where threads that the user's code started would be waited for, for ever."""
    calls = sys.modules.get("simlab.custom.calls")
    if calls is None or not calls.CALLED.is_set():
        return
    left = [t for t in threading.enumerate() if t not in before and not t.daemon]
    if left:
        print(
            f"simlab: {len(left):,} threads that the study's functions started are still at work; "
            "they end with this program",
            file=sys.stderr,
        )
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
