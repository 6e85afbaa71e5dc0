"""What a prepared face is: the settings that make it, and its pixels."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pictures import GRAY, RGB, VALID
from twinface.core.errors import ImageError, ModelError
from twinface.core.types import WHOLE_FRAME, ByteArray, Region
from twinface.faces.color import Color
from twinface.faces.crop import prepare, prepare_picture
from twinface.faces.decode import decode
from twinface.faces.encode import encode_jpeg
from twinface.faces.preparation import Preparation

SMALL = Preparation(Region(0.1, 0.2, 0.5, 0.25), 20, 30, "rgb")


def test_preparation_goes_through_json_and_back() -> None:
    again = Preparation.from_dict(json.loads(json.dumps(SMALL.to_dict())))
    assert again == SMALL
    assert again.key == SMALL.key


def test_preparation_key_is_stable_and_differs_with_every_setting() -> None:
    base = Preparation(WHOLE_FRAME, 20, 30, "rgb")
    written_out = (
        '{"color": "rgb", "height": 20, "pixels": 1, '
        '"region": {"height": 1.0, "left": 0.0, "top": 0.0, "width": 1.0}, "width": 30}'
    )
    assert base.key == hashlib.sha256(written_out.encode()).hexdigest()
    assert Preparation(Region(0, 0, 1, 1), 20, 30, "rgb").key == base.key
    others = [
        Preparation(Region(0.0, 0.0, 1.0, 0.5), 20, 30, "rgb"),
        Preparation(WHOLE_FRAME, 21, 30, "rgb"),
        Preparation(WHOLE_FRAME, 20, 31, "rgb"),
        Preparation(WHOLE_FRAME, 20, 30, "gray"),
    ]
    assert len({base.key, *(other.key for other in others)}) == 5


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("height", 15),
        ("width", 1025),
        ("height", True),
        ("width", 32.0),
        ("color", "bgr"),
        ("color", ["rgb"]),
    ],
)
def test_preparation_refuses_impossible_settings(field: str, value: object) -> None:
    changed = {"region": WHOLE_FRAME, "height": 20, "width": 30, "color": "rgb", field: value}
    with pytest.raises(ValueError, match="need"):
        Preparation(**changed)
    with pytest.raises(ModelError, match="need"):
        Preparation.from_dict(SMALL.to_dict() | {field: value})


@pytest.mark.parametrize(
    "settings_read",
    [
        None,
        [],
        {},
        {"region": {}, "height": 20, "width": 30, "color": "rgb"},
        SMALL.to_dict() | {"extra": 1},
        SMALL.to_dict() | {"region": {"top": "0", "left": 0, "height": 1, "width": 1}},
        SMALL.to_dict() | {"region": {"top": 0.5, "left": 0, "height": 1, "width": 1}},
        SMALL.to_dict() | {"region": {"top": float("nan"), "left": 0, "height": 1, "width": 1}},
    ],
)
def test_preparation_from_other_settings_is_refused(settings_read: object) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        Preparation.from_dict(settings_read)


def test_a_cut_of_the_wanted_size_is_not_resampled() -> None:
    image = np.random.default_rng(0).integers(0, 256, (250, 250, 1), dtype=np.uint8)
    preparation = Preparation(Region(0.244, 0.244, 0.512, 0.512), 128, 128, "gray")
    face = prepare(image, preparation)
    np.testing.assert_array_equal(face, image[61:189, 61:189])
    face[:] = 0
    assert image.any()


def test_shrinking_averages_areas() -> None:
    image = np.random.default_rng(1).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    face = prepare(image, Preparation(WHOLE_FRAME, 32, 32, "rgb"))
    by_hand = image.reshape(32, 2, 32, 3, 3).mean(axis=(1, 3))
    assert np.abs(face - by_hand).max() <= 0.51


def test_shrinking_one_side_and_growing_the_other_averages_along_the_one() -> None:
    stripes = np.tile(np.array([0, 255], np.uint8), (16, 64))[..., np.newaxis]  # 16 x 128, one pixel wide
    face = prepare(stripes, Preparation(WHOLE_FRAME, 32, 64, "gray"))
    assert set(np.unique(face)) <= {127, 128}  # any other method shows stripes of its own


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.tuples(st.integers(16, 70), st.integers(16, 70)),
    st.tuples(st.floats(0, 0.9), st.floats(0, 0.9), st.floats(0.01, 1), st.floats(0.01, 1)),
    st.sampled_from(["gray", "rgb"]),
)
def test_prepared_faces_have_the_wanted_shape_and_keep_a_flat_shade(
    size: tuple[int, int], wanted: tuple[int, int], part: tuple[float, ...], color: Color
) -> None:
    top, left, height, width = part
    region = Region(top, left, min(height, 1 - top), min(width, 1 - left))
    preparation = Preparation(region, *wanted, color)
    face = prepare(np.full((*size, preparation.channels), 77, np.uint8), preparation)
    assert face.shape == (*wanted, preparation.channels)
    assert face.flags.c_contiguous
    assert (face == 77).all()


@pytest.mark.parametrize(
    "image", [np.zeros((20, 20), np.uint8), np.zeros((20, 20, 1), np.uint8), np.zeros((20, 20, 3)), RGB[:0]]
)
def test_prepare_refuses_other_arrays(image: ByteArray) -> None:
    with pytest.raises(ValueError, match="need"):
        prepare(image, SMALL)


def test_prepare_file_is_its_parts_one_after_the_other(tmp_path: Path) -> None:
    path = tmp_path / "face.png"
    path.write_bytes(VALID["png"])
    np.testing.assert_array_equal(prepare_picture(path, SMALL), prepare(RGB, SMALL))
    with pytest.raises(ImageError, match="nobody"):
        prepare_picture(tmp_path / "nobody.png", SMALL)


@pytest.mark.parametrize("image", [GRAY, RGB])
def test_encode_jpeg_keeps_the_order_of_colors(image: ByteArray) -> None:
    again = decode(encode_jpeg(image), "gray" if image.shape[2] == 1 else "rgb", "again")
    assert np.abs(again.astype(int) - image).mean() < 6
