"""Do occlusion maps mark what matters? The deletion test on pairs of LFW's View 1 test.

    make bench-explanation LFW=DIR        (or: python studies/explanation.py --root DIR [--model MODEL])

Three sets of cells of each face are painted over, always in one picture of the pair at a time: the cells that its map
marks, as many random cells, and as many cells that the map of another pair of the same kind marks. The map of another
pair is the harder comparison: a map that only knows that faces matter in the middle beats chance, but is not better
than the map of another pair. No two pairs share a person, so the pairs are independent; intervals are 95 %, by
Student's t over pairs.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from twinface.core.types import FloatArray, IntArray, PairSet
from twinface.datasets.load import load_dataset
from twinface.evaluation.intervals import fold_interval
from twinface.recognition.deletion import scores_without_cells, strongest_cells
from twinface.recognition.explanation import Explanation, explain
from twinface.recognition.verifier import Verifier


@dataclass(frozen=True)
class Change:
    """How far the score of one pair moved, up or down, mean of both pictures.

    Attributes:
        marked: with the cells that its own map marks.
        random: with random cells.
        of_another: with the cells that the map of another pair marks.
    """

    marked: float
    random: float
    of_another: float


def without_shared_people(pairs: PairSet, count: int) -> dict[bool, list[int]]:
    """Up to `count` genuine and `count` impostor pairs in which no person appears twice, drawn with seed 0."""
    chosen: dict[bool, list[int]] = {True: [], False: []}
    used: set[int] = set()
    for row in np.random.default_rng(0).permutation(len(pairs)).tolist():
        people, kind = set(pairs.people[row].tolist()), chosen[bool(pairs.is_match[row])]
        if len(kind) < count and not people & used:
            kind.append(row)
            used |= people
    return chosen


def moved(explanation: Explanation, cells: IntArray) -> float:
    """The mean change of the score without these cells `[2, K]` of one picture or the other."""
    scores = scores_without_cells(explanation.model, explanation.faces, cells[np.newaxis])
    return float(np.abs(explanation.score - scores).mean())


def changes(explanations: Sequence[Explanation], share: float, draws: int) -> list[Change]:
    """The changes of each pair's score; the other pair is the next one."""
    others = [*explanations[1:], explanations[0]]
    found = []
    for number, (explanation, other) in enumerate(zip(explanations, others, strict=True)):
        deletion = explanation.deletion(share, draws, seed=number)
        found.append(
            Change(
                float(np.abs(deletion.marked).mean()),
                float(np.abs(deletion.random).mean()),
                moved(explanation, strongest_cells(other.maps, share)),
            )
        )
    return found


def row(kind: str, found: Sequence[Change]) -> str:
    """A line of a Markdown table."""
    marked, random, of_another = (
        np.array([getattr(change, name) for change in found]) for name in ("marked", "random", "of_another")
    )
    more = int((marked > random).sum())
    return (
        f"| {kind}, {len(found)} pairs | {marked.mean():.3f} | {random.mean():.3f} | {with_interval(marked - random)} "
        f"| {more} of {len(found)} | {of_another.mean():.3f} | {with_interval(marked - of_another)} |"
    )


def with_interval(values: FloatArray) -> str:
    """The mean and its interval."""
    return f"{values.mean():+.3f} {fold_interval(values)}"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--root", type=Path, required=True, help="folder of LFW")
    parser.add_argument("--model", default="default", help="run folder, ONNX file or shipped model")
    parser.add_argument("--pairs", type=int, default=60, help="number of pairs of each kind")
    parser.add_argument("--share", type=float, default=0.2, help="share of the 25 cells of a face")
    parser.add_argument("--draws", type=int, default=50, help="number of draws of random cells")
    given = parser.parse_args()
    verifier = Verifier(given.model)
    pairs = load_dataset("lfw", given.root).protocol("view1")
    print(
        f"{verifier.record.name} on {pairs.name}, {datetime.now(UTC):%Y-%m-%d}; {given.share:.0%} of each face,"
    )
    print(
        f"{given.draws} random draws; changes of the score, whose threshold is {verifier.record.threshold.value:.3f}\n"
    )
    print("| | marked | random | marked minus random | more | another's map | marked minus another's |")
    print("|---|---|---|---|---|---|---|")
    for is_match, rows in without_shared_people(pairs, given.pairs).items():
        explanations = []
        for number in rows:
            left, right = (
                pairs.faces.root / pairs.faces.paths[side[number]] for side in (pairs.left, pairs.right)
            )
            explanations.append(explain(left, right, verifier))
        kind = "genuine" if is_match else "impostor"
        print(row(kind, changes(explanations, given.share, given.draws)), flush=True)


if __name__ == "__main__":
    main()
