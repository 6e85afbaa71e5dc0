"""An encrypted gallery: nothing can be read without the key, and the key can be changed."""

from __future__ import annotations

import base64
import sqlite3
import stat
from pathlib import Path

import numpy as np
import pytest

from toy_gallery import PixelModel, files_no_larger_than, portrait, toy_gallery
from twinface.core.errors import GalleryError, KeyNeededError, StorageError
from twinface.recognition.gallery import search, sqlite
from twinface.recognition.gallery.contents import GallerySettings
from twinface.recognition.gallery.key import find_key, write_key_file
from twinface.recognition.gallery.search_copy import copy_file
from twinface.recognition.gallery.vault import Vault, new_vault

KEY = bytes(range(32))


def test_a_stolen_store_says_no_name_and_no_template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "COPY_FROM", 1)
    gallery = toy_gallery(tmp_path / "g.db", key=KEY, create=GallerySettings(keep_crops=True))
    for number in range(5):
        gallery.enroll(f"Secret Name{number}", portrait(number), portrait(number, 1))
    assert gallery.identify(portrait(0, 3)).faces[0].name == "Secret Name0"
    assert not copy_file(tmp_path / "g.db").exists()
    raw = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"ecret" not in raw
    assert b"\xff\xd8\xff" not in raw  # the start of every JPEG
    model = PixelModel()
    for number in range(5):
        vector = model(portrait(number)[None, ..., None])[0]
        for piece in (vector, vector.astype(np.float16), vector / np.linalg.norm(vector)):
            assert piece.tobytes()[:8] not in raw
    gallery.close()
    with pytest.raises(KeyNeededError, match="needs a key: give --key-file, or set TWINFACE_GALLERY_KEY"):
        toy_gallery(tmp_path / "g.db")
    with pytest.raises(KeyNeededError, match="encrypted under another key"):
        toy_gallery(tmp_path / "g.db", key=bytes(32))
    assert [person.name for person in toy_gallery(tmp_path / "g.db", key=KEY)][:1] == ["Secret Name0"]


def test_names_can_stay_plain(tmp_path: Path) -> None:
    gallery = toy_gallery(tmp_path / "g.db", key=KEY, create=GallerySettings(encryption="templates"))
    gallery.enroll("Ann", portrait(0))
    assert b"Ann" in (tmp_path / "g.db-wal").read_bytes()
    assert gallery.stats().encryption == "templates"
    assert gallery.verify("ann", portrait(0, 1))


def test_the_key_can_be_changed(tmp_path: Path) -> None:
    gallery = toy_gallery(tmp_path / "g.db", key=KEY)
    gallery.enroll("Ann", portrait(0))
    old = gallery.contents.info["encryption"].encode()
    gallery.change_key(bytes(32))
    gallery.close()
    assert old not in (tmp_path / "g.db").read_bytes()
    with pytest.raises(KeyNeededError):
        toy_gallery(tmp_path / "g.db", key=KEY)
    again = toy_gallery(tmp_path / "g.db", key=bytes(32))
    assert again.identify(portrait(0, 1)).faces[0].name == "Ann"
    plain = toy_gallery(tmp_path / "plain.db")
    with pytest.raises(GalleryError, match="is not encrypted"):
        plain.change_key(KEY)


def test_a_gallery_with_a_key_needs_one_from_the_start(tmp_path: Path) -> None:
    with pytest.raises(KeyNeededError):
        toy_gallery(tmp_path / "g.db", create=GallerySettings(encryption="all"))
    gallery = toy_gallery(tmp_path / "plain.db", key=KEY, create=GallerySettings(encryption="off"))
    gallery.enroll("Ann", portrait(0))
    gallery.close()
    assert [person.name for person in toy_gallery(tmp_path / "plain.db")] == ["Ann"]


def test_sealed_bytes_notice_any_change() -> None:
    vault = new_vault("all")
    sealed = vault.seal(b"template")
    assert vault.open(sealed) == b"template"
    assert vault.seal(b"template") != sealed
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(KeyNeededError, match="was changed"):
            vault.open(bytes(changed))
    with pytest.raises(KeyNeededError):
        vault.open_name(sealed)  # sealed for something else
    with pytest.raises(KeyNeededError):
        vault.open(b"")


def test_a_name_is_found_in_any_spelling_and_only_with_the_key() -> None:
    vault = Vault("all", bytes(32))
    assert vault.name_key("Zoë") == vault.name_key("ZOE\u0308")
    assert vault.name_key("Zoë") != vault.name_key("Zoe")
    assert vault.name_key("Zoë") != Vault("all", bytes([1]) * 32).name_key("Zoë")
    assert vault.open_name(vault.seal_name("Zoë")) == "Zoë"


def test_keys_from_files_and_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "key"
    write_key_file(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    key = find_key(file)
    assert key == bytes.fromhex(file.read_text().strip())
    with pytest.raises(StorageError, match="it may be a key"):
        write_key_file(file)
    assert find_key(file) == key
    monkeypatch.setenv("TWINFACE_GALLERY_KEY_FILE", str(file))
    assert find_key() == key
    monkeypatch.setenv("TWINFACE_GALLERY_KEY", base64.b64encode(KEY).decode())
    assert find_key() == KEY
    monkeypatch.setenv("TWINFACE_GALLERY_KEY", "short")
    with pytest.raises(KeyNeededError, match="TWINFACE_GALLERY_KEY: found no key, need 32"):
        find_key()
    with pytest.raises(KeyNeededError, match="found a key of 3 bytes"):
        find_key(b"abc")
    with pytest.raises(KeyNeededError, match="cannot be read"):
        find_key(tmp_path / "missing")


def test_a_key_file_is_whole_or_not_there(tmp_path: Path) -> None:
    with files_no_larger_than(10), pytest.raises(StorageError, match="could not be written"):
        write_key_file(tmp_path / "key")
    assert list(tmp_path.iterdir()) == []
    write_key_file(tmp_path / "key")
    assert len(find_key(tmp_path / "key") or b"") == 32


def test_a_key_that_could_not_be_erased_is_changed_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_WAIT", 0.2)
    gallery = toy_gallery(tmp_path / "g.db", key=KEY)
    gallery.enroll("Ann", portrait(0))
    reader = sqlite3.connect(tmp_path / "g.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM people").fetchall()
    gallery.store._open.execute("PRAGMA busy_timeout = 100")  # type: ignore[attr-defined]
    with pytest.raises(StorageError, match=r"it is done, but .* scrub"):
        gallery.change_key(bytes(32))
    reader.close()
    assert [person.name for person in toy_gallery(tmp_path / "g.db", key=bytes(32))] == ["Ann"]
