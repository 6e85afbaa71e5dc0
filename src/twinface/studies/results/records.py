"""The results of a study: leaderboard, trials that did not finish, effects of factors, and the final test.

The leaderboard is about validation people. Nothing here depends on the clock, or on how often the study was
interrupted; times are in `costs`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from twinface.evaluation.summary import Summary
from twinface.studies.results.effects import Effect
from twinface.studies.results.importance import Interaction
from twinface.studies.results.leaderboard import Place
from twinface.studies.study_file.point import Point
from twinface.studies.trials.trial import State

BASELINE = "reference verifier without training"
LONGEST_LABEL = 48  # characters of settings that stand for a model
_TIMES = ("seconds", "images_per_second")  # figures of an evaluation that depend on the clock


@dataclass(frozen=True)
class LeaderboardLine:
    """One model of the leaderboard.

    Attributes:
        place: its figures.
        level_with_first: whether it cannot be told apart from the first model; true for the first itself.
        description: the settings of its point in words; for a baseline, `BASELINE`.
        point: fields and values; None for a baseline.
        value: of the objective, higher is better; None for a baseline.
        face_auc, background_auc: AUC if the model sees the face alone or the background alone; None for baselines and
            for pictures without background.
        training_accuracy: on people that were trained on, mean over seeds; None for models without training steps.
    """

    place: Place
    level_with_first: bool
    description: str = BASELINE
    point: Point | None = None
    value: float | None = None
    face_auc: float | None = None
    background_auc: float | None = None
    training_accuracy: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            **asdict(self.place),
            "accuracies": list(self.place.accuracies),
            "interval": [self.place.interval.low, self.place.interval.high],
            "apart": sorted(self.place.apart),
            "level_with_first": self.level_with_first,
            "what": self.description,
            "point": None if self.point is None else dict(self.point),
            "value": self.value,
            "face_auc": self.face_auc,
            "background_auc": self.background_auc,
            "training_accuracy": self.training_accuracy,
        }


@dataclass(frozen=True)
class UnfinishedTrial:
    """A trial that was stopped early ("pruned") or failed.

    Attributes:
        name: of the trial.
        description: the settings of its point in words.
        state: "pruned" or "failed".
        value: of the objective when it was stopped; None if it failed.
        reason: why it failed, or "".
    """

    name: str
    description: str
    state: State
    value: float | None
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "name": self.name,
            "what": self.description,
            "state": self.state,
            "value": self.value,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class SearchEffects:
    """Effects of the factors of one search on the objective; empty if fewer than two trials have finished.

    Attributes:
        main: of each factor, the strongest first.
        interactions: of every two factors, the strongest first.
        importances: share of each factor by fANOVA, the largest first.
    """

    main: Sequence[Effect] = ()
    interactions: Sequence[Interaction] = ()
    importances: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "main": [asdict(effect) for effect in self.main],
            "interactions": [asdict(interaction) for interaction in self.interactions],
            "importances": dict(self.importances),
        }


@dataclass(frozen=True)
class FinalTestResult:
    """One run of a trial on test people.

    Attributes:
        name: of the trial.
        seed: of the run.
        summary: all figures.
    """

    name: str
    seed: int
    summary: Summary

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without the figures that depend on the clock."""
        figures = self.summary.to_dict()
        return {"name": self.name, "seed": self.seed} | {
            name: value for name, value in figures.items() if name not in _TIMES
        }


@dataclass(frozen=True)
class StudyResults:
    """Everything that a study found.

    Attributes:
        title, objective, seeds: of the study file.
        leaderboard: finished trials and baselines, the most accurate first, on validation people.
        unfinished: trials that were stopped early or failed.
        effects: by the name of the search.
        test: the runs that were scored on test people, in the order of the study file.
    """

    title: str
    objective: str
    seeds: tuple[int, ...]
    leaderboard: tuple[LeaderboardLine, ...]
    unfinished: tuple[UnfinishedTrial, ...]
    effects: Mapping[str, SearchEffects]
    test: tuple[FinalTestResult, ...]

    @property
    def best_trained(self) -> LeaderboardLine | None:
        """The most accurate model that was trained; None if there are baselines only."""
        return next((line for line in self.leaderboard if line.point is not None), None)

    def against_best_trained(self, line: LeaderboardLine) -> str:
        """How a model compares with the best trained one, in words, with the difference in points of accuracy."""
        best = self.best_trained
        if best is None:
            return ""
        if line is best:
            return "the best trained"
        points = 100 * (line.place.accuracy - best.place.accuracy)
        apart = best.place.name in line.place.apart
        word = ("better" if points > 0 else "worse") if apart else "not told apart"
        return f"{word} ({points:+.1f})".replace("-", "\N{MINUS SIGN}")

    def label(self, name: str) -> str:
        """A model's settings, where they tell it apart from all others; otherwise its name."""
        said = {line.place.name: line.description for line in self.leaderboard if line.point}
        own = said.get(name, "")
        return own if own and list(said.values()).count(own) == 1 and len(own) <= LONGEST_LABEL else name

    @property
    def pruned(self) -> list[UnfinishedTrial]:
        """The trials that were stopped early."""
        return [trial for trial in self.unfinished if trial.state == "pruned"]

    @property
    def failed(self) -> list[UnfinishedTrial]:
        """The trials that failed."""
        return [trial for trial in self.unfinished if trial.state == "failed"]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for `leaderboard.json`."""
        return {
            "title": self.title,
            "objective": self.objective,
            "seeds": list(self.seeds),
            "leaderboard": [line.to_dict() for line in self.leaderboard],
            "given_up": [trial.to_dict() for trial in self.unfinished],
            "effects": {name: effects.to_dict() for name, effects in self.effects.items()},
            "test": [result.to_dict() for result in self.test],
        }
