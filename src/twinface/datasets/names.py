"""Names from outside: of people in lists and folders, and of the choices a caller may make."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from twinface.core.errors import DataError

# Control characters and lone surrogates cannot be printed or written as UTF-8; separators and the
# colon of a Windows drive would let a name in a list leave the data set's folder.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff/\\\\:]")


def unsafe_name(name: str) -> str | None:
    """Why `name` cannot be the name of a folder or file, or None if it can.

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


def unknown_choice(kind: str, given: str, known: Iterable[str]) -> DataError:
    """The error for a choice that does not exist; it names the nearest one and all of them.

    >>> str(unknown_choice("data set", "ofl", ["lfw", "orl"]))
    "data set 'ofl' is unknown: did you mean 'orl'? Known are lfw, orl"
    """
    names = list(known)
    near = difflib.get_close_matches(given.lower(), names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return DataError(f"{kind} {given!r} is unknown: {hint}Known are {', '.join(names)}")
