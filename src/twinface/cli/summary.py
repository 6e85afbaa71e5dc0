"""An evaluation's figures as lines to read in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twinface.evaluation.summary import EVERYTHING


def summary(figures: dict[str, Any]) -> Sequence[str]:
    """The figures as lines to read."""

    def between(interval: list[float] | None) -> str:
        return f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else ""

    def share(value: float | None) -> str:
        return "-" if value is None else f"{value:.4f}"

    error = f" ± {figures['standard_error']:.4f} (standard error)" if "standard_error" in figures else ""
    table = figures["confusion"]
    lines = [
        f"{figures['model']} on {figures['data']}: {figures['pairs']} pairs, {figures['images']} pictures, "
        f"{figures['people']} people",
        *([f"shown               {figures['shown']}"] if figures["shown"] != EVERYTHING else []),
        f"accuracy            {share(figures['accuracy'])}{error}{between(figures['accuracy_interval'])}",
        f"area under ROC      {share(figures['auc'])}{between(figures['auc_interval'])}",
        f"equal error rate    {share(figures['eer'])}{between(figures['eer_interval'])}",
    ]
    for point in figures["tar_at_far"]:
        hedge = " (few false accepts: a rough figure)" if point["few_false_accepts"] else ""
        lines.append(f"TAR at FAR {point['far']:<8g} {point['tar']:.4f}{between(point['interval'])}{hedge}")
    lines += [
        f"confusion           {table['true_accept']} accepted and {table['false_reject']} rejected of the genuine, "
        f"{table['false_accept']} accepted and {table['true_reject']} rejected of the impostors",
        f"calibration error   {figures['calibration_error']:.4f}, cross-entropy {figures['loss']:.4f}",
    ]
    if figures["one_shot"]:
        trials = figures["one_shot"]
        lines.append(
            f"one-shot            {trials['accuracy']:.4f}{between(trials['interval'])}, "
            f"{trials['ways']}-way, {trials['trials']} trials"
        )
    return [
        *lines,
        f"threshold           {figures['threshold']:.4f}, fitted on {figures['threshold_fitted_on']}",
        f"may be claimed      {figures['may_be_claimed']}",
        f"time                {figures['seconds']:.1f} s, {figures['images_per_second']:.0f} pictures/s embedded",
    ]
