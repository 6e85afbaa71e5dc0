"""How good a model is, and how sure that figure is.

evaluate       judges a model on labelled pairs
pooled         one evaluation of what several models judged
leaks          who may be scored: nobody that the model has seen
measure        scored pairs → figures with intervals
summary        the figures of an evaluation, as a record
summary_text   the same as lines, and as a table in a notebook
metrics        pure functions on arrays: ROC, EER, accuracy, calibration error
intervals      confidence intervals that resample people
calibration    fits threshold and probability to scores
calibrate      fits them to labelled people of one's own
calibrate_pairs  fits them to labelled pairs
fit_on_people  fits them to all pairs of pictures
error_rates    error rates over all pairs of pictures
operating_points  the same at several thresholds, as a table that goes with a model
other_conditions  thresholds that hold for photos of other conditions, by simulating them
fitted_model   an embedding function with a threshold of its own: baselines, masked pictures
results        evaluations on disk
"""
