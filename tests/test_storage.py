"""Files that are either whole or not there, whatever interrupts their writing."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from twinface.core.errors import StorageError
from twinface.core.storage import (
    is_file,
    new_file,
    remove_leftovers,
    sha256_of,
    sync_folder,
    user_path,
    write_bytes,
    write_files,
    write_json,
    write_text,
)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "file.bin"


def test_writing_creates_folders_and_replaces(target: Path) -> None:
    write_bytes(target, b"first")
    write_text(target, "zweitens: ä")
    assert target.read_bytes() == "zweitens: ä".encode()
    write_json(target, {"a": [1, 2.5, None]})
    assert target.read_text() == '{\n  "a": [\n    1,\n    2.5,\n    null\n  ]\n}\n'
    assert list(target.parent.iterdir()) == [target]


def test_file_has_its_name_only_after_the_block(target: Path) -> None:
    with new_file(target) as file:
        file.write(b"some")
        file.flush()
        assert not target.exists()
    assert target.read_bytes() == b"some"


@pytest.mark.parametrize("interruption", [ValueError, KeyboardInterrupt])
def test_block_that_fails_changes_nothing(target: Path, interruption: type[BaseException]) -> None:
    write_bytes(target, b"before")

    def write_half() -> None:
        with new_file(target) as file:
            file.write(b"half of the n")
            raise interruption

    with pytest.raises(interruption):
        write_half()
    assert target.read_bytes() == b"before"
    assert list(target.parent.iterdir()) == [target]


def test_files_that_belong_together_appear_together_or_not_at_all(tmp_path: Path) -> None:
    first, second = tmp_path / "one" / "a", tmp_path / "two" / "b"
    write_files({first: b"1", second: b"1"})
    with pytest.raises(StorageError, match=r"a.below: could not be written"):
        write_files({first: b"2", second: b"2", first / "below": b"2"})
    assert (first.read_bytes(), second.read_bytes()) == (b"1", b"1")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "b", "one", "two"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": object()}])
def test_json_that_others_could_not_read_is_refused(target: Path, value: object) -> None:
    write_json(target, 1)
    with pytest.raises((ValueError, TypeError)):
        write_json(target, value)
    assert target.read_text() == "1\n"


def test_failures_are_storage_errors(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"before")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match=r"file.below: could not be written \(.*unchanged"):
        write_bytes(tmp_path / "file" / "below", b"after")
    with pytest.raises(StorageError, match="folder: could not be written"):
        write_bytes(tmp_path / "folder", b"after")
    assert (tmp_path / "file").read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_longest_file_name(tmp_path: Path) -> None:
    target = tmp_path / ("n" * 255)
    write_bytes(target, b"content")
    assert target.read_bytes() == b"content"


def test_a_name_that_is_too_long_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="could not be written"):
        write_bytes(tmp_path / ("n" * 300), b"content")


def test_folder_that_cannot_be_synced_is_no_failure(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target.parent.mkdir()
    real_open = os.open

    def refuse_folders(path: object, *rest: int) -> int:
        if path == target.parent:
            raise OSError(22, "Invalid argument")
        return real_open(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refuse_folders)
    write_bytes(target, b"content")
    assert target.read_bytes() == b"content"


def test_a_file_reaches_the_disk_before_it_has_its_name(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole data, then its name, then the folder: in this order a power cut leaves the old file or the new one."""
    target.parent.mkdir()
    folder, done = target.parent.stat().st_ino, []
    real_fsync, real_replace = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        found = os.fstat(descriptor)
        done.append(
            "folder" if found.st_ino == folder else f"{found.st_size} bytes, named: {target.exists()}"
        )
        real_fsync(descriptor)

    def replace(path: Path, new: Path) -> Path:
        done.append("name")
        return real_replace(path, new)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    write_bytes(target, b"content")
    assert done == ["7 bytes, named: False", "name", "folder"]
    assert target.read_bytes() == b"content"


def test_a_folder_is_synced_and_closed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    sync_folder(tmp_path)
    (descriptor,) = synced
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
    monkeypatch.setattr(os, "name", "nt")
    sync_folder(tmp_path)
    assert len(synced) == 1


def test_a_leftover_that_cannot_be_removed_is_left(tmp_path: Path) -> None:
    (tmp_path / ".a.1.part").mkdir()
    (tmp_path / ".b.1.part").touch()
    remove_leftovers(tmp_path, older_than=-1)
    assert [path.name for path in tmp_path.iterdir()] == [".a.1.part"]


def test_leftovers_of_a_day_are_old(tmp_path: Path) -> None:
    for name, age in ((".old.part", 86_450), (".new.part", 86_350)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".new.part"]


def test_leftovers_are_removed_by_age_and_nothing_else_is(tmp_path: Path) -> None:
    names = [".file.bin.77.abcd.part", ".file.bin.78.abcd.part", "file.part", ".hidden"]
    for name in names:
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time.time() - 100_000,) * 2)
    os.utime(tmp_path / names[1])
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names[1:])
    remove_leftovers(tmp_path, older_than=-1)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names[2:])
    remove_leftovers(tmp_path / "nowhere")


def test_sha256_of(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content" * 100_000)
    assert sha256_of(tmp_path / "file") == hashlib.sha256(b"content" * 100_000).hexdigest()


def test_full_disk(target: Path) -> None:
    write_bytes(target, b"before")
    program = """
import resource, sys
from pathlib import Path
from twinface.core.errors import StorageError
from twinface.core.storage import write_bytes
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    write_bytes(Path(sys.argv[1]), bytes(100_000))
except StorageError as error:
    print(error)
"""
    answer = subprocess.run(
        [sys.executable, "-c", program, str(target)], capture_output=True, text=True, check=True
    )
    assert "could not be written (File too large)" in answer.stdout
    assert target.read_bytes() == b"before"
    assert list(target.parent.iterdir()) == [target]


def test_kill_at_any_moment_leaves_a_whole_file(target: Path) -> None:
    program = """
import itertools, sys
from pathlib import Path
from twinface.core.storage import write_bytes
for number in itertools.count():
    write_bytes(Path(sys.argv[1]), bytes([number % 256]) * 3_000_000)
    print(number, flush=True)
"""
    for delay in (0.0, 0.003, 0.011):
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(target)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        content = target.read_bytes()
        assert content == content[:1] * 3_000_000


def test_files_that_belong_together_make_their_folders(tmp_path: Path) -> None:
    places = [tmp_path / "a" / "b" / "first", tmp_path / "c" / "d" / "second"]
    write_files({places[0]: b"1", places[1]: b"2"})
    assert [place.read_bytes() for place in places] == [b"1", b"2"]
    write_files({places[0]: b"3", places[1]: b"4"})
    assert [place.read_bytes() for place in places] == [b"3", b"4"]
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["first", "second"]


def test_an_error_says_what_the_system_said(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target.parent.mkdir()
    said = (
        f"^{target}: could not be written \\({{}}\\); an older file of that name is unchanged: free some space or "
        "choose another folder$"
    )
    for error, words in ((OSError(28, "No space left"), "No space left"), (OSError("odd"), "odd")):

        def fail(descriptor: int, error: OSError = error) -> None:
            raise error

        monkeypatch.setattr(os, "fsync", fail)
        for write in (lambda: write_bytes(target, b"1"), lambda: write_files({target: b"1"})):
            with pytest.raises(StorageError, match=said.format(words)):
                write()
    assert list(target.parent.iterdir()) == []


def test_files_that_belong_together_reach_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All data, then all names, then each folder once."""
    places, done = [tmp_path / "x" / "first", tmp_path / "y" / "second", tmp_path / "y" / "third"], []
    real_fsync, real_replace = os.fsync, Path.replace
    folders = {}
    for place in places:
        place.parent.mkdir(exist_ok=True)
        folders[place.parent.stat().st_ino] = place.parent.name

    def fsync(descriptor: int) -> None:
        found = os.fstat(descriptor)
        done.append(folders.get(found.st_ino, f"{found.st_size} bytes"))
        real_fsync(descriptor)

    def replace(path: Path, new: Path) -> Path:
        done.append(new.name)
        return real_replace(path, new)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    write_files({places[0]: b"1", places[1]: b"22", places[2]: b"333"})
    assert done[:6] == ["1 bytes", "2 bytes", "3 bytes", "first", "second", "third"]
    assert sorted(done[6:]) == ["x", "y"]


def test_leftovers_of_one_file(tmp_path: Path) -> None:
    """By its whole name, whichever signs it has."""
    for name in ("model[1].onnx", "model1.onnx", "other.onnx", "model[1].onnx.txt"):
        (tmp_path / f".{name}.77.abcd.part").touch()
    remove_leftovers(tmp_path, -1, "model[1].onnx")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".model1.onnx.77.abcd.part",
        ".model[1].onnx.txt.77.abcd.part",
        ".other.onnx.77.abcd.part",
    ]


def test_leftovers_of_a_file_with_a_long_name_are_not_those_of_another(tmp_path: Path) -> None:
    """While one is written, leftovers of another one are removed whose name begins with the same 60 signs."""
    one, other = tmp_path / ("n" * 60 + "1"), tmp_path / ("n" * 60 + "2")
    with new_file(one) as file:
        file.write(b"content")
        remove_leftovers(tmp_path, -1, other.name)
    assert one.read_bytes() == b"content"
    with contextlib.suppress(KeyboardInterrupt), new_file(one):
        remove_leftovers(tmp_path, -1, one.name)
        assert list(tmp_path.iterdir()) == [one]
        raise KeyboardInterrupt


def test_a_leftover_says_whose_it_is(target: Path) -> None:
    """The name, the process, eight random digits: another process makes another name. Of a long name its checksum."""
    for name, shown in (("n" * 40, "n{40}"), ("n" * 50, "n{20}-[0-9a-f]{16}")):
        with new_file(target.with_name(name)):
            (found,) = [path.name for path in target.parent.iterdir() if path.suffix == ".part"]
        assert re.fullmatch(rf"\.{shown}\.{os.getpid()}\.[0-9a-f]{{8}}\.part", found)


def test_a_link_is_followed_and_permissions_are_kept(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"before")
    (tmp_path / "real").chmod(0o600)
    (tmp_path / "link").symlink_to("real")
    write_bytes(tmp_path / "link", b"after")
    write_files({tmp_path / "link": b"at last", tmp_path / "new": b"new"})
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"at last"
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o600


def test_what_is_no_plain_file_is_not_replaced(tmp_path: Path) -> None:
    """As a rename would do, even with /dev/null."""
    os.mkfifo(tmp_path / "pipe")
    for target in (tmp_path / "pipe", Path("/dev/null"), Path(), Path("/")):
        with pytest.raises(StorageError, match="could not be written, it is not a plain file"):
            write_bytes(target, b"content")
        with pytest.raises(StorageError, match="could not be written, it is not a plain file"):
            write_files({tmp_path / "first": b"content", target: b"content"})
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_a_place_that_cannot_be_looked_at_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    assert not is_file("n" * 5000)
    assert user_path("~nobody-of-that-name/x") == Path("~nobody-of-that-name/x")
    assert user_path("~/x") == Path("/home/ann/x")
