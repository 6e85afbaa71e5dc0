"""Does `identify` keep its limit in a gallery whose photos share a light, a size or a blur?

    python benchmarks/foreign_galleries.py --root DIR --model sface [--conditions 8]

Each gallery holds 600 people of LFW-a DevTest or fewer, under one simulated condition (`faces.conditions`); photos of
poor quality are left out, as they are where people are enrolled. Of each person the first picture is enrolled. Genuine
probes are the others; impostor probes are all pictures, each against the gallery without its own person. Intervals
resample people. The limits are those of the model, and those that follow the people of the gallery
(`gallery.own_strangers`).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from gallery_accuracy import rate_over_people

from twinface.core.types import ByteArray, Float32Array, IntArray
from twinface.datasets.aligned import align_faces
from twinface.datasets.lfw.dataset import Lfw
from twinface.datasets.subsets import take_people
from twinface.evaluation.other_conditions import simulate_collection
from twinface.faces.cache import prepare_faces
from twinface.faces.color import convert_color
from twinface.faces.crop import prepare
from twinface.faces.frame import STANDARD_FRAME
from twinface.models.catalog import card_of
from twinface.models.committee import COMMITTEE_PREPARATION
from twinface.models.embedder import Embedder
from twinface.models.load import load_model
from twinface.recognition.gallery.open_set import false_positive_rate
from twinface.recognition.gallery.own_strangers import looked_at, moved
from twinface.recognition.gallery.score_rates import ScoreRates, score_rates

PEOPLE, FEWEST = 600, 100  # photos of a gallery, or it is left out
LIMIT = 0.01
SEED = 1  # of the conditions; another one than those that models are fitted with


def main() -> None:
    """Prints a row for each condition."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True, help="the folder that holds LFW")
    parser.add_argument("--model", default="sface")
    parser.add_argument("--conditions", type=int, default=8)
    given = parser.parse_args()
    model = load_model(given.model)
    rates = score_rates(model.record, card_of(given.model))
    devtest = align_faces(Lfw(given.root, "lfw-a").listed_faces("peopleDevTest.txt", "LFW-a DevTest"))
    random = np.random.default_rng(SEED)
    print(
        "| condition | people | photos | FPIR, limit of the model | FPIR, own limit | FNIR, limit of the model | own |"
    )
    for number in range(1, given.conditions + 1):
        chosen = np.zeros(len(devtest.names), np.bool_)
        chosen[random.permutation(len(devtest.names))[:PEOPLE]] = True
        faces = take_people(devtest, chosen)
        images = prepare_faces(faces, COMMITTEE_PREPARATION).images
        photos, fit = simulate_collection(images, STANDARD_FRAME, random)
        if np.sum(fit) < FEWEST:
            print(f"| {number} | of {len(fit)} photos {np.sum(fit)} are not poor: left out |")
            continue
        cells = judge(embed(model, photos[fit]), faces.people[fit], model, rates)
        print(f"| {number} | {' | '.join(cells)} |", flush=True)


def embed(model: Embedder, photos: ByteArray) -> Float32Array:
    """One embedding for each picture in the standard frame."""
    preparation = model.record.preparation
    return np.concatenate(
        [model(prepare(convert_color(photo, preparation.color), preparation)[None]) for photo in photos]
    )


def judge(embeddings: Float32Array, people: IntArray, model: Embedder, rates: ScoreRates) -> list[str]:
    """The cells of a row."""
    enrolled = np.zeros(len(people), np.bool_)
    enrolled[np.unique(people, return_index=True)[1]] = True
    templates, own = embeddings[enrolled], people[:, None] == people[enrolled][None, :]
    scores = np.stack([model.record.score(templates, face) for face in embeddings])
    best_other = np.where(own, -np.inf, scores).max(axis=1)
    mated = np.where(own, scores, -np.inf).max(axis=1)
    count, everybody = len(templates), np.ones(len(people), np.bool_)
    wrong, missed = [], []
    for each in (rates, moved(rates, model.record, templates[: looked_at(count)])):
        wrong.append(false_positive_rate(each, best_other, count - 1) <= LIMIT)
        missed.append(~((false_positive_rate(each, mated, count) <= LIMIT) & (mated > best_other)))
    return [
        f"{count} | {len(people)}",
        *(rate_over_people(each, everybody, people) for each in wrong),
        *(rate_over_people(each, ~enrolled, people) for each in missed),
    ]


if __name__ == "__main__":
    main()
