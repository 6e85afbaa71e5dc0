"""How many tiles with codes of their own a lossless WebP has: found behind its transforms, and limited."""

from __future__ import annotations

import io

import numpy as np
import pytest

from hostile_files import mutated
from hostile_webp import webp_of_groups
from pictures import picture
from twinface.core.errors import ImageError
from twinface.faces.decode import decode
from twinface.faces.formats.webp import webp_frame
from twinface.faces.formats.webp_lossless import lossless_tiles

CONTENT = 20  # where the content of the only chunk begins


@pytest.mark.parametrize("tile_bits", [2, 3, 5])
@pytest.mark.parametrize("transform_bits", [None, 2, 4])
def test_tiles_are_counted_behind_a_transform(tile_bits: int, transform_bits: int | None) -> None:
    data = webp_of_groups(90, 30, tile_bits, transform_bits)
    assert lossless_tiles(data, CONTENT, len(data)) == len(range(0, 90, 1 << tile_bits)) ** 2
    assert not decode(data, "rgb", "a.webp").any()


def photo(height: int, width: int, colors: int) -> np.ndarray:
    noise = np.random.default_rng(colors).normal(0, 2, (height, width, 3))
    return (
        np.clip(picture(height, width) + noise, 0, 255).astype(np.uint8) // (256 // colors) * (256 // colors)
    )


@pytest.mark.parametrize(("method", "quality"), [(0, 100), (4, 100), (6, 20)])
@pytest.mark.parametrize("colors", [256, 4, 2])
def test_pictures_of_libwebp_have_few_tiles(method: int, quality: int, colors: int) -> None:
    """libwebp makes up to 2,600 tiles. Pictures are read wrongly if their transforms are, and then have any number."""
    image = pytest.importorskip("PIL.Image")
    original = photo(300, 400, colors)
    file = io.BytesIO()
    image.fromarray(original).save(file, "webp", lossless=True, method=method, quality=quality)
    data = file.getvalue()
    frame = webp_frame(data)
    sides = [
        (-(-300 // (1 << bits))) * (-(-width // (1 << bits)))
        for bits in range(2, 10)
        for width in (400, 200, 100, 50)
    ]
    tiles = lossless_tiles(data, frame.start, frame.stop)
    assert tiles == 1 or tiles in sides
    assert tiles <= 2600
    np.testing.assert_array_equal(decode(data, "rgb", "a.webp"), original)


def test_a_small_file_that_needs_hundreds_of_megabytes_is_refused() -> None:
    data = webp_of_groups(400, 10_000)
    assert len(data) < 50_000
    with pytest.raises(ImageError, match="10,000 tiles with codes of their own, need at most 5,000"):
        decode(data, "rgb", "a.webp")
    with pytest.raises(ImageError, match="a transform of 1,562,500 tiles, need at most 100,000"):
        decode(webp_of_groups(5000, 1, 9, 2), "rgb", "a.webp")


def test_damaged_transforms_are_refused_or_read() -> None:
    image = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    image.fromarray(photo(300, 400, 256)).save(file, "webp", lossless=True)
    data, rng = file.getvalue(), np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        changed = data[:CONTENT] + mutated(data[CONTENT : CONTENT + 400], rng)
        try:
            lossless_tiles(changed, CONTENT, len(changed))
        except ValueError:
            refused += 1
    assert 0 < refused < 300
