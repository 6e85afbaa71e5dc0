"""Pure functions on arrays that say how good a verifier is.

Everywhere `scores` [M] are floats of which a higher one means "more likely the same person", `is_match`
[M] is true for a genuine pair and false for an impostor pair, and a pair is called the same person when
`score >= threshold`. FAR is the share of impostor pairs that are accepted, TAR that of genuine pairs.

Scores that are missing, not finite or of one kind only, where both kinds are needed, raise `DataError`;
arrays that do not belong together and arguments that no data could make sense of raise `ValueError`.
"""

from twinface.evaluation.metrics.decisions import (
    Confusion,
    accuracy,
    best_threshold,
    confusion,
    cross_validated_accuracy,
    cross_validated_right,
    fold_accuracies,
)
from twinface.evaluation.metrics.inputs import check_scores
from twinface.evaluation.metrics.one_shot import draw_one_shot_trials, one_shot_accuracy
from twinface.evaluation.metrics.reliability import (
    ReliabilityCurve,
    binary_cross_entropy,
    expected_calibration_error,
    reliability_curve,
)
from twinface.evaluation.metrics.roc import (
    RocCurve,
    area_under_curve,
    equal_error_rate,
    roc_curve,
    supported_fars,
    tar_at_far,
    threshold_at_far,
)

__all__ = [
    "Confusion",
    "ReliabilityCurve",
    "RocCurve",
    "accuracy",
    "area_under_curve",
    "best_threshold",
    "binary_cross_entropy",
    "check_scores",
    "confusion",
    "cross_validated_accuracy",
    "cross_validated_right",
    "draw_one_shot_trials",
    "equal_error_rate",
    "expected_calibration_error",
    "fold_accuracies",
    "one_shot_accuracy",
    "reliability_curve",
    "roc_curve",
    "supported_fars",
    "tar_at_far",
    "threshold_at_far",
]
