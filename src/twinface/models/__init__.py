"""A model ready to use.

load        opens a model, by name or path
record      all that a model is beside its weights
onnx_model  the ONNX file that is used
distances   score formulas: higher means the same person
decision    threshold and calibration: from a score to a decision
scoring     embed each picture once, score pairs
provenance  which people a model was trained and tuned on
"""
