"""torch's own generators, put at a position that depends on (seed, purpose, epoch, step) only."""

from __future__ import annotations

import torch

from twinface.core.seeding import Purpose, random_at


def seed_torch(seed: int, purpose: Purpose, epoch: int = 0, step: int = 0) -> None:
    """Puts torch's own generators (initial weights, dropout) at the position that the arguments name."""
    torch.manual_seed(int(random_at(seed, purpose, epoch, step).integers(2**62)))
