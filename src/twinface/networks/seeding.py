"""Sets torch's random generator to a state that depends on (seed, purpose, epoch, step) only."""

from __future__ import annotations

import torch

from twinface.core.seeding import Purpose, random_at


def seed_torch(seed: int, purpose: Purpose, epoch: int = 0, step: int = 0) -> None:
    """Sets torch's random generator (initial weights, dropout) to the state that the arguments determine."""
    torch.manual_seed(int(random_at(seed, purpose, epoch, step).integers(2**62)))
