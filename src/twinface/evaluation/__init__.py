"""How good a model is, and how sure that figure is.

metrics       pure functions on arrays: ROC, EER, accuracy, calibration error
intervals     confidence intervals that resample people
calibration   fits threshold and probability
evaluate      protocols: pairs in, figures with intervals out
summary       what every protocol measures
fitted_model  an embedding function with a threshold of its own: baselines, masked pictures
results       evaluations on disk
"""
