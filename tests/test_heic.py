"""HEIC photos on the command line: upright, within the limits of all pictures. The library alone opens none."""

from __future__ import annotations

import io
import json
import struct
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from photo_files import PEOPLE, SHIPPED, write_photo
from twinface.cli import heic
from twinface.cli.errors import run_command
from twinface.core.errors import ImageError
from twinface.faces import extra_formats, header
from twinface.faces.decode import decode
from twinface.recognition.batch_detect import detect_files

pillow_heif = pytest.importorskip("pillow_heif", reason="needs twinface[heic]")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on the command line."""
    monkeypatch.setattr(extra_formats, "_added", {})
    heic.add_heic()


def shades(height: int = 48, width: int = 80) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 5, columns * 3, 255 - rows * 2 - columns], axis=2).clip(0, 255).astype(np.uint8)


def encoded(pixels: np.ndarray, mode: str = "RGB", orientation: int = 1) -> bytes:
    from PIL import Image

    image = Image.fromarray(pixels, mode)
    exif = image.getexif()
    exif[0x0112] = orientation
    data = io.BytesIO()
    pillow_heif.register_heif_opener()
    image.save(data, format="HEIF", exif=exif.tobytes(), quality=95)
    return data.getvalue()


def test_the_library_alone_does_not_open_it() -> None:
    with pytest.raises(ImageError, match="found a HEIC or AVIF file, need one of JPEG"):
        decode(encoded(shades()), "rgb", "a.heic")


@pytest.mark.usefixtures("added")
def test_pixels_are_those_of_the_photo() -> None:
    pixels = shades()
    decoded = decode(encoded(pixels), "rgb", "a.heic")
    assert decoded.shape == pixels.shape
    assert np.abs(decoded.astype(int) - pixels).mean() < 2
    gray = decode(encoded(pixels), "gray", "a.heic")
    np.testing.assert_array_equal(gray[..., 0], cv2.cvtColor(decoded, cv2.COLOR_RGB2GRAY))
    with_alpha = np.dstack([pixels, np.full(pixels.shape[:2], 128, np.uint8)])
    assert np.abs(decode(encoded(with_alpha, "RGBA"), "rgb", "a.heic").astype(int) - pixels).mean() < 2
    one_channel = decode(encoded(pixels[..., 0], "L"), "gray", "a.heic")
    assert np.abs(one_channel[..., 0].astype(int) - pixels[..., 0]).mean() < 2


@pytest.mark.usefixtures("added")
@pytest.mark.parametrize(("orientation", "turns"), [(3, 2), (6, 3), (8, 1)])
def test_it_is_turned_upright(orientation: int, turns: int) -> None:
    decoded = decode(encoded(shades(), orientation=orientation), "rgb", "a.heic")
    upright = np.rot90(shades(), turns)
    assert decoded.shape == upright.shape
    assert np.abs(decoded.astype(int) - upright).mean() < 2


@pytest.mark.usefixtures("added")
def test_limits_of_all_pictures_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(shades())
    with pytest.raises(ImageError, match="need at least 8 x 8"):
        decode(encoded(shades(6, 40)), "rgb", "a.heic")
    with monkeypatch.context() as patch:
        patch.setattr(header, "MAX_PIXELS", 48 * 80 - 1)
        with pytest.raises(ImageError, match=r"a\.heic: 80 x 48 pixels, need at most 3,839"):
            decode(data, "rgb", "a.heic")
    with monkeypatch.context() as patch:
        patch.setattr(header, "MAX_SECONDS", 1e-5)
        with pytest.raises(ImageError, match=r"a HEIC of 80 x 48 pixels .* to decode"):
            decode(data, "rgb", "a.heic")
    for kept in (24, 200, len(data) // 2, len(data) - 1):
        with pytest.raises(ImageError, match=r"a\.heic: damaged HEIC"):
            decode(data[:kept], "rgb", "a.heic")
    place = data.index(b"ispe") + 8
    small = data[:place] + struct.pack(">II", 16, 16) + data[place + 8 :]
    with pytest.raises(ImageError, match=r"a\.heic: damaged HEIC"):
        decode(small, "rgb", "a.heic")
    unknown = data.replace(b"infe", b"infx")  # no item of the file is known
    with pytest.raises(ImageError, match=r"a\.heic: damaged HEIC"):
        decode(unknown, "rgb", "a.heic")
    nothing = data.replace(b"hvcC", b"hvcX", 1)  # its picture has no decoder
    with pytest.raises(ImageError, match=r"a\.heic: damaged HEIC: no picture in it"):
        decode(nothing, "rgb", "a.heic")
    with pytest.raises(ImageError, match="overlay"):
        decode(data.replace(b"hvc1", b"iovl", 1), "rgb", "a.heic")


@pytest.mark.usefixtures("added")
def test_any_change_of_bytes_is_an_image_error_or_a_picture() -> None:
    data, random = bytearray(encoded(shades())), np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        changed = bytearray(data)
        for _ in range(random.integers(1, 6)):
            changed[random.integers(12, len(data))] = random.integers(256)
        try:
            assert decode(bytes(changed), "rgb", "a.heic").dtype == np.uint8
        except ImageError:
            refused += 1
    assert 0 < refused < 300


@pytest.mark.usefixtures("added")
def test_without_the_package_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(shades())
    monkeypatch.setattr(pillow_heif, "__version__", "1.8.0")
    with pytest.raises(ImageError, match=r'another package: pip install --upgrade "twinface\[heic\]"'):
        decode(data, "rgb", "a.heic")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ImageError, match=r'a\.heic: found a HEIC file, .*: pip install "twinface\[heic\]"'):
        decode(data, "rgb", "a.heic")
    with pytest.raises(ImageError, match="found a HEIC or AVIF file"):
        decode(b"\0\0\0\x1cftypmif1" + b"\0" * 40, "rgb", "an AVIF")


def test_the_command_line_takes_it_beside_others(
    real_lfw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from twinface.cli import app

    monkeypatch.setattr(extra_formats, "_added", {})
    write_photo(tmp_path / "a.jpg", real_lfw, PEOPLE[0])
    rgb = cv2.imread(str(tmp_path / "a.jpg"))[..., ::-1]
    (tmp_path / "A.HEIC").write_bytes(encoded(np.ascontiguousarray(rgb)))
    command = ["verify", str(tmp_path / "a.jpg"), str(tmp_path / "A.HEIC"), "--model", str(SHIPPED), "--json"]
    monkeypatch.setattr(sys, "argv", ["twinface", *command])
    assert run_command(app) == 0
    assert json.loads(capsys.readouterr().out)["score"] > 0.8
    assert detect_files(tmp_path, tmp_path / "faces.csv").faces == 2
