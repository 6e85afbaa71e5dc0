"""Bytes of pictures from outside: what is decoded and what is refused."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import imagesize
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostile_files import mutated
from pictures import (
    GRAY,
    LOSSLESS,
    LOSSY,
    RGB,
    VALID,
    encoded,
    exif,
    netpbm,
    picture,
    png_chunk,
    with_jpeg_segment,
)
from twinface.core.errors import ImageError
from twinface.core.types import ByteArray
from twinface.faces.decode import decode
from twinface.faces.formats.jpeg import MAX_JPEG_SCANS
from twinface.faces.header import read_image_header

every_format = pytest.mark.parametrize("kind", VALID)

# What is read.


@pytest.mark.parametrize("kind", LOSSLESS)
def test_lossless_formats_come_back_as_they_were(kind: str) -> None:
    original = GRAY if "gray" in kind or "pgm" in kind else RGB
    decoded = decode(LOSSLESS[kind], "gray" if original is GRAY else "rgb", kind)
    assert decoded.dtype == np.uint8
    assert decoded.flags.c_contiguous
    np.testing.assert_array_equal(decoded, original)


@pytest.mark.parametrize("kind", LOSSY)
def test_lossy_formats_come_back_nearly_as_they_were(kind: str) -> None:
    original = GRAY if "gray" in kind else RGB
    decoded = decode(LOSSY[kind], "gray" if original is GRAY else "rgb", kind)
    assert decoded.shape == original.shape
    assert np.abs(decoded.astype(int) - original).mean() < 6


@every_format
def test_gray_is_the_same_mix_of_red_green_and_blue_in_every_format(kind: str) -> None:
    rgb = decode(VALID[kind], "rgb", kind)
    gray = decode(VALID[kind], "gray", kind)
    assert rgb.shape == (24, 37, 3)
    assert gray.shape == (24, 37, 1)
    by_hand = (rgb * [0.299, 0.587, 0.114]).sum(axis=2)
    assert np.abs(gray[..., 0] - by_hand).max() <= 0.51


@every_format
def test_header_agrees_with_imagesize(kind: str) -> None:
    header = read_image_header(VALID[kind], kind)
    assert (header.width, header.height) == imagesize.get(io.BytesIO(VALID[kind])) == (37, 24)


TURNS = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.transpose(1, 0, 2),
    6: lambda image: image.transpose(1, 0, 2)[:, ::-1],
    7: lambda image: image.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda image: image.transpose(1, 0, 2)[::-1],
}


@pytest.mark.parametrize("orientation", TURNS)
def test_exif_turn_is_applied(orientation: int) -> None:
    plain = VALID["jpeg"]
    turned = with_jpeg_segment(plain, 0xE1, b"Exif\0\0" + exif(orientation))
    np.testing.assert_array_equal(decode(turned, "rgb", "a"), TURNS[orientation](decode(plain, "rgb", "b")))
    png = VALID["png"]
    turned = png[:33] + png_chunk(b"eXIf", exif(orientation)) + png[33:]
    np.testing.assert_array_equal(decode(turned, "rgb", "a"), TURNS[orientation](RGB))


def test_alpha_is_left_out_and_shows_the_stored_color() -> None:
    bgra = np.dstack([RGB[..., ::-1], np.zeros(RGB.shape[:2], np.uint8)])
    data = cv2.imencode(".png", bgra)[1].tobytes()
    np.testing.assert_array_equal(decode(data, "rgb", "transparent.png"), RGB)


def test_sixteen_bits_become_eight() -> None:
    deep = RGB.astype(np.uint16) * 257
    png = cv2.imencode(".png", deep[..., ::-1])[1].tobytes()
    np.testing.assert_array_equal(decode(png, "rgb", "deep.png"), RGB)
    np.testing.assert_array_equal(decode(netpbm(6, deep, 65535), "rgb", "deep.ppm"), RGB)


def test_first_frame_of_an_animation_is_taken() -> None:
    image = pytest.importorskip("PIL.Image")
    frames = [image.fromarray(RGB), image.fromarray(255 - RGB)]
    for kind in ("webp", "png"):
        file = io.BytesIO()
        frames[0].save(file, kind, save_all=True, append_images=frames[1:], lossless=True)
        np.testing.assert_array_equal(decode(file.getvalue(), "rgb", f"moving.{kind}"), RGB)


def test_webp_with_exif_is_turned() -> None:
    image = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    image.fromarray(RGB).save(file, "webp", lossless=True, exif=b"Exif\0\0" + exif(6))
    np.testing.assert_array_equal(decode(file.getvalue(), "rgb", "turned.webp"), TURNS[6](RGB))


@pytest.mark.parametrize("kind", [2, 5])
@pytest.mark.parametrize("brightest", [1, 15, 100, 255, 1023, 65535])
def test_netpbm_samples_are_scaled_to_the_brightest(kind: int, brightest: int) -> None:
    samples = (np.arange(64).reshape(8, 8, 1) * brightest // 63).astype(np.uint16)
    decoded = decode(netpbm(kind, samples, brightest), "gray", "a.pgm")
    assert np.abs(decoded - samples * 255.0 / brightest).max() <= 0.51


@pytest.mark.parametrize("end", ["", "\n", " ", "\r\n\n", "\n# the end"])
def test_plain_netpbm_may_end_in_any_way(end: str) -> None:
    np.testing.assert_array_equal(decode(netpbm(2, GRAY, end=end), "gray", "a.pgm"), GRAY)


@pytest.mark.parametrize(("kind", "brightest"), [(2, 100), (2, 255), (2, 1023), (5, 100), (5, 1023)])
def test_a_netpbm_sample_above_the_largest_is_refused(kind: int, brightest: int) -> None:
    samples = np.full((8, 8, 1), 7, np.uint16)
    samples[3, 4] = brightest + 1
    with pytest.raises(ImageError, match=f"a sample of {brightest + 1}, need at most {brightest}"):
        decode(netpbm(kind, samples, brightest), "gray", "a.pgm")


def test_netpbm_comments_cannot_make_opencv_read_another_size() -> None:
    data = b"P5 # 9999 9999\n37#\n 24\n# 1\n255\n" + GRAY.tobytes()
    np.testing.assert_array_equal(decode(data, "gray", "a.pgm"), GRAY)


def test_bytes_behind_the_end_are_left_alone() -> None:
    for kind in ("jpeg", "png", "webp", "bmp", "pgm"):
        longer = VALID[kind] + b"appended by a phone \xff\xd8\xff\xd9"
        np.testing.assert_array_equal(decode(longer, "rgb", kind), decode(VALID[kind], "rgb", kind))


# What is refused.


@pytest.mark.parametrize("data", [b"", b"secret password", b"P4\n8 8\n" + bytes(8)])
def test_other_formats_are_refused_by_content_without_quoting_it(data: bytes) -> None:
    with pytest.raises(ImageError) as caught:
        decode(data, "gray", "face.jpg")
    assert (
        str(caught.value)
        == "face.jpg: not a picture in a supported format, need one of JPEG, PNG, WebP, BMP, PGM/PPM"
    )


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"GIF89a" + bytes(40), "GIF"),
        (b"MM\0*" + bytes(40), "TIFF"),
        (bytes(4) + b"ftypheic", "HEIC or AVIF"),
        (b"%PDF-1.7", "PDF"),
    ],
)
def test_known_formats_that_are_not_read_are_named(data: bytes, kind: str) -> None:
    with pytest.raises(ImageError, match=f"face.jpg: found a {kind} file, need one of JPEG, .*: convert it"):
        decode(data, "gray", "face.jpg")


@every_format
def test_every_cut_is_refused(kind: str) -> None:
    # A picture's last newline may go; and of a plain file, so may digits of the last sample.
    whole = VALID[kind].rstrip(b"\n0123456789") + b" " if "plain" in kind else VALID[kind]
    for length in range(len(whole)):
        with pytest.raises(ImageError):
            decode(whole[:length], "gray", kind)
        if "plain" not in kind:  # noticed without the decoder's help, as some decoders fill up with gray
            with pytest.raises(ImageError):
                read_image_header(whole[:length], kind)


def test_thumbnail_end_inside_a_jpeg_is_not_the_pictures_end() -> None:
    data = with_jpeg_segment(VALID["jpeg"], 0xE1, b"Exif\0\0" + VALID["jpeg gray"])
    assert decode(data, "rgb", "a.jpg").shape == RGB.shape
    for length in range(len(VALID["jpeg gray"]) + 20, len(data)):
        with pytest.raises(ImageError, match="truncated"):
            read_image_header(data[:length], "a.jpg")


def gigantic_png(side: int = 13_000) -> bytes:
    """A valid black PNG of one bit a pixel: some 20 kB that decode to 169 MB of gray."""
    rows = zlib.compress(bytes((1 + -(-side // 8)) * side), 9)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def test_too_many_pixels_are_refused_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("was decoded")

    monkeypatch.setattr(cv2, "imdecode", never)
    with pytest.raises(ImageError, match=r"big\.png: 13000 x 13000 pixels, need at most 25,000,000"):
        decode(gigantic_png(), "gray", "big.png")
    with pytest.raises(ImageError, match="need at least 8 x 8"):
        decode(encoded(".png", picture(8, 7)), "gray", "small.png")


def test_too_many_pixels_take_no_memory(tmp_path: Path) -> None:
    (tmp_path / "big.png").write_bytes(gigantic_png())
    program = """
import resource, sys
from twinface.core.errors import ImageError
from twinface.faces.picture import load_picture
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    load_picture(sys.argv[1], "gray")
except ImageError:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    command = [sys.executable, "-c", program, str(tmp_path / "big.png")]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ})
    assert int(answer.stdout) < 20_000  # kB; decoded it would be 169,000


def test_endless_scans_are_refused() -> None:
    data = VALID["jpeg progressive"]
    scan = data.rindex(b"\xff\xda")
    many = data[:scan] + data[scan:-2] * (MAX_JPEG_SCANS + 1) + data[-2:]
    with pytest.raises(ImageError, match=f"more than {MAX_JPEG_SCANS} scans"):
        decode(many, "gray", "slow.jpg")


def test_a_long_run_of_filling_bytes_is_walked_once() -> None:
    # With a pattern that backtracks this would take hours.
    with pytest.raises(ImageError):
        decode(b"\xff\xd8" + b"\xff" * 2_000_000 + b"\0", "gray", "filled.jpg")


def test_decoded_size_must_be_the_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "imdecode", lambda *_: np.zeros((24, 36), np.uint8))
    with pytest.raises(ImageError, match="the header says 37 x 24 pixels, decoded are 36 x 24"):
        decode(VALID["png"], "gray", "a.png")


def test_opencvs_own_errors_become_image_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise cv2.error("inside\nOpenCV")

    monkeypatch.setattr(cv2, "imdecode", fail)
    with pytest.raises(ImageError, match=r"a\.png: damaged PNG: inside OpenCV"):
        decode(VALID["png"], "gray", "a.png")


def outcome(data: bytes) -> ByteArray | ImageError:
    try:
        return decode(data, "rgb", "outside")
    except ImageError as error:
        return error


def assert_picture_or_one_line(found: ByteArray | ImageError) -> None:
    if isinstance(found, ImageError):
        assert str(found).startswith("outside: ")
        assert "\n" not in str(found)
    else:
        assert found.dtype == np.uint8
        assert found.ndim == 3
        assert found.shape[2] == 3


@every_format
def test_mutated_files_give_a_picture_or_an_image_error(kind: str) -> None:
    rng = np.random.default_rng(list(VALID).index(kind))
    for _ in range(250):
        assert_picture_or_one_line(outcome(mutated(VALID[kind], rng)))


MAGIC = [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBPVP8X", b"BM", b"P2 ", b"P5\n8 8 255\n", b""]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(MAGIC), st.binary(max_size=200))
def test_arbitrary_bytes_give_a_picture_or_an_image_error(magic: bytes, rest: bytes) -> None:
    assert_picture_or_one_line(outcome(magic + rest))
