"""What is in a list of pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twinface.core.types import BoolArray, PairSet

_EXAMPLES = 6
_TOP = 10


@dataclass(frozen=True)
class PairsAnalysis:
    """One list of pairs.

    Attributes:
        name: of the list.
        matches, mismatches: pairs by kind.
        folds: number of official folds, 0 where there are none.
        pictures, people: that occur in it.
        repeated: pairs that are listed again, in the same or the other order.
        in_several_pairs: pictures that occur in more than one pair.
        top_pictures: those that occur most often, (path, pairs).
        example_matches, example_mismatches: positions of a few pairs of each kind, spread over the list.
    """

    name: str
    matches: int
    mismatches: int
    folds: int
    pictures: int
    people: int
    repeated: int
    in_several_pairs: int
    top_pictures: tuple[tuple[str, int], ...]
    example_matches: tuple[int, ...]
    example_mismatches: tuple[int, ...]


def analyse_pairs(pairs: PairSet) -> PairsAnalysis:
    """Counts pairs, pictures and people of a list."""
    sides = np.stack([pairs.left, pairs.right], axis=1)
    uses = np.bincount(sides.reshape(-1), minlength=len(pairs.faces))
    most = [picture for picture in np.argsort(-uses, kind="stable")[:_TOP].tolist() if uses[picture] > 1]
    return PairsAnalysis(
        name=pairs.name,
        matches=int(np.count_nonzero(pairs.is_match)),
        mismatches=int(np.count_nonzero(~pairs.is_match)),
        folds=0 if pairs.fold is None else len(np.unique(pairs.fold)),
        pictures=int(np.count_nonzero(uses)),
        people=len(np.unique(pairs.people)),
        repeated=len(pairs) - len(np.unique(np.sort(sides, axis=1), axis=0)),
        in_several_pairs=int(np.count_nonzero(uses > 1)),
        top_pictures=tuple((pairs.faces.paths[picture], int(uses[picture])) for picture in most),
        example_matches=_examples(pairs.is_match),
        example_mismatches=_examples(~pairs.is_match),
    )


def _examples(kind: BoolArray) -> tuple[int, ...]:
    """The positions of a few pairs of a kind ([M] bool), spread evenly over the list."""
    positions = np.flatnonzero(kind)
    if not len(positions):
        return ()
    spread = np.linspace(0, len(positions) - 1, min(_EXAMPLES, len(positions))).round().astype(int)
    return tuple(positions[spread].tolist())
