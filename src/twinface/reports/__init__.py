"""Self-contained HTML pages: of a run, a data set, a study.

Everything is inside the file: pictures as data URIs, charts as SVG, no script, no font, nothing from the network. Equal
input gives equal bytes.

run_page, run_view      a run: the page, and what it shows
run_facts               rows of facts about a run
learning_view           how training went
data_page               a data set
study_page, study_view  a study: the page, and what it shows
lfw_demo_page           the page of the demo on LFW
calibration_page        a calibrated model
study_disagreements     pairs on which the models of a study disagree
figures_table           the figures of an evaluation as rows
charts                  a chart as SVG; the charts themselves: learning_charts, rate_charts, decision_charts,
                        data_charts, study_charts
extreme_pairs           the pairs that a model was most wrong and most right about
explained_pairs         maps over those pairs
pictures, page          pictures as data URIs; templates to HTML
"""

from pathlib import Path

from twinface.reports.data_page import write_data_page
from twinface.reports.run_page import write_report
from twinface.training.run_folder import RunFolder

__all__ = ["report", "write_data_page", "write_report"]


def report(folder: Path | str) -> Path:
    """Draws `report.html` of a run or of a study anew, and returns where it is.

    Args:
        folder: of a run, or of a study.

    Raises:
        ModelError: the folder holds neither, or a file in it is damaged.
        SettingsError: the trials of the study are in a database server.
        StorageError: the page cannot be written; the former page stays.
    """
    folder = Path(folder)
    if (folder / "study.toml").is_file():
        from twinface.reports.study_page import write_study_report
        from twinface.studies.study_folder import StudyFolder

        return write_study_report(StudyFolder.open(folder))
    run = RunFolder(folder)
    run.info()  # says what is missing where there is no run
    return write_report(run)
