"""The answer to "do these two pictures show the same person?"."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from twinface.core.types import ByteArray
from twinface.faces.quality import Quality
from twinface.recognition.photo_faces import AlignedFace

Outcome = Literal["same", "different", "no_face", "several_faces", "poor_quality", "uncertain"]
_WORDS = {
    "same": "Same person",
    "different": "Different people",
    "no_face": "Cannot tell: no face",
    "several_faces": "Cannot tell: several faces",
    "poor_quality": "Cannot tell: poor quality",
    "uncertain": "Cannot tell: the score is in between",
}


@dataclass(frozen=True)
class VerdictFace:
    """A face that was compared.

    Attributes:
        box: left, top, width, height in pixels of the photo; None if the picture was taken as it is.
        landmarks: five points (x, y) in pixels of the photo, or None.
        score: of the detector, in [0.6, 1], or None.
        turn: the photo is upright after so many degrees clockwise: 0, 90, 180 or 270.
        number: of this face in the photo, from 1, the largest first.
        found: how many faces the photo has.
        quality: how well the face can be recognised, or None if the picture was taken as it is.
    """

    box: tuple[float, float, float, float] | None
    landmarks: tuple[tuple[float, float], ...] | None
    score: float | None
    turn: int
    number: int
    found: int
    quality: Quality | None
    aligned: ByteArray | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, face: AlignedFace) -> VerdictFace:
        """What a verdict keeps of a face."""
        found = face.detected
        if found is None:
            return cls(None, None, None, 0, face.number, face.found, face.quality, face.pixels)
        points = tuple((round(float(x), 1), round(float(y), 1)) for x, y in found.landmarks)
        left, top, width, height = (round(value, 1) for value in found.box)
        return cls(
            *((left, top, width, height), points, round(found.score, 3), found.turn),
            *(face.number, face.found, face.quality, face.pixels),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without the pixels."""
        return {
            "box": self.box and list(self.box),
            "landmarks": self.landmarks and [list(point) for point in self.landmarks],
            "score": self.score,
            "turn": self.turn,
            "number": self.number,
            "found": self.found,
            "quality": self.quality and self.quality.to_dict(),
        }


@dataclass(frozen=True)
class StrangerRates:
    """What is known about pairs of strangers with this model.

    Attributes:
        far: the false accept rate at the threshold.
        low, high: its 95 % interval.
        this_high: the fraction of pairs of strangers that score at least as high as this pair; never below the lowest
            rate that was measured.
        elsewhere: the same for photos of other conditions than those that were measured: it holds in nine of ten
            simulated ones. None if they were not simulated.
        least: the lowest rate that was measured.
        people: how many people it was measured on.
    """

    far: float
    low: float
    high: float
    this_high: float
    elsewhere: float | None
    least: float
    people: int

    def explain(self) -> str:
        """One or two sentences.

        >>> StrangerRates(0.001, 0.0009, 0.0011, 0.0003, 0.002, 0.0001, 1500).explain()
        'About 3 of 10,000 pairs of strangers score this high (20 in other conditions).'
        """
        if self.this_high >= 0.5:
            return "Half of all pairs of strangers or more score this high."
        usual = _of_many(self.this_high, self.least)
        if self.elsewhere is None or self.elsewhere <= self.this_high:
            return f"{usual} of 10,000 pairs of strangers score this high."
        elsewhere = "half of them or more" if self.elsewhere >= 0.5 else _number(self.elsewhere)
        return f"{usual} of 10,000 pairs of strangers score this high ({elsewhere} in other conditions)."


def _of_many(rate: float, least: float) -> str:
    """How many of 10,000, in words."""
    return f"At most {_number(rate)}" if rate <= least else f"About {_number(rate)}"


def _number(rate: float) -> str:
    count = 10_000 * rate
    return f"{count:,.0f}" if count >= 1 else f"{count:.1g}"


@dataclass(frozen=True)
class Verdict:
    """Whether two pictures show the same person. It is true for "same" and false for every other outcome.

    Attributes:
        outcome: "same", "different", or why it cannot be told: "no_face", "several_faces", "poor_quality" (see
            `faces.quality`), or "uncertain": the score is in the zone where the wanted error rates cannot be kept.
        score: higher means the same person; None without two faces.
        threshold: a score at or above it means "same", unless there is a zone.
        probability: of "same", in [0, 1], if both answers were equally likely before; never more extreme than the data
            of the calibration support. None without a score.
        model: the name of the model.
        threshold_fitted_on: a description of the data that the threshold was chosen on.
        faces: the faces that were compared; fewer than two if it cannot be told.
        notes: what is special about this verdict, in sentences; most have none.
        seconds: how long it took to read, prepare, embed and score the pictures, or None for the verdict on a score
            that was already there. Two verdicts that differ only in this are equal.
        trained_on: a description of the data that the model was trained on. It says "labelled outside data" where that
            is so.
        zone: scores from the first up to the second number cannot be told; None if there is no such zone.
        rates: how often strangers score this high, and on how many people that was measured; None if it is not known.
    """

    outcome: Outcome
    score: float | None
    threshold: float
    probability: float | None
    model: str
    threshold_fitted_on: str
    faces: tuple[VerdictFace, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float | None = field(default=None, compare=False)
    trained_on: str = ""
    zone: tuple[float, float] | None = None
    rates: StrangerRates | None = None

    def __bool__(self) -> bool:
        return self.outcome == "same"

    @property
    def same(self) -> bool | None:
        """True for "same", false for "different", None if it cannot be told."""
        return {"same": True, "different": False}.get(self.outcome)

    @property
    def title(self) -> str:
        """The outcome in two to six words."""
        return _WORDS[self.outcome]

    def explain(self) -> str:
        """The verdict as one sentence."""
        if self.score is None or self.probability is None:
            return f"{self.title}. {' '.join(self.notes)}".strip()
        if self.outcome == "poor_quality":
            return f"{self.title} (score {self.score:.3f})."
        probability = f"(probability of the same person {self.probability:.2f})"
        low, high = self.zone or (self.threshold, self.threshold)
        if self.same is None:
            return f"{self.title}: {self.score:.3f} is from {low:.3f} to {high:.3f} {probability}."
        relation, limit = ("at or above", high) if self else ("below", low)
        return (
            f"{self.title}: the score {self.score:.3f} is {relation} the threshold {limit:.3f} {probability}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "same": self.same,
            "outcome": self.outcome,
            "score": self.score,
            "threshold": self.threshold,
            "probability": self.probability,
            "model": self.model,
            "threshold_fitted_on": self.threshold_fitted_on,
            "trained_on": self.trained_on,
            "zone": self.zone and list(self.zone),
            "rates": self.rates and asdict(self.rates),
            "faces": [face.to_dict() for face in self.faces],
            "notes": list(self.notes),
            "seconds": self.seconds,
        }

    def _repr_html_(self) -> str:
        """A small table, which Jupyter shows."""
        from html import escape

        rows = {"threshold": f"{self.threshold:.3f}", "model": self.model, "trained on": self.trained_on}
        if self.score is not None and self.probability is not None:
            rows |= {
                "score": f"{self.score:.3f}",
                "probability of the same person": f"{self.probability:.2f}",
            }
        cells = "".join(f"<tr><th>{name}</th><td>{escape(value)}</td></tr>" for name, value in rows.items())
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        return f"<table><caption>{self.title}</caption>{cells}</table>{notes}"
