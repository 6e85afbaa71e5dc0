"""From a photo to a prepared face.

decode   untrusted bytes → pixels
header   what the bytes say before they are decoded
prepare  crop, size and color: what a network takes
mask     paint over the face or the background
cache    prepared faces on disk
"""
