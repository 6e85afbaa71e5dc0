"""Pictures built to be slow or large never reach the decoder, or only the part of them that holds pixels."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from fuzz_targets import REGRESSIONS
from hostile_files import jpeg_of_scans, jpeg_of_size, png_of, png_with, text_bomb
from pictures import RGB, VALID, encoded, exif, png_chunk, with_jpeg_segment
from twinface.core.errors import ImageError
from twinface.faces.decode import decode
from twinface.faces.files import MAX_FILE_BYTES
from twinface.faces.formats.exif import MAX_EXIF_BYTES
from twinface.faces.formats.jpeg import MAX_JPEG_SEGMENTS
from twinface.faces.formats.png import MAX_PNG_CHUNKS
from twinface.faces.formats.webp import MAX_WEBP_CHUNKS
from twinface.faces.header import read_image_header
from twinface.faces.picture import load_picture


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What OpenCV was given to decode."""
    given: list[bytes] = []
    real = cv2.imdecode

    def spy(data: np.ndarray, flags: int) -> object:
        given.append(data.tobytes())
        return real(data, flags)

    monkeypatch.setattr(cv2, "imdecode", spy)
    return given


@pytest.mark.parametrize(
    "extra",
    [
        *(text_bomb(kind, 50_000) for kind in (b"zTXt", b"iTXt", b"iCCP")),
        png_chunk(b"tEXt", b"a\0" + bytes(1000)),
        png_chunk(b"eXIf", exif(6) + bytes(MAX_EXIF_BYTES)),
        png_chunk(b"acTL", b"\0\0\0\2\0\0\0\0"),
        png_chunk(b"tRNS", b"\0\1\0\2\0\3"),
        png_chunk(b"xyZw", bytes(100)),
        png_chunk(b"zTXt", bytes(100))[:-4] + b"sum!",
    ],
    ids=["zTXt", "iTXt", "iCCP", "tEXt", "long eXIf", "acTL", "tRNS", "unknown", "wrong checksum"],
)
def test_only_the_chunks_that_hold_pixels_are_decoded(extra: bytes, decoded: list[bytes]) -> None:
    np.testing.assert_array_equal(decode(png_with(extra), "rgb", "a.png"), RGB)
    assert decoded == [VALID["png"]]


@pytest.mark.parametrize("seed", ["png-without-pixels", "png-without-pixels-2"])
def test_a_png_without_pixels_never_reaches_the_decoder(seed: str, decoded: list[bytes]) -> None:
    """OpenCV 5 looks for pixels behind the end, and makes room for 2.6 GB that the bytes there seem to announce."""
    with pytest.raises(ImageError, match=r"it has no pixels|a chunk is longer than the file"):
        decode((REGRESSIONS / "picture" / seed).read_bytes(), "rgb", "a.png")
    assert decoded == []


def test_bytes_behind_the_end_of_a_png_never_reach_the_decoder(decoded: list[bytes]) -> None:
    decode(VALID["png"] + b"\xff\xff\xff\xffeXIf", "rgb", "a.png")
    assert decoded == [VALID["png"]]


def test_of_a_webp_only_the_picture_is_decoded(decoded: list[bytes]) -> None:
    image = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    picture = image.fromarray(RGB)
    picture.putalpha(7)
    picture.save(file, "webp", quality=80, exif=exif(1), icc_profile=bytes(5000), xmp=b"<x/>")
    assert decode(file.getvalue(), "rgb", "a.webp").shape == RGB.shape
    [given] = decoded
    assert given[12:16] == b"VP8 "
    assert not any(kind in given for kind in (b"EXIF", b"ICCP", b"XMP ", b"ALPH"))


def test_a_webp_whose_canvas_is_not_its_picture_is_refused() -> None:
    image = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    image.fromarray(RGB).save(file, "webp", lossless=True, exif=exif(1))
    data = file.getvalue()
    assert decode(data, "rgb", "a.webp").shape == RGB.shape
    for side in (36, 38):
        with pytest.raises(ImageError, match="its picture has another size than its canvas"):
            decode(data[:24] + (side - 1).to_bytes(3, "little") + data[27:], "rgb", "a.webp")


def test_structures_of_too_many_pieces_are_refused() -> None:
    jpeg = VALID["jpeg"]
    segment = b"\xff\xfe\0\2"
    assert decode(jpeg[:2] + segment * 9_000 + jpeg[2:], "rgb", "a.jpg").shape == RGB.shape
    with pytest.raises(ImageError, match=r"a\.jpg: damaged JPEG: more than 10,000 segments"):
        decode(jpeg[:2] + segment * MAX_JPEG_SEGMENTS + jpeg[2:], "rgb", "a.jpg")
    with pytest.raises(ImageError, match=r"a\.png: damaged PNG: more than 100,000 chunks"):
        decode(png_with(png_chunk(b"IDAT", b"") * MAX_PNG_CHUNKS), "rgb", "a.png")
    chunks = b"VP8X\x0a\0\0\0" + bytes(10) + b"abcd\0\0\0\0" * (MAX_WEBP_CHUNKS + 1)
    webp = b"RIFF" + (4 + len(chunks)).to_bytes(4, "little") + b"WEBP" + chunks
    with pytest.raises(ImageError, match=r"a\.webp: damaged WebP: more than 100,000 chunks"):
        decode(webp, "rgb", "a.webp")


def test_pictures_that_take_long_are_refused_before_decoding(decoded: list[bytes]) -> None:
    slow = {
        "PNG of 5000 x 5000 pixels": png_of(5000, 16, 6, b""),
        "JPEG of 5000 x 5000 pixels": jpeg_of_size(jpeg_of_scans(90), 5000, 5000),
        "JPEG of 5001 x 4999 pixels": jpeg_of_size(jpeg_of_scans(90, VALID["jpeg"]), 4999, 5001),
    }
    for said, data in slow.items():
        with pytest.raises(
            ImageError, match=rf"a {said} and .* MiB takes about 1\.\d s to decode, need at most 1 s"
        ):
            decode(data, "rgb", "slow")
    assert decoded == []
    # Ordinary pictures of the largest size are not refused.
    assert read_image_header(png_of(5000, 8, 2, b""), "a.png").width == 5000
    assert read_image_header(jpeg_of_size(VALID["jpeg progressive"], 5000, 5000), "a.jpg").width == 5000
    assert read_image_header(jpeg_of_size(VALID["jpeg"], 5000, 5000), "a.jpg").width == 5000


@pytest.mark.parametrize("code", [0xC3, 0xC5, 0xC9, 0xCA, 0xCF])
def test_rare_kinds_of_jpeg_are_refused(code: int) -> None:
    data = VALID["jpeg"].replace(b"\xff\xc0", bytes([0xFF, code]), 1)
    with pytest.raises(
        ImageError, match="lossless, hierarchical or arithmetic-coded: save it as an ordinary JPEG"
    ):
        decode(data, "rgb", "rare.jpg")


def test_bytes_are_limited_as_files_are() -> None:
    with pytest.raises(ImageError, match="more than 64 MiB"):
        load_picture(VALID["jpeg"] + bytes(MAX_FILE_BYTES), "gray")


def test_a_pillow_image_is_refused_before_pillow_decodes_it() -> None:
    image = pytest.importorskip("PIL.Image")
    picture = image.open(io.BytesIO(png_of(6_000, 1, 0, bytes(751))))
    with pytest.raises(ImageError, match=r"6000 x 6000 pixels, need .* at most 25,000,000"):
        load_picture(picture, "gray")
    picture.fp.seek(0)  # still open: Pillow closes a file when it has decoded it


def test_a_large_gray_map_takes_little_more_than_its_file(tmp_path: Path) -> None:
    file = tmp_path / "big.pgm"
    with file.open("wb") as opened:
        opened.write(b"P5\n5000 5000\n65535\n")
        opened.truncate(opened.tell() + 2 * 25_000_000)
    program = """
import resource, sys
from twinface.faces.picture import load_picture
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
pixels = load_picture(sys.argv[1], "gray")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    answer = subprocess.run(
        [sys.executable, "-c", program, str(file)], capture_output=True, text=True, check=True
    )
    assert int(answer.stdout) < 100_000  # kB: 50,000 of file, 25,000 of pixels


def test_metadata_inside_a_jpeg_are_skipped() -> None:
    data = with_jpeg_segment(encoded(".jpg", RGB), 0xE1, b"Exif\0\0" + exif(1) + bytes(60_000))
    for _ in range(20):
        data = with_jpeg_segment(data, 0xE2, b"ICC_PROFILE\0" + bytes(60_000))
    np.testing.assert_array_equal(decode(data, "rgb", "a"), decode(encoded(".jpg", RGB), "rgb", "b"))
