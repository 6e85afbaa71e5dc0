"""From a file's bytes to a prepared face: safe uint8 pixels of the size that a network wants.

Bytes from outside are checked before they are decoded (`image_header`), and whatever is wrong with
them is an `ImageError` that names the picture. JPEG, PNG, WebP, BMP, PGM and PPM are read, told apart
by their content and not by the file's name.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from twinface.core.errors import ImageError
from twinface.core.types import ByteArray
from twinface.faces.header import read_image_header
from twinface.faces.netpbm import decode_netpbm

Color = Literal["gray", "rgb"]

MAX_FILE_BYTES = 64 * 2**20
CHANNELS: dict[str, int] = {"gray": 1, "rgb": 3}
# Without waiting for a pipe's other end, and, where that matters, without changing line ends.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def read_bytes(path: Path | str) -> bytes:
    """Reads a whole file of at most 64 MiB.

    Raises:
        ImageError: there is no such file, or it is a folder, empty, too large or not readable.
    """
    try:
        descriptor = os.open(path, _READ)
        try:
            status = os.fstat(descriptor)
            # Nothing but a plain file: a pipe would be waited for, a device may have no end.
            if not stat.S_ISREG(status.st_mode):
                found = "a folder" if stat.S_ISDIR(status.st_mode) else "not a plain file"
                raise ImageError(f"{path}: {found}, need a picture")
            data = _read(descriptor, status.st_size)
        finally:
            os.close(descriptor)
    except FileNotFoundError as error:
        raise ImageError(f"{path}: no such file") from error
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte in it
        raise ImageError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    if not data:
        raise ImageError(f"{path}: the file is empty, need a picture")
    if len(data) > MAX_FILE_BYTES:
        raise ImageError(f"{path}: more than {MAX_FILE_BYTES >> 20} MiB, need a smaller file")
    return data


def _read(descriptor: int, size: int) -> bytes:
    """The bytes of an open file that was `size` bytes long, one more than is allowed at most.

    In as few calls as can be: threads that read many small files spend their time handing the interpreter's lock over.
    """
    most = MAX_FILE_BYTES + 1
    data = os.read(descriptor, min(size + 1, most))
    if len(data) == size:
        return data
    while len(data) < most and (more := os.read(descriptor, most - len(data))):  # it grew or shrank meanwhile
        data += more
    return data


def decode(data: bytes, color: Color, name: str) -> ByteArray:
    """Decodes a picture of at least 8 × 8 pixels and at most 25 million.

    It is turned as its EXIF data says, and of an animation the first frame is taken. Alpha is left
    out: a transparent pixel shows the color that is stored for it, with no background put behind it.
    16 bits a sample become 8. Gray is .299 R + .587 G + .114 B in every format.

    Damage that leaves a file's structure whole cannot always be seen: a JPEG with some bytes changed
    in the middle may decode to a picture with a smear in it.

    Args:
        data: the whole file.
        color: "gray" or "rgb".
        name: what to call the picture in an error.

    Returns:
        [H, W, C] uint8 with C = 1 (gray) or 3 (RGB).

    Raises:
        ImageError: the format is not read, or the picture is damaged, cut short, too large or too small.
    """
    header = read_image_header(data, name)
    try:
        pixels = decode_netpbm(data) if header.format == "PGM/PPM" else _decode_with_opencv(data)
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
    if CHANNELS[color] == pixels.shape[2]:
        return pixels
    code = cv2.COLOR_RGB2GRAY if color == "gray" else cv2.COLOR_GRAY2RGB
    return np.asarray(cv2.cvtColor(pixels, code), np.uint8).reshape(*pixels.shape[:2], CHANNELS[color])


def _decode_with_opencv(data: bytes) -> ByteArray:
    """[H, W, C] uint8 with C = 1 for a gray picture, or 3 (RGB) for any other."""
    # ANYCOLOR leaves a gray picture gray, which is a third faster than by way of three channels.
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_ANYCOLOR)
    if decoded is None:
        raise ValueError("its header is whole, its pixels cannot be decoded")
    pixels = decoded[..., np.newaxis] if decoded.ndim == 2 else cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)
    return np.asarray(pixels, np.uint8)


def read_image(path: Path | str, color: Color) -> ByteArray:
    """Reads and decodes a picture file to [H, W, C] uint8; see `decode`.

    Raises:
        ImageError: the file cannot be read, or is no picture that can be decoded.
    """
    return decode(read_bytes(path), color, str(path))


def encode_jpeg(face: ByteArray) -> bytes:
    """[H, W, C] uint8 with C = 1 or 3 (RGB) → the bytes of a JPEG file of quality 90, for reports."""
    pixels = cv2.cvtColor(face, cv2.COLOR_RGB2BGR) if face.shape[2] == 3 else face
    _, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 90])
    return encoded.tobytes()
