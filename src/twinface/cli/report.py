"""`twinface report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(run: Annotated[Path, typer.Argument(help="A run folder.")]) -> None:
    """Draw a run's report.html anew and print where it is."""
    from twinface.reports import write_report
    from twinface.training.run_folder import RunFolder

    folder = RunFolder(run)
    folder.about()
    print(write_report(folder))
