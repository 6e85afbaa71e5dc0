"""Masks: what is left is untouched, of what is hidden nothing shows, and no prepared face is mistaken for another."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinface.core.errors import DataError, ModelError, SettingsError
from twinface.core.types import WHOLE_FRAME, FaceSet, Region
from twinface.datasets.lfw.dataset import TIGHT_FACE
from twinface.faces.cache import prepare_faces
from twinface.faces.crop import prepare, prepare_picture
from twinface.faces.mask import Mask, mask_for
from twinface.faces.preparation import Preparation

INNER = Region(0.25, 0.125, 0.5, 0.5)


@pytest.mark.parametrize("shows", ["face", "background"])
@pytest.mark.parametrize("channels", [1, 3])
def test_painting_equals_a_loop_over_pixels(shows: str, channels: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (12, 16, channels), np.uint8)
    painted = Mask(shows, INNER).paint(image)
    left = [
        (row, column)
        for row in range(12)
        for column in range(16)
        if (3 <= row < 9 and 2 <= column < 10) == (shows == "face")
    ]
    for channel in range(channels):
        mean = round(sum(int(image[place][channel]) for place in left) / len(left))
        for place in np.ndindex(12, 16):
            expected = image[place][channel] if place in left else mean
            assert painted[place][channel] == expected


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["face", "background"]), st.integers(8, 40), st.integers(8, 40), st.integers(0, 2**32 - 1)
)
def test_nothing_of_what_is_hidden_shows(shows: str, height: int, width: int, seed: int) -> None:
    """Two pictures that differ in what is hidden, and there in everything, become equal."""
    random = np.random.default_rng(seed)
    one, two = random.integers(0, 256, (2, height, width, 1), np.uint8)
    mask = mask_for(shows, TIGHT_FACE, "noise")
    inside = mask.region.of(height, width)
    if shows == "face":
        two[inside] = one[inside]
    else:
        kept = two[inside].copy()
        two = one.copy()
        two[inside] = kept
    np.testing.assert_array_equal(mask.paint(one), mask.paint(two))


def test_a_picture_of_which_nothing_is_left_is_one_colour() -> None:
    nearly_all = Mask("background", Region(0.01, 0.01, 0.98, 0.98))
    assert len(np.unique(nearly_all.paint(np.arange(64, dtype=np.uint8).reshape(8, 8, 1)))) == 1


def test_background_hides_the_head_and_face_hides_the_hair() -> None:
    """Hair, ears and chin are in neither part, so that neither has what belongs to the other."""
    face, head = mask_for("face", TIGHT_FACE, "LFW").region, mask_for("background", TIGHT_FACE, "LFW").region
    assert face == TIGHT_FACE
    assert head.top < face.top
    assert head.left < face.left
    assert head.top + head.height > face.top + face.height
    assert head.left + head.width > face.left + face.width
    assert 1 - head.height * head.width > 0.4


def test_heads_end_where_the_picture_does() -> None:
    assert mask_for("background", Region(0.1, 0.0, 0.8, 0.6), "close-ups").region == Region(0, 0, 1, 0.75)
    close = Region(0.1, 0.1, 0.8, 0.8)
    assert mask_for("face", close, "close-ups").region == close
    with pytest.raises(DataError, match="leaves room around it"):
        mask_for("background", close, "close-ups")


def test_pictures_that_are_all_face_are_refused() -> None:
    for part in ("face", "background"):
        with pytest.raises(DataError, match="ORL faces: the face is taken to fill these pictures"):
            mask_for(part, WHOLE_FRAME, "ORL faces")
    with pytest.raises(SettingsError, match='no part "suit" of a picture; there are face, background'):
        mask_for("suit", TIGHT_FACE, "LFW")
    with pytest.raises(ValueError, match="need 'face' or 'background'"):
        Mask("suit", TIGHT_FACE)
    with pytest.raises(ValueError, match="need a part of it"):
        Mask("face", WHOLE_FRAME)


def test_masks_say_what_is_left() -> None:
    assert str(mask_for("face", TIGHT_FACE, "LFW")) == (
        "the face alone, with all outside rows 27 to 73 % and columns 27 to 73 % painted over"
    )
    assert str(mask_for("background", TIGHT_FACE, "LFW")).startswith(
        "the background alone, with all inside rows 4 to 80 %"
    )


# As part of a preparation.

PLAIN = Preparation(Region(0.1, 0.1, 0.8, 0.8), 16, 20, "gray")
MASKED = [
    Preparation(PLAIN.region, 16, 20, "gray", Mask(shows, region))
    for shows in ("face", "background")
    for region in (INNER, TIGHT_FACE)
]


def test_a_mask_goes_through_json_and_has_a_key_of_its_own() -> None:
    for masked in MASKED:
        again = Preparation.from_dict(json.loads(json.dumps(masked.to_dict())))
        assert again == masked
        assert again.key == masked.key
    assert len({PLAIN.key, *(masked.key for masked in MASKED)}) == 5


def test_models_made_before_there_were_masks_are_read() -> None:
    before = {
        "region": {"top": 0.1, "left": 0.1, "height": 0.8, "width": 0.8},
        "height": 16,
        "width": 20,
        "color": "gray",
    }
    assert PLAIN.to_dict() == before
    assert Preparation.from_dict(before) == PLAIN


@pytest.mark.parametrize(
    "mask",
    [
        None,
        {},
        {"shows": "face"},
        {"shows": "suit", "region": MASKED[0].to_dict()["region"]},
        {"shows": "face", "region": {"top": 0.5, "left": 0, "height": 0.9, "width": 1}},
        {"shows": "face", "region": {"top": "0", "left": 0, "height": 0.9, "width": 1}},
        {"shows": "face", "region": [0, 0, 1, 1]},
    ],
)
def test_a_damaged_mask_is_refused(mask: object) -> None:
    with pytest.raises(ModelError, match="mask of a preparation cannot be read"):
        Preparation.from_dict(PLAIN.to_dict() | {"mask": mask})


def test_the_whole_picture_is_painted_before_it_is_cut() -> None:
    image = np.random.default_rng(2).integers(0, 256, (40, 50, 1), np.uint8)
    for masked in MASKED:
        assert masked.mask is not None
        np.testing.assert_array_equal(prepare(image, masked), prepare(masked.mask.paint(image), PLAIN))


def test_the_cache_keeps_masked_faces_apart(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    for number in range(3):
        assert cv2.imwrite(str(tmp_path / f"{number}.png"), random.integers(0, 256, (40, 50, 1), np.uint8))
    faces = FaceSet("noise", tmp_path, ("0.png", "1.png", "2.png"), np.arange(3), ("a", "b", "c"))
    for preparation in (PLAIN, *MASKED):
        prepared = prepare_faces(faces, preparation, cache=tmp_path / "cache")
        for path, image in zip(faces.paths, prepared.images, strict=True):
            np.testing.assert_array_equal(image, prepare_picture(tmp_path / path, preparation))
    assert len(list((tmp_path / "cache" / "prepared").glob("*.u8"))) == 5
