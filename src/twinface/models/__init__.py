"""A model ready to use.

load        loads a model, by name or path
catalog     the models that have names
card        what such a model is, with its error rates; `cards` holds them
pretrained  networks of other makers
committee   several models that decide together
derived_model  a model with a threshold fitted to other people
onnx_model  the ONNX file of a model, loaded
checksum    the checksum at the end of that file
session     an ONNX file open in ONNX Runtime, with limits
graph_check which operators a file has, and whether it reads other files
limits      how much memory and time ONNX Runtime may take
embedder    what evaluation, verification and search need of a model
record      what a model is, beside its weights
layer       one layer of a network, as people read it
fields      checked fields of the record's JSON
provenance  which people a model was trained and tuned on
error_table error rates at several thresholds
embedding_lengths  how long the embeddings of usual faces are
decision    threshold and calibration: from a score to a decision
distances   score formulas: higher means the same person
scoring     embed each picture once, score pairs
"""
