"""Idempotency keys: a request that is sent again, because its answer was lost, is not done twice.

Enrolling the same photos twice changes nothing by itself. What a key adds: a late repetition does not bring back a
person who was forgotten meanwhile. The answer to a repetition says which photos were accepted the first time; its
status is 200, `is_new` is false, and reasons and quality are left out. No name and no picture is kept.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass

from twinface.recognition.gallery.sql_store import SqlStore, TakenError
from twinface.service.errors import ApiError

KEPT = 24 * 3600  # seconds
_LONGEST = 200  # characters of a key


@dataclass(frozen=True)
class Earlier:
    """The first request with a key.

    Attributes:
        person: its id.
        accepted: whether each photo was.
    """

    person: int
    accepted: tuple[bool, ...]


class RepeatedRequests:
    """The table of such keys.

    Args:
        store: of the gallery.
    """

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    def find(self, owner: str, key: str, body: bytes) -> Earlier | None:
        """The first request with this key; None if this is the first one.

        Args:
            owner: the caller, who has keys of their own.
            key: of the request.
            body: everything that the request asks for.

        Raises:
            ApiError: 409, the key was used for something else; 422, it cannot be a key.
        """
        _check(key)
        sql = (
            "SELECT body_digest, person, accepted FROM repeated_requests "
            "WHERE owner = ? AND key_digest = ? AND created > ?"
        )
        rows = self._store.rows(sql, (owner, _digest(key), time.time() - KEPT))
        if not rows:
            return None
        digest, person, accepted = rows[0]
        if bytes(digest) != _digest(key, body):
            raise ApiError(409, "conflict", "this Idempotency-Key was used for another request")
        return Earlier(person, tuple(each == "1" for each in accepted))

    def add(self, owner: str, key: str, body: bytes, earlier: Earlier) -> None:
        """Remembers a request that was done. Two at once have done the same; either may stand here."""
        accepted = "".join("1" if each else "0" for each in earlier.accepted)
        values = (owner, _digest(key), _digest(key, body), earlier.person, accepted, time.time())
        try:
            with self._store.transaction():
                self._store.rows("DELETE FROM repeated_requests WHERE created <= ?", (time.time() - KEPT,))
                self._store.rows("INSERT INTO repeated_requests VALUES (?, ?, ?, ?, ?, ?)", values)
        except TakenError:
            pass


def _check(key: str) -> None:
    if not key.isascii() or not key.isprintable() or not 1 <= len(key) <= _LONGEST:
        raise ApiError(422, "invalid", f"Idempotency-Key: need 1 to {_LONGEST} printable characters of ASCII")


def _digest(key: str, body: bytes = b"") -> bytes:
    return hashlib.sha256(key.encode() + b"\0" + body).digest()
