"""Why does a threshold not hold on other photos, and what does it cost not to tell?

    python studies/why_scores_move.py --root DIR --photos DIR [NAMES]     (then: python studies/tables.py)

Reads 150 people of LFW-a DevTest as they are and changed in six ways, ORL, and deepface's raw photos, finds and aligns
the faces, and keeps for each model and each set, in studies/figures/why-scores-move.json:

- how the scores of all genuine and all impostor pairs are spread, and the error rates at the model's threshold for a
  false accept rate of 0.001, with intervals that resample people;
- the length of the mean of the embeddings, which is what all faces of the set share, and the area under the ROC curve
  and the impostors that are accepted before and after that mean was taken off;
- which share of the pairs is not told, and how many impostors among the told ones are accepted, with zones of several
  widths.

Nothing is fitted here, and none of these people was used to fit a threshold.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from elsewhere import deepface, lfw_people, loaded, shadow, sunglasses, tiny
from named_models import opened

from twinface.core.errors import FaceNotFoundError
from twinface.core.progress import progress_bar
from twinface.core.storage import write_text
from twinface.core.types import BoolArray, ByteArray, Float32Array, FloatArray, IntArray
from twinface.datasets.orl import Orl
from twinface.evaluation.error_rates import error_rates
from twinface.evaluation.fit_on_people import AllPairs, score_all_pairs
from twinface.evaluation.metrics import area_under_curve
from twinface.models.derived_model import shifted
from twinface.models.record import ModelRecord
from twinface.recognition.photo_faces import AlignedFace
from twinface.recognition.rates import WantedRates
from twinface.recognition.verifier import Verifier, is_poor

KEPT = Path(__file__).parent / "figures" / "why-scores-move.json"
FAR = 1e-3
PEOPLE = 150
BINS = np.linspace(-0.25, 1.0, 51)  # of scores; those outside count in the first and the last
WIDTHS = (0.0, 0.5, 1.0, 1.5)  # of the zone that cannot be told, as multiples of the model's own


def blurred(photo: ByteArray) -> ByteArray:
    """Out of focus: a Gaussian of 2 pixels, where the eyes are 46 apart."""
    return np.asarray(cv2.GaussianBlur(photo, (0, 0), 2), np.uint8)


def jpeg(photo: ByteArray) -> ByteArray:
    """Compressed as JPEG with quality 8."""
    packed = cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, 8])[1]
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


def darkened(photo: ByteArray) -> ByteArray:
    """A quarter of the light."""
    return np.asarray(photo * 0.25, np.uint8)


WAYS: dict[str, Callable[[ByteArray], ByteArray]] = {
    "LFW-a as it is": lambda photo: photo,
    "shrunk": tiny,
    "blurred": blurred,
    "JPEG": jpeg,
    "darkened": darkened,
    "light from one side": shadow,
    "sunglasses": sunglasses,
}


@dataclass(frozen=True, eq=False)
class FoundFaces:
    """The faces that were found on the photos of a set.

    Attributes:
        faces: N of them, aligned.
        people: [N], the number of the person on each.
        missing: on how many photos none was found.
    """

    faces: list[AlignedFace]
    people: IntArray
    missing: int

    @property
    def poor(self) -> BoolArray:
        """[N] whether a face is too poor to be told."""
        return np.array([is_poor(face.quality) for face in self.faces])


def read_sets(root: Path, photos: Path, reader: Verifier) -> dict[str, FoundFaces]:
    """The faces of all sets by their names."""
    people = lfw_people(root, "devtest", PEOPLE)
    plain = loaded(people)
    sets = {
        name: find(name, [way(photo) for photo in plain], people.people, reader) for name, way in WAYS.items()
    }
    orl = Orl().faces()
    sets["ORL"] = find("ORL", loaded(orl), orl.people, reader)
    raw = deepface(photos / "deepface")
    assert raw.pairs is not None
    sets["raw photos"] = find("raw photos", raw.photos, people_of_pairs(*raw.pairs, len(raw.photos)), reader)
    return sets


def people_of_pairs(pairs: IntArray, same: BoolArray, photos: int) -> IntArray:
    """[N] a number of the person on each photo, from pairs that say who is alike.

    Args:
        pairs: [M, 2] rows of photos.
        same: [M] whether they show one person.
        photos: N.
    """
    people = np.arange(photos)
    for left, right in pairs[same].tolist():
        people[people == people[right]] = people[left]
    return people


def find(name: str, photos: list[ByteArray], people: IntArray, reader: Verifier) -> FoundFaces:
    """The faces of a set, found and aligned."""
    faces: list[AlignedFace] = []
    rows: list[int] = []
    with progress_bar(f"finding faces: {name}") as progress:
        for row, photo in enumerate(photos):
            try:
                faces.append(reader.read(photo))
                rows.append(row)
            except FaceNotFoundError:
                pass
            progress(row + 1, len(photos))
    return FoundFaces(faces, people[rows], len(photos) - len(rows))


def measure(model: Verifier, found: FoundFaces) -> dict[str, Any]:
    """The figures of a set with a model."""
    record = model.record
    embeddings = model.embed_faces(*found.faces)
    mean = shared_direction(record, embeddings)
    own, people = shifted(embeddings, mean), found.people
    pairs, without = (score_all_pairs(each, people, record.score) for each in (embeddings, own))
    rates = error_rates(embeddings, people, record.score, record.threshold.value)
    return {
        "photos": len(people) + found.missing,
        "faces": len(people),
        "poor": int(found.poor.sum()),
        "people": pairs.people,
        "pairs": [len(pairs.genuine), len(pairs.impostor)],
        "genuine": histogram(pairs.genuine),
        "impostor": histogram(pairs.impostor),
        "impostor_mean": round(float(pairs.impostor.mean()), 4),
        "impostor_mean_without": round(float(without.impostor.mean()), 4),
        "fmr": rounded(rates.fmr, rates.fmr_interval.low, rates.fmr_interval.high),
        "fnmr": rounded(rates.fnmr, rates.fnmr_interval.low, rates.fnmr_interval.high),
        "fmr_without": round(float(np.mean(without.impostor >= record.threshold.value)), 5),
        "length": round(float(np.linalg.norm(mean)), 3),
        "auc": round(area(pairs), 4),
        "auc_without": round(area(without), 4),
        "untold": untold_curve(record, embeddings, people, found.poor),
    }


def shared_direction(record: ModelRecord, embeddings: Float32Array) -> Float32Array:
    """[D] the mean of the embeddings, each brought to length 1; the correction of score normalisation is left out."""
    size = record.embedding_size - (record.distance == "local-cosine")
    unit = embeddings[:, :size] / np.linalg.norm(embeddings[:, :size], axis=1, keepdims=True).clip(1e-12)
    return np.asarray(unit.mean(axis=0), np.float32)


def untold_curve(
    record: ModelRecord, embeddings: Float32Array, people: IntArray, poor: BoolArray
) -> list[list[float]]:
    """Rows of: share of the pairs that is not told, false accept and false reject rate among the told ones.

    The first row judges every face by the threshold alone. The others leave out poor faces, and scores in a zone above
    the threshold that is 0, 1/2, 1 and 3/2 times as wide as the model's own. Genuine and impostor pairs have the same
    weight in the share.
    """
    low, high = record.threshold.value, record.threshold.upper or record.threshold.value
    every = score_all_pairs(embeddings, people, record.score)
    clear = score_all_pairs(embeddings[~poor], people[~poor], record.score)
    rows = [told_rates(every, every, low, low)]
    rows += [told_rates(every, clear, low, low + width * (high - low)) for width in WIDTHS]
    return rows


def told_rates(every: AllPairs, clear: AllPairs, low: float, high: float) -> list[float]:
    """Untold share, false accept rate and false reject rate, when scores from `low` up to `high` are not told."""
    told = [each[(each < low) | (each >= high)] for each in (clear.genuine, clear.impostor)]
    parts = [len(one) / len(all_) for one, all_ in zip(told, (every.genuine, every.impostor), strict=True)]
    return rounded(1 - float(np.mean(parts)), float(np.mean(told[1] >= high)), float(np.mean(told[0] < low)))


def histogram(scores: FloatArray) -> list[int]:
    """How many scores are in each of `BINS`."""
    return [int(each) for each in np.histogram(scores.clip(BINS[0], BINS[-1]), BINS)[0]]


def area(pairs: AllPairs) -> float:
    """The area under the ROC curve."""
    scores = np.concatenate([pairs.genuine, pairs.impostor])
    return area_under_curve(scores, np.arange(len(scores)) < len(pairs.genuine))


def rounded(*values: float) -> list[float]:
    """With five digits behind the point."""
    return [round(value, 5) for value in values]


def main() -> None:
    """Measures and keeps the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("names", nargs="*", default=["sface", "default"])
    parser.add_argument("--root", type=Path, required=True, help="folder of LFW")
    parser.add_argument("--photos", type=Path, required=True, help="folder with deepface/pairs.csv")
    given = parser.parse_args()
    sets = read_sets(given.root, given.photos, Verifier(opened(given.names[0])))
    models = {}
    for name in given.names:
        model = Verifier(opened(name), rates=WantedRates(FAR))
        threshold = model.record.threshold
        models[name] = {
            "threshold": round(threshold.value, 4),
            "upper": threshold.upper and round(threshold.upper, 4),
            "sets": {key: measure(model, found) for key, found in sets.items()},
        }
    kept = {
        "date": datetime.now(UTC).date().isoformat(),
        "far": FAR,
        "bins": [BINS[0], BINS[-1]],
        "widths": WIDTHS,
        "models": models,
    }
    write_text(KEPT, json.dumps(kept) + "\n")


if __name__ == "__main__":
    main()
