"""From a file's bytes to a prepared face: safe uint8 pixels of the size that a network wants.

Bytes from outside are checked before they are decoded (`image_header`), and whatever is wrong with
them is an `ImageError` that names the picture. JPEG, PNG, WebP, BMP, PGM and PPM are read, told apart
by their content and not by the file's name.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import cv2
import numpy as np

from twinface.errors import ImageError, ModelError
from twinface.image_header import read_image_header
from twinface.masking import Mask
from twinface.netpbm import decode_netpbm
from twinface.types import ByteArray, Region

Color = Literal["gray", "rgb"]

MAX_FILE_BYTES = 64 * 2**20
CHANNELS: dict[str, int] = {"gray": 1, "rgb": 3}
# Goes up whenever `decode` or `prepare` gives other pixels for the same picture.
_PIXELS_VERSION = 1


@dataclass(frozen=True)
class Preparation:
    """How a picture becomes the input of a network; part of every model.

    Attributes:
        region: the part of the picture to cut out.
        height, width: of the prepared face in pixels, 16 to 1024.
        color: "gray" (one channel) or "rgb" (three).
        mask: what to paint over in the whole picture first, or None; no model is trained with one.

    Raises:
        ValueError: a size or the color is none of these.

    Example:
        >>> Preparation(Region(0.25, 0.25, 0.5, 0.5), height=96, width=96, color="gray").channels
        1
    """

    region: Region
    height: int
    width: int
    color: Color
    mask: Mask | None = None

    def __post_init__(self) -> None:
        for side in (self.height, self.width):
            if type(side) is not int or not 16 <= side <= 1024:
                raise ValueError(
                    f"a prepared face of {self.width!r} x {self.height!r} pixels, need 16 to 1024 each"
                )
        if self.color not in get_args(Color):
            raise ValueError(f"color {self.color!r}, need 'gray' or 'rgb'")

    @property
    def channels(self) -> int:
        """1 for gray, 3 for RGB."""
        return CHANNELS[self.color]

    @property
    def key(self) -> str:
        """64 hexadecimal digits that are equal exactly for preparations that give equal pixels."""
        settings = {"pixels": _PIXELS_VERSION, **self.as_dict()}
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """The settings as JSON can hold them; `from_dict` reads them back."""
        # As floats, so that Region(0, ...) and Region(0.0, ...) are one preparation with one key.
        region = {name: float(value) for name, value in asdict(self.region).items()}
        settings = {"region": region, "height": self.height, "width": self.width, "color": self.color}
        # Left out where there is none, as in every model made before there were masks, whose keys stay what they were.
        return {**settings, "mask": self.mask.as_dict()} if self.mask else settings

    @classmethod
    def from_dict(cls, settings: Any) -> Preparation:
        """Reads what `as_dict` gave, and nothing that is missing a field or has another one.

        Raises:
            ModelError: the settings are not those of a preparation.
        """
        try:
            masked = isinstance(settings, dict) and "mask" in settings
            _need_fields(settings, ("region", "height", "width", "color", *(("mask",) if masked else ())))
            _need_fields(settings["region"], ("top", "left", "height", "width"))
            for name, value in settings["region"].items():
                if type(value) not in {int, float}:
                    raise ValueError(f"region {name} {value!r}, need a number")
            mask = Mask.from_dict(settings["mask"]) if masked else None
            return cls(**{**settings, "region": Region(**settings["region"]), "mask": mask})
        except (ValueError, TypeError) as error:
            raise ModelError(f"the model's preparation of pictures cannot be read: {error}") from error


# Without waiting for a pipe's other end, and, where that matters, without changing line ends.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def _need_fields(settings: Any, names: tuple[str, ...]) -> None:
    found = sorted(map(str, settings)) if isinstance(settings, dict) else type(settings).__name__
    if found != sorted(names):
        raise ValueError(f"found {found}, need the fields {sorted(names)}")


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


def prepare(image: ByteArray, preparation: Preparation) -> ByteArray:
    """Hides what a mask hides, cuts out the region and brings it to the wanted size.

    A cut of just the wanted size is taken as it is, pixel by pixel.

    Args:
        image: [H, W, C] uint8 with the C of `preparation`.
        preparation: what to cut out, and the size h × w to bring it to.

    Returns:
        [h, w, C] uint8, a contiguous array of its own.

    Raises:
        ValueError: the array is not such an image.
    """
    if (
        image.dtype != np.uint8
        or image.ndim != 3
        or image.shape[2] != preparation.channels
        or 0 in image.shape
    ):
        raise ValueError(f"image {image.shape} {image.dtype}, need [H, W, {preparation.channels}] uint8")
    if preparation.mask:
        image = preparation.mask.paint(image)
    face = image[preparation.region.of(*image.shape[:2])].copy()
    # Shrink first and grow afterwards: OpenCV's area average, the one that does not alias, falls back
    # to linear interpolation along both sides as soon as one of them grows.
    smaller = (min(face.shape[0], preparation.height), min(face.shape[1], preparation.width))
    for size, method in (
        (smaller, cv2.INTER_AREA),
        ((preparation.height, preparation.width), cv2.INTER_CUBIC),
    ):
        if face.shape[:2] != size:
            face = np.asarray(cv2.resize(face, size[::-1], interpolation=method), np.uint8)
    return face.reshape(preparation.height, preparation.width, preparation.channels)


def prepare_file(path: Path | str, preparation: Preparation) -> ByteArray:
    """Reads a picture file and prepares it: [h, w, C] uint8, with the size and color of `preparation`.

    Raises:
        ImageError: the file cannot be read, or is no picture that can be decoded.
    """
    return prepare(read_image(path, preparation.color), preparation)


def encode_jpeg(face: ByteArray) -> bytes:
    """[H, W, C] uint8 with C = 1 or 3 (RGB) → the bytes of a JPEG file of quality 90, for reports."""
    pixels = cv2.cvtColor(face, cv2.COLOR_RGB2BGR) if face.shape[2] == 3 else face
    _, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 90])
    return encoded.tobytes()
