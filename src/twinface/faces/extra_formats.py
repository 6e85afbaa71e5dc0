"""Formats of pictures that a program adds, with a decoder of its own. The library by itself adds none."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Imports NumPy, which a command that opens no picture does not need.
    from twinface.core.types import ByteArray
    from twinface.faces.formats.structure import Structure


@dataclass(frozen=True)
class ExtraFormat:
    """A format that a program decodes by itself. All limits of `header` hold for it as well.

    Attributes:
        name: of the format, for errors: "HEIC".
        begins: how the bytes of such a file begin.
        suffixes: of such files, in lower case.
        missing: says what must be installed before such a file can be read; "" if nothing is missing.
        structure: the size of a picture, found without decoding it. Raises ValueError if the file is damaged.
        pixels: the decoded picture, upright: [H, W, C] uint8 with C = 1 (gray) or 3 (RGB). Raises ValueError if the
            file is damaged.
    """

    name: str
    begins: re.Pattern[bytes]
    suffixes: tuple[str, ...]
    missing: Callable[[], str]
    structure: Callable[[bytes], Structure]
    pixels: Callable[[bytes], ByteArray]


_added: dict[str, ExtraFormat] = {}


def add_format(extra: ExtraFormat) -> None:
    """Makes all functions of this process read a format; one of the same name is replaced."""
    _added[extra.name] = extra


def extra_format(name: str) -> ExtraFormat | None:
    """The added format of a name."""
    return _added.get(name)


def extra_format_of(data: bytes) -> ExtraFormat | None:
    """The added format that a file's bytes have."""
    return next((extra for extra in _added.values() if extra.begins.match(data)), None)


def extra_suffixes() -> tuple[str, ...]:
    """The suffixes of all added formats."""
    return tuple(suffix for extra in _added.values() for suffix in extra.suffixes)


def readable_extras() -> tuple[str, ...]:
    """The names of the added formats that can be read on this machine."""
    return tuple(sorted(name for name, extra in _added.items() if not extra.missing()))
