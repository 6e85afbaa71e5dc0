"""The key of an encrypted gallery: 32 bytes from the environment or from a file."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from pathlib import Path

from twinface.core.errors import KeyNeededError, StorageError
from twinface.core.storage import sync_folder

KEY_VARIABLE = "TWINFACE_GALLERY_KEY"
KEY_FILE_VARIABLE = "TWINFACE_GALLERY_KEY_FILE"
LENGTH = 32  # bytes, for AES-256


def find_key(key: bytes | str | Path | None = None) -> bytes | None:
    """The key that a caller gives, or that the environment names.

    Args:
        key: 32 bytes; the path of a key file; or None for `TWINFACE_GALLERY_KEY` (the key itself, as 64 hexadecimal
            digits or in base64), then `TWINFACE_GALLERY_KEY_FILE` (the path of a key file).

    Returns:
        32 bytes, or None if there is no key.

    Raises:
        KeyNeededError: the file cannot be read, or the key has another length.
    """
    if isinstance(key, bytes):
        return _checked(key, "the key")
    if key is not None:
        return _from_file(Path(key))
    if text := os.environ.get(KEY_VARIABLE):
        return _decoded(text, KEY_VARIABLE)
    if place := os.environ.get(KEY_FILE_VARIABLE):
        return _from_file(Path(place))
    return None


def write_key_file(target: Path) -> None:
    """Writes a new random key to a new file that its owner alone can read.

    Raises:
        StorageError: there is a file of that name, or it cannot be written.
    """
    text = f"{secrets.token_hex(LENGTH)}\n".encode()
    try:
        descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            # A part of a key is none, and would be in the way of the next call.
            target.unlink(missing_ok=True)
            raise
        sync_folder(target.parent)
    except FileExistsError:
        raise StorageError(
            f"{target}: there is a file of that name, and it may be a key: name another"
        ) from None
    except OSError as error:
        raise StorageError(f"{target}: could not be written ({error.strerror})") from error


def _from_file(file: Path) -> bytes:
    try:
        text = file.expanduser().read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise KeyNeededError(
            f"{file}: the key cannot be read ({getattr(error, 'strerror', None) or 'it is no text'}); need a file made "
            "by `twinface gallery key FILE`"
        ) from error
    return _decoded(text, str(file))


def _decoded(text: str, source: str) -> bytes:
    text = text.strip()
    try:
        found = bytes.fromhex(text) if len(text) == 2 * LENGTH else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        found = b""
    return _checked(found, source)


def _checked(key: bytes, source: str) -> bytes:
    if len(key) != LENGTH:
        found = f"a key of {len(key)} bytes" if key else "no key"
        raise KeyNeededError(
            f"{source}: found {found}, need {LENGTH} bytes as 64 hexadecimal digits or in base64 (`twinface gallery "
            "key FILE` makes a key file)"
        )
    return key
