"""Seals what a store gets to see: not at all, or with AES-GCM under a key of the gallery's own.

That data key is random. It lies in the gallery, sealed under the key of the caller, so the caller's key can be changed
without sealing every row anew.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from twinface.core.errors import KeyNeededError
from twinface.recognition.gallery.key import KEY_FILE_VARIABLE, KEY_VARIABLE, LENGTH

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

Encryption = Literal["off", "templates", "all"]
ENCRYPTION, SALT = "encryption", "salt"  # keys of the gallery's info
_NONCE = 12  # bytes, random for each row; NIST SP 800-38D allows 2^32 rows under one key


@dataclass(frozen=True)
class Vault:
    """Seals and opens the bytes of one gallery.

    Attributes:
        encryption: "off", "templates" (faces, templates and crops are sealed) or "all" (names, too).
        secret: 32 bytes. The sealing key, the key of names and that of photos are derived from it.
    """

    encryption: Encryption
    secret: bytes

    def seal(self, data: bytes) -> bytes:
        """The bytes of an embedding or of a crop, as the store gets them."""
        return data if self.encryption == "off" else self._sealed(data, b"face")

    def open(self, data: bytes) -> bytes:
        """The inverse of `seal`.

        Raises:
            KeyNeededError: the bytes were changed, or sealed for something else.
        """
        return data if self.encryption == "off" else self._opened(data, b"face")

    def seal_name(self, name: str) -> bytes:
        """A name as the store gets it."""
        return self._sealed(name.encode(), b"name") if self.encryption == "all" else name.encode()

    def open_name(self, data: bytes) -> str:
        """The inverse of `seal_name`; raises as `open` does."""
        return (self._opened(data, b"name") if self.encryption == "all" else data).decode()

    def name_key(self, name: str) -> bytes:
        """By which a name is found: the same for upper and lower case (ß is ss), and for all ways to write an accent.

        With names sealed it is a keyed hash, so it says nothing without the key.
        """
        plain = unicodedata.normalize("NFKC", name).casefold().encode()
        return self._keyed(b"name of", plain) if self.encryption == "all" else plain

    def photo_key(self, pixels: bytes) -> bytes:
        """16 bytes by which a photo is known again; they say nothing about it."""
        return self._keyed(b"photo", hashlib.sha256(pixels).digest())[:16]

    def _sealed(self, data: bytes, what: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE)
        return nonce + _cipher(self._keyed(b"seal")).encrypt(nonce, data, what)

    def _opened(self, data: bytes, what: bytes) -> bytes:
        from cryptography.exceptions import InvalidTag

        try:
            return bytes(_cipher(self._keyed(b"seal")).decrypt(data[:_NONCE], data[_NONCE:], what))
        except (InvalidTag, ValueError):
            raise KeyNeededError(
                "a sealed row was changed, or sealed under another key: take a backup"
            ) from None

    def _keyed(self, what: bytes, data: bytes = b"") -> bytes:
        return hmac.new(self.secret, what + b"\0" + data, hashlib.sha256).digest()


def new_vault(encryption: Encryption) -> Vault:
    """A vault with a secret of its own."""
    return Vault(encryption, secrets.token_bytes(LENGTH))


def vault_info(vault: Vault, key: bytes | None) -> dict[str, str]:
    """What the gallery keeps about its vault.

    Args:
        vault: of the gallery.
        key: 32 bytes that the vault's secret is sealed under; not used with encryption off.

    Raises:
        KeyNeededError: there is encryption and no key.
    """
    if vault.encryption == "off":
        return {SALT: vault.secret.hex(), ENCRYPTION: "off"}
    if key is None:
        raise KeyNeededError(_HOW.format(place="encryption"))
    nonce = secrets.token_bytes(_NONCE)
    wrapped = nonce + _cipher(key).encrypt(nonce, vault.secret, b"data key")
    values = {"what": vault.encryption, "key": base64.b64encode(wrapped).decode()}
    return {ENCRYPTION: json.dumps(values), SALT: ""}


def open_vault(info: dict[str, str], key: bytes | None, place: str) -> Vault:
    """The vault of a gallery.

    Args:
        info: of the gallery.
        key: 32 bytes, or None.
        place: of the gallery, for the error.

    Raises:
        KeyNeededError: the gallery is encrypted, and there is no key or another one.
    """
    if info[ENCRYPTION] == "off":
        return Vault("off", bytes.fromhex(info[SALT]))
    if key is None:
        raise KeyNeededError(_HOW.format(place=place))
    from cryptography.exceptions import InvalidTag

    values = json.loads(info[ENCRYPTION])
    wrapped = base64.b64decode(values["key"])
    try:
        secret = bytes(_cipher(key).decrypt(wrapped[:_NONCE], wrapped[_NONCE:], b"data key"))
    except InvalidTag:
        raise KeyNeededError(f"{place}: is encrypted under another key than the one that was found") from None
    return Vault(values["what"], secret)


_HOW = (
    "{place}: needs a key: give --key-file, or set "
    + f"{KEY_VARIABLE} or {KEY_FILE_VARIABLE}; `twinface gallery key FILE` makes a new key file"
)


def _cipher(key: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)
