"""Pure functions on arrays that measure how good a verifier is.

inputs            the checks that every metric makes on its arrays
decisions         accuracy and confusion at one threshold; the best threshold
cross_validation  accuracy at the best threshold of the other folds
roc               ROC curve, AUC, EER, TAR at a FAR
far               which FARs a number of pairs can measure
reliability       does a probability come true? cross-entropy, calibration error
one_shot          N-way one-shot recognition
clustering        groups of faces against people: pairwise F, BCubed F

In all of them `scores` [M] are floats, and a higher one means "more likely the same person". `is_match` [M] is true for
a genuine pair and false for an impostor pair. A pair is called the same person when `score >= threshold`. FAR is the
share of impostor pairs that are accepted, TAR the share of genuine pairs that are accepted.

`DataError` is raised where scores are missing or not finite, and where a metric needs both kinds of pairs and finds
one. `ValueError` is raised for arrays that do not fit each other and for arguments that no data could support.
"""

from twinface.evaluation.metrics.cross_validation import (
    cross_validated_accuracy,
    cross_validated_right,
    fold_accuracies,
)
from twinface.evaluation.metrics.decisions import Confusion, accuracy, best_threshold, confusion
from twinface.evaluation.metrics.far import supported_fars
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
