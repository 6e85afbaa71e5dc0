"""The folder of a study: the study file, its trials with their runs, the baselines' scores, and the results."""

from __future__ import annotations

from pathlib import Path

from twinface.core.errors import ModelError, SettingsError
from twinface.core.storage import write_text
from twinface.studies.study_file.study import BEST, Study, read_study
from twinface.studies.trials.trial import Trial, best_trial
from twinface.studies.trials.trial_store import TrialStore
from twinface.training.run_folder import RunFolder


class StudyFolder:
    """A study and everything that has been stored for it. Reading needs neither the data nor a runner.

    Args:
        study: the study file.
        path: the folder.
        storage: address of a database server; None keeps the trials in `optuna.db` in the folder.

    Attributes:
        stores: the trials of each search, in the order of the study file.

    Raises:
        StorageError: the database does not answer.
    """

    def __init__(self, study: Study, path: Path, storage: str | None = None) -> None:
        self.study, self.path = study, path
        self.stores = [TrialStore(study, search, path, storage) for search in study.searches]

    @classmethod
    def begin(cls, study: Study, path: Path, storage: str | None = None) -> StudyFolder:
        """Makes the folder of a study, or opens it to continue the same study.

        Args:
            study: the study file.
            path: the folder.
            storage: address of a database server; None keeps the trials in `optuna.db` in the folder.

        Raises:
            SettingsError: the folder or the database holds another study.
            StorageError: the database does not answer, or a file cannot be written.
        """
        folder = cls(study, path, storage)
        for store in folder.stores:
            store.check_contents()
        write_text(path / "study.toml", study.text)
        return folder

    @classmethod
    def open(cls, path: Path, storage: str | None = None) -> StudyFolder:
        """Opens the folder of a study that was begun before, to read it.

        Args:
            path: the folder.
            storage: address of the database server that the study was run with, if it was.

        Raises:
            ModelError: there is no study in the folder.
            SettingsError: the trials are in a database server and `storage` is not given; or `study.toml` was changed.
            StorageError: the database does not answer.
        """
        if not (path / "study.toml").exists():
            raise ModelError(f"{path}: holds no study (no study.toml); run one with `twinface sweep`")
        if storage is None and not (path / "optuna.db").exists():
            raise SettingsError(
                f"{path}: the trials are not here (no optuna.db) but in the database that the study was run with; "
                "call `twinface sweep` with --storage again, which also draws the report"
            )
        return cls(read_study(path / "study.toml"), path, storage)

    def trials(self) -> list[Trial]:
        """All trials so far, search by search."""
        return [trial for store in self.stores for trial in store.trials()]

    def finished(self) -> list[Trial]:
        """The trials that were trained to their end."""
        return [trial for trial in self.trials() if trial.state == "finished"]

    def runs(self, trial: Trial) -> list[RunFolder]:
        """The runs of a trial, in the order of the study's seeds."""
        return trial.runs(self.study.seeds)

    def tested(self) -> list[Trial]:
        """The finished trials that the study file names for the final test."""
        finished = self.finished()
        chosen: dict[str, Trial] = {}
        for name in self.study.test.points if self.study.test else ():
            search, _, number = name.partition("/")
            own = [trial for trial in finished if trial.search == search]
            if number != BEST:
                own = [trial for trial in own if trial.number == int(number)]
            best = best_trial(own)
            if best:
                chosen.setdefault(best.name, best)
        return list(chosen.values())
