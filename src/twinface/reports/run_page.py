"""The page of a run, at whatever stage the run is."""

from __future__ import annotations

from pathlib import Path

from twinface.core.storage import write_text
from twinface.reports.figures_table import interval, share
from twinface.reports.page import render
from twinface.reports.run_view import run_view
from twinface.training.run_folder import RunFolder


def write_report(folder: RunFolder) -> Path:
    """Draws a run's `report.html` anew and returns where it is.

    Raises:
        ModelError: the folder holds no run, or an evaluation in it is damaged.
        StorageError: the page cannot be written; the former page stays.
    """
    target = folder.path / "report.html"
    write_text(target, render("run.html.j2", run=run_view(folder), share=share, interval=interval))
    return target
