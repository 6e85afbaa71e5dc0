"""The page of a study."""

from __future__ import annotations

from pathlib import Path

from twinface.core.storage import write_json, write_text
from twinface.reports.figures_table import interval, share
from twinface.reports.page import render
from twinface.reports.study_view import study_view
from twinface.studies.results.costs import study_costs
from twinface.studies.results.read_results import study_results
from twinface.studies.study_folder import StudyFolder


def write_study_report(folder: StudyFolder) -> Path:
    """Writes `leaderboard.json`, `costs.json` and `report.html` into the study's folder; returns the last.

    The leaderboard is the same however often the study was interrupted. All times are in the costs.

    Raises:
        ModelError: a run's files are damaged.
        DataError: trials were scored on different pairs.
        StorageError: a file cannot be written.
    """
    results, costs = study_results(folder), study_costs(folder)
    write_json(folder.path / "leaderboard.json", results.to_dict())
    write_json(
        folder.path / "costs.json", {name: [run.to_dict() for run in runs] for name, runs in costs.items()}
    )
    target = folder.path / "report.html"
    view = study_view(folder, results, costs)
    write_text(target, render("study.html.j2", study=view, share=share, interval=interval))
    return target
