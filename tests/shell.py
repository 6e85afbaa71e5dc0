"""Runs `twinface` commands, in a process of their own or in this one."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

from conftest import TINY
from twinface import cli


def without_coverage() -> dict[str, str]:
    """The environment, without the variables by which coverage.py measures new processes.

    It is for tests of what a process imports, or that limit what it may write.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


def twinface(*arguments: object, cwd: Path | None = None, **more: Any) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own; further keywords are those of `subprocess.run`."""
    return subprocess.run(
        [sys.executable, "-m", "twinface", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        **more,
    )


def twinface_here(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The same command in this process, which saves some seconds because torch is imported already."""
    words = ["twinface", *map(str, arguments)]
    out, err = io.StringIO(), io.StringIO()
    log = logging.getLogger("twinface")
    handlers = list(log.handlers)
    with mock.patch.object(sys, "argv", words), redirect_stdout(out), redirect_stderr(err):
        code = cli._run()
    log.handlers[:] = handlers  # a command's own handler writes into `err`
    return subprocess.CompletedProcess(words, int(code or 0), out.getvalue(), err.getvalue())


def changes(*more: str) -> list[str]:
    """`--set` options that make a run tiny, and further ones."""
    return [word for change in [*TINY, *more] for word in ("--set", change)]
