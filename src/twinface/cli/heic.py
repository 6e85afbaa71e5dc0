"""HEIC photos, as phones of Apple take them, on the command line.

libheif decodes them, which has had many errors that a crafted file could use. So the library and a service never do;
on the command line the files are mostly one's own.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Any

from twinface.core.formatting import one_line
from twinface.faces.extra_formats import ExtraFormat, add_format
from twinface.faces.formats.structure import Structure

if TYPE_CHECKING:
    from twinface.core.types import ByteArray

_OLDEST = (1, 8, 1)  # of pillow-heif; libheif in earlier ones has known holes
# The file's main brand is HEIC's; or the general one of still pictures, with HEIC's beside it.
_BEGINS = re.compile(rb"\0\0\0.ftyp(hei[cxms]|mif1.{4}(.{4}){0,12}?hei[cxms])", re.DOTALL)
_PIXEL, _BYTE = 1.9e-8, 6e-8  # seconds on one core, measured on noise and on smooth pictures


def add_heic() -> None:
    """Makes this process read HEIC photos, if pillow-heif is installed, and name the extra that brings it, if not."""
    add_format(ExtraFormat("HEIC", _BEGINS, (".heic", ".heif"), _missing, _structure, _pixels))


def _missing() -> str:
    try:
        import pillow_heif  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ModuleNotFoundError:
        return 'pip install "twinface[heic]"'
    version = tuple(int(number) for number in re.findall(r"\d+", pillow_heif.__version__)[:3])
    return "" if version >= _OLDEST else 'pip install --upgrade "twinface[heic]"'


def _structure(data: bytes) -> Structure:
    _refuse_overlays(data)
    try:
        width, height = _opened(data).size
    except Exception as error:  # pillow-heif's have no other common base class; it reads metadata in Python
        raise ValueError(_one_line(error)) from error
    return Structure(height, width, height * width * _PIXEL + len(data) * _BYTE)


def _pixels(data: bytes) -> ByteArray:
    import numpy as np

    try:
        pixels = np.asarray(_opened(data))
    except Exception as error:  # as above
        raise ValueError(_one_line(error)) from error
    if pixels.dtype == np.uint16:  # gray ones keep their bits, spread over 16
        pixels = (pixels >> 8).astype(np.uint8)
    if pixels.ndim == 2:
        pixels = pixels[..., np.newaxis]
    color = 1 if pixels.shape[2] < 3 else 3  # the rest is alpha
    return np.ascontiguousarray(pixels[..., :color])


def _opened(data: bytes) -> Any:
    import pillow_heif  # type: ignore[import-not-found, import-untyped, unused-ignore]

    return pillow_heif.open_heif(data, convert_hdr_to_8bit=True)


def _one_line(error: Exception) -> str:
    # An index is out of range where no picture of the file can be read.
    return "no picture in it" if isinstance(error, IndexError) else one_line(error)


def _refuse_overlays(data: bytes) -> None:
    """Refuses pictures that lie on top of each other: a few bytes can have thousands of them decoded."""
    at = 0
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"meta":
            if b"iovl" in data[at : at + length]:
                raise ValueError("it is an overlay of several pictures")
            return
        if length < 8:  # to the end of the file, or 64 bits long: not before the box of a photo's data
            return
        at += length
