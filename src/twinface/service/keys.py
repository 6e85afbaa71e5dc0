"""API keys, in the gallery's database. Of each key there is a salted scrypt hash alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from twinface.core.errors import GalleryError
from twinface.core.formatting import one_line
from twinface.recognition.gallery.contents import now
from twinface.recognition.gallery.sql_store import SqlStore

Scope = Literal["read", "enrol", "admin"]
SCOPES: tuple[Scope, ...] = ("read", "enrol", "admin")  # each holds those before it
_FORM = re.compile(r"tf_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_FRESH = 1.0  # seconds for which a row of the table is believed
_REMEMBERED = 10_000  # keys and wrong keys


@dataclass(frozen=True)
class ApiKey:
    """A key, without the key itself.

    Attributes:
        id: 12 hexadecimal digits, which are part of the key.
        label: for people.
        scope: the most that it may do: "read" (compare, identify, list), "enrol" (change people too) or "admin" (jobs
            on the whole gallery and metrics too).
        created, revoked: UTC, as ISO 8601; None if it is not revoked.
    """

    id: str
    label: str
    scope: Scope
    created: str
    revoked: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """Everything that it may do."""
        return SCOPES[: SCOPES.index(self.scope) + 1]


class KeyTable:
    """The table of keys.

    Args:
        store: of the gallery.
    """

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    def make(self, label: str, scope: Scope) -> tuple[ApiKey, str]:
        """A new key, and the text that its owner needs. Nobody can find that text again.

        Raises:
            GalleryError: the label is empty, too long or not printable, or there is no such scope.
        """
        label = " ".join(label.split())
        if not label or len(label) > 80 or not label.isprintable():
            raise GalleryError(
                f"{one_line(label, 80)!r}: cannot be a label, need 1 to 80 characters that can be printed"
            )
        if scope not in SCOPES:
            raise GalleryError(f"found the scope {one_line(scope, 40)!r}, need one of {', '.join(SCOPES)}")
        id, salt = secrets.token_hex(6), secrets.token_bytes(16)
        secret = base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()
        key = ApiKey(id, label, scope, now())
        with self._store.transaction():
            self._store.rows(
                "INSERT INTO api_keys (id, label, salt, digest, scopes, created) VALUES (?, ?, ?, ?, ?, ?)",
                (id, label, salt, _digest(secret, salt), scope, key.created),
            )
        return key, f"tf_{id}_{secret}"

    def every(self) -> list[ApiKey]:
        """All keys, the oldest first; revoked ones too."""
        sql = "SELECT id, label, scopes, created, revoked FROM api_keys ORDER BY created, id"
        return [ApiKey(*row) for row in self._store.rows(sql)]

    def revoke(self, id: str) -> ApiKey:
        """Makes a key useless.

        Raises:
            GalleryError: there is no such key.
        """
        with self._store.transaction():
            self._store.rows("UPDATE api_keys SET revoked = ? WHERE id = ? AND revoked IS NULL", (now(), id))
        found = [key for key in self.every() if key.id == id]
        if not found:
            raise GalleryError(f"found no key {one_line(id, 40)!r}: `twinface keys list` shows all")
        return found[0]

    def has_active(self) -> bool:
        """Whether there is a key that is not revoked."""
        return bool(self._store.rows("SELECT 1 FROM api_keys WHERE revoked IS NULL LIMIT 1"))

    def has_any(self) -> bool:
        """Whether a key was ever made; revoked ones stay in the table."""
        return bool(self._store.rows("SELECT 1 FROM api_keys LIMIT 1"))

    def find(self, id: str) -> tuple[ApiKey, bytes, bytes] | None:
        """A key with its salt and its digest."""
        sql = "SELECT id, label, scopes, created, revoked, salt, digest FROM api_keys WHERE id = ?"
        rows: Sequence[Any] = self._store.rows(sql, (id,))
        return (ApiKey(*rows[0][:5]), bytes(rows[0][5]), bytes(rows[0][6])) if rows else None


class KeyChecker:
    """Says whose key a text is. Used from many threads.

    scrypt takes 50 ms, on purpose. So whether a text fits a key's digest is remembered, under a hash that means nothing
    outside this process. The table is asked at most once a second for each key: a key that was revoked works for one
    second more.
    """

    def __init__(self, table: KeyTable) -> None:
        self._table, self._secret, self._lock = table, secrets.token_bytes(32), threading.Lock()
        self._fits: OrderedDict[bytes, bool] = OrderedDict()
        self._rows: OrderedDict[str, tuple[float, ApiKey, bytes, bytes]] = OrderedDict()
        self._any: tuple[float, bool] = (-_FRESH, False)

    def known_any(self) -> bool | None:
        """Whether a key was ever made, without asking the table; None if the table has to be asked."""
        at, found = self._any
        return found if time.monotonic() - at <= _FRESH else None

    def has_any(self) -> bool:
        """Whether a key was ever made."""
        found = self.known_any()
        if found is None:
            found = self._table.has_any()
            self._any = (time.monotonic(), found)
        return found

    def check(self, text: str) -> ApiKey | None:
        """The key of a text; None if it is no key, or a revoked one."""
        form = _FORM.fullmatch(text)
        row = self._row(form[1]) if form else None
        if form is None or row is None:
            return None
        key, salt, digest = row
        remembered = hmac.digest(self._secret, text.encode() + digest, "sha256")
        with self._lock:
            fits = self._fits.get(remembered)
        if fits is None:
            fits = hmac.compare_digest(_digest(form[2], salt), digest)
            with self._lock:
                self._fits[remembered] = fits
                while len(self._fits) > _REMEMBERED:
                    self._fits.popitem(last=False)
        return key if fits and key.revoked is None else None

    def _row(self, id: str) -> tuple[ApiKey, bytes, bytes] | None:
        with self._lock:
            at, *row = self._rows.get(id, (-_FRESH,))
        if row and time.monotonic() - at <= _FRESH:
            return row[0], row[1], row[2]  # type: ignore[return-value]
        found = self._table.find(id)
        if found is not None:
            with self._lock:
                self._rows[id] = (time.monotonic(), *found)
                while len(self._rows) > _REMEMBERED:
                    self._rows.popitem(last=False)
        return found


def _digest(secret: str, salt: bytes) -> bytes:
    """RFC 7914 with N = 2^14, r = 8, p = 1: 16 MiB."""
    return hashlib.scrypt(secret.encode(), salt=salt, n=1 << 14, r=8, p=1, dklen=32)
