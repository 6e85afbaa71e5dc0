"""Reads the text of a list: of people, of pairs, or a CSV file."""

from __future__ import annotations

from pathlib import Path

from twinface.core.errors import DataError


def read_list_text(file: Path) -> str:
    """A UTF-8 text file, with CR LF as a newline, and without a byte-order mark and newlines at its end.

    Raises:
        DataError: it is missing, cannot be read, is not UTF-8, or is empty.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise DataError(f"{file}: the list cannot be read ({error.strerror})") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{file.name} line {line}: it is not UTF-8 text: save it as UTF-8") from error
    text = text.replace("\r\n", "\n").rstrip("\n")
    if not text.strip():
        raise DataError(f"{file}: the list is empty")
    return text
