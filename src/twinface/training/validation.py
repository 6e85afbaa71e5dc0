"""Measures a network on validation people after an epoch, and chooses between epochs by it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import numpy as np
import torch

from twinface.core.errors import DataError
from twinface.core.settings_sections import ValidationSettings
from twinface.core.types import ByteArray, Float32Array, PairSet, ScoredPairs
from twinface.evaluation.calibration import fit_calibration
from twinface.evaluation.metrics import (
    area_under_curve,
    binary_cross_entropy,
    cross_validated_accuracy,
    draw_one_shot_trials,
    one_shot_accuracy,
)
from twinface.models.decision import Calibration
from twinface.models.scoring import Score, embed_faces, score_pairs
from twinface.networks.siamese import SiameseNetwork
from twinface.training.epoch_metrics import ValidationMetrics
from twinface.training.machine import Machine
from twinface.training.processes import Processes
from twinface.training.training_sample import TrainingSample

# A score that was trained as a logit is a calibrated one already.
LOGIT = Calibration(slope=1.0, offset=0.0, fitted_on="nothing: scores are logits")


def check_validation(pairs: PairSet, settings: ValidationSettings) -> None:
    """Refuses pairs that a network cannot be validated on.

    Args:
        pairs: of the validation people.
        settings: which measurement chooses.

    Raises:
        DataError: there are too few pairs; or one-shot trials are to choose, and there are too few people for them. The
            message names the setting.
    """
    genuine = int(pairs.is_match.sum())
    if min(genuine, len(pairs) - genuine) < 2:
        raise DataError(
            f"{pairs.name}: {genuine} genuine and {len(pairs) - genuine} impostor pairs to validate on, need two of "
            "each or more: hold out more people with data.validation_people"
        )
    if settings.metric == "one-shot":
        try:
            draw_one_shot_trials(pairs.faces.people, settings.ways, 1, 0)
        except DataError as error:
            raise DataError(f"validation.ways = {settings.ways}: {error} (data.validation_people)") from error


class Validator:
    """Called with a network, gives its measurements on validation people.

    Args:
        faces: `[N, H, W, C]` uint8, the validation pictures.
        pairs: labelled pairs of them.
        settings: which measurement chooses.
        machine: where to run.
        processes: who shares the pictures; the figures are the same in all of them.
        seed: of the one-shot trials.
        scores_are_logits: whether the loss makes scores logits (cross-entropy does); otherwise the loss that is
            reported is that of calibrated probabilities.

    Attributes:
        training: pairs of people who are trained on, whose accuracy is reported beside that of the validation people;
            None reports none.

    Raises:
        DataError: see `check_validation`.
    """

    def __init__(
        self,
        faces: ByteArray,
        pairs: PairSet,
        settings: ValidationSettings,
        machine: Machine,
        seed: int,
        scores_are_logits: bool,
        processes: Processes | None = None,
    ) -> None:
        self.faces, self.pairs, self.settings, self.machine = faces, pairs, settings, machine
        self.processes = processes or Processes()
        self.training: TrainingSample | None = None
        self.scores_are_logits = scores_are_logits
        check_validation(pairs, settings)
        self.folds = min(10, int(pairs.is_match.sum()), int((~pairs.is_match).sum()))
        self.trials = None
        with suppress(DataError):
            self.trials = draw_one_shot_trials(pairs.faces.people, settings.ways, settings.trials, seed)

    def __call__(self, network: SiameseNetwork) -> ValidationMetrics:
        """The network's figures; it is in evaluation mode, on the validator's machine."""
        measured = self.measure(network, self._embed_all(network, self.faces), self.machine.device)[0]
        return replace(measured, training_accuracy=self._training_accuracy(network))

    def measure(
        self, network: SiameseNetwork, embeddings: Float32Array, device: str = "cpu"
    ) -> tuple[ValidationMetrics, ScoredPairs]:
        """The figures of embeddings `[N, D]` that the network has made, and the pairs' scores.

        Args:
            network: on `device`.
            embeddings: one for each validation picture.
            device: where the network is.
        """

        score = _scorer(network, device)
        scored = score_pairs(embeddings, self.pairs, score)
        return replace(self.figures(scored), one_shot=self._one_shot(score, embeddings)), scored

    def figures(self, scored: ScoredPairs) -> ValidationMetrics:
        """The figures of the validation pairs' scores, without one-shot trials."""
        calibration = (
            LOGIT
            if self.scores_are_logits
            else fit_calibration(scored.scores, scored.is_match, "these very pairs, to compare epochs")
        )
        return ValidationMetrics(
            accuracy=self._accuracy(scored, self.folds),
            auc=area_under_curve(scored.scores, scored.is_match),
            validation_loss=binary_cross_entropy(calibration.probability(scored.scores), scored.is_match),
        )

    def _accuracy(self, scored: ScoredPairs, folds: int) -> float:
        if self.settings.threshold == "even":
            return float(np.mean((scored.scores >= 0) == scored.is_match))
        return cross_validated_accuracy(scored.scores, scored.is_match, folds)

    def _one_shot(self, score: Score, embeddings: Float32Array) -> float | None:
        if not self.trials:
            return None
        probe, candidates, answer = self.trials
        count, ways = candidates.shape
        similarities = score(np.repeat(embeddings[probe], ways, axis=0), embeddings[candidates.ravel()])
        return one_shot_accuracy(similarities.reshape(count, ways), answer)

    def _training_accuracy(self, network: SiameseNetwork) -> float | None:
        if self.training is None:
            return None
        embeddings = self._embed_all(network, self.training.faces)
        scored = score_pairs(embeddings, self.training.pairs, _scorer(network, self.machine.device))
        return self._accuracy(scored, self.training.folds)

    def _embed_all(self, network: SiameseNetwork, all_faces: ByteArray) -> Float32Array:
        """Every picture, each by one of the processes, in the same batches as one process would make."""
        preferred_batch = network.backbone.preferred_batch if self.machine.device == "cpu" else 512
        share = self.processes.share_of(len(all_faces), preferred_batch)
        faces = all_faces[share.rows]
        own = np.zeros((0, network.embedding_size), np.float32)
        if len(faces):
            own = embed_faces(lambda batch: self._embed(network, batch), faces, preferred_batch)
        return np.asarray(self.processes.gather(torch.from_numpy(own), share).numpy(), np.float32)

    def _embed(self, network: SiameseNetwork, faces: ByteArray) -> Float32Array:
        with torch.inference_mode(), self.machine.autocast():
            embeddings = network.embed(torch.from_numpy(faces).to(self.machine.device))
            return np.asarray(embeddings.float().cpu().numpy(), np.float32)


def _scorer(network: SiameseNetwork, device: str) -> Score:
    """Scores embeddings `[M, D]` and `[M, D]` by a network on a device."""

    def score(left: Float32Array, right: Float32Array) -> Float32Array:
        with torch.inference_mode():
            scores = network.score(torch.from_numpy(left).to(device), torch.from_numpy(right).to(device))
            return np.asarray(scores.cpu().numpy(), np.float32)

    return score
