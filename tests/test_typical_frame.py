"""The frame that the pictures of a data set share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from twinface.core.packaged_file import PackagedFile
from twinface.core.types import FaceSet
from twinface.datasets.orl import Orl
from twinface.faces.typical_frame import typical_frame


@pytest.fixture(scope="module")
def some() -> FaceSet:
    """Every tenth picture of ORL."""
    faces = Orl().faces()
    return replace(faces, paths=faces.paths[::10], people=faces.people[::10])


def test_the_frame_of_orl_is_that_of_all_its_pictures(some: FaceSet) -> None:
    frame, known = typical_frame(some), Orl.frame
    assert frame is not None
    assert known is not None
    assert (frame.height, frame.width) == (250, 205)  # the long side of 112 pixels becomes 250
    scale = 250 / 112
    expected = (known.landmarks + 0.5) * scale - 0.5
    assert np.abs(frame.landmarks - expected).max() < 2 * scale


def test_pictures_that_are_framed_in_many_ways_have_no_frame(some: FaceSet, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for number, path in enumerate(some.paths[:20]):
        canvas = np.full((300, 300), 127, np.uint8)
        top, left = random.integers(0, 180, 2)
        canvas[top : top + 112, left : left + 92] = cv2.imread(str(some.root / path), cv2.IMREAD_GRAYSCALE)
        cv2.imwrite(str(tmp_path / f"{number}.png"), canvas)
    paths = tuple(f"{number}.png" for number in range(20))
    assert typical_frame(replace(some, root=tmp_path, paths=paths)) is None


def test_pictures_without_faces_have_no_frame(tmp_path: Path, some: FaceSet) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8))
    assert typical_frame(replace(some, root=tmp_path, paths=("a.png",))) is None


def test_without_the_detector_there_is_no_frame(some: FaceSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PackagedFile, "_in_package", lambda self: None)
    assert typical_frame(some) is None
