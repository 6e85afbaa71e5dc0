"""Made-up scores, for tests of metrics."""

from itertools import pairwise

import numpy as np
from hypothesis import strategies as st

# Few distinct scores make ties; wide ones make gaps; both kinds of pair are always there.
TIED = st.integers(-3, 3).map(float)
WIDE = st.floats(-1e6, 1e6, allow_nan=False)
PAIRS = st.one_of(
    *(
        st.tuples(st.lists(score, min_size=2, max_size=40), st.integers(0, 2**40 - 1)).map(
            lambda drawn: (
                np.array(drawn[0]),
                np.array([True, False] + [bool(drawn[1] >> k & 1) for k in range(len(drawn[0]) - 2)]),
            )
        )
        for score in (TIED, WIDE)
    )
)
EXAMPLE = (np.array([4.0, 3.0, 2.0, 1.0]), np.array([True, False, True, False]))


def scored_pairs(seed: int, count: int = 400, decimals: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping scores, rounded so that some of them tie."""
    rng = np.random.default_rng(seed)
    match = rng.random(count) < 0.4
    return np.round(rng.normal(match * 1.5, 1), decimals), match


def all_thresholds(scores: np.ndarray) -> list[float]:
    """Below all, between each two, above all; one at or above a threshold is accepted."""
    distinct = sorted(set(scores.tolist()))
    # Between 0 and the smallest number above it there is no third.
    middles = [max((low + high) / 2, np.nextafter(low, high)) for low, high in pairwise(distinct)]
    return [distinct[0] - 1, *middles, distinct[-1] + 1]


def rates(scores: np.ndarray, match: np.ndarray, threshold: float) -> tuple[float, float]:
    """FAR and TAR, pair by pair."""
    accepted: list[list[bool]] = [[], []]
    for score, same in zip(scores, match, strict=True):
        accepted[int(same)].append(score >= threshold)
    return sum(accepted[0]) / len(accepted[0]), sum(accepted[1]) / len(accepted[1])
