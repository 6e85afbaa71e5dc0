"""What does `twinface adapt` do to scores on photos of other collections?

    python studies/adapted.py --root DIR [NAMES]

From each collection of `elsewhere.py`, 50 photos are drawn ten times. The model is adapted to them without labels, and
judged on the pairs of all other photos of the collection. For each model and collection it prints, before and after:
how far the mean score of strangers is from that on LFW-a (in standard deviations of LFW-a's, farthest of the ten
draws), the AUC (and its largest loss in a draw), and the share of strangers that reach the threshold for a false accept
rate of 0.01, as a multiple of it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from elsewhere import Collection, collections, read_faces, scores_of
from named_models import opened

from twinface.core.types import BoolArray, Float32Array, IntArray
from twinface.evaluation.metrics import area_under_curve
from twinface.models.derived_model import shifted
from twinface.recognition.adapt import adapt
from twinface.recognition.verifier import Verifier

PHOTOS, DRAWS = 50, 10
FAR = 0.01
USUAL = "LFW-a devtest"


def embedded(name: str, collection: Collection) -> tuple[Float32Array, IntArray]:
    """Embeddings of the photos with a face, and which photos these are."""
    reader = Verifier(opened(name))
    faces, missing = read_faces(reader, collection)
    return reader.embed_faces(*faces), np.flatnonzero(~missing)


def pairs_without(
    collection: Collection, rows: IntArray, used: IntArray
) -> tuple[IntArray, IntArray, BoolArray]:
    """The pairs of the collection that have no used photo: rows of the embeddings, and whether they show one person.

    Args:
        collection: of N photos.
        rows: [M] the photo of each embedding.
        used: rows of embeddings.
    """
    place = np.full(len(collection.photos), -1)
    place[rows] = np.arange(len(rows))
    place[rows[used]] = -1
    left, right, same = collection.all_pairs()
    there = (place[left] >= 0) & (place[right] >= 0)
    return place[left[there]], place[right[there]], same[there]


def judge(name: str, sets: list[Collection]) -> None:
    """Prints a row for each collection."""
    model = opened(name)
    table = model.record.error_table
    assert table
    threshold = table.point_at(FAR).threshold
    found = {collection.name: embedded(name, collection) for collection in sets}
    usual = next(collection for collection in sets if collection.name == USUAL)
    left, right, same = pairs_without(usual, found[USUAL][1], np.zeros(0, np.int64))
    strangers = scores_of(model.record, found[USUAL][0], left, right)[~same]
    mean, deviation = float(strangers.mean()), float(strangers.std())
    for collection in sets:
        embeddings, rows = found[collection.name]
        before, after = [], []
        for draw in range(DRAWS):
            used = np.random.default_rng(draw).choice(len(rows), PHOTOS, replace=False)
            left, right, same = pairs_without(collection, rows, used)
            adapted = adapt(model, embeddings[used], collection.name).model
            assert adapted.shift is not None
            for kept, record, vectors in (
                (before, model.record, embeddings),
                (after, adapted.record, shifted(embeddings, adapted.shift)),
            ):
                scores = scores_of(record, vectors, left, right)
                kept.append(
                    (
                        (scores[~same].mean() - mean) / deviation,
                        area_under_curve(scores, same),
                        np.mean(scores[~same] >= threshold) / FAR,
                    )
                )
        first, last = np.array(before), np.array(after)
        farthest = [float(each[np.argmax(np.abs(each))]) for each in (first[:, 0], last[:, 0])]
        print(
            f"| {name} | {collection.name} | {farthest[0]:+.2f} → {farthest[1]:+.2f} "
            f"| {first[:, 1].mean():.4f} → {last[:, 1].mean():.4f} ({(first[:, 1] - last[:, 1]).max():+.4f}) "
            f"| {first[:, 2].mean():.2f} → {last[:, 2].mean():.2f} |",
            flush=True,
        )


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("names", nargs="*", default=["default", "sface"])
    parser.add_argument("--root", type=Path, required=True, help="folder of LFW")
    given = parser.parse_args()
    print(
        "| model | photos | mean of strangers, deviations | AUC (largest loss) | strangers accepted, times .01 |"
    )
    print("|---|---|---|---|---|")
    sets = collections(given.root, None, "devtest")
    for name in given.names:
        judge(name, sets)


if __name__ == "__main__":
    main()
