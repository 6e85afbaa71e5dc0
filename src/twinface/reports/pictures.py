"""Faces inside the page: small JPEGs as data URIs, and a box with the name where there is no face to show."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from twinface.core.errors import ImageError
from twinface.core.types import ByteArray
from twinface.faces.encode import encode_jpeg
from twinface.faces.picture import load_picture

LONGEST_SIDE = 110  # pixels


@dataclass(frozen=True)
class Picture:
    """A picture for a page.

    Attributes:
        name: short, for people.
        path: relative to the folder of its data set.
        uri: the picture itself, or "" where it cannot be read.
        width, height: in pixels, of what `uri` holds.
        problem: why there is none, or "".
    """

    name: str
    path: str
    uri: str = ""
    width: int = LONGEST_SIDE
    height: int = LONGEST_SIDE
    problem: str = ""


@dataclass(frozen=True)
class PicturePair:
    """Two pictures side by side, with lines of text below."""

    left: Picture
    right: Picture
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class PictureGroup:
    """Pairs that belong together, under a heading; `kind` is "genuine" or "impostor"."""

    title: str
    kind: str
    pairs: tuple[PicturePair, ...]


def read_picture(root: Path, path: str) -> Picture:
    """Reads a picture and shrinks it; one that is missing or damaged becomes a `Picture` that says so."""
    try:
        pixels = load_picture(root / path, "rgb")
    except ImageError as error:
        # The error begins with the whole path, which is nobody's business who is shown the page.
        reason = _printable(str(error)).removeprefix(_printable(f"{root / path}: "))
        return Picture(picture_name(path), _printable(path), problem=reason)
    return encode_picture(pixels, path)


def encode_picture(pixels: ByteArray, path: str, longest: int = LONGEST_SIDE) -> Picture:
    """`[H, W, 3]` uint8, RGB, shrunk where a side is above `longest` pixels, under the name that `path` gives it."""
    pixels = _shrunk(pixels, longest)
    gray = bool((pixels == pixels[..., :1]).all())
    jpeg = encode_jpeg(pixels[..., :1] if gray else pixels)
    uri = "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
    return Picture(picture_name(path), _printable(path), uri, pixels.shape[1], pixels.shape[0])


def picture_name(path: str) -> str:
    """A picture's file name without its ending, and its folder's where that alone says who it is.

    >>> picture_name("Aaron_Eckhart/Aaron_Eckhart_0001.jpg"), picture_name("s1/7.pgm")
    ('Aaron_Eckhart_0001', 's1/7')
    >>> picture_name("1/10.pgm")
    '1/10'
    """
    whole = PurePosixPath(_printable(path))
    folder, stem = whole.parent.name, whole.stem
    named = stem.startswith(folder) and not stem[len(folder) : len(folder) + 1].isalnum()
    return stem if not folder or named else f"{folder}/{stem}"


def _shrunk(pixels: ByteArray, longest: int) -> ByteArray:
    scale = longest / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    height, width = (max(1, round(scale * side)) for side in pixels.shape[:2])
    small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small, np.uint8).reshape(height, width, pixels.shape[2])


def _printable(text: str) -> str:
    """Bytes of a file name that are no text become question marks; a page is UTF-8 throughout."""
    return text.encode("utf-8", "replace").decode()
