"""Some pairs of people who are trained on, to see how much better a network does on them than on others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twinface.core.errors import DataError
from twinface.core.settings_sections import ValidationSettings
from twinface.core.types import ByteArray, PairSet, TrainingSource
from twinface.datasets.draw_pairs import draw_pairs
from twinface.datasets.subsets import pair_subset, take_people

MOST_PAIRS = 1000  # each epoch embeds their pictures


@dataclass(frozen=True, eq=False)
class TrainingSample:
    """Pairs of people who are trained on.

    Attributes:
        faces: `[N, H, W, C]` uint8, their prepared pictures.
        pairs: over these pictures.
    """

    faces: ByteArray
    pairs: PairSet

    @property
    def folds(self) -> int:
        """In how many parts the pairs are judged, each at the threshold of the others."""
        return min(10, int(self.pairs.is_match.sum()), int((~self.pairs.is_match).sum()))


def draw_sample(
    source: TrainingSource, faces: ByteArray, validation: PairSet, settings: ValidationSettings, seed: int
) -> TrainingSample | None:
    """Draws about as many pairs, of as many people, as there are of validation people.

    Args:
        source: the people, or the labelled pairs, that are trained on.
        faces: `[N, H, W, C]` uint8, their prepared pictures.
        validation: the pairs of validation people.
        settings: say how validation pairs are drawn.
        seed: of the drawing.

    Returns:
        None where there are too few pairs.
    """
    random, most = np.random.default_rng([seed, 1]), min(MOST_PAIRS, len(validation))
    if source.pairs is not None:
        kinds = [np.flatnonzero(source.pairs.is_match == kind) for kind in (True, False)]
        pairs = pair_subset(
            source.pairs, np.concatenate([random.permutation(rows)[: most // 2] for rows in kinds])
        )
    else:
        names = source.faces.names
        chosen = np.zeros(len(names), np.bool_)
        chosen[random.permutation(len(names))[: len(validation.faces.names)]] = True
        try:
            pairs = draw_pairs(take_people(source.faces, chosen), seed, settings.per_person, max(2, most))
        except DataError:  # nobody of them has two pictures
            return None
    row_of = {path: row for row, path in enumerate(source.faces.paths)}
    sample = TrainingSample(faces[[row_of[path] for path in pairs.faces.paths]], pairs)
    return sample if sample.folds > 1 else None
