"""Stops a trial early that does worse than the median of earlier trials."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import optuna

from twinface.studies.trials.objective import Curve, curve
from twinface.training.epoch_metrics import EpochMetrics
from twinface.training.run_folder import RunFolder


class Pruned(Exception):  # noqa: N818 - not an error
    """A run is worse than half of the earlier runs were at this epoch.

    Attributes:
        value: the run's best value of the objective so far.
    """

    def __init__(self, value: float) -> None:
        super().__init__(f"given up at {value:.4f}")
        self.value = value


class MedianPruner:
    """Compares a run with the values of earlier ones at the same epoch, after each epoch.

    It is the median rule of Optuna. That of Golovin et al. (2017, section 3.2.2) compares with means up to the epoch.

    Args:
        folder: the run.
        objective: see `Study`.
        earlier: curves of trials of earlier batches.
        prune_after: the first epoch after which the run may be stopped.
        epochs: of the whole run; after its last epoch there is nothing to stop.
    """

    def __init__(
        self, folder: RunFolder, objective: str, earlier: Sequence[Curve], prune_after: int, epochs: int
    ) -> None:
        self._folder, self._objective, self._epochs = folder, objective, epochs
        # Epochs count from 1, and Optuna asks nothing before step `n_warmup_steps`.
        pruner = optuna.pruners.MedianPruner(n_startup_trials=1, n_warmup_steps=prune_after)
        self._optuna = optuna.create_study(pruner=pruner, direction="maximize")
        for each in earlier:
            self._optuna.add_trial(
                optuna.trial.create_trial(value=each[-1][1], intermediate_values=dict(each))
            )

    def __call__(self, metrics: EpochMetrics) -> None:
        """Called with the metrics of the epoch that has just ended.

        Raises:
            Pruned: the run's best value so far is below the median of the earlier runs' values at this epoch.
        """
        own = curve(self._folder, self._objective)
        if not own or own[-1][0] != metrics.epoch or metrics.epoch == self._epochs:
            return
        trial = self._optuna.ask()
        for epoch, value in own:
            trial.report(value, epoch)
        if trial.should_prune():
            raise Pruned(max(value for _, value in own))


def earlier_curves(trials: Sequence[Path], seed: int, objective: str) -> tuple[Curve, ...]:
    """The curves of finished trials; those without any validation are left out.

    Args:
        trials: the trials' folders.
        seed: of the runs to take, the study's first.
        objective: see `Study`.
    """
    curves = [curve(RunFolder(folder / f"seed-{seed}"), objective) for folder in trials]
    return tuple(each for each in curves if each)
