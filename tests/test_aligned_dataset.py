"""A data set of photos is aligned before it is used, and pictures without a face are left out with their pairs."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest

from twinface.core.errors import DataError
from twinface.core.types import ByteArray, PairSet
from twinface.datasets.aligned import AlignedDataset
from twinface.datasets.data_source import DataSource
from twinface.datasets.folder import Folder
from twinface.datasets.lfw.dataset import TIGHT_FACE, Lfw
from twinface.datasets.load import load_source
from twinface.faces.cache import prepare_faces
from twinface.faces.detect import FaceDetector
from twinface.faces.frame import STANDARD_FRAME
from twinface.faces.preparation import Preparation

NAMES = ("Aaron_Eckhart", "Abdullah", "Adam_Sandler")


def photo_of(frame: ByteArray) -> ByteArray:
    """A larger photo in which a picture of LFW-a leans by 15 degrees."""
    matrix = cv2.getRotationMatrix2D((125, 125), 15, 1.4)
    matrix[:, 2] += [100, 60]
    return np.asarray(cv2.warpAffine(frame, matrix, (450, 400), borderValue=(90, 90, 90)), np.uint8)


@pytest.fixture
def original(real_lfw: Path, tmp_path: Path) -> Path:
    """A small LFW of unaligned photos: three people with two pictures each; the last picture shows nobody."""
    root = tmp_path / "home"
    for name in NAMES:
        (root / "lfw" / name).mkdir(parents=True)
        frame = cv2.imread(str(real_lfw / "lfwa" / name / f"{name}_0001.jpg"))
        for number, picture in ((1, photo_of(frame)), (2, photo_of(frame[:, ::-1]))):
            cv2.imwrite(str(root / "lfw" / name / f"{name}_{number:04}.jpg"), picture)
    nobody = root / "lfw" / NAMES[2] / f"{NAMES[2]}_0002.jpg"
    cv2.imwrite(str(nobody), np.full((400, 450, 3), 90, np.uint8))
    matches = "".join(f"{name}\t1\t2\n" for name in NAMES)
    mismatches = f"{NAMES[0]}\t1\t{NAMES[1]}\t1\n{NAMES[0]}\t2\t{NAMES[2]}\t1\n{NAMES[1]}\t1\t{NAMES[2]}\t2\n"
    for list_name in ("pairsDevTest.txt", "pairsDevTrain.txt"):
        (root / list_name).write_text(f"3\n{matches}{mismatches}")
    (root / "peopleDevTrain.txt").write_text("3\n" + "".join(f"{name}\t2\n" for name in NAMES))
    return root


def test_faces_come_to_the_standard_frame(original: Path, tmp_path: Path) -> None:
    dataset = load_source(DataSource("lfw", str(original), "original", align=True))
    faces = dataset.faces()
    assert (dataset.frame, faces.region) == (STANDARD_FRAME, TIGHT_FACE)
    preparation = Preparation(TIGHT_FACE, 115, 115, "rgb")
    prepared = prepare_faces(faces, preparation, cache=tmp_path / "cache")
    detector = FaceDetector()
    for face in prepared.images:
        (found,) = detector.find(face)
        # The tight crop begins at a share of .27 of the frame.
        assert np.abs(found.landmarks + 0.27 * 250 - STANDARD_FRAME.landmarks).max() < 12
        assert abs(found.tilt) < 8


def test_landmarks_are_part_of_what_a_prepared_face_is_known_by(original: Path, tmp_path: Path) -> None:
    """The same pictures, taken as they are and aligned, are two entries of the cache."""
    preparation = Preparation(TIGHT_FACE, 32, 32, "gray")
    photos = Lfw(original, "original")
    plain = prepare_faces(photos.training_faces(), preparation, cache=tmp_path / "cache")
    aligned = prepare_faces(AlignedDataset(photos).training_faces(), preparation, cache=tmp_path / "cache")
    assert (len(plain), len(aligned)) == (6, 5)
    assert not np.array_equal(plain.images[0], aligned.images[0])


def test_a_picture_without_a_face_is_left_out(original: Path, caplog: pytest.LogCaptureFixture) -> None:
    dataset = AlignedDataset(Lfw(original, "original"))
    with caplog.at_level(logging.WARNING, "twinface"):
        faces = dataset.faces()
        dataset.training_faces()
    assert (len(faces), faces.names) == (5, NAMES)
    assert caplog.text.count("of 6 pictures 1 left out: no face was found") == 1, "it is said once"
    assert "Adam_Sandler_0002.jpg" in caplog.text
    assert faces.landmarks is not None
    assert faces.landmarks.shape == (5, 5, 2)


def test_pairs_without_two_faces_are_left_out(original: Path) -> None:
    photos = Lfw(original, "original")
    dataset = AlignedDataset(photos)
    plain, aligned = photos.protocol("view1"), dataset.protocol("view1")
    assert (len(plain), len(aligned)) == (6, 4)

    def named(pairs: PairSet) -> list[tuple[str, str, bool]]:
        paths = pairs.faces.paths
        return [
            (paths[left], paths[right], bool(same))
            for left, right, same in zip(pairs.left, pairs.right, pairs.is_match, strict=True)
        ]

    nobody = f"{NAMES[2]}/{NAMES[2]}_0002.jpg"
    assert named(aligned) == [pair for pair in named(plain) if nobody not in pair]
    assert dataset.training_pairs() is not None


def test_its_protocols_have_names_of_their_own(original: Path) -> None:
    photos = Lfw(original, "original")
    dataset = AlignedDataset(photos)
    assert dataset.title == "LFW original, aligned by Twinface"
    assert dataset.protocol("view1").name == "LFW original, aligned by Twinface View 1 test"
    assert dataset.training_faces().name == "LFW original, aligned by Twinface DevTrain"
    assert "detector" in dataset.claims
    assert photos.claims in dataset.claims
    assert dataset.source == DataSource("lfw", str(original), "original", align=True)


def test_a_folder_without_a_face_is_refused(tmp_path: Path) -> None:
    for person in ("a", "b"):
        (tmp_path / "people" / person).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "people" / person / "1.png"), np.full((60, 60, 3), 90, np.uint8))
    with pytest.raises(DataError, match="none of 2 pictures can be used: 2 left out: no face was found"):
        AlignedDataset(Folder(tmp_path / "people")).faces()
