"""The structure of a picture file in each format that is read, without decoding it.

structure  what is found: size, time that decoding takes, EXIF data
jpeg       JPEG
png        PNG, and a PNG without the chunks that decoding does not need
webp       WebP, and its first frame as a file of its own
webp_lossless  how many groups of codes a lossless WebP may have
bmp        BMP
netpbm     PGM and PPM
exif       how EXIF data ask to turn the picture

A function that reads a structure takes a whole file. It raises `ValueError` or `struct.error` if the file is damaged or
its end is missing. The messages never quote bytes of the file, because they reach logs and reports.
"""
