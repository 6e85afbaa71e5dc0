"""Downloading LFW and weights: checked by checksum, unpacked safely, continued where it stopped.

fetch_lfw  the whole of LFW
fetch_weights  the weights of pretrained networks
lfw_files  the files, their checksums and addresses
download   one file, checked
unpack     one archive, safely
"""
