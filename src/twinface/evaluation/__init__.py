"""How good a model is, and how sure that figure is.

evaluate       judges a model on labelled pairs
leaks          who may be scored: nobody that the model has seen
measure        scored pairs → figures with intervals
summary        the figures of an evaluation, as a record
summary_text   the same as lines, and as a table in a notebook
metrics        pure functions on arrays: ROC, EER, accuracy, calibration error
intervals      confidence intervals that resample people
calibration    fits threshold and probability on validation people
fitted_model   an embedding function with a threshold of its own: baselines, masked pictures
results        evaluations on disk
"""
