"""Ids in place of names. The work of a job is done on a gallery that calls each person by a mark with the id in it.

So nothing that a job stores holds a name: not a candidate, not a note, not a certificate. When results are read, marks
become the names that people have then. Of somebody who was forgotten, or became one with somebody else, only a number
is left.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from twinface.recognition.gallery.contents import Contents
from twinface.recognition.gallery.engine import Engine
from twinface.recognition.gallery.stored import StoredPerson

# No name has this character: names are text that can be printed.
_EDGE = "\x01"
_MARK = re.compile(f"{_EDGE}([0-9]+){_EDGE}")
FORGOTTEN = "a person who was forgotten"


def mark(person: int) -> str:
    """What stands for a person."""
    return f"{_EDGE}{person}{_EDGE}"


class _Nameless(Contents):
    """The same contents, in which every person is called by a mark."""

    def __init__(self, contents: Contents) -> None:
        vars(self).update(vars(contents))

    def name_of(self, person: StoredPerson) -> str:
        return mark(person.id)


def without_names(engine: Engine) -> Engine:
    """The same gallery, in which every person is called by a mark."""
    return replace(engine, contents=_Nameless(engine.contents))


def with_names(contents: Contents, values: Any) -> Any:
    """Plain values with names in place of marks.

    A person who is not there any more: as a value it is None, and its object says `"forgotten": true`; in a list it is
    left out; in a sentence it is "a person who was forgotten".

    Args:
        contents: of the gallery.
        values: of JSON.
    """
    ids = sorted(set(_people(values)))
    names = {row.id: contents.name_of(row) for row in contents.store.people_with(ids)}
    return _named(values, names)


def _people(values: Any) -> Iterator[int]:
    """The ids of all marks in some values."""
    if isinstance(values, str):
        yield from map(int, _MARK.findall(values))
    elif isinstance(values, dict):
        for value in values.values():
            yield from _people(value)
    elif isinstance(values, list):
        for value in values:
            yield from _people(value)


def _named(values: Any, names: dict[int, str]) -> Any:
    if isinstance(values, str):
        return _MARK.sub(lambda found: names.get(int(found[1]), FORGOTTEN), values)
    if isinstance(values, list):
        return [_named(value, names) for value in values if not _is_forgotten(value, names)]
    if isinstance(values, dict):
        named = {
            key: None if _is_forgotten(value, names) else _named(value, names)
            for key, value in values.items()
        }
        gone = any(_is_forgotten(value, names) for value in values.values())
        return named | {"forgotten": True} if gone else named
    return values


def _is_forgotten(value: Any, names: dict[int, str]) -> bool:
    """Whether a value is the mark of one person, who is not there any more."""
    found = _MARK.fullmatch(value) if isinstance(value, str) else None
    return found is not None and int(found[1]) not in names
