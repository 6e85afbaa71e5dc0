"""Every kind of picture inside a format decodes to the pixels that Pillow finds in it."""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
import pytest

from pictures import GRAY, RGB, VALID, exif, png_chunk, with_jpeg_segment
from twinface.core.types import ByteArray
from twinface.faces.color import convert_color, convert_decoded
from twinface.faces.decode import decode, turned

image = pytest.importorskip("PIL.Image")

PHOTO = image.fromarray(RGB)
ALPHA = image.fromarray(np.arange(24 * 37, dtype=np.uint16).reshape(24, 37).astype(np.uint8))
INK = image.fromarray(np.dstack([RGB, 255 - RGB[..., 1]]), "CMYK")


def saved(picture: Any, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def by_pillow(data: bytes, mode: str) -> ByteArray:
    pixels = np.asarray(image.open(io.BytesIO(data)).convert(mode))
    return pixels if pixels.ndim == 3 else pixels[..., np.newaxis]


def with_alpha(mode: str) -> Any:
    picture = PHOTO.convert(mode)
    picture.putalpha(ALPHA)
    return picture


LOSSLESS = {
    "png with alpha": saved(with_alpha("RGB"), "png"),
    "png gray with alpha": saved(with_alpha("L"), "png"),
    "png palette": saved(PHOTO.quantize(200), "png"),
    "png palette, some transparent": saved(PHOTO.quantize(99), "png", transparency=bytes(range(99))),
    "png palette of 4 bits": saved(PHOTO.quantize(16), "png"),
    "png palette of 1 bit": saved(PHOTO.quantize(2), "png"),
    "png of 1 bit": saved(PHOTO.convert("1"), "png"),
    "png, one gray transparent": saved(PHOTO.convert("L"), "png", transparency=100),
    "png, one color transparent": saved(PHOTO, "png", transparency=(1, 2, 3)),
    "webp with alpha": saved(with_alpha("RGB"), "webp", lossless=True, exact=True),
    "webp animation": saved(PHOTO, "webp", lossless=True, save_all=True, append_images=[PHOTO.rotate(180)]),
    "png animation": saved(PHOTO, "png", save_all=True, append_images=[PHOTO.rotate(180)]),
    "png animation beside its default picture": saved(
        PHOTO, "png", save_all=True, append_images=[PHOTO.rotate(180)], default_image=True
    ),
    "bmp palette": saved(PHOTO.quantize(200), "bmp"),
    "bmp of 32 bits": saved(with_alpha("RGB"), "bmp"),
}
LOSSY = {
    "jpeg": saved(PHOTO, "jpeg"),
    "jpeg progressive": saved(PHOTO, "jpeg", progressive=True, subsampling=0),
    "jpeg gray": saved(PHOTO.convert("L"), "jpeg"),
    "jpeg kept in RGB": saved(PHOTO, "jpeg", keep_rgb=True),
    "jpeg CMYK": saved(INK, "jpeg", quality=95),
    "jpeg CMYK progressive": saved(INK, "jpeg", quality=95, progressive=True),
    "webp": saved(PHOTO, "webp", quality=80),
    "webp with alpha": saved(with_alpha("RGB"), "webp", quality=80, exact=True),
    "webp animation": saved(PHOTO, "webp", quality=80, save_all=True, append_images=[PHOTO.rotate(180)]),
}


@pytest.mark.parametrize("kind", LOSSLESS)
def test_lossless_kinds_are_as_pillow_reads_them(kind: str) -> None:
    data = LOSSLESS[kind]
    np.testing.assert_array_equal(decode(data, "rgb", kind), by_pillow(data, "RGB"))


@pytest.mark.parametrize("kind", LOSSY)
def test_lossy_kinds_are_as_pillow_reads_them(kind: str) -> None:
    data = LOSSY[kind]
    difference = np.abs(decode(data, "rgb", kind).astype(int) - by_pillow(data, "RGB"))
    assert difference.max() <= 2


def test_ycck_is_read_as_cmyk_is() -> None:
    """YCCK is CMYK whose first three inks are stored as brightness and two colors; only Adobe's marker says so."""
    plain = saved(INK, "jpeg", quality=95)
    adobe = plain.index(b"Adobe\0d")
    transform = adobe + len(b"Adobe") + 6
    assert plain[transform] == 0
    ycck = plain[:transform] + b"\2" + plain[transform + 1 :]
    difference = np.abs(decode(ycck, "rgb", "ycck.jpg").astype(int) - by_pillow(ycck, "RGB"))
    assert difference.max() <= 2
    assert np.abs(decode(ycck, "rgb", "a").astype(int) - decode(plain, "rgb", "b")).mean() > 10


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_lose_their_lower_half(channels: int) -> None:
    deep = np.random.default_rng(0).integers(0, 65536, (24, 37, channels)).astype(np.uint16)
    data = cv2.imencode(".png", deep)[1].tobytes()
    found = decode(data, "gray" if channels == 1 else "rgb", "deep.png")
    expected = deep if channels == 1 else deep[..., 2::-1]
    np.testing.assert_array_equal(found, expected >> 8)


def test_a_first_frame_that_leaves_the_canvas_free_lies_where_it_belongs() -> None:
    """Pillow always writes full first frames, so the chunks are put together by hand."""
    part = RGB[:10, :16]
    still = saved(image.fromarray(part), "webp", lossless=True)
    picture = still[12:]
    small = [value.to_bytes(3, "little") for value in (2, 3, 16 - 1, 10 - 1, 100)]
    frame = b"".join(small) + b"\0" + picture
    canvas = bytes([2, 0, 0, 0]) + (37 - 1).to_bytes(3, "little") + (24 - 1).to_bytes(3, "little")
    chunks = [(b"VP8X", canvas), (b"ANIM", bytes(6)), (b"ANMF", frame)]
    body = b"WEBP" + b"".join(kind + len(data).to_bytes(4, "little") + data for kind, data in chunks)
    data = b"RIFF" + len(body).to_bytes(4, "little") + body
    expected = np.zeros_like(RGB)
    expected[6:16, 4:20] = part
    np.testing.assert_array_equal(decode(data, "rgb", "moving.webp"), expected)
    np.testing.assert_array_equal(by_pillow(data, "RGB"), expected)


# EXIF.


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turns_are_those_of_opencv(orientation: int) -> None:
    data = with_jpeg_segment(VALID["jpeg"], 0xE1, b"Exif\0\0" + exif(orientation))
    by_opencv = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    np.testing.assert_array_equal(decode(data, "rgb", "turned.jpg"), by_opencv)
    for pixels in (RGB, GRAY):
        upright = turned(pixels, orientation)
        assert upright.flags.c_contiguous
        assert upright.shape[2] == pixels.shape[2]


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"MM",
        b"XX\0*" + exif(6)[4:],
        exif(6)[:-1][:12],
        exif(0),
        exif(9),
        exif(6).replace(b"\0\0\0\x08", b"\xff\xff\xff\xff", 1),
        exif(6).replace(b"\x01\x12", b"\x01\x13"),
    ],
)
def test_damaged_exif_data_turn_nothing(block: bytes) -> None:
    data = with_jpeg_segment(VALID["jpeg"], 0xE1, b"Exif\0\0" + block)
    np.testing.assert_array_equal(decode(data, "rgb", "a"), decode(VALID["jpeg"], "rgb", "b"))


def test_the_first_exif_data_count_and_other_metadata_do_not() -> None:
    plain = decode(VALID["jpeg"], "rgb", "a")
    data = with_jpeg_segment(VALID["jpeg"], 0xE1, b"Exif\0\0" + exif(3))
    data = with_jpeg_segment(data, 0xE1, b"Exif\0\0" + exif(2))
    data = with_jpeg_segment(data, 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + exif(6))
    np.testing.assert_array_equal(decode(data, "rgb", "b"), plain[:, ::-1])


def test_exif_data_behind_the_pixels_turn_a_png() -> None:
    png = VALID["png"]
    end = png.rindex(b"IEND") - 4
    data = png[:end] + png_chunk(b"eXIf", exif(3)) + png[end:]
    np.testing.assert_array_equal(decode(data, "rgb", "a"), RGB[::-1, ::-1])


# Color.


@pytest.mark.parametrize("size", [(700, 900), (3, 400_000)])
def test_decoded_pixels_are_converted_in_place_as_a_copy_would_be(size: tuple[int, int]) -> None:
    blue_first = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    rgb = blue_first[..., ::-1].copy()
    np.testing.assert_array_equal(convert_decoded(blue_first, "gray"), convert_color(rgb, "gray"))
    np.testing.assert_array_equal(convert_decoded(blue_first, "rgb"), rgb)
    assert convert_decoded(blue_first, "rgb") is blue_first
