"""How far a measured figure can be from the truth, and whether two models differ at all."""

from twinface.evaluation.intervals.bootstrap import (
    accuracy_interval,
    auc_interval,
    eer_interval,
    people_bootstrap,
    share_interval,
    tar_interval,
)
from twinface.evaluation.intervals.closed_form import fold_interval, mean_and_standard_error, wilson
from twinface.evaluation.intervals.comparison import (
    gain_interval,
    holm,
    mcnemar,
    paired_people_bootstrap_difference,
)

__all__ = [
    "accuracy_interval",
    "auc_interval",
    "eer_interval",
    "fold_interval",
    "gain_interval",
    "holm",
    "mcnemar",
    "mean_and_standard_error",
    "paired_people_bootstrap_difference",
    "people_bootstrap",
    "share_interval",
    "tar_interval",
    "wilson",
]
