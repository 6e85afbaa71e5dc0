"""The cache of prepared faces: always what `prepare_picture` gives, whatever happened to the folder."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from twinface.core.errors import DataError, ImageError, StorageError
from twinface.core.types import ByteArray, FaceSet, Region
from twinface.faces import cache as cache_module
from twinface.faces import content as content_module
from twinface.faces.cache import PreparedFaces, prepare_faces
from twinface.faces.cache_folder import cache_folder
from twinface.faces.crop import prepare_picture
from twinface.faces.preparation import Preparation

GRAY = Preparation(Region(0.1, 0.2, 0.5, 0.5), 20, 24, "gray")
RGB = Preparation(Region(), 16, 16, "rgb")
PEOPLE = 12


def write_picture(path: Path, seed: int) -> None:
    """BMP, so that every picture has the same number of bytes."""
    image = np.random.default_rng(seed).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".bmp", image)[1].tobytes())


def face_set(root: Path, paths: tuple[str, ...]) -> FaceSet:
    names = tuple(f"person {index}" for index in range(len(paths)))
    return FaceSet("test faces", root, paths, np.arange(len(paths)), names)


@pytest.fixture
def faces(tmp_path: Path) -> FaceSet:
    paths = tuple(f"person {index}/face ä.bmp" for index in range(PEOPLE))
    for seed, path in enumerate(paths):
        write_picture(tmp_path / "pictures" / path, seed)
    return face_set(tmp_path / "pictures", paths)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def one_by_one(faces: FaceSet, preparation: Preparation) -> ByteArray:
    return np.stack([prepare_picture(faces.root / path, preparation) for path in faces.paths])


def entries(folder: Path) -> list[Path]:
    return sorted(folder.glob("prepared/[!.]*"))


def assert_right(prepared: PreparedFaces, faces: FaceSet) -> None:
    np.testing.assert_array_equal(prepared.images, one_by_one(faces, prepared.preparation))
    digests = [hashlib.sha256((faces.root / path).read_bytes()).digest() for path in faces.paths]
    assert prepared.content == hashlib.sha256(b"".join(digests)).hexdigest()


def forbid_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (cache_module, content_module):
        forbid(monkeypatch, "read_bytes", module)


def forbid(monkeypatch: pytest.MonkeyPatch, function: str, module: ModuleType = cache_module) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError(f"{function} was called")

    monkeypatch.setattr(module, function, never)


@pytest.mark.parametrize("preparation", [GRAY, RGB])
def test_prepared_faces_are_prepare_file_one_by_one(
    faces: FaceSet, folder: Path, preparation: Preparation
) -> None:
    prepared = prepare_faces(faces, preparation, cache=folder)
    assert len(prepared) == PEOPLE
    assert prepared.images.shape == (PEOPLE, preparation.height, preparation.width, preparation.channels)
    assert prepared.images.dtype == np.uint8
    assert isinstance(prepared.images, np.memmap)
    assert not prepared.images.flags.writeable
    assert_right(prepared, faces)


def test_second_opening_reads_no_picture(
    faces: FaceSet, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = prepare_faces(faces, GRAY, cache=folder)
    forbid_reading(monkeypatch)
    calls: list[tuple[int, int]] = []
    second = prepare_faces(faces, GRAY, cache=folder, progress=lambda *call: calls.append(call))
    assert calls == []
    assert second.content == first.content
    np.testing.assert_array_equal(second.images, first.images)


def test_pictures_that_moved_are_read_but_not_prepared_again(
    faces: FaceSet, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_faces(faces, GRAY, cache=folder)
    moved = face_set(faces.root.rename(faces.root.with_name("moved")), faces.paths)
    forbid(monkeypatch, "decode")
    prepared = prepare_faces(moved, GRAY, cache=folder)
    monkeypatch.undo()
    assert_right(prepared, moved)
    assert len(entries(folder)) == 1


def test_order_and_preparation_have_entries_of_their_own(faces: FaceSet, folder: Path) -> None:
    backwards = face_set(faces.root, faces.paths[::-1])
    for preparation in (GRAY, RGB):
        assert_right(prepare_faces(faces, preparation, cache=folder), faces)
        assert_right(prepare_faces(backwards, preparation, cache=folder), backwards)
    assert len(entries(folder)) == 4


def test_progress_counts_every_picture(faces: FaceSet, folder: Path) -> None:
    calls: list[tuple[int, int]] = []
    prepare_faces(faces, GRAY, cache=folder, progress=lambda *call: calls.append(call))
    assert calls == [(done, PEOPLE) for done in range(1, PEOPLE + 1)]


@pytest.mark.parametrize("hidden", [False, True], ids=["openly", "with its size and time put back"])
def test_changed_picture_is_noticed(faces: FaceSet, folder: Path, hidden: bool) -> None:
    before = prepare_faces(faces, GRAY, cache=folder)
    path = faces.root / faces.paths[3]
    status = path.stat()
    time.sleep(0.05)  # more than a tick of the file system's clock
    write_picture(path, seed=99)
    if hidden:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    after = prepare_faces(faces, GRAY, cache=folder)
    assert after.content != before.content
    assert_right(after, faces)


def test_missing_pictures_are_counted_and_the_first_is_named(faces: FaceSet, folder: Path) -> None:
    for index in (4, 7):
        (faces.root / faces.paths[index]).unlink()
    with pytest.raises(
        DataError, match=r"2 of 12 pictures are missing in .*pictures, the first is person 4/"
    ):
        prepare_faces(faces, GRAY, cache=folder)
    with pytest.raises(DataError, match="no pictures"):
        prepare_faces(face_set(faces.root, ()), GRAY, cache=folder)


def test_bad_picture_is_named_and_leaves_nothing(faces: FaceSet, folder: Path) -> None:
    (faces.root / faces.paths[5]).write_bytes(b"Hello, I am a text")
    with pytest.raises(ImageError, match=r"person 5/face ä\.bmp: not a picture"):
        prepare_faces(faces, GRAY, cache=folder)
    assert list((folder / "prepared").iterdir()) == []
    write_picture(faces.root / faces.paths[5], seed=5)
    assert_right(prepare_faces(faces, GRAY, cache=folder), faces)


@pytest.mark.parametrize("size", [0, 1, PEOPLE * 20 * 24 - 1, PEOPLE * 20 * 24 + 1])
def test_damaged_entry_is_made_anew(faces: FaceSet, folder: Path, size: int) -> None:
    prepare_faces(faces, GRAY, cache=folder)
    (entry,) = entries(folder)
    os.truncate(entry, size)
    assert_right(prepare_faces(faces, GRAY, cache=folder), faces)
    assert entries(folder) == [entry]
    assert entry.stat().st_size == PEOPLE * 20 * 24


@pytest.mark.parametrize("text", [b"", b"nonsense", b"\xff" * 64])
def test_damaged_note_of_what_is_known_is_passed_over(faces: FaceSet, folder: Path, text: bytes) -> None:
    prepare_faces(faces, GRAY, cache=folder)
    (known,) = folder.glob("known/*")
    known.write_bytes(text)
    assert_right(prepare_faces(faces, GRAY, cache=folder), faces)


def test_pictures_that_change_while_they_are_read(
    faces: FaceSet, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content_module, "_read_all", lambda _: "0" * 64)
    with pytest.raises(DataError, match="changed while they were read: run it again"):
        prepare_faces(faces, GRAY, cache=folder)
    assert entries(folder) == []
    monkeypatch.undo()
    assert_right(prepare_faces(faces, GRAY, cache=folder), faces)


def test_folder_that_cannot_be_written(faces: FaceSet, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="set TWINFACE_CACHE to a folder that can be written"):
        prepare_faces(faces, GRAY, cache=tmp_path / "file" / "cache")


def test_entries_of_a_cache_that_takes_no_notes_are_used(faces: FaceSet, folder: Path) -> None:
    folder.mkdir()
    (folder / "known").touch()  # a file where the folder should be: nothing can be written there
    for _ in range(2):
        assert_right(prepare_faces(faces, GRAY, cache=folder), faces)
    assert len(entries(folder)) == 1


def test_cache_folder(faces: FaceSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWINFACE_CACHE", str(tmp_path / "chosen"))
    assert cache_folder() == tmp_path / "chosen"
    prepare_faces(faces, GRAY)
    assert len(entries(tmp_path / "chosen")) == 1
    monkeypatch.setenv("TWINFACE_CACHE", "~/faces")
    assert cache_folder() == Path.home() / "faces"
    monkeypatch.delenv("TWINFACE_CACHE")
    assert cache_folder().name == "twinface"


# Other processes.

PROGRAM = """
import hashlib, resource, sys, time
from pathlib import Path
from types import ModuleType
import numpy as np
from twinface.faces.cache import prepare_faces
from twinface.core.errors import StorageError
from twinface.faces.preparation import Preparation
from twinface.core.types import FaceSet, Region
from twinface.core.threads import TOGETHER, map_in_order

folder, root, mode, *paths = sys.argv[1:]
faces = FaceSet("test faces", Path(root), tuple(paths), np.arange(len(paths)), tuple(paths))
preparation = Preparation(Region(0.1, 0.2, 0.5, 0.5), 20, 24, "gray")

def stop_half_way(done, total):
    if done == total // 2:
        print("half way", flush=True)
        time.sleep(600)

if mode == "full disk":
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
print("ready", flush=True)
sys.stdin.readline()
try:
    progress = stop_half_way if mode == "to be killed" else None
    prepared = prepare_faces(faces, preparation, cache=Path(folder), progress=progress)
    print(hashlib.sha256(prepared.images).hexdigest())
except StorageError as error:
    print(error)
"""


def start(folder: Path, faces: FaceSet, mode: str) -> subprocess.Popen[str]:
    """Starts another process that prepares `faces` with GRAY as soon as it is sent a line."""
    command = [sys.executable, "-c", PROGRAM, str(folder), str(faces.root), mode, *faces.paths]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_two_processes_at_once(faces: FaceSet, folder: Path) -> None:
    processes = [start(folder, faces, "plain") for _ in range(2)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate()[0].strip() for process in processes]
    assert answers == [hashlib.sha256(one_by_one(faces, GRAY)).hexdigest()] * 2
    assert len(list((folder / "prepared").iterdir())) == 1


def test_kill_leaves_no_entry_and_its_rest_goes_after_a_day(faces: FaceSet, folder: Path) -> None:
    process = start(folder, faces, "to be killed")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    assert process.stdout.readline() == "half way\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (rest,) = (folder / "prepared").iterdir()
    assert entries(folder) == []

    assert_right(prepare_faces(faces, GRAY, cache=folder), faces)
    assert rest.exists()  # it could be another process's that is still at work
    os.utime(rest, (time.time() - 100_000,) * 2)
    prepare_faces(faces, RGB, cache=folder)
    assert not rest.exists()
    assert len(entries(folder)) == 2


def test_full_disk_leaves_earlier_entries_as_they_were(faces: FaceSet, folder: Path) -> None:
    earlier = prepare_faces(faces, RGB, cache=folder)
    answer, _ = start(folder, faces, "full disk").communicate("go\n")
    assert "File too large" in answer
    assert "set TWINFACE_CACHE to a folder that can be written and has" in answer
    assert len(list((folder / "prepared").iterdir())) == 1
    np.testing.assert_array_equal(prepare_faces(faces, RGB, cache=folder).images, earlier.images)
    assert_right(prepare_faces(faces, GRAY, cache=folder), faces)


# Real faces.


@pytest.fixture
def lfw(real_lfw: Path) -> FaceSet:
    root = real_lfw / "lfwa"
    return face_set(root, tuple(sorted(path.relative_to(root).as_posix() for path in root.glob("*/*.jpg"))))


CENTER = Preparation(Region(0.244, 0.244, 0.512, 0.512), 128, 128, "gray")


def test_some_faces_of_lfw(lfw: FaceSet, folder: Path) -> None:
    some = face_set(lfw.root, lfw.paths[::300])
    assert_right(prepare_faces(some, CENTER, cache=folder), some)


@pytest.mark.slow
def test_all_faces_of_lfw(lfw: FaceSet, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = prepare_faces(lfw, CENTER, cache=folder)
    assert first.images.shape == (13_233, 128, 128, 1)
    forbid_reading(monkeypatch)
    second = prepare_faces(lfw, CENTER, cache=folder)
    assert second.content == first.content
    for index in np.random.default_rng(0).choice(len(lfw), 300, replace=False):
        np.testing.assert_array_equal(
            second.images[index], prepare_picture(lfw.root / lfw.paths[index], CENTER)
        )
