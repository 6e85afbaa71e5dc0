"""From a file's bytes to pixels.

Bytes from outside are checked before they are decoded (`header`), and every problem is an `ImageError` that names the
picture. JPEG, PNG, WebP, BMP, PGM and PPM are read; they are recognised by their content, not by the file's name.
"""

from __future__ import annotations

import cv2
import numpy as np

from twinface.core.errors import ImageError
from twinface.core.types import ByteArray
from twinface.faces.color import Color, convert_color
from twinface.faces.formats import netpbm_header
from twinface.faces.header import read_image_header


def decode(data: bytes, color: Color, name: str) -> ByteArray:
    """Decodes a picture of at least 8 × 8 pixels and at most 25 million.

    The picture is turned as its EXIF data says. Of an animation the first frame is taken. Alpha is ignored: a
    transparent pixel shows the color that is stored for it. 16 bits a sample become 8. Gray is
    .299 R + .587 G + .114 B in every format.

    Damage that leaves a file's structure intact cannot always be noticed: a JPEG with some changed bytes in the middle
    may decode to a picture with a smear in it.

    Args:
        data: the whole file.
        color: "gray" or "rgb".
        name: what to call the picture in an error.

    Returns:
        [H, W, C] uint8 with C = 1 (gray) or 3 (RGB).

    Raises:
        ImageError: the format is not supported, or the picture is damaged, truncated, too large or too small.
    """
    header = read_image_header(data, name)
    try:
        pixels = _decode_netpbm(data) if header.format == "PGM/PPM" else _decode(data, cv2.IMREAD_ANYCOLOR)
    except (cv2.error, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ImageError(
            f"{name}: damaged {header.format}: {reason}; need the whole, unchanged file"
        ) from error
    if sorted(pixels.shape[:2]) != sorted((header.height, header.width)):
        raise ImageError(
            f"{name}: damaged {header.format}: the header says {header.width} x {header.height} pixels, "
            f"decoded are {pixels.shape[1]} x {pixels.shape[0]}"
        )
    return convert_color(np.asarray(pixels, np.uint8), color)


def _decode(data: bytes, flags: int) -> cv2.typing.MatLike:
    """[H, W, C] with C = 1 for a gray picture, or 3 (RGB) for any other."""
    # IMREAD_ANYCOLOR leaves a gray picture gray, which takes a third less time than three channels.
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if decoded is None:
        raise ValueError("its header is intact, but its pixels cannot be decoded")
    return decoded[..., np.newaxis] if decoded.ndim == 2 else cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)


def _decode_netpbm(data: bytes) -> cv2.typing.MatLike:
    """Decodes a PGM or PPM file, scaled so that its largest possible sample becomes 255.

    OpenCV itself scales plain files only, and rounds them down. So it is given a header that makes it return the
    samples as they are. That header also makes sure that OpenCV and the check before agree on the size.
    """
    kind, width, height, largest, start = netpbm_header(data)
    stated = 255 if kind > 3 and largest < 256 else 65535
    # OpenCV refuses a plain file that does not end in white space, so a line end is added.
    rewritten = b"P%d\n%d %d\n%d\n" % (kind, width, height, stated) + data[start:] + b"\n"
    samples = _decode(rewritten, cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH)
    if samples.dtype == np.uint8 and largest == 255:
        return samples
    if samples.max() > largest:
        raise ValueError(f"a sample of {samples.max()}, need at most {largest}")
    levels = np.arange(largest + 1)
    to_byte = ((levels * 255 + largest // 2) // largest).astype(np.uint8)
    return np.asarray(to_byte[samples], np.uint8)
