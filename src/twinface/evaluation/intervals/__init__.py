"""How far a measured figure can be from the truth, and whether two models differ.

accuracy          an accuracy: people resampled, never narrower than Wilson's interval
people_bootstrap  the method: how people are resampled, its sources, how often it is right
ranking           AUC, EER and TAR at a FAR, in the same way
folds             a mean over folds: standard error and Student's t
comparison        the difference of two models: interval, McNemar's test, Holm's correction
quantiles         of the normal distribution and of Student's t
"""

from twinface.evaluation.intervals.accuracy import accuracy_interval, mean_accuracy_interval, wilson
from twinface.evaluation.intervals.comparison import gain_interval, holm, mcnemar
from twinface.evaluation.intervals.folds import fold_interval, mean_and_standard_error
from twinface.evaluation.intervals.ranking import auc_interval, eer_interval, tar_interval

__all__ = [
    "accuracy_interval",
    "auc_interval",
    "eer_interval",
    "fold_interval",
    "gain_interval",
    "holm",
    "mcnemar",
    "mean_accuracy_interval",
    "mean_and_standard_error",
    "tar_interval",
    "wilson",
]
