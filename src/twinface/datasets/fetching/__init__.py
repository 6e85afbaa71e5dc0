"""Downloading LFW: checked by checksum, unpacked safely, continued where it stopped.

fetch_lfw  the whole of it
lfw_files  the files, their checksums and addresses
download   one file, checked
unpack     one archive, safely
"""
