"""Pictures as a caller may have them: files, bytes, arrays and Pillow images."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from pictures import GRAY, RGB, VALID, encoded
from twinface.core.errors import ImageError
from twinface.core.types import ByteArray
from twinface.faces.color import Color
from twinface.faces.files import MAX_FILE_BYTES, read_bytes
from twinface.faces.picture import load_picture
from twinface.recognition.explanation import explain
from twinface.recognition.verifier import Verifier


@pytest.fixture(scope="module")
def verifier() -> Verifier:
    return Verifier("default", aligned=True)


def face_like(seed: int) -> ByteArray:
    """[112, 92, 3] smooth noise, so that two of them get embeddings that differ clearly."""
    noise = np.random.default_rng(seed).integers(0, 256, (112, 92, 3), np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 4), np.uint8)


# Files.


def test_files_are_recognised_by_content(tmp_path: Path) -> None:
    (tmp_path / "face.jpg").write_bytes(VALID["png"])
    np.testing.assert_array_equal(load_picture(tmp_path / "face.jpg", "rgb"), RGB)
    np.testing.assert_array_equal(load_picture(str(tmp_path / "face.jpg"), "rgb"), RGB)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    with (tmp_path / "huge.jpg").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    os.mkfifo(tmp_path / "pipe.jpg")
    for name, message in {
        "nobody.jpg": "no such file",
        ".": "a folder",
        "empty.jpg": "is empty",
        "huge.jpg": "more than 64 MiB",
        "pipe.jpg": "not a plain file",
        "empty.jpg/face.jpg": "cannot be read",
        "zero\0byte.jpg": "cannot be read",
    }.items():
        with pytest.raises(ImageError, match=message):
            read_bytes(tmp_path / name)


def test_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "locked.jpg"
    path.write_bytes(VALID["jpeg"])
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read every file")
    with pytest.raises(ImageError, match="cannot be read"):
        read_bytes(path)


# Arrays.


@pytest.mark.parametrize("image", [GRAY[..., 0], GRAY, RGB], ids=["[H, W]", "[H, W, 1]", "[H, W, 3]"])
@pytest.mark.parametrize("color", ["gray", "rgb"])
def test_an_array_is_the_picture_that_its_file_would_be(image: ByteArray, color: Color) -> None:
    file = VALID["png" if image is RGB else "png gray"]
    np.testing.assert_array_equal(load_picture(image, color), load_picture(file, color))


def test_views_come_out_contiguous() -> None:
    pixels = load_picture(RGB[..., ::-1], "rgb")
    assert pixels.flags.c_contiguous
    np.testing.assert_array_equal(pixels[..., 0], RGB[..., 2])


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (RGB / 255, "found float64 of shape (24, 37, 3), need uint8 (0 to 255) of shape [H, W]"),
        (RGB.astype(np.int64), "found int64"),
        (np.zeros((24, 37, 4), np.uint8), "found uint8 of shape (24, 37, 4)"),
        (np.zeros((2, 24, 37, 3), np.uint8), "of shape (2, 24, 37, 3)"),
        (np.zeros(24, np.uint8), "of shape (24,)"),
        (np.zeros((), np.uint8), "of shape ()"),
        (np.zeros((24, 7), np.uint8), "7 x 24 pixels, need at least 8 x 8"),
        (np.zeros((0, 24, 3), np.uint8), "24 x 0 pixels"),
        (
            np.broadcast_to(np.uint8(0), (5001, 5000)),
            "5000 x 5001 pixels, need at least 8 x 8 and at most 25,000,000",
        ),
        (np.array("face.jpg"), "found <U8"),
    ],
)
def test_other_arrays_are_refused(array: np.ndarray, said: str) -> None:
    with pytest.raises(ImageError) as caught:
        load_picture(array, "gray")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("stranger", [None, 7, ["face.jpg"], {"picture": RGB}])
def test_anything_else_is_refused(stranger: object) -> None:
    with pytest.raises(
        ImageError, match=r"the left one: found .*, need a path, bytes, a NumPy array or a Pillow image"
    ):
        load_picture(stranger, "gray", "the left one")  # type: ignore[arg-type]


def test_arrays_and_files_get_the_same_verdict(verifier: Verifier, tmp_path: Path) -> None:
    left, right = face_like(1), face_like(2)
    paths = [tmp_path / "left.png", tmp_path / "right.png"]
    for path, image in zip(paths, (left, right), strict=True):
        path.write_bytes(encoded(".png", image))
    expected = verifier.verify(*paths)
    assert verifier.verify(left, right).score == expected.score
    assert verifier.verify(left, paths[1].read_bytes()).score == expected.score
    np.testing.assert_array_equal(verifier.embed(left, right), verifier.embed(*paths))
    with pytest.raises(ImageError, match="found float64"):
        verifier.embed(left / 255)


def test_arrays_are_explained_as_files_are() -> None:
    faces = explain(face_like(1), encoded(".png", face_like(1)), "default", aligned=True).faces
    np.testing.assert_array_equal(faces[0], faces[1])


# Pillow images.


def test_pillow_images_are_read() -> None:
    image = pytest.importorskip("PIL.Image")
    colored = image.fromarray(RGB)
    np.testing.assert_array_equal(load_picture(colored, "rgb"), RGB)
    np.testing.assert_array_equal(load_picture(colored, "gray"), load_picture(RGB, "gray"))
    np.testing.assert_array_equal(load_picture(image.fromarray(GRAY[..., 0]), "gray"), GRAY)
    transparent = colored.copy()
    transparent.putalpha(0)
    np.testing.assert_array_equal(load_picture(transparent, "rgb"), RGB)
    with pytest.raises(ImageError, match="mode F, need 8 bits a channel"):
        load_picture(colored.convert("F"), "gray")


def test_a_truncated_pillow_image_is_refused() -> None:
    image = pytest.importorskip("PIL.Image")
    with pytest.raises(ImageError, match="a picture given as a Pillow image: cannot be decoded"):
        load_picture(image.open(io.BytesIO(VALID["jpeg"][:-200])), "gray")


def test_pillow_is_not_imported() -> None:
    program = "import sys, numpy; from twinface.faces.picture import load_picture; "
    program += "load_picture(numpy.zeros((9, 9), 'uint8'), 'rgb'); sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
