"""One training step: forward, backward, update."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from twinface.core.errors import DivergedError
from twinface.core.seeding import random_at
from twinface.networks.seeding import seed_torch
from twinface.training.augmentation import augment
from twinface.training.callbacks import Phase, no_phase
from twinface.training.losses import labels_of
from twinface.training.optimizers import set_rates
from twinface.training.plan import TrainingPlan, TrainingPosition
from twinface.training.sampling import Batch
from twinface.training.training_state import TrainingState


def training_step(
    state: TrainingState,
    plan: TrainingPlan,
    batch: Batch,
    position: TrainingPosition,
    steps: int,
    phase: Phase = no_phase,
) -> float:
    """Trains on one batch and returns its loss.

    Args:
        state: is changed in place.
        plan: data and settings.
        batch: the pictures.
        position: of this step, which all that is random depends on.
        steps: in an epoch, for the schedule of the learning rate.
        phase: entered around each part of the work.

    Raises:
        DivergedError: the loss is not finite; no weight has changed.
    """
    state.network.train()
    seed_torch(plan.seed, "dropout", position.epoch, position.step)
    random = random_at(plan.seed, "augment", position.epoch, position.step)
    device, share = plan.machine.device, plan.processes.share_of(len(batch.images))
    with phase("batch"):
        rows = batch.images[share.rows]
        faces = torch.from_numpy(np.ascontiguousarray(plan.faces[rows].transpose(0, 3, 1, 2)))
        look_alike = None if batch.look_alike is None else batch.look_alike[share.rows]
        labels = labels_of(batch.people, batch.left, batch.right, batch.is_match, device)
    with phase("augmentation"):
        images = augment(faces.to(device).float(), plan.augment, random, look_alike, share)
    with phase("forward"):
        with plan.machine.autocast():
            embeddings = state.features(images.contiguous(memory_format=torch.channels_last))
        # Every process computes the loss on the whole batch, since a loss may compare any two pictures of it.
        together = plan.processes.gather(embeddings, share)
        loss: Tensor = state.loss(state.network, together, labels)
        if plan.teacher:
            loss = loss + plan.teacher.loss(together, batch.images)
        value = float(loss.detach())
    if not math.isfinite(value):
        raise DivergedError(
            f"the loss is {value} in epoch {position.epoch + 1}, step {position.step + 1}: the last good state is "
            "kept; a smaller learning rate or trainer.gradient_clip may help"
        )
    with phase("backward"):
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        used_on_all = [*state.network.distance.parameters(), *state.loss.parameters()]
        plan.processes.add_gradients(state.network.backbone.parameters(), used_on_all)
    with phase("optimizer"):
        if plan.trainer.gradient_clip:
            parameters = [*state.network.parameters(), *state.loss.parameters()]
            torch.nn.utils.clip_grad_norm_(parameters, plan.trainer.gradient_clip)
        set_rates(state.optimizer, plan.schedule, position.epoch + position.step / steps)
        state.optimizer.step()
        if state.average:
            state.average.update(state.network, position.steps)
    return value
