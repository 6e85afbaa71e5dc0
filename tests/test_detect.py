"""Faces are found in photos of every size and orientation, and their landmarks are where they belong."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from twinface.core.errors import FaceNotFoundError, SeveralFacesError
from twinface.core.types import ByteArray, FaceSet, FloatArray
from twinface.faces.choose import central_face, choose_face
from twinface.faces.detect import DetectedFace, FaceDetector
from twinface.faces.frame import STANDARD_FRAME
from twinface.faces.landmarks import UNREADABLE, check_pictures, find_faces
from twinface.faces.look import look_at
from twinface.faces.picture import load_picture

NAMES = ("Aaron_Eckhart", "Abdullah", "Adam_Sandler", "AJ_Cook")


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector()


@pytest.fixture(scope="module")
def portraits(real_lfw: Path) -> list[ByteArray]:
    """Four pictures of LFW-a, [250, 250, 3]."""
    return [load_picture(real_lfw / "lfwa" / name / f"{name}_0001.jpg", "rgb") for name in NAMES]


@pytest.fixture(scope="module")
def groups() -> Path:
    """Nine group photos with the boxes of their 43 faces."""
    folder = Path(__file__).parents[2] / "shared" / "data" / "photos" / "groups"
    if not folder.is_dir():
        pytest.skip(f"the group photos are not in {folder}")
    return folder


def only(faces: tuple[DetectedFace, ...]) -> DetectedFace:
    assert len(faces) == 1, faces
    return faces[0]


def eye_distances_off(found: FloatArray, expected: FloatArray) -> float:
    """The largest distance of a landmark from its place, in eye distances."""
    eyes = np.linalg.norm(expected[1] - expected[0])
    return float(np.linalg.norm(found - expected, axis=1).max() / eyes)


def tilted(photo: ByteArray, degrees: float) -> tuple[ByteArray, FloatArray]:
    """A photo turned clockwise about its middle, and the transform of its points."""
    height, width = photo.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    return np.asarray(cv2.warpAffine(photo, matrix, (width, height)), np.uint8), np.asarray(matrix)


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Intersection over union of two boxes."""
    across = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    down = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(0.0, across) * max(0.0, down)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def test_a_look_leads_back_to_the_photo() -> None:
    """A bright pixel of the photo is found in every look, and the way back ends at that pixel."""
    photo = np.zeros((300, 421, 3), np.uint8)
    photo[40:44, 300:304] = 255
    middle = np.array([301.5, 41.5])
    for long_side, border in ((421, 0), (640, 0), (192, 64), (200, 10)):
        for turn in (0, 90, 180, 270):
            look = look_at(photo, long_side, border)
            look = look.turned(turn) if turn else look
            assert look.turn == turn
            weights = look.pixels[..., 0].astype(np.float64)
            rows, columns = np.indices(weights.shape)
            there = np.array([[(columns * weights).sum(), (rows * weights).sum()]]) / weights.sum()
            assert look.in_photo(there)[0] == pytest.approx(middle, abs=0.15)


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_turned_photos_are_found_upright_again(
    detector: FaceDetector, portraits: list[ByteArray], turn: int
) -> None:
    """The landmarks, turned back, are those of the upright photo."""
    for portrait in portraits:
        upright = only(detector.find(portrait))
        # `turn` says how far to turn the photo to be upright, so it is turned the other way here.
        face = only(detector.find(np.ascontiguousarray(np.rot90(portrait, turn // 90))))
        assert (face.turn, upright.turn) == (turn, 0)
        x, y = upright.landmarks.T
        expected = {
            90: np.column_stack([y, 249 - x]),
            180: np.column_stack([249 - x, 249 - y]),
            270: np.column_stack([249 - y, x]),
        }[turn]
        # The detector's landmarks depend by so much on where the face lies in its grid of pixels.
        assert eye_distances_off(face.landmarks, expected) < 0.25
        assert abs(face.tilt - upright.tilt) < 8


@pytest.mark.parametrize("degrees", [-25, 25])
def test_landmarks_of_tilted_faces(
    detector: FaceDetector, portraits: list[ByteArray], degrees: float
) -> None:
    """They are found in an upright cut of the photo; from the photo as it is they are off by more."""
    off = []
    for portrait in portraits:
        photo, matrix = tilted(portrait, degrees)
        expected = only(detector.find(portrait)).landmarks @ matrix[:, :2].T + matrix[:, 2]
        face = only(detector.find(photo))
        off.append(eye_distances_off(face.landmarks, expected))
        assert abs(face.tilt - degrees) < 12
    assert np.median(off) < 0.2  # .3 without


@pytest.mark.parametrize(
    ("cut", "side"), [(250, 36), (250, 250), (250, 2000), (100, 24), (100, 100), (100, 640), (80, 1500)]
)
def test_faces_that_are_tiny_or_fill_the_photo(
    detector: FaceDetector, portraits: list[ByteArray], cut: int, side: int
) -> None:
    """A square around the face, of `cut` pixels in LFW-a, brought to `side` pixels."""
    left, top = max(0, 125 - cut // 2), max(0, 134 - cut // 2)
    for portrait in portraits:
        part = portrait[top : top + cut, left : left + cut]
        method = cv2.INTER_AREA if side < cut else cv2.INTER_CUBIC
        face = detector.find(np.asarray(cv2.resize(part, (side, side), interpolation=method), np.uint8))[0]
        expected = (only(detector.find(portrait)).landmarks - [left, top] + 0.5) * (side / cut) - 0.5
        assert eye_distances_off(face.landmarks, expected) < 0.45
        assert face.turn == 0


def test_small_faces_in_a_photo_of_12_megapixels(detector: FaceDetector, portraits: list[ByteArray]) -> None:
    """Four faces, each 80 pixels wide in a photo of 4,000 x 3,000: 13 pixels once it is reduced to 640."""
    photo = np.full((3000, 4000, 3), 120, np.uint8)
    corners = [(150, 300), (1200, 3000), (2500, 700), (1800, 2000)]
    for portrait, (top, left) in zip(portraits, corners, strict=True):
        photo[top : top + 210, left : left + 210] = cv2.resize(
            portrait, (210, 210), interpolation=cv2.INTER_AREA
        )
    faces = detector.find(photo)
    middles = sorted((face.box[1] + face.box[3] / 2, face.box[0] + face.box[2] / 2) for face in faces)
    assert len(middles) == 4
    for (y, x), (top, left) in zip(middles, sorted(corners), strict=True):
        assert np.hypot(y - top - 112, x - left - 105) < 20


def test_one_large_face_in_a_photo_of_12_megapixels(
    detector: FaceDetector, portraits: list[ByteArray]
) -> None:
    photo = np.full((3000, 4000, 3), 120, np.uint8)
    photo[400:2400, 1000:3000] = cv2.resize(portraits[0], (2000, 2000), interpolation=cv2.INTER_CUBIC)
    expected = only(detector.find(portraits[0])).landmarks * 8 + 3.5 + [1000, 400]
    assert eye_distances_off(only(detector.find(photo)).landmarks, expected) < 0.12


def test_group_photos(detector: FaceDetector, groups: Path) -> None:
    """All 43 faces, and at most 2 boxes where no face is marked."""
    found = marked = wrong = 0
    for file in sorted(groups.glob("*.xml")):
        for image in ET.parse(file).getroot().iter("image"):
            faces = detector.find(load_picture(groups / image.attrib["file"], "rgb"))
            left_over = [face.box for face in faces]
            for box in image.iter("box"):
                marked += 1
                place = tuple(float(box.attrib[name]) for name in ("left", "top", "width", "height"))
                best = max(left_over, key=lambda each: overlap(each, place), default=None)
                if best is not None and overlap(best, place) > 0.25:
                    found += 1
                    left_over.remove(best)
            wrong += len(left_over)
    assert (found, marked) == (43, 43)
    assert wrong <= 2


@pytest.mark.parametrize("shape", [(8, 8), (8, 3000), (3000, 8), (33, 17), (640, 640)])
def test_no_face_in_pictures_without_one(detector: FaceDetector, shape: tuple[int, int]) -> None:
    for value in (0, 128, 255):
        assert detector.find(np.full((*shape, 3), value, np.uint8)) == ()
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    assert detector.find(noise) == ()


def test_several_threads_find_what_one_finds(detector: FaceDetector, portraits: list[ByteArray]) -> None:
    alone = [only(detector.find(portrait)).landmarks for portrait in portraits]
    found: dict[int, FloatArray] = {}

    def search(number: int) -> None:
        for _ in range(3):
            found[number] = only(detector.find(portraits[number])).landmarks

    threads = [threading.Thread(target=search, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(found[number], alone[number]) for number in range(4))


def test_the_detector_is_loaded_without_a_word() -> None:
    """OpenCV 5 warns that YuNet's target is not supported; a user can do nothing about it."""
    code = (
        "from twinface.faces.detect import FaceDetector; import cv2, numpy as np\n"
        "log = getattr(cv2.utils, 'logging', cv2); before = log.getLogLevel()\n"
        "FaceDetector().find(np.zeros((700, 700, 3), np.uint8)); assert log.getLogLevel() == before"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def face(left: float, top: float, width: float) -> DetectedFace:
    return DetectedFace((left, top, width, width), STANDARD_FRAME.landmarks, 0.9)


def test_choosing_a_face() -> None:
    faces = [face(0, 0, 50), face(100, 0, 30)]
    assert choose_face(faces, "largest", "a.jpg") is faces[0]
    assert choose_face(faces, 2, "a.jpg") is faces[1]
    assert choose_face(faces[:1], "one", "a.jpg") is faces[0]
    with pytest.raises(SeveralFacesError, match=r"a\.jpg: 2 faces, need one"):
        choose_face(faces, "one", "a.jpg")
    for number in (0, 3, -1):
        with pytest.raises(FaceNotFoundError, match=f"no face number {number}, found 2"):
            choose_face(faces, number, "a.jpg")
    assert choose_face(faces, np.int64(2), "a.jpg") is faces[1]  # type: ignore[arg-type]
    for wrong in ("2", "smallest", True, 1.0, None):
        with pytest.raises(ValueError, match='need "largest", "one" or a number from 1'):
            choose_face(faces, wrong, "a.jpg")  # type: ignore[arg-type]
    for choice in ("largest", "one", 1):
        with pytest.raises(FaceNotFoundError, match=r"a\.jpg: no face was found"):
            choose_face([], choice, "a.jpg")


def test_the_face_near_the_middle_is_the_one_that_a_picture_is_named_for() -> None:
    middle, corner = face(100, 100, 50), face(0, 0, 80)
    assert central_face([corner, middle], 250, 250) is middle
    assert central_face([replace(corner, box=(0, 0, 200, 200)), middle], 250, 250) is not middle
    assert central_face([], 250, 250) is None


@pytest.fixture
def photo_set(portraits: list[ByteArray], tmp_path: Path) -> FaceSet:
    """Two portraits and a picture without a face."""
    (tmp_path / "photos").mkdir()
    pictures = [*portraits[:2], np.full((60, 60, 3), 90, np.uint8)]
    paths = tuple(f"{number}.png" for number in range(3))
    for path, picture in zip(paths, pictures, strict=True):
        cv2.imwrite(str(tmp_path / "photos" / path), picture[..., ::-1])
    return FaceSet("photos", tmp_path / "photos", paths, np.arange(3), ("a", "b", "c"))


def test_landmarks_of_a_set_are_found_once(
    photo_set: FaceSet, detector: FaceDetector, portraits: list[ByteArray], tmp_path: Path
) -> None:
    calls: list[tuple[int, int]] = []
    found = find_faces(photo_set, cache=tmp_path, progress=lambda *step: calls.append(step))
    assert calls == [(1, 3), (2, 3), (3, 3)]
    for row, portrait in enumerate(portraits[:2]):
        assert np.array_equal(found.landmarks[row], only(detector.find(portrait)).landmarks)
    assert np.isnan(found.landmarks[2]).all()
    assert found.count.tolist() == [1, 1, 0]
    again = find_faces(photo_set, cache=tmp_path, progress=lambda *step: calls.append(step))
    assert np.array_equal(again.landmarks, found.landmarks, equal_nan=True)
    assert (again.count.tolist(), again.problems) == (found.count.tolist(), found.problems)
    assert len(calls) == 3


def test_a_picture_that_cannot_be_read_stops_nothing(photo_set: FaceSet, tmp_path: Path) -> None:
    (photo_set.root / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (photo_set.root / "2.png").write_bytes(b"")
    for look in (find_faces, check_pictures):
        found = look(photo_set, cache=tmp_path)
        assert found.count[1:].tolist() == [UNREADABLE, UNREADABLE]
        assert found.problems[0] == ""
        assert found.problems[1].startswith("damaged PNG")
        assert found.problems[2] == "the file is empty, need a picture"


def test_a_changed_picture_is_searched_again(
    photo_set: FaceSet, portraits: list[ByteArray], tmp_path: Path
) -> None:
    before = find_faces(photo_set, cache=tmp_path)
    cv2.imwrite(str(photo_set.root / "2.png"), portraits[2][..., ::-1])
    after = find_faces(photo_set, cache=tmp_path)
    assert np.array_equal(after.landmarks[:2], before.landmarks[:2])
    assert np.isfinite(after.landmarks[2]).all()


def test_a_fault_that_passes_is_not_remembered(
    photo_set: FaceSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture that could not be read once for want of a file descriptor would be left out for ever."""

    def fail(number: int) -> None:
        raise OSError(number, os.strerror(number))

    for number, kept in ((errno.EMFILE, 0), (errno.EACCES, 1)):
        with monkeypatch.context() as broken:
            broken.setattr(os, "open", lambda *given, number=number, **named: fail(number))
            assert (find_faces(photo_set, cache=tmp_path / str(number)).count[:2] == UNREADABLE).all()
        assert sum(1 for _ in (tmp_path / str(number)).rglob("*.npz")) == kept
    assert (find_faces(photo_set, cache=tmp_path / str(errno.EMFILE)).count[:2] == 1).all()


@pytest.mark.parametrize("damage", ["empty", "cut off", "another shape", "text"])
def test_a_damaged_cache_is_not_used(photo_set: FaceSet, tmp_path: Path, damage: str) -> None:
    found = find_faces(photo_set, cache=tmp_path)
    (entry,) = (tmp_path / "landmarks").iterdir()
    if damage == "empty":
        entry.write_bytes(b"")
    elif damage == "cut off":
        entry.write_bytes(entry.read_bytes()[:-7])
    elif damage == "another shape":
        with entry.open("wb") as file:
            np.save(file, np.zeros((2, 5, 2)))
    else:
        entry.write_text("not numbers")
    assert np.array_equal(find_faces(photo_set, cache=tmp_path).landmarks, found.landmarks, equal_nan=True)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_that_cannot_be_written_is_done_without(photo_set: FaceSet, tmp_path: Path) -> None:
    cache = tmp_path / "read-only"
    cache.mkdir(mode=stat.S_IRUSR | stat.S_IXUSR)
    assert np.isfinite(find_faces(photo_set, cache=cache).landmarks[:2]).all()


def test_a_file_in_place_of_the_cache_is_done_without(photo_set: FaceSet, tmp_path: Path) -> None:
    """As a cache that cannot be written, also for root."""
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "landmarks").write_text("a file")
    assert np.isfinite(find_faces(photo_set, cache=blocked).landmarks[:2]).all()
