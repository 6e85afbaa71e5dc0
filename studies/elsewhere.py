"""Do the error rates of a verdict hold on photos of other collections?

    python studies/elsewhere.py --root DIR [--photos DIR] [--people devtest|devtrain] [NAMES]

For each named model and each collection it prints, for false accept rates of 0.01 and 0.001: the rate that was found
among pairs of strangers, as a multiple of the wanted one; with the threshold alone, without the zone and the quality,
in brackets; the share of genuine pairs that are rejected; the share of pairs that cannot be told, as if there were as
many genuine as impostor pairs; and the calibration error of the probabilities of pairs that can be told.

Collections: ORL, deepface's photos (`--photos`), LFW-a DevTest, and DevTest changed in eight ways. None of these photos
was used to fit anything; with `--people devtrain`, that is true of the pretrained networks alone. Of the eight ways,
only the size is among the simulated conditions that thresholds are fitted under.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from named_models import TRAINED_HERE, opened

from twinface.core.errors import FaceNotFoundError
from twinface.core.progress import progress_bar
from twinface.core.types import BoolArray, ByteArray, FaceSet, Float32Array, FloatArray, IntArray
from twinface.datasets.lfw.dataset import Lfw
from twinface.datasets.orl import Orl
from twinface.datasets.subsets import take_people, take_pictures
from twinface.evaluation.fit_on_people import first_pictures
from twinface.evaluation.metrics import expected_calibration_error
from twinface.faces.picture import load_picture
from twinface.models.record import ModelRecord
from twinface.recognition.photo_faces import AlignedFace
from twinface.recognition.rates import WantedRates
from twinface.recognition.verifier import Verifier, is_poor

FARS = (0.01, 0.001)
PEOPLE, PICTURES = 400, 3  # of LFW, and pictures of each


def motion(photo: ByteArray) -> ByteArray:
    """Blurred by motion along a diagonal."""
    return np.asarray(cv2.filter2D(photo, -1, np.eye(9, dtype=np.float32) / 9), np.uint8)


def tiny(photo: ByteArray) -> ByteArray:
    """45 pixels wide, 8 between the eyes."""
    return np.asarray(cv2.resize(photo, (45, 45), interpolation=cv2.INTER_AREA), np.uint8)


def webp(photo: ByteArray) -> ByteArray:
    """Compressed as WebP to about a kilobyte."""
    packed = cv2.imencode(".webp", photo, [cv2.IMWRITE_WEBP_QUALITY, 2])[1]
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


def shadow(photo: ByteArray) -> ByteArray:
    """One half of the face in shadow."""
    edge = 1 / (1 + np.exp((np.arange(photo.shape[1]) - photo.shape[1] / 2) / 6))
    return np.asarray(photo * (1 - 0.75 * edge)[None, :, None], np.uint8)


def fog(photo: ByteArray) -> ByteArray:
    """Bright and without contrast."""
    return np.asarray(photo * 0.35 + 150, np.uint8)


def salt(photo: ByteArray) -> ByteArray:
    """Single white and black pixels."""
    random = np.random.default_rng(int(photo[::7, ::7].sum()))
    drawn, changed = random.random(photo.shape[:2]), photo.copy()
    changed[drawn < 0.01] = 0
    changed[drawn > 0.99] = 255
    return changed


def sunglasses(photo: ByteArray) -> ByteArray:
    """Dark ellipses over both eyes of a frame of LFW-a."""
    changed = photo.copy()
    for eye in ((103, 114), (149, 113)):
        cv2.ellipse(changed, eye, (19, 12), 0, 0, 360, (15, 15, 15), -1)
    return changed


def posterised(photo: ByteArray) -> ByteArray:
    """Eight gray values."""
    return np.asarray(photo // 32 * 32 + 16, np.uint8)


WAYS = (motion, tiny, webp, shadow, fog, salt, sunglasses, posterised)


@dataclass(frozen=True, eq=False)
class Collection:
    """Pairs of photos of one kind.

    Attributes:
        name: as printed.
        photos: the pixels of each, RGB.
        people: [N] the person on each; or None where `pairs` says who is alike.
        pairs: [M, 2] rows and [M] whether they show one person; None for all pairs.
    """

    name: str
    photos: list[ByteArray]
    people: IntArray | None
    pairs: tuple[IntArray, BoolArray] | None = None

    def all_pairs(self) -> tuple[IntArray, IntArray, BoolArray]:
        """The rows of both sides, and whether they show one person."""
        if self.pairs is not None:
            return self.pairs[0][:, 0], self.pairs[0][:, 1], self.pairs[1]
        assert self.people is not None
        left, right = np.triu_indices(len(self.photos), 1)
        return left, right, np.asarray(self.people[left] == self.people[right], np.bool_)


def collections(root: Path, photos: Path | None, which: str) -> list[Collection]:
    """All collections; LFW's people are those of DevTest, or the people of DevTrain that nothing was fitted on."""
    found = []
    if which == "devtest":
        orl = Orl().faces()
        found.append(Collection("ORL", loaded(orl), orl.people))
        if photos is not None:
            found.append(deepface(photos / "deepface"))
    faces = lfw_people(root, which)
    plain = loaded(faces)
    found.append(Collection(f"LFW-a {which}", plain, faces.people))
    found += [Collection(way.__name__, [way(photo) for photo in plain], faces.people) for way in WAYS]
    return found


def lfw_people(root: Path, which: str, count: int = PEOPLE) -> FaceSet:
    """Up to three pictures of some people, those with two pictures first."""
    lfw = Lfw(root, "lfw-a")
    faces = (
        lfw.listed_faces("peopleDevTest.txt", "LFW-a DevTest") if which == "devtest" else lfw.training_faces()
    )
    order = np.random.default_rng(0).permutation(len(faces.names))
    if which == "devtrain":
        order = order[1500:]  # the others were used by named_models.py
    order = order[np.argsort(np.bincount(faces.people)[order] < 2, kind="stable")]
    chosen = np.zeros(len(faces.names), np.bool_)
    chosen[order[:count]] = True
    faces = take_people(faces, chosen)
    return take_pictures(faces, first_pictures(faces.people, PICTURES))


def deepface(folder: Path) -> Collection:
    """The 300 labelled pairs of deepface's tests."""
    with (folder / "pairs.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = sorted({row[side] for row in rows for side in ("left", "right")})
    number = {name: row for row, name in enumerate(names)}
    sides = np.array([[number[row["left"]], number[row["right"]]] for row in rows])
    same = np.array([row["same"] == "1" for row in rows])
    return Collection("deepface", [load_picture(folder / name, "rgb") for name in names], None, (sides, same))


def loaded(faces: FaceSet) -> list[ByteArray]:
    """The pixels of all pictures."""
    return [load_picture(faces.root / path, "rgb") for path in faces.paths]


def scores_of(record: ModelRecord, embeddings: Float32Array, left: IntArray, right: IntArray) -> FloatArray:
    """The scores of pairs of rows."""
    parts = [
        record.score(embeddings[left[at : at + 8192]], embeddings[right[at : at + 8192]])
        for at in range(0, len(left), 8192)
    ]
    return np.concatenate(parts).astype(np.float64)


def read_faces(reader: Verifier, collection: Collection) -> tuple[list[AlignedFace], BoolArray]:
    """The faces of the photos that have one, and [N] which photos have none."""
    faces, missing = [], np.zeros(len(collection.photos), np.bool_)
    with progress_bar(f"{reader.record.name}, {collection.name}") as progress:
        for row, photo in enumerate(collection.photos):
            try:
                faces.append(reader.read(photo))
            except FaceNotFoundError:
                missing[row] = True
            progress(row + 1, len(collection.photos))
    return faces, missing


def judge(name: str, collection: Collection) -> None:
    """Prints a row of the table for each rate."""
    reader = Verifier(opened(name))
    faces, missing = read_faces(reader, collection)
    rows = np.full(len(collection.photos), -1)
    rows[~missing] = np.arange(len(faces))
    embeddings = reader.embed_faces(*faces)
    poor = np.array([is_poor(face.quality) for face in faces])
    left, right, same = collection.all_pairs()
    seen = ~missing[left] & ~missing[right]
    unseen = [float(np.mean(~seen[kind])) for kind in (same, ~same)]
    left, right, same = rows[left[seen]], rows[right[seen]], same[seen]
    scores = scores_of(reader.record, embeddings, left, right)
    fit = ~poor[left] & ~poor[right]
    for far in FARS:
        print(row_of(name, collection.name, far, scores, same, fit, unseen), flush=True)


def row_of(
    name: str,
    collection: str,
    far: float,
    scores: FloatArray,
    same: BoolArray,
    fit: BoolArray,
    unseen: list[float],
) -> str:
    """A row of the table."""
    record = Verifier(opened(name), rates=WantedRates(far)).record
    low, high = record.threshold.zone or (record.threshold.value, record.threshold.value)
    accepted, rejected = fit & (scores >= high), fit & (scores < low)
    told = accepted | rejected
    untold = np.mean(
        [
            lost + (1 - lost) * float(np.mean(~told[kind]))
            for lost, kind in zip(unseen, (same, ~same), strict=True)
        ]
    )
    plain = float(np.mean(scores[~same] >= record.threshold.value)) / far
    error = balanced_error(record.calibration.probability(scores[told]), same[told])
    return (
        f"| {name} | {collection} | {far:g} | {np.mean(accepted[~same]) / far:.2f} ({plain:.2f}) "
        f"| {np.mean(rejected[same]):.3f} | {untold:.3f} | {error} | {np.sum(~same):,} |"
    )


def balanced_error(probabilities: FloatArray, same: BoolArray) -> str:
    """The expected calibration error for as many genuine as impostor pairs; a dash where there are under 30."""
    count = int(min(same.sum(), (~same).sum()))
    if count < 30:
        return "–"
    random = np.random.default_rng(0)
    drawn = np.concatenate(
        [random.choice(np.flatnonzero(kind), count, replace=False) for kind in (same, ~same)]
    )
    return f"{expected_calibration_error(probabilities[drawn], same[drawn]):.3f}"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("names", nargs="*", default=["sface-dlib", "sface", "dlib", "default"])
    parser.add_argument("--root", type=Path, required=True, help="folder of LFW")
    parser.add_argument("--photos", type=Path, help="folder with deepface/pairs.csv")
    parser.add_argument("--people", choices=["devtest", "devtrain"], default="devtest")
    given = parser.parse_args()
    if given.people == "devtrain" and set(given.names) & set(TRAINED_HERE):
        parser.error(
            f"{', '.join(TRAINED_HERE)}: trained on people of DevTrain, need --people devtest or other models"
        )
    print(
        "| model | photos | FAR | found, times (threshold alone) | rejected | cannot tell | ECE | impostors |"
    )
    print("|---|---|---|---|---|---|---|---|")
    sets = collections(given.root, given.photos, given.people)
    for name in given.names:
        for collection in sets:
            judge(name, collection)


if __name__ == "__main__":
    main()
