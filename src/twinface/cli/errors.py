"""Turns whatever a command raises into one line on stderr and exit code 2.

Exit code 1 means "different people", so no error may end with it.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from twinface.cli.console import extra_that_brings, printable_stdout
from twinface.core.errors import TwinfaceError
from twinface.core.formatting import one_line, place_of

DEBUG_VARIABLE = "TWINFACE_DEBUG"


def run_command(
    command: Callable[[], object], is_stopped: Callable[[], bool] = lambda: False
) -> int | str | None:
    """Calls the command line, and returns its exit code.

    Args:
        command: leaves by SystemExit, as typer's do.
        is_stopped: whether a signal has come. Then an error is passed on, because it may be what a library has made of
            the signal.
    """
    try:
        with printable_stdout():
            code = _exit_code(command)
        if sys.stdout is not None:
            sys.stdout.flush()  # what cannot be written is an error of the command, too
        return code
    except BrokenPipeError:
        pass  # the reader of our output has gone, and needs no message
    except Exception as error:
        if is_stopped():
            raise
        if os.environ.get(DEBUG_VARIABLE) == "1":
            traceback.print_exc()
        print(f"twinface: {describe(error)}", file=sys.stderr)
    _drop_unwritable_output()
    return 2


def describe(error: Exception) -> str:
    """One line about an exception: what its message says, or where an unexpected one comes from."""
    if isinstance(error, TwinfaceError):
        return one_line(error)
    extra = extra_that_brings(error.name or "") if isinstance(error, ModuleNotFoundError) else None
    if extra is not None:
        return f'this needs {error.name}: pip install "twinface[{extra}]"'  # type: ignore[attr-defined]
    message = one_line(error, 300) or "no message"
    place = place_of(error, but=Path(__file__)) or "the command line"
    return (
        f"unexpected {type(error).__name__} in {place}: {message} (`twinface --debug …` or "
        f"{DEBUG_VARIABLE}=1 shows the traceback)"
    )


def _exit_code(command: Callable[[], object]) -> int | str | None:
    """The code that a command leaves with.

    Raises:
        Exception: the command's own; also one that typer has turned into exit code 1.
    """
    try:
        command()
    except SystemExit as leave:
        reason = leave.__context__  # a broken pipe; or typer.Abort, which typer makes of an EOFError
        reason = reason.__cause__ if reason is not None and reason.__cause__ is not None else reason
        if leave.code == 1 and isinstance(reason, OSError | EOFError):
            raise reason from None
        return leave.code
    return 0


def _drop_unwritable_output() -> None:
    """Lets go of what could not be written. Python would try again at its end, and report it with a code of its own."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
