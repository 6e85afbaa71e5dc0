"""Runs a study from wherever it stands to its end. It can be killed at any moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import tomli_w

from twinface.core.errors import SettingsError
from twinface.core.interruption import StopRequest
from twinface.core.storage import write_text
from twinface.datasets.training_split import DataSource, split_dataset
from twinface.evaluation.evaluate import evaluate, unseen_pairs
from twinface.evaluation.results import save_result
from twinface.faces.cache import prepare_faces
from twinface.faces.prepare import build_preparation
from twinface.models.load import load_model
from twinface.studies.controls import measure_baselines, measure_parts
from twinface.studies.runner import Runner
from twinface.studies.study import BEST, Study, describe, first_settings, trial_points
from twinface.studies.trial import Job, rivals
from twinface.studies.trial_store import Claim, Entry, Ledger, Outcome
from twinface.training.build import check_components, check_network
from twinface.training.run_folder import RunFolder

LOOK = 1.0  # seconds between two looks at what other processes do
SELDOM = 10.0  # the same while all that can be begun here runs: a look reads every point of the study


@dataclass(frozen=True)
class StudyStatus:
    """Where a study stands.

    Attributes:
        total, over, running: points.
        best: name and value of the best so far, or None.
        seconds: since this process began.
        ended_here: points that ended since then.
        measuring: what is measured now that all points are over, or an empty string.
    """

    total: int
    over: int
    running: int
    best: tuple[str, float] | None
    seconds: float
    ended_here: int
    measuring: str = ""

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; None while nothing has ended."""
        left = self.total - self.over
        return self.seconds / self.ended_here * left if self.ended_here else None


class Sweep:
    """A study and where it is run.

    Args:
        study: the study file.
        root: folder of the data, or None where the data set knows.
        place: the study's folder.
        storage: address of a database server, or None.
        threads: of one run.

    Raises:
        SettingsError: a point's settings are impossible, or the folder belongs to another study.
        DataError: the data set is not there.
        StorageError: the database does not answer.
    """

    def __init__(
        self, study: Study, root: Path | None, place: Path, storage: str | None = None, threads: int = 1
    ) -> None:
        self.study, self.place, self.threads = study, place, threads
        self.source = DataSource(study.data, str(root) if root else None, study.layout)
        check_study(study, self.source)
        self.ledgers = [Ledger(study, part, place, storage) for part in study.parts]
        write_text(place / "study.toml", tomli_w.dumps(study.model_dump(mode="json", exclude_none=True)))

    def entries(self) -> list[Entry]:
        """All points so far."""
        return [entry for ledger in self.ledgers for entry in ledger.entries()]

    def run(self, runner: Runner, stop: StopRequest, watch: Callable[[StudyStatus], None]) -> None:
        """Trains all points that are not trained yet, measures what they are held against, and scores those that the
        study names on test people.

        Args:
            runner: trains points.
            stop: a request to stop.
            watch: told where the study stands.

        Raises:
            Interrupted: a signal came; everything is saved.
            TwinfaceError: see `score_test`.
        """
        began, ended_here, looked = time.monotonic(), 0, float("-inf")
        claims: dict[str, tuple[Ledger, Claim]] = {}
        try:
            while True:
                if not claims or runner.free() or time.monotonic() - looked > SELDOM:
                    looked = time.monotonic()
                    for ledger in self.ledgers:
                        ledger.propose()
                        while runner.free() and (claim := ledger.claim()):
                            claims[claim.entry.name] = (ledger, claim)
                            runner.start(self._job(ledger, claim.entry))
                    watch(self._standing(len(claims), began, ended_here))
                    if not claims and self._is_over():
                        break
                for name, outcome in runner.wait(LOOK):
                    ledger, claim = claims.pop(name)
                    ledger.close(claim, outcome)
                    ended_here += 1
                stop.check()
        finally:
            runner.stop()
            for _, claim in claims.values():
                claim.release()
        over = self._standing(0, began, ended_here)
        self._measure(lambda what: watch(replace(over, measuring=what)))

    def _measure(self, tell: Callable[[str], None]) -> None:
        tell("baselines")
        measure_baselines(self.study, self.source, self.place)
        for entry in self.entries():
            if entry.state == "finished":
                tell(f"face and background alone, {entry.name}")
                measure_parts(RunFolder(entry.folder / f"seed-{self.study.seeds[0]}"))
        self.score_test(tell)

    def score_test(self, tell: Callable[[str], None]) -> None:
        """Scores the points that the study names, each run once.

        Args:
            tell: told whose turn it is.

        Raises:
            TwinfaceError: the pictures are not there, or a model has seen test people.
        """
        test = self.study.test
        if test is None:
            return
        dataset = self.source.open()
        for entry in self.named():
            for seed in self.study.seeds:
                folder = RunFolder(entry.folder / f"seed-{seed}")
                if (folder.path / "results" / f"{test.protocol}.json").exists():
                    continue
                tell(f"test people, {entry.name} seed {seed}")
                model = load_model(folder.path)
                pairs = (
                    unseen_pairs(dataset, model.record)
                    if test.protocol == "unseen"
                    else dataset.protocol(test.protocol)
                )
                save_result(folder.path, evaluate(model, pairs, test.protocol, claims=dataset.claims))

    def named(self) -> list[Entry]:
        """The finished points that are to be scored on test people."""
        entries = self.entries()
        chosen = []
        for name in self.study.test.points if self.study.test else ():
            part, _, number = name.partition("/")
            own = [entry for entry in entries if entry.part == part and entry.state == "finished"]
            if number == BEST:
                own = sorted(own, key=_value, reverse=True)[:1]
            else:
                own = [entry for entry in own if entry.number == int(number)]
            chosen += [entry for entry in own if entry not in chosen]
        return chosen

    def _is_over(self) -> bool:
        return all(
            len(entries) >= ledger.part.size and all(entry.is_over for entry in entries)
            for ledger in self.ledgers
            for entries in [ledger.entries()]
        )

    def _job(self, ledger: Ledger, entry: Entry) -> Job:
        part = ledger.part
        folders: list[Path] = []
        if part.prune:
            batch = entry.number // part.batch
            folders = [
                other.folder
                for other in ledger.entries()
                if other.state == "finished" and other.number // part.batch < batch
            ]
        return Job(
            name=entry.name,
            folder=entry.folder,
            source=self.source,
            settings=part.settings(entry.point),
            seeds=tuple(self.study.seeds),
            objective=self.study.objective,
            threads=self.threads,
            rivals=rivals(folders, self.study.seeds[0], self.study.objective),
            prune_after=part.prune_after,
        )

    def _standing(self, running: int, began: float, ended_here: int) -> StudyStatus:
        entries = self.entries()
        finished = [entry for entry in entries if entry.state == "finished"]
        best = max(finished, key=_value, default=None)
        return StudyStatus(
            total=sum(part.size for part in self.study.parts),
            over=sum(entry.is_over for entry in entries),
            running=running,
            best=(best.name, _value(best)) if best else None,
            seconds=time.monotonic() - began,
            ended_here=ended_here,
        )


def check_study(study: Study, source: DataSource) -> None:
    """Refuses a study of which a run could not begin, before any does.

    Raises:
        SettingsError: a setting does not exist, has an impossible value, or leaves no people to test on.
        DataError: the data set is not there, or has too few people.
    """
    dataset, first = source.open(), first_settings(study)
    split_dataset(dataset, first)  # refuses what cannot be split
    networks: set[str] = set()
    for part in study.parts:
        for point in trial_points(part):
            settings = part.settings(point)
            try:
                check_components(settings)
                build_preparation(settings.imaging, dataset.region)
                # Networks are large, and most points share one.
                network = f"{settings.network}{settings.imaging}{settings.trainer.epochs == 0}"
                if network not in networks:
                    check_network(settings)
            except SettingsError as error:
                raise SettingsError(f"part {part.name}, {describe(point)}: {error}") from error
            networks.add(network)
    if study.test and study.test.protocol == "unseen" and not first.data.test_people:
        raise SettingsError(
            'test.protocol = "unseen" needs people who are set aside: data.test_people is 0 in every part'
        )
    if study.test and study.test.protocol == "view1":
        dataset.protocol("view1")


def prepare_data(study: Study, source: DataSource, on_prepare: Callable[[int, int], None]) -> None:
    """Prepares each kind of picture that the study needs once, so that no two trials do it at the same time."""
    dataset = source.open()
    split = split_dataset(dataset, first_settings(study))
    imaging = [part.settings(point).imaging for part in study.parts for point in trial_points(part)]
    for preparation in dict.fromkeys(build_preparation(each, dataset.region) for each in imaging):
        for faces in (split.source.faces, split.validation.faces):
            prepare_faces(faces, preparation, progress=on_prepare)


def _value(entry: Entry) -> float:
    outcome: Outcome | None = entry.outcome()
    return outcome.value if outcome and outcome.value is not None else float("-inf")
