"""What is it worth to look more than once at a face?

    python studies/variants.py --root DIR

SFace embeds each face plainly, mirrored, 6 % smaller, and both; embeddings of length 1 are averaged. It prints the
share of genuine pairs that are rejected at several false match rates, alone and together with dlib's network, on all
pairs of 2,600 people of LFW's DevTrain, four pictures at most of each. So those of `sface-dlib` were chosen.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from named_models import opened

from twinface.core.progress import progress_bar
from twinface.core.types import ByteArray, Float32Array, FloatArray, IntArray
from twinface.datasets.aligned import AlignedDataset
from twinface.datasets.lfw.dataset import Lfw
from twinface.datasets.subsets import take_people, take_pictures
from twinface.evaluation.fit_on_people import first_pictures
from twinface.faces.cache import prepare_faces
from twinface.models.committee import COMMITTEE_PREPARATION, Member, Variant

PEOPLE, PICTURES = 2600, 4
FMRS = (1e-3, 1e-4, 1e-5)
VARIANTS = {
    "plain": Variant(),
    "mirrored": Variant(mirrored=True),
    "smaller": Variant(zoom=0.94),
    "mirrored and smaller": Variant(zoom=0.94, mirrored=True),
}
TRIED = (
    ("plain",),
    ("plain", "mirrored"),
    ("plain", "smaller"),
    ("plain", "mirrored and smaller"),
    tuple(VARIANTS),
)


def embedded(name: str, variants: tuple[Variant, ...], faces: ByteArray) -> Float32Array:
    """[N, D] of length 1."""
    member, found = Member(opened(name), variants=variants), []
    with progress_bar(f"{name}, {variants}") as progress:
        for start in range(0, len(faces), 64):
            found.append(member.embed(faces[start : start + 64])[0])
            progress(min(start + 64, len(faces)), len(faces))
    return np.concatenate(found)


def pair_scores(embeddings: Float32Array, people: IntArray) -> tuple[FloatArray, FloatArray]:
    """The cosines of all genuine pairs, and of all impostor pairs."""
    left, right = np.triu_indices(len(people), 1)
    scores = (embeddings @ embeddings.T)[left, right].astype(np.float64)
    same = people[left] == people[right]
    return scores[same], scores[~same]


def rejected(genuine: FloatArray, impostor: FloatArray) -> str:
    """The share of genuine pairs below the thresholds of `FMRS`."""
    ordered = np.sort(impostor)
    limits = [ordered[int(len(ordered) * (1 - fmr))] for fmr in FMRS]
    return " | ".join(f"{np.mean(genuine < limit):.4f}" for limit in limits)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--root", type=Path, required=True, help="folder of LFW")
    given = parser.parse_args()
    faces = AlignedDataset(Lfw(given.root, "lfw-a")).training_faces()
    chosen = np.zeros(len(faces.names), np.bool_)
    chosen[np.random.default_rng(0).permutation(len(faces.names))[:PEOPLE]] = True
    faces = take_people(faces, chosen)
    faces = take_pictures(faces, first_pictures(faces.people, PICTURES))
    images = prepare_faces(faces, COMMITTEE_PREPARATION).images
    by_variant = {name: embedded("sface", (variant,), images) for name, variant in VARIANTS.items()}
    other = pair_scores(embedded("dlib", (Variant(),), images), faces.people)
    print(
        f"| variants of SFace | {' | '.join(f'FNMR at {fmr:g}' for fmr in FMRS)} | with dlib: the same ||||"
    )
    for names in TRIED:
        mean = np.sum([by_variant[name] for name in names], axis=0)
        own = pair_scores(mean / np.linalg.norm(mean, axis=1, keepdims=True), faces.people)
        together = [
            each / own[1].std() + more / other[1].std() for each, more in zip(own, other, strict=True)
        ]
        print(f"| {', '.join(names)} | {rejected(*own)} | {rejected(*together)} |", flush=True)


if __name__ == "__main__":
    main()
