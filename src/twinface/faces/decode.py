"""From a file's bytes to pixels.

Bytes from outside are checked before they are decoded (`header`), and every problem is an `ImageError` that names the
picture. JPEG, PNG, WebP, BMP, PGM and PPM are read, and formats that a program has added (`extra_formats`). They are
recognised by their content, not by the file's name.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from twinface.core.errors import ImageError
from twinface.core.formatting import one_line
from twinface.core.types import ByteArray
from twinface.faces.color import Color, convert_color, convert_decoded
from twinface.faces.decode_netpbm import decode_netpbm
from twinface.faces.extra_formats import extra_format
from twinface.faces.formats.exif import orientation
from twinface.faces.formats.png import drawn_chunks
from twinface.faces.formats.webp import still_webp, webp_frame
from twinface.faces.header import read_image_header

# A gray picture stays gray, which takes a third less time than three channels. EXIF turns are made here (`turned`).
_FLAGS = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_IGNORE_ORIENTATION

# How a picture of each orientation becomes upright. OpenCV is three to seven times as fast as views of NumPy.
_TURNS: dict[int, Callable[[cv2.typing.MatLike], cv2.typing.MatLike]] = {
    2: lambda pixels: cv2.flip(pixels, 1),
    3: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_180),
    4: lambda pixels: cv2.flip(pixels, 0),
    5: cv2.transpose,
    6: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE),
    7: lambda pixels: cv2.flip(cv2.transpose(pixels), -1),
    8: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE),
}


def decode(data: bytes, color: Color, name: str) -> ByteArray:
    """Decodes a picture of at least 8 × 8 pixels and at most 25 million.

    The picture is turned as its EXIF data says. Of an animation the first frame is taken. Alpha is ignored: a
    transparent pixel shows the color that is stored for it. 16 bits a sample become 8. The ink of a CMYK picture
    becomes RGB without a color profile, as Adobe stores it (inverted). Gray is .299 R + .587 G + .114 B in every
    format.

    Damage that leaves a file's structure intact cannot always be noticed: a JPEG with some changed bytes in the middle
    may decode to a picture with a smear in it.

    Args:
        data: the whole file.
        color: "gray" or "rgb".
        name: what to call the picture in an error.

    Returns:
        [H, W, C] uint8 with C = 1 (gray) or 3 (RGB).

    Raises:
        ImageError: the format is not supported, or the picture is damaged, truncated, too large, too small, or would
            take too long to decode.
    """
    header = read_image_header(data, name)
    try:
        pixels = _pixels(data, header.format, color)
    except (cv2.error, ValueError) as error:
        raise ImageError(
            f"{name}: damaged {header.format}: {one_line(error)}; need the whole, unchanged file"
        ) from error
    if pixels.shape[:2] != (header.height, header.width):
        raise ImageError(
            f"{name}: damaged {header.format}: the header says {header.width} x {header.height} pixels, "
            f"decoded are {pixels.shape[1]} x {pixels.shape[0]}"
        )
    return turned(pixels, orientation(header.exif))


def turned(pixels: ByteArray, orientation: int) -> ByteArray:
    """Pixels upright.

    Args:
        pixels: [H, W, C].
        orientation: as EXIF counts them, 1 to 8.

    Returns:
        [H, W, C], or [W, H, C] for 5 to 8; `pixels` itself for 1.
    """
    if orientation == 1:
        return pixels
    upright = np.asarray(_TURNS[orientation](pixels), np.uint8)
    return upright.reshape(*upright.shape[:2], pixels.shape[2])


def _pixels(data: bytes, kind: str, color: Color) -> ByteArray:
    """[H, W, C] as they are stored, before any turn."""
    if kind == "PGM/PPM":
        return convert_color(decode_netpbm(data), color)
    if kind == "WebP":
        return _webp_pixels(data, color)
    if extra := extra_format(kind):
        return convert_color(extra.pixels(data), color)
    return _imdecode(drawn_chunks(data) if kind == "PNG" else data, color)


def _webp_pixels(data: bytes, color: Color) -> ByteArray:
    """The canvas, with the first frame where it belongs; the rest of the canvas is black."""
    frame = webp_frame(data)
    pixels = _imdecode(still_webp(data, frame), color)
    if frame.fills_canvas:
        return pixels
    canvas = np.zeros((frame.canvas_height, frame.canvas_width, pixels.shape[2]), np.uint8)
    canvas[frame.top : frame.top + frame.height, frame.left : frame.left + frame.width] = pixels
    return canvas


def _imdecode(data: bytes | bytearray, color: Color) -> ByteArray:
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), _FLAGS)
    if decoded is None:
        raise ValueError("its header is intact, but its pixels cannot be decoded")
    return convert_decoded(decoded, color)
