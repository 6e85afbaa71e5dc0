"""Open-set identification on LFW-a DevTest: rank-1, FNIR and FPIR at the limits that `identify` uses; and groups.

    python benchmarks/gallery_accuracy.py --root DIR --model sface [--embeddings FILE.npz]

The gallery has every DevTest person with two pictures or more, and 1,000 people with one (distractors). Of each person
the first picture is enrolled, or all but the last. Genuine probes are the pictures that are not enrolled. Impostor
probes are all pictures of DevTest, each against the gallery without its own person. Intervals resample people. Nothing
is fitted on these people. In the end all pictures are grouped by person, as `twinface cluster` does.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from twinface.core.progress import progress_bar
from twinface.core.threads import map_in_order
from twinface.core.types import BoolArray, Float32Array, FloatArray, IntArray
from twinface.datasets.lfw.dataset import Lfw
from twinface.evaluation.metrics.clustering import bcubed, pairwise
from twinface.models.catalog import card_of
from twinface.models.load import load_model
from twinface.models.record import ModelRecord
from twinface.recognition.gallery.clustering import group_faces
from twinface.recognition.gallery.engine import score_templates
from twinface.recognition.gallery.fusion import fuse
from twinface.recognition.gallery.open_set import false_positive_rate, probabilities
from twinface.recognition.gallery.own_strangers import looked_at, moved
from twinface.recognition.gallery.score_rates import ScoreRates, score_rates
from twinface.recognition.verifier import Verifier

DISTRACTORS = 1000
LIMITS = (1e-1, 1e-2, 1e-3)
REPLICATES = 1000


def main() -> None:
    """Embeds the pictures, or reads their embeddings, and prints the figures of both ways to enrol."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True, help="the folder that holds LFW")
    parser.add_argument("--model", default="sface")
    parser.add_argument("--embeddings", type=Path, help="where they are kept between calls")
    given = parser.parse_args()
    faces = Lfw(given.root, "lfw-a").listed_faces("peopleDevTest.txt", "LFW-a DevTest")
    model = load_model(given.model, threads=1)
    rates = score_rates(model.record, card_of(given.model))
    kept = given.embeddings or Path(f"devtest-{given.model}.npz")
    if not kept.exists():
        embed(Verifier(model), [faces.root / path for path in faces.paths], kept)
    with np.load(kept, allow_pickle=False) as arrays:
        embeddings, quality = arrays["embeddings"], arrays["quality"]
    for rule in ("first", "all but the last"):
        print(f"{given.model}, enrolled: {rule}")
        judge(embeddings, quality, faces.people, model.record, rates, rule)
    groups = group_faces(embeddings, np.arange(len(embeddings)), model.record, rates)
    for name, figure in (
        ("BCubed", bcubed(faces.people, groups)),
        ("pairwise", pairwise(faces.people, groups)),
    ):
        print(
            f"groups, {name}: F {figure.f:.4f}, precision {figure.precision:.4f}, recall {figure.recall:.4f}"
        )


def embed(verifier: Verifier, paths: list[Path], target: Path) -> None:
    """Finds, aligns and embeds the largest face of each photo."""

    def one(path: Path) -> tuple[Float32Array, int]:
        face = verifier.read(path)
        return verifier.embed_faces(face)[0], face.quality.value if face.quality else 50

    found = []
    with progress_bar("embedding") as progress:
        for each in map_in_order(one, paths):
            found.append(each)
            progress(len(found), len(paths))
    np.savez(target, embeddings=np.stack([row for row, _ in found]), quality=[value for _, value in found])


def judge(
    embeddings: Float32Array,
    quality: IntArray,
    people: IntArray,
    record: ModelRecord,
    rates: ScoreRates,
    rule: str,
) -> None:
    """Prints the figures of one way to enrol."""
    enrolled = chosen(people, rule)
    owners = np.unique(people[enrolled])
    rows = [np.flatnonzero(enrolled & (people == owner)) for owner in owners]
    templates = np.stack([fuse(embeddings[row], quality[row], record.distance) for row in rows])
    rates = moved(rates, record, embeddings[[row[0] for row in rows[: looked_at(len(rows))]]])
    scores = np.stack([score_templates(record, rates, templates, face) for face in embeddings])
    own = people[:, None] == owners[None, :]
    genuine = ~enrolled & own.any(axis=1)
    mated = np.where(own, scores, -np.inf).max(axis=1)
    best_other = np.where(own, -np.inf, scores).max(axis=1)
    count = len(owners)
    print(f"  {count} people, {int(genuine.sum())} genuine probes, {len(people)} impostor probes")
    report("rank-1", mated > best_other, genuine, people)
    for limit in LIMITS:
        passes = false_positive_rate(rates, mated, count) <= limit
        wrong = false_positive_rate(rates, best_other, count - 1) <= limit
        report(f"FNIR at --fpir {limit:g}", ~(passes & (mated > best_other)), genuine, people)
        report(f"FPIR at --fpir {limit:g}", wrong, np.ones(len(people), np.bool_), people)
    for wanted in LIMITS:
        threshold = float(np.quantile(best_other, 1 - wanted))
        missed = ~((mated >= threshold) & (mated > best_other))
        report(f"FNIR at the threshold with a measured FPIR of {wanted:g}", missed, genuine, people)
    calibration(scores, own, genuine, rates)


def chosen(people: IntArray, rule: str) -> BoolArray:
    """Which pictures are enrolled."""
    pictures = np.bincount(people)
    single = np.flatnonzero(pictures == 1)
    distractors = np.random.default_rng(0).permutation(single)[:DISTRACTORS]
    first = np.zeros(len(people), np.bool_)
    last = np.zeros(len(people), np.bool_)
    first[np.unique(people, return_index=True)[1]] = True
    last[len(people) - 1 - np.unique(people[::-1], return_index=True)[1]] = True
    several = pictures[people] > 1
    return (several & (first if rule == "first" else ~last)) | np.isin(people, distractors)


def report(what: str, values: BoolArray, which: BoolArray, people: IntArray) -> None:
    """Prints a rate over some probes."""
    print(f"  {what}: {rate_over_people(values, which, people)}")


def rate_over_people(values: BoolArray, which: BoolArray, people: IntArray) -> str:
    """A rate over some probes, with an interval that gives each person a random weight."""
    random = np.random.default_rng(0)
    weights = random.exponential(size=(REPLICATES, int(people.max()) + 1))
    counts = np.bincount(people[which], minlength=weights.shape[1]).astype(float)
    hits = np.bincount(people[which & values], minlength=weights.shape[1]).astype(float)
    drawn = (weights @ hits) / (weights @ counts)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return f"{hits.sum() / counts.sum():.4f} [{low:.4f}, {high:.4f}]"


def calibration(scores: FloatArray, own: BoolArray, genuine: BoolArray, rates: ScoreRates) -> None:
    """Are the probabilities right? Half of the probes are genuine, half are strangers, as the prior says."""
    random = np.random.default_rng(0)
    said = []
    mated = np.flatnonzero(genuine)
    for probe in mated:
        said.append(first_candidate(scores[probe], own[probe], rates))
    for probe in random.permutation(len(scores))[: len(mated)]:
        others = ~own[probe]
        said.append(first_candidate(scores[probe][others], own[probe][others], rates))
    values, truth = (np.array(column) for column in zip(*said, strict=True))
    for low, high in ((0, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 0.99), (0.99, 1.01)):
        inside = (values >= low) & (values < high)
        if inside.any():
            print(
                f"  probability {low:g} to {min(high, 1):g}: said {values[inside].mean():.3f}, right "
                f"{truth[inside].mean():.3f} of {int(inside.sum())}"
            )


def first_candidate(scores: FloatArray, own: BoolArray, rates: ScoreRates) -> tuple[float, bool]:
    """The probability of the best candidate of [P] scores, and whether it is the right one."""
    order = np.argsort(-scores)[:32]
    chances, _ = probabilities(rates, scores[order], len(scores))
    return float(chances[0]), bool(own[order[0]])


if __name__ == "__main__":
    main()
