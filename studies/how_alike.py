"""Does it tell anything how alike two photos are to those that a threshold was fitted on?

    python studies/how_alike.py --root DIR [NAMES]     (then: python studies/tables.py)

Three measures of one face, each as its place among the faces of the people that the threshold was fitted on, from 0
(unlike all of them) to 1:

- quality: of sharpness, noise, brightness, contrast, yaw and the detector's score, the one that is least usual;
- length: the share of the fitting people's faces whose embeddings are shorter, before they are brought to length 1;
- direction: how usual the cosine between the embedding and the mean of the fitting people's is.

A pair is as alike as the less alike of its two faces. For each measure the error rates are counted among pairs of
little, some and much likeness, with 95 % intervals that resample people. Measures may be compared on the first group of
changed photos; whether one holds is read from the other groups. Poor faces are left out: a verdict on them is "cannot
tell" anyway. The people are 400 of LFW-a DevTest, and ORL.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from elsewhere import lfw_people, loaded
from named_models import PEOPLE as FITTED_PEOPLE
from named_models import opened
from why_scores_move import FAR, WAYS, FoundFaces, find, rounded

from twinface.core.storage import write_text
from twinface.core.types import FaceSet, Float32Array, FloatArray, IntArray
from twinface.datasets.lfw.dataset import Lfw
from twinface.datasets.orl import Orl
from twinface.datasets.subsets import take_people, take_pictures
from twinface.datasets.training_split import validation_of
from twinface.evaluation.fit_on_people import first_pictures
from twinface.evaluation.intervals import wilson
from twinface.recognition.rates import WantedRates
from twinface.recognition.verifier import Verifier

KEPT = Path(__file__).parent / "figures" / "how-alike.json"
PEOPLE, FITTING = 400, 300  # judged; and whose faces say what is usual
BOUNDS = (0.0, 0.05, 0.2, 1.01)  # of likeness
GROUPS = {
    "as they are": ("LFW-a as it is",),
    "shrunk, blurred, JPEG": ("shrunk", "blurred", "JPEG"),
    "darkened, light, sunglasses": ("darkened", "light from one side", "sunglasses"),
    "ORL": ("ORL",),
}
_QUALITY = ("sharpness", "noise", "brightness", "contrast", "yaw", "detector")
_REPLICATES = 400


@dataclass(frozen=True, eq=False)
class Measured:
    """What is measured of N faces.

    Attributes:
        people: [N].
        quality: [N, 6].
        embeddings: [N, D] as the model gives them.
        unit: [N, D] of length 1, without the correction of score normalisation.
        length: [N] before.
    """

    people: IntArray
    quality: FloatArray
    embeddings: Float32Array
    unit: Float32Array
    length: FloatArray


def measured(model: Verifier, found: FoundFaces) -> Measured:
    """Measures the faces of a set that are not poor."""
    fit = ~found.poor
    faces = [face for face, good in zip(found.faces, fit, strict=True) if good]
    embeddings = model.embed_faces(*faces)
    size = model.record.embedding_size - (model.record.distance == "local-cosine")
    length = np.linalg.norm(embeddings[:, :size], axis=1)
    qualities = [face.quality.to_dict() for face in faces if face.quality]
    quality = np.array([[abs(each[name]) for name in _QUALITY] for each in qualities])
    unit = np.asarray(embeddings[:, :size] / length[:, None], np.float32)
    return Measured(found.people[fit], quality, embeddings, unit, length.astype(np.float64))


def place(usual: FloatArray, values: FloatArray) -> FloatArray:
    """The share of the usual values that are smaller; half of those that are equal count."""
    order = np.sort(usual)
    return np.asarray(
        (np.searchsorted(order, values, "left") + np.searchsorted(order, values, "right")) / 2 / len(order)
    )


def likeness(usual: Measured) -> dict[str, Callable[[Measured], FloatArray]]:
    """Each measure as a function of faces, from 0 to 1."""
    mean = usual.unit.mean(axis=0)

    def tails(faces: Measured) -> FloatArray:
        places = [place(usual.quality[:, k], faces.quality[:, k]) for k in range(len(_QUALITY))]
        return np.asarray(np.min([np.minimum(each, 1 - each) for each in places], axis=0))

    def direction(faces: Measured) -> FloatArray:
        found = place(usual.unit @ mean, faces.unit @ mean)
        return np.asarray(2 * np.minimum(found, 1 - found))

    return {
        "quality": lambda faces: place(tails(usual), tails(faces)),
        "length": lambda faces: place(usual.length, faces.length),
        "direction": direction,
    }


@dataclass(frozen=True, eq=False)
class Counts:
    """Pairs of a range of likeness by their two people, and those of them that are wrong: [P, P] each."""

    pairs: FloatArray
    wrong: FloatArray

    def rate(self) -> list[float] | None:
        """The share that is wrong, with its interval; None below 50 pairs."""
        if self.pairs.sum() < 50:
            return None
        weights = np.random.default_rng(0).exponential(size=(_REPLICATES, len(self.pairs)))
        # A pair of one person has one weight, a pair of two the product of theirs.
        sums = [_weighted(each, weights) for each in (self.wrong, self.pairs)]
        low, high = np.quantile(sums[0] / sums[1], [0.025, 0.975])
        if not self.wrong.any():  # as many trials as there are couples of people, or people
            high = wilson(
                0, int(np.sum(self.pairs + self.pairs.T > 0) + np.sum(np.diagonal(self.pairs) > 0)) / 2
            ).high
        return rounded(float(self.wrong.sum() / self.pairs.sum()), float(low), float(high))


def _weighted(counts: FloatArray, weights: FloatArray) -> FloatArray:
    own = np.diagonal(counts)
    return np.asarray(weights @ own + ((weights @ (counts - np.diag(own))) * weights).sum(axis=1))


def counted(model: Verifier, sets: list[tuple[Measured, FloatArray]]) -> list[dict[str, Any]]:
    """For each range of likeness: the share of the pairs, and both error rates."""
    people = max(int(faces.people.max()) for faces, _ in sets) + 1
    tables = np.zeros((len(BOUNDS) - 1, 2, 2, people, people))  # range, kind, all or wrong, person, person
    threshold = model.record.threshold.value
    for faces, alike in sets:
        for row in range(len(alike) - 1):
            scores = model.record.score(faces.embeddings[row : row + 1], faces.embeddings[row + 1 :])
            own, other = int(faces.people[row]), faces.people[row + 1 :]
            kind = (other == own).astype(np.int64)
            part = np.searchsorted(BOUNDS, np.minimum(alike[row], alike[row + 1 :]), "right") - 1
            np.add.at(tables, (part, kind, 0, own, other), 1)
            wrong = (scores >= threshold) != (kind == 1)
            np.add.at(tables, (part[wrong], kind[wrong], 1, own, other[wrong]), 1)
    every = tables[:, 0, 0].sum()
    return [
        {
            "share": round(float(each[0, 0].sum() / every), 4),
            "fmr": Counts(each[0, 0], each[0, 1]).rate(),
            "fnmr": Counts(each[1, 0], each[1, 1]).rate(),
        }
        for each in tables
    ]


def fitting_faces(model: Verifier, root: Path) -> FaceSet:
    """Two pictures at most of some of the people that the model's threshold was fitted on."""
    lfw = Lfw(root, "lfw-a")
    validation = validation_of(model.record, lfw)
    faces = lfw.training_faces() if validation is None else validation.faces
    if validation is None:  # the named models: see named_models.py
        chosen = np.random.default_rng(0).permutation(len(faces.names))[: min(FITTED_PEOPLE, FITTING)]
    else:
        chosen = np.arange(min(FITTING, len(faces.names)))
    taken = np.zeros(len(faces.names), np.bool_)
    taken[chosen] = True
    faces = take_people(faces, taken)
    return take_pictures(faces, first_pictures(faces.people, 2))


def main() -> None:
    """Measures and keeps the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("names", nargs="*", default=["sface", "default", "dlib"])
    parser.add_argument("--root", type=Path, required=True, help="folder of LFW")
    given = parser.parse_args()
    reader = Verifier(opened(given.names[0]))
    people = lfw_people(given.root, "devtest", PEOPLE)
    plain = loaded(people)
    sets = {
        name: find(name, [way(photo) for photo in plain], people.people, reader) for name, way in WAYS.items()
    }
    orl = Orl().faces()
    sets["ORL"] = find("ORL", loaded(orl), orl.people, reader)
    models: dict[str, Any] = {}
    for name in given.names:
        model = Verifier(opened(name), rates=WantedRates(FAR))
        fitting = fitting_faces(model, given.root)
        usual = measured(model, find(f"fitting people of {name}", loaded(fitting), fitting.people, reader))
        known = {key: measured(model, found) for key, found in sets.items()}
        models[name] = {
            measure: {
                group: counted(model, [(known[key], alike(known[key])) for key in keys])
                for group, keys in GROUPS.items()
            }
            for measure, alike in likeness(usual).items()
        }
    kept = {"date": datetime.now(UTC).date().isoformat(), "far": FAR, "bounds": BOUNDS, "models": models}
    write_text(KEPT, json.dumps(kept) + "\n")


if __name__ == "__main__":
    main()
