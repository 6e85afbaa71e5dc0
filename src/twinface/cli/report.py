"""`twinface report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(folder: Annotated[Path, typer.Argument(help="A run folder, or a study's folder.")]) -> None:
    """Draw report.html of a run or a study anew, and print where it is."""
    from twinface.reports import report as draw

    print(draw(folder))
