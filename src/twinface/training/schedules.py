"""Schedules of the learning rate: each is a pure function of the position in training.

`schedule(epoch)` takes the position in epochs (2.5 is the middle of the third epoch) and returns the factor of the base
rate. So a resumed run needs no state of the schedule. A new schedule is one function here and one line in `SCHEDULES`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated

from pydantic import Field, NonNegativeFloat

from twinface.core.fields import Fraction, PositiveInt

Schedule = Callable[[float], float]
Factor = Annotated[float, Field(gt=0, le=1)]


def constant(epochs: int) -> Schedule:
    """The base rate throughout."""
    return lambda epoch: 1.0


def step(epochs: int, *, every: PositiveInt = 5, factor: Factor = 0.95) -> Schedule:
    """Multiplied by `factor` after every `every` epochs (torch's StepLR; seed B: 0.95 every 5).

    >>> [round(step(20)(epoch), 4) for epoch in (0, 4.9, 5, 10)]
    [1.0, 1.0, 0.95, 0.9025]
    """
    return lambda epoch: factor ** (int(epoch) // every)


def exponential(epochs: int, *, factor: Factor = 0.99) -> Schedule:
    """Multiplied by `factor` after every epoch (Koch et al. 2015, section 3.2: 0.99).

    >>> round(exponential(20)(2.5), 4)
    0.9801
    """
    return lambda epoch: float(factor ** int(epoch))


def cosine(
    epochs: int,
    *,
    warmup: NonNegativeFloat = 1.0,
    floor: Fraction = 0.0,
) -> Schedule:
    """A linear rise for `warmup` epochs, then half a cosine down to `floor` (Loshchilov and Hutter 2017).

    >>> [round(cosine(11)(epoch), 3) for epoch in (0.5, 1, 6, 11)]
    [0.5, 1.0, 0.5, 0.0]
    """
    warmup = min(warmup, epochs / 2)

    def factor(epoch: float) -> float:
        if epoch < warmup:
            return epoch / warmup
        done = min(1.0, (epoch - warmup) / (epochs - warmup))
        return floor + (1 - floor) * (1 + math.cos(math.pi * done)) / 2

    return factor


SCHEDULES: dict[str, Callable[..., Schedule]] = {
    "constant": constant,
    "step": step,
    "exponential": exponential,
    "cosine": cosine,
}
