"""`twinface compare`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from twinface.cli.console import print_json, say
from twinface.cli.options import Json, Left, ModelPlace, Right

if TYPE_CHECKING:
    from twinface.recognition.compare import Comparison

_EXIT = {"same": 0, "different": 1, "no_face": 2, "poor_quality": 2, "uncertain": 2}
_WITHOUT_MATCH = {
    "different": "No faces match.",
    "poor_quality": "Cannot tell: poor quality.",
    "uncertain": "Cannot tell: a score is in between.",
}


def compare(left: Left, right: Right, model: ModelPlace = "best", json: Json = False) -> None:
    """Compare all faces of two photos: exit 0 if any match, 1 if none do, 2 if it cannot be told.

    Rows are the faces of the first photo, columns those of the second, the largest first. A face matches at most one
    face of the other photo; matches are marked with *.
    """
    from twinface.recognition.compare import compare_photos

    result = compare_photos(left, right, model)
    if json:
        print_json(result.to_dict())
    else:
        print(as_text(result))
    for note in result.notes:
        say(note)
    sys.exit(_EXIT[result.outcome])


def as_text(result: Comparison) -> str:
    """The table of scores, and a line for each match."""
    from twinface.recognition.face_text import model_text

    if result.outcome == "no_face":
        return f"Cannot tell: {len(result.left)} faces in the first photo, {len(result.right)} in the second."
    marks = {(match.left - 1, match.right - 1): "*" for match in result.matches}
    lines = ["".join(["      ", *(f"{column + 1:>8} " for column in range(len(result.right)))])]
    for row, scores in enumerate(result.scores):
        cells = (f"{score:>8.3f}{marks.get((row, column), ' ')}" for column, score in enumerate(scores))
        lines.append("".join([f"{row + 1:>6}", *cells]).rstrip())
    lines += [
        f"Face {match.left} of the first photo and face {match.right} of the second: same person, score "
        f"{match.score:.3f}, probability {match.probability:.2f}."
        for match in result.matches
    ]
    if not result.matches:
        lines.append(_WITHOUT_MATCH[result.outcome])
    return "\n".join([*lines, f"Threshold {result.threshold:.3f}.", model_text(result)])
