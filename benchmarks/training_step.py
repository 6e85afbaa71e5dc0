"""How much faster is a training step of Koch's network than seed B's own?

    make bench-speed            (or: python benchmarks/training_step.py)

Both train the same network (batch normalisation before each ReLU, dense layer of 4,096) on the same number of pairs.
Seed B's step as written: float32, torch's default layout, both pictures of a pair passed one after the other, Adam.
Twinface's: what `twinface train` runs, distortions left out because seed B has none. The steps between the two are
given as well. Pictures are noise: no operation's time depends on them.
"""

from __future__ import annotations

import argparse
from functools import partial

import numpy as np
import torch
from sides import Side, Work, compare, heading, table
from torch.nn import functional

from twinface.backbones import koch
from twinface.backbones.koch import Koch
from twinface.building import build_learner
from twinface.components import build
from twinface.recipe import load_recipe
from twinface.runtime import available_cores, choose_machine, keep_memory
from twinface.sampling import Batch
from twinface.schedules import SCHEDULES
from twinface.trainer import Plan, Progress, training_step
from twinface.twin import Twin

SIZE = 105


def seed_b(pairs: int) -> Work:
    """The step as seed B has it."""
    torch.set_num_threads(available_cores())
    torch.manual_seed(0)
    twin = Twin(Koch((1, SIZE, SIZE), batch_norm="before-relu"), "weighted-l1", "unit", flip_average=False)
    optimizer = torch.optim.Adam(twin.parameters(), lr=1e-3)
    left, right = torch.rand(2, pairs, 1, SIZE, SIZE)
    truth = (torch.arange(pairs) % 2).float()

    def step() -> int:
        scores = twin.score(twin.backbone(left), twin.backbone(right))
        loss = functional.binary_cross_entropy_with_logits(scores, truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return 2 * pairs

    return step


def twinface(pairs: int, kept: bool = True, fourier: bool = True) -> Work:
    """The step as `twinface train` has it, or without what is named."""
    if kept:
        keep_memory()
    if not fourier:
        koch.convolve = lambda layer, maps: layer(maps)
    settings = load_recipe("seed-b-2")
    machine = choose_machine()
    learner = build_learner(settings, 2, machine, seed=0)
    faces = np.random.default_rng(0).integers(0, 256, (2 * pairs, SIZE, SIZE, 1), np.uint8)
    rows = np.arange(2 * pairs)
    batch = Batch(rows, rows % pairs, rows[:pairs], rows[pairs:], rows[:pairs] % 2 == 0)
    plan = Plan(
        faces=faces,
        sampler=lambda seed, epoch: [batch],
        augment=settings.augment,
        schedule=build("schedule", SCHEDULES, settings.schedule, 1),
        validate=lambda twin: {},
        trainer=settings.trainer,
        validation=settings.validation,
        machine=machine,
        seed=0,
    )

    def step() -> int:
        training_step(learner, plan, batch, Progress(), 1)
        return 2 * pairs

    return step


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--pairs", type=int, default=32, help="of a batch")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    sides = [
        Side("seed B's step as written", partial(seed_b, given.pairs)),
        Side("one batch, bfloat16, channels last, fused Adam", partial(twinface, given.pairs, False, False)),
        Side("and memory kept", partial(twinface, given.pairs, True, False)),
        Side("and Fourier convolutions: `twinface train`", partial(twinface, given.pairs)),
    ]
    print(heading(f"A training step of Koch's network, {given.pairs} pairs"))
    print(table(compare(sides, given.rounds)))


if __name__ == "__main__":
    main()
