"""Faces, models and quality in words, for the command line and for pages alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twinface.core.formatting import count
from twinface.faces.quality import Quality
from twinface.recognition.verdict import Verdict, VerdictFace

if TYPE_CHECKING:
    from twinface.recognition.compare import Comparison


def model_text(verdict: Verdict | Comparison) -> str:
    """Which model decided, and on which data its weights and its threshold stand.

    >>> model_text(Verdict("same", 0.9, 0.5, 0.9, "m", "40 people of A", trained_on="labelled outside data"))
    'Model m: trained on labelled outside data; threshold chosen on 40 people of A.'
    """
    rates = verdict.rates if isinstance(verdict, Verdict) else None
    rate = f" for a false accept rate of {rates.far:.2g} [{rates.low:.2g}, {rates.high:.2g}]" if rates else ""
    return (
        f"Model {verdict.model}: trained on {verdict.trained_on}; threshold chosen on "
        f"{verdict.threshold_fitted_on}{rate}."
    )


def found_text(face: VerdictFace) -> str:
    """How many faces a photo has, and which of them is this one.

    >>> found_text(VerdictFace(None, None, None, 0, 1, 1, None))
    'taken as it is'
    >>> found_text(VerdictFace((0, 0, 9, 9), (), 0.9, 90, 2, 3, None))
    '3 faces, number 2 compared; turned by 90 degrees'
    """
    if face.box is None:
        return "taken as it is"
    largest = " (the largest)" if face.number == 1 else ""
    which = f", number {face.number}{largest} compared" if face.found > 1 else ""
    turned = f"; turned by {face.turn} degrees" if face.turn else ""
    return f"{count(face.found, 'face')}{which}{turned}"


def quality_text(quality: Quality | None) -> str:
    """The quality of a face as a word, and why it is not good.

    >>> quality_text(None)
    'quality not measured'
    """
    if quality is None:
        return "quality not measured"
    reasons = f": {'; '.join(quality.reasons)}" if quality.reasons else ""
    return f"quality {quality.word}{reasons}"


def measures(quality: Quality) -> list[tuple[str, str]]:
    """The measures of a face's quality, as names and values with their units."""
    return [
        ("between the eyes", f"{quality.eye_distance:.0f} pixels"),
        ("sharpness", f"{quality.sharpness:.2f}"),
        ("brightness", f"{quality.brightness:.0f} of 255"),
        ("contrast", f"{quality.contrast:.0f}"),
        ("head turned to the side", f"{100 * abs(quality.yaw):.0f} %"),
        ("head tilted", f"{abs(quality.roll):.0f} degrees"),
        ("detector's score", f"{quality.detector:.2f}"),
    ]


def face_text(face: VerdictFace) -> str:
    """A face of a photo: its number, where it is, how sure the detector is, and its quality.

    >>> face_text(VerdictFace((10.2, 20.0, 30.0, 40.0), (), 0.912, 90, 2, 3, None))
    'face 2: 30 x 40 pixels at (10, 20), score 0.91, turned by 90 degrees; quality not measured'
    """
    left, top, width, height = face.box or (0, 0, 0, 0)
    turned = f", turned by {face.turn} degrees" if face.turn else ""
    return (
        f"face {face.number}: {width:.0f} x {height:.0f} pixels at ({left:.0f}, {top:.0f}), "
        f"score {face.score or 0:.2f}{turned}; {quality_text(face.quality)}"
    )
