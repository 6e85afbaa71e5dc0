"""Whatever is killed, and when: nothing acknowledged is lost, nothing forgotten remains."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest

from gallery_kills import run
from toy_gallery import portrait, toy_gallery
from twinface.core.errors import StorageError


@pytest.mark.slow
def test_processes_that_are_killed_lose_nothing_and_leave_nothing(tmp_path: Path) -> None:
    outcome = run(str(tmp_path / "g.db"), tmp_path, processes=4, people=40, kills=20)
    assert outcome.kills > 5  # up to 20: on a slow machine all work may be done before the last ones
    assert (outcome.enrolled, outcome.forgotten) == (160, 76)
    assert (outcome.lost, outcome.doubled, outcome.remaining, outcome.damage) == ([], [], [], [])


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    """A file system of 400 kB."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("cannot mount a small file system here, which takes root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.slow
def test_a_full_disk_damages_nothing_and_is_said(small_disk: Path) -> None:
    """The disk is full at every write once: a file takes the rest, a little less each time."""
    place, filler = small_disk / "g.db", small_disk / "filler"
    gallery = toy_gallery(place)
    gallery.enroll("Ann", portrait(0))
    expected: list[str] = ["Ann"]
    said: list[str] = []
    for turn in range(30):
        free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
        filler.write_bytes(bytes(max(0, free - 4096 * turn)))
        name = f"person {turn}"
        try:
            gallery.enroll(name, portrait(turn + 1), review="off")
            expected.append(name)
        except StorageError as error:
            said.append(str(error))
        if turn % 5 == 4 and name in expected:
            try:
                gallery.forget(name)
                expected.remove(name)
            except StorageError as error:
                said.append(str(error))
                expected = [person.name for person in gallery] if name not in gallery else expected
        assert [person.name for person in gallery] == expected
        assert gallery.check() == []
        filler.unlink()
    assert len(said) >= 2
    assert all("free some space" in line or os.strerror(errno.ENOSPC) in line for line in said)
    assert len(expected) >= 5
    gallery.close()
    again = toy_gallery(place)
    assert [person.name for person in again] == expected
    assert again.check() == []
