"""A model ready to use.

load        loads a model, by name or path
catalog     where models are: shipped ones by name, others by path
onnx_model  the ONNX file of a model, loaded
checksum    the checksum at the end of that file
session     an ONNX file open in ONNX Runtime, with limits
graph_check which operators a file has, and whether it reads other files
limits      how much memory and time ONNX Runtime may take
embedder    what evaluation, verification and search need of a model
record      what a model is, beside its weights
fields      checked fields of the record's JSON
provenance  which people a model was trained and tuned on
decision    threshold and calibration: from a score to a decision
distances   score formulas: higher means the same person
scoring     embed each picture once, score pairs
"""
