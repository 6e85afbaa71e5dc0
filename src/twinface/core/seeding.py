"""Random generators that depend on (seed, purpose, epoch, step) only, so that a resumed run draws the same numbers."""

from __future__ import annotations

from typing import Literal

import numpy as np

Purpose = Literal["weights", "order", "augment", "dropout", "validation", "fit"]
_PURPOSES: dict[Purpose, int] = {
    "weights": 1,
    "order": 2,
    "augment": 3,
    "dropout": 4,
    "validation": 5,
    "fit": 6,
}


def random_at(seed: int, purpose: Purpose, epoch: int = 0, step: int = 0) -> np.random.Generator:
    """A generator that depends on its arguments only, so that a resumed run draws the same numbers.

    >>> float(random_at(7, "order", epoch=2).random()) == float(random_at(7, "order", epoch=2).random())
    True
    """
    return np.random.Generator(
        np.random.Philox(np.random.SeedSequence([seed, _PURPOSES[purpose], epoch, step]))
    )
