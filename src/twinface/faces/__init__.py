"""From a photo to a prepared face.

picture        a picture in any form (path, bytes, array) → its pixels
files          a file's bytes
header         checks of bytes before they are decoded
formats        the structure of a picture file in each format, without decoding it
decode         bytes → pixels
extra_formats  formats that a program adds
decode_netpbm  the samples of a PGM or PPM
color          gray or RGB

shrink         makes a picture smaller
look           a photo in another size, turned, with the way back to it
detect         pixels → the faces in them, with five landmarks each
choose         which of several faces is meant
align          turns, scales and cuts a face
frame          where the landmarks of an aligned face lie
typical_frame  the frame that the pictures of a data set share, measured
quality        how well a face can be recognised
conditions     simulated conditions of photos: size, blur, light, noise, compression

preparation    which part of a picture, in which size and color, a network takes
crop           how a face is cropped and resized
mask           paints over the face or the background

cache          prepared faces on disk
landmarks      found faces, and pictures that cannot be read, on disk
cache_folder   where both are kept
content        the content of a set of pictures, as one checksum
encode         pixels → the bytes of a JPEG
"""
