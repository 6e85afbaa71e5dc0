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
from named_models import committee_of_one, embeddings, fitting_faces

from twinface.core.types import FloatArray
from twinface.evaluation.fit_on_people import score_all_pairs
from twinface.models.committee import PLAIN, Variant

PEOPLE = 2600
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
    faces = fitting_faces(given.root, PEOPLE)
    single = {name: committee_of_one("sface", (variant,), faces) for name, variant in VARIANTS.items()}
    by_variant = {name: embeddings(model, faces) for name, model in single.items()}
    dlib = committee_of_one("dlib", PLAIN, faces)
    other = score_all_pairs(embeddings(dlib, faces), faces.people, dlib.record.score)
    print(
        f"| variants of SFace | {' | '.join(f'FNMR at {fmr:g}' for fmr in FMRS)} | with dlib: the same ||||"
    )
    for names in TRIED:
        mean = np.sum([by_variant[name] for name in names], axis=0)
        own = score_all_pairs(mean, faces.people, single["plain"].record.score)
        genuine, impostor = (
            one / own.impostor.std() + more / other.impostor.std()
            for one, more in ((own.genuine, other.genuine), (own.impostor, other.impostor))
        )
        print(
            f"| {', '.join(names)} | {rejected(own.genuine, own.impostor)} | {rejected(genuine, impostor)} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
