"""Names of people and files that come from lists and folders: which of them can be used."""

from __future__ import annotations

import re

# Control characters and lone surrogates cannot be printed or written as UTF-8. Separators, and the colon of a Windows
# drive, would let a name in a list leave the data set's folder.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff/\\\\:]")


def unsafe_name(name: str) -> str | None:
    """The reason why `name` cannot be the name of a folder or file, or None if it can.

    >>> unsafe_name("Aaron_Eckhart") is None
    True
    >>> unsafe_name("..")
    'it leaves the folder'
    """
    if not name.strip():
        return "it is empty"
    if name in (".", ".."):
        return "it leaves the folder"
    found = _UNSAFE.search(name)
    if found is None:
        return None
    character = found.group()
    return f"it contains {character!r}" if character in "/\\:" else f"it contains U+{ord(character):04X}"
