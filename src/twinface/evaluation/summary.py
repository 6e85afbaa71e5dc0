"""The figures of an evaluation, each with its interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from twinface.core.types import Interval
from twinface.datasets.data_source import DataSource
from twinface.evaluation.metrics import Confusion

EVERYTHING = "everything"  # `Summary.shown` of whole pictures


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95 % interval; the interval is None where too few people take part to resample them."""

    value: float
    interval: Interval | None

    def __str__(self) -> str:
        return f"{self.value:.4f}" + (f" {self.interval}" if self.interval else "")


@dataclass(frozen=True)
class TarAtFar:
    """The true accept rate where at most the share `far` of the impostor pairs is accepted.

    Attributes:
        far: false accept rate, in (0, 1].
        tar: share of the genuine pairs that are accepted there.
        few_false_accepts: fewer than 30 false accepts are expected, so this is a rough figure.
    """

    far: float
    tar: Estimate
    few_false_accepts: bool


@dataclass(frozen=True)
class OneShot:
    """N-way one-shot trials: the share in which the right one of `ways` candidates has the highest score."""

    ways: int
    trials: int
    accuracy: Estimate


@dataclass(frozen=True)
class Folds:
    """Cross-validation: accuracy is the mean over the folds.

    Attributes:
        accuracies: of each fold, in order.
        standard_error: standard deviation (ddof 1) over the square root of the number of folds.
        thresholds: of each fold's own model; None where one model is judged at thresholds of the other folds.
    """

    accuracies: tuple[float, ...]
    standard_error: float
    thresholds: tuple[float, ...] | None = None


@dataclass(frozen=True)
class SeenPeople:
    """How many of the people in the pairs the model was trained and tuned on, and how many pairs show them."""

    trained_on: int = 0
    tuned_on: int = 0
    pairs: int = 0


@dataclass(frozen=True, kw_only=True)
class Measurements:
    """What scores and decisions alone tell.

    Attributes:
        accuracy: share of pairs that are decided rightly at the threshold; with folds, the mean over them.
        confusion: pairs by truth and decision.
        loss: cross-entropy of the probabilities, in nats a pair.
        calibration_error: mean difference between probability and outcome, over bins of equal count.
        auc, eer: area under the ROC curve, equal error rate; None where all pairs are of one kind.
        tar_at_far: at each false accept rate that the number of impostor pairs supports.
        folds: None without folds.
    """

    accuracy: Estimate
    confusion: Confusion
    loss: float
    calibration_error: float
    auc: Estimate | None
    eer: Estimate | None
    tar_at_far: tuple[TarAtFar, ...]
    folds: Folds | None


@dataclass(frozen=True, kw_only=True)
class Summary(Measurements):
    """All figures of an evaluation: what `twinface evaluate --json` prints.

    Attributes:
        protocol: "view1", "view2", "unseen" or "pairs", with "-face" or "-background" after it where the model
            was shown that part of the pictures only.
        data, model: what was scored, by which model.
        shown: `EVERYTHING`, or in words what was left of each picture.
        pairs, genuine, people, images: counts; of people and images, those that are in a pair.
        threshold: "same" begins here; the mean over the folds where there are folds.
        threshold_fitted_on: the data in words.
        one_shot: None where no trial can be drawn.
        seen_people: see `SeenPeople`.
        may_be_claimed: what a result of this kind may be called in public.
        images_per_second: pictures embedded a second.
        seconds: for everything.
        data_sha256: of the prepared pictures; None where several models prepared them.
        interval_methods: how the intervals were made.
        source: the data set that was scored, where it is not the run's own; else, and of a pair file, None.
    """

    protocol: str
    data: str
    model: str
    shown: str = EVERYTHING
    pairs: int
    genuine: int
    people: int
    images: int
    threshold: float
    threshold_fitted_on: str
    one_shot: OneShot | None
    seen_people: SeenPeople
    may_be_claimed: str
    images_per_second: float
    seconds: float
    data_sha256: str | None = None
    interval_methods: tuple[str, ...] = ()
    source: DataSource | None = None

    @property
    def is_partial(self) -> bool:
        """Whether parts of each picture were painted over, so that this is not the accuracy of a verifier."""
        return self.shown != EVERYTHING

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: an estimate becomes `NAME` and `NAME_interval`, an interval `[low, high]`."""
        folds = self.folds
        return {
            "protocol": self.protocol,
            "data": self.data,
            "model": self.model,
            "pairs": self.pairs,
            "genuine": self.genuine,
            "people": self.people,
            "shown": self.shown,
            **_flat("accuracy", self.accuracy),
            **({"standard_error": folds.standard_error, "folds": list(folds.accuracies)} if folds else {}),
            "confusion": asdict(self.confusion),
            "loss": self.loss,
            "calibration_error": self.calibration_error,
            **_flat("auc", self.auc),
            **_flat("eer", self.eer),
            "tar_at_far": [
                {
                    "far": point.far,
                    "tar": point.tar.value,
                    "interval": _ends(point.tar.interval),
                    "few_false_accepts": point.few_false_accepts,
                }
                for point in self.tar_at_far
            ],
            "images": self.images,
            "threshold": self.threshold,
            "threshold_fitted_on": self.threshold_fitted_on,
            **({"thresholds": list(folds.thresholds)} if folds and folds.thresholds else {}),
            "one_shot": self.one_shot
            and {
                "ways": self.one_shot.ways,
                "trials": self.one_shot.trials,
                "accuracy": self.one_shot.accuracy.value,
                "interval": _ends(self.one_shot.accuracy.interval),
            },
            "seen_people": asdict(self.seen_people),
            "may_be_claimed": self.may_be_claimed,
            **({"data_sha256": self.data_sha256} if self.data_sha256 else {}),
            "images_per_second": self.images_per_second,
            "seconds": self.seconds,
            "interval_level": 0.95,
            "interval_methods": list(self.interval_methods),
            **({"source": asdict(self.source)} if self.source else {}),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Summary:
        """The inverse of `to_dict`; which interval was made by which method is not kept.

        Raises:
            KeyError, TypeError, ValueError: a value is missing or of another kind.
        """
        same = (
            "protocol",
            "data",
            "model",
            "pairs",
            "genuine",
            "people",
            "images",
            "loss",
            "calibration_error",
        )
        rest = ("threshold", "threshold_fitted_on", "may_be_claimed", "images_per_second", "seconds")
        accuracy = _estimate(values, "accuracy")
        if accuracy is None:
            raise ValueError("no accuracy")
        trials, folds = values["one_shot"], values.get("folds")
        return cls(
            **{name: values[name] for name in (*same, *rest)},
            shown=values.get("shown", EVERYTHING),
            accuracy=accuracy,
            confusion=Confusion(**values["confusion"]),
            auc=_estimate(values, "auc"),
            eer=_estimate(values, "eer"),
            tar_at_far=tuple(
                TarAtFar(
                    point["far"],
                    Estimate(point["tar"], _interval(point["interval"])),
                    point["few_false_accepts"],
                )
                for point in values["tar_at_far"]
            ),
            folds=Folds(tuple(folds), values["standard_error"], _tuple(values.get("thresholds")))
            if folds
            else None,
            one_shot=OneShot(
                trials["ways"], trials["trials"], Estimate(trials["accuracy"], _interval(trials["interval"]))
            )
            if trials
            else None,
            seen_people=SeenPeople(**values["seen_people"]),
            data_sha256=values.get("data_sha256"),
            interval_methods=tuple(values.get("interval_methods", ())),
            source=_source(values.get("source")),
        )


def _flat(name: str, estimate: Estimate | None) -> dict[str, Any]:
    if estimate is None:
        return {name: None, f"{name}_interval": None}
    return {name: estimate.value, f"{name}_interval": _ends(estimate.interval)}


def _estimate(values: Mapping[str, Any], name: str) -> Estimate | None:
    value = values[name]
    return None if value is None else Estimate(float(value), _interval(values[f"{name}_interval"]))


def _ends(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]


def _interval(ends: list[float] | None) -> Interval | None:
    return None if ends is None else Interval(float(ends[0]), float(ends[1]))


def _tuple(values: list[float] | None) -> tuple[float, ...] | None:
    return None if values is None else tuple(values)


def _source(values: Mapping[str, Any] | None) -> DataSource | None:
    if values is None:
        return None
    root, layout = (None if values[name] is None else str(values[name]) for name in ("root", "layout"))
    return DataSource(str(values["data"]), root, layout, align=bool(values["align"]))
