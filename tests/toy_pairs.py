"""Simulated scores of pairs that share people, for tests of intervals."""

from statistics import NormalDist
from typing import Any

import numpy as np

from twinface.core.types import Interval, ScoredPairs
from twinface.evaluation import intervals


def draw_pairs(
    seed: int,
    *,
    people: int = 150,
    pairs: int = 500,
    effect: float = 0.8,
    mean: float = 2.4,
    uneven: bool = False,
) -> ScoredPairs:
    """Draw `pairs` genuine and as many impostor pairs of people who make all their pairs harder or easier.

    A score is normal with variance 1 and mean `mean` for genuine and 0 for impostor pairs. `effect`^2 of the
    variance belongs to the people: of a genuine pair to one (a goat), of an impostor pair to both (lambs and
    wolves). If `uneven`, some people are in many more pairs than others.
    """
    rng = np.random.default_rng(seed)
    goat = rng.standard_normal(people)
    wolf = 0.5 * goat + np.sqrt(0.75) * rng.standard_normal(people)
    popularity = rng.exponential(size=people) ** 1.5 if uneven else np.ones(people)
    popularity /= popularity.sum()
    same = rng.choice(people, pairs, p=popularity)
    left, right = rng.choice(people, (2, pairs), p=popularity)
    while (left == right).any():
        again = left == right
        right[again] = rng.choice(people, again.sum(), p=popularity)
    noise = np.sqrt(1 - effect**2) * rng.standard_normal((2, pairs))
    genuine = mean + effect * goat[same] + noise[0]
    impostor = effect * (wolf[left] + wolf[right]) / np.sqrt(2) + noise[1]
    return ScoredPairs(
        scores=np.concatenate([genuine, impostor]),
        is_match=np.arange(2 * pairs) < pairs,
        people=np.concatenate([np.stack([same, same], axis=1), np.stack([left, right], axis=1)]),
    )


def true_figures(mean: float = 2.4, threshold: float = 1.0) -> tuple[float, float, float, float]:
    """Accuracy at `threshold`, AUC, EER and TAR at a FAR of 0.1 of all pairs that `draw_pairs` can draw."""
    below = NormalDist().cdf
    return (
        (below(mean - threshold) + below(threshold)) / 2,
        below(mean / np.sqrt(2)),
        below(-mean / 2),
        below(mean - NormalDist().inv_cdf(0.9)),
    )


def holds(interval: Interval, truth: float) -> bool:
    return interval.low <= truth <= interval.high


def coverage(datasets: int, replicates: int, **design: Any) -> dict[str, float]:
    """How often the 95 % intervals hold the truth, over simulated data sets."""
    truth = true_figures()
    hits = []
    for seed in range(datasets):
        pairs = draw_pairs(seed, **design)
        right = np.sum((pairs.scores >= 1.0) == pairs.is_match)
        found = [
            intervals.accuracy_interval(pairs, 1.0, replicates),
            intervals.auc_interval(pairs, replicates),
            intervals.eer_interval(pairs, replicates),
            intervals.tar_interval(pairs, 0.1, replicates),
            intervals.wilson(int(right), len(pairs)),
        ]
        hits.append(
            [holds(interval, figure) for interval, figure in zip(found, [*truth, truth[0]], strict=True)]
        )
    return dict(zip(["accuracy", "auc", "eer", "tar", "wilson"], np.mean(hits, axis=0).tolist(), strict=True))
