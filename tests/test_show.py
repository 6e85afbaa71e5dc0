"""What is shown of photos and pairs: the right places, the right colours, pages that anybody can read."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import twinface
from pages import Page
from twinface.core.errors import SettingsError
from twinface.core.html_page import page_style
from twinface.core.types import ByteArray
from twinface.datasets.load import load_dataset
from twinface.faces.decode import decode
from twinface.faces.frame import ARCFACE_FRAME, STANDARD_FRAME
from twinface.faces.picture import load_picture
from twinface.models.card import ModelCard, read_card
from twinface.models.catalog import NAMED_MODELS
from twinface.models.committee import COMMITTEE_PREPARATION, Committee, Member
from twinface.models.load import load_model
from twinface.models.pretrained.sface import DESCRIPTION
from twinface.recognition.canvas import (
    DIFFERENT,
    GRID,
    INK,
    MUTED,
    NORMAL,
    PAPER,
    SAME,
    below,
    beside,
    paper,
    text,
)
from twinface.recognition.face_window import face_window
from twinface.recognition.photo_faces import FaceReader
from twinface.recognition.show.photo_drawing import draw_photo
from twinface.recognition.show.save import save_view
from twinface.recognition.show.sheet import pair_sheet, photo_sheet
from twinface.recognition.show.view import PairView, PhotoView, view_pair, view_photo
from twinface.recognition.verdict import VerdictFace
from twinface.recognition.verifier import Verifier

SHIPPED = Path(twinface.__file__).parent / "models" / "shipped" / "default.onnx"
GENUINE = tuple(np.linspace(0.1, 0.9, 101).tolist())
IMPOSTOR = tuple(np.linspace(-0.3, 0.2, 101).tolist())
CARD = ModelCard("toy", "", "", False, "", (), None, (), GENUINE, IMPOSTOR)


@pytest.fixture(scope="module")
def verifier() -> Verifier:
    return Verifier(SHIPPED)


@pytest.fixture(scope="module")
def orl() -> list[Path]:
    faces = load_dataset("orl").faces()
    return [faces.root / path for path in faces.paths]


@pytest.fixture(scope="module")
def group(orl: list[Path]) -> ByteArray:
    """A photo of two people; the one on the right is larger."""
    left, right = load_picture(orl[0], "rgb"), load_picture(orl[10], "rgb")
    larger = np.asarray(cv2.resize(right, None, fx=1.6, fy=1.6), np.uint8)
    photo = np.full((220, 340, 3), 128, np.uint8)
    photo[20 : 20 + left.shape[0], 20 : 20 + left.shape[1]] = left
    photo[20 : 20 + larger.shape[0], 160 : 160 + larger.shape[1]] = larger
    return photo


@pytest.fixture(scope="module")
def pair(verifier: Verifier, orl: list[Path], group: ByteArray) -> PairView:
    return view_pair(verifier, orl[0], group, CARD)


@pytest.fixture(scope="module")
def nobody(verifier: Verifier, orl: list[Path]) -> PairView:
    return view_pair(verifier, orl[0], np.full((90, 120, 3), 99, np.uint8), CARD)


# What is shown.


def test_a_view_has_the_verifiers_verdict_and_says_which_face_it_took(
    verifier: Verifier, pair: PairView, orl: list[Path], group: ByteArray
) -> None:
    assert pair.verdict == verifier.verify(orl[0], group)
    assert pair.verdict.same is False
    assert [photo.name for photo in pair.photos] == [orl[0].name, "second photo"]
    assert [photo.compared for photo in pair.photos] == [1, 1]
    assert [len(photo.faces) for photo in pair.photos] == [1, 2]
    assert pair.photos[1].chosen == pair.verdict.faces[1]
    assert (pair.photos[1].height, pair.photos[1].width) == (220, 340)
    assert pair.explanation is not None
    assert pair.explanation.score == pytest.approx(pair.verdict.score, abs=1e-5)
    second = view_pair(Verifier(SHIPPED, faces=2), group, group)
    assert [photo.compared for photo in second.photos] == [2, 2]
    assert second.verdict.same is True


def test_without_a_face_both_photos_are_shown_and_no_score(nobody: PairView) -> None:
    assert nobody.verdict.outcome == "no_face"
    assert nobody.explanation is None
    assert nobody.scale is None
    assert [len(photo.faces) for photo in nobody.photos] == [1, 0]
    assert [photo.chosen for photo in nobody.photos] == [None, None]


def test_a_large_photo_is_reduced_and_its_boxes_with_it(orl: list[Path]) -> None:
    large = np.asarray(cv2.resize(load_picture(orl[0], "rgb"), (1840, 2240)), np.uint8)
    view = view_photo(large, FaceReader(STANDARD_FRAME), "large")
    assert view.pixels.shape == (1000, 821, 3)
    assert view.scale == pytest.approx(821 / 1840)
    [face] = view.faces
    assert face.box is not None
    drawn = draw_photo(view, 1000, 1000)
    left, top, width, height = (round(view.scale * value) for value in face.box)
    for x, y in ((left, top + height // 2), (left + width, top + height // 2), (left + width // 2, top)):
        assert tuple(drawn[y, x]) == SAME
    for across, down in face.landmarks or ():
        assert tuple(drawn[round(view.scale * down), round(view.scale * across)]) == SAME


def test_the_compared_face_is_blue_and_others_are_grey() -> None:
    boxes = ((10.0, 10.0, 60.0, 60.0), (100.0, 30.0, 50.0, 50.0))
    faces = tuple(VerdictFace(box, (), 0.9, 0, row + 1, 2, None) for row, box in enumerate(boxes))
    view = PhotoView("a", np.full((100, 200, 3), 128, np.uint8), 100, 200, faces, compared=2)
    drawn = draw_photo(view, 100, 200)
    assert tuple(drawn[40, 10]) == MUTED
    assert tuple(drawn[55, 100]) == SAME
    every = draw_photo(replace(view, compared=None), 100, 200)
    assert tuple(every[40, 10]) == tuple(every[55, 100]) == SAME
    assert (view.pixels == 128).all()


# Where the face is.


def test_the_window_is_the_face_of_each_frame(verifier: Verifier) -> None:
    rows, columns = face_window(COMMITTEE_PREPARATION, STANDARD_FRAME)
    for x, y in STANDARD_FRAME.points:
        assert rows.start + 15 < y < rows.stop - 15
        assert columns.start + 15 < x < columns.stop - 15
    assert (rows.stop - rows.start) * (columns.stop - columns.start) < 0.45 * 250 * 250
    # The frames of ArcFace and of the shipped model show little but the face.
    whole = slice(0, 112)
    assert face_window(DESCRIPTION.preparation, STANDARD_FRAME) == (whole, whole)
    assert DESCRIPTION.preparation.points == ARCFACE_FRAME.points
    assert face_window(verifier.record.preparation, STANDARD_FRAME) == (slice(0, 128), whole)
    assert face_window(COMMITTEE_PREPARATION, None) == (slice(0, 250), slice(0, 250))


def test_maps_of_a_committee_cover_the_face_alone(verifier: Verifier, orl: list[Path]) -> None:
    model = load_model(SHIPPED)
    record = replace(model.record, preparation=COMMITTEE_PREPARATION)
    done: list[tuple[int, int]] = []
    view = view_pair(
        Verifier(Committee(record, [Member(model)])),
        orl[0],
        orl[1],
        progress=lambda count, total: done.append((count, total)),
    )
    assert done[-1] == (50, 50)
    assert view.explanation is not None
    assert view.verdict.score == pytest.approx(verifier.verify(orl[0], orl[1]).score, abs=1e-5)
    maps, (rows, columns) = view.explanation.maps, view.explanation.window
    assert np.abs(maps[:, rows, columns]).max() > 1e-3
    maps[:, rows, columns] = 0
    assert (maps == 0).all()
    assert view.explanation.seen_face(0).shape == (168, 147, 3)


# Pictures.


def test_a_sheet_is_what_the_file_holds(pair: PairView, tmp_path: Path) -> None:
    save_view(pair, tmp_path / "new" / "pair.png")
    drawn = decode((tmp_path / "new" / "pair.png").read_bytes(), "rgb", "drawn")
    np.testing.assert_array_equal(drawn, pair_sheet(pair))
    assert drawn.shape[1] == 1056
    assert pair.explanation is not None
    flat = pair.explanation.overlay(0, 60)
    assert flat.shape[0] == 60


def test_sheets_without_faces_are_shorter(pair: PairView, nobody: PairView, tmp_path: Path) -> None:
    assert pair_sheet(nobody).shape[0] < pair_sheet(pair).shape[0] / 2
    empty = view_photo(np.full((90, 120, 3), 99, np.uint8), FaceReader(STANDARD_FRAME))
    assert photo_sheet(empty).shape[0] < photo_sheet(pair.photos[1]).shape[0] * 2


def test_photos_are_shown_from_python(orl: list[Path], tmp_path: Path) -> None:
    verdict = twinface.show(orl[0], load_picture(orl[10], "rgb"), tmp_path / "a.html", "sface")
    assert verdict == twinface.verify(orl[0], orl[10], "sface")
    page = Page(tmp_path / "a.html")
    assert verdict.title in page.text
    assert "Measured on" in page.text  # the card of a model with a name knows how its scores are spread
    twinface.show(orl[0], orl[10], str(tmp_path / "b.png"), Verifier(SHIPPED))
    assert (tmp_path / "b.png").stat().st_size


def test_a_wrong_ending_is_refused(pair: PairView, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"ends in \.png"):
        save_view(pair, tmp_path / "a.jpg")
    assert list(tmp_path.iterdir()) == []


def test_blocks_stand_beside_and_below_each_other() -> None:
    red, blue = paper(4, 6, (255, 0, 0)), paper(2, 3, (0, 0, 255))
    row = beside([red, blue], 2)
    assert row.shape == (4, 11, 3)
    assert tuple(row[0, 8]) == (0, 0, 255)
    assert tuple(row[3, 8]) == tuple(row[0, 6]) == PAPER
    column = below([red, blue], 1)
    assert column.shape == (7, 6, 3)
    assert tuple(column[5, 0]) == (0, 0, 255)
    assert tuple(column[4, 0]) == tuple(column[5, 3]) == PAPER


def test_text_is_broken_where_it_is_too_long() -> None:
    one = text(["short"], 400)
    many = text(["many words that do not fit into a single line of this width"], 120)
    assert many.shape[1] == 120
    assert many.shape[0] >= 4 * one.shape[0]
    endless = text(["x" * 500], 120, NORMAL)
    assert endless.shape[0] <= 2 * one.shape[0]
    assert (endless[:, -1] == PAPER).all()


# Pages.


@pytest.mark.parametrize("kind", ["pair", "nobody", "photo", "no face", "aligned"])
def test_every_page_is_whole_and_readable(
    kind: str, pair: PairView, nobody: PairView, orl: list[Path], tmp_path: Path
) -> None:
    views: dict[str, PairView | PhotoView] = {"pair": pair, "nobody": nobody, "photo": pair.photos[1]}
    views["no face"] = nobody.photos[1]
    if kind == "aligned":
        views["aligned"] = view_pair(Verifier(SHIPPED, aligned=True), orl[0], orl[1])
    save_view(views[kind], tmp_path / "page.html")
    page = Page(tmp_path / "page.html")
    page.check()
    said = {
        "pair": ("Different people", "Where the model looked", "2 faces, number 1 (the largest) compared"),
        "nobody": ("Cannot tell: no face", "no face was found"),
        "photo": ("2 faces found", "Face 2"),
        "no face": ("No face found",),
        "aligned": ("Same person", "taken as it is", "How often each score occurs is not known"),
    }
    for words in said[kind]:
        assert words in page.text
    if isinstance(views[kind], PairView):
        assert "trained on 3634 people of LFW-a" in page.text


def test_names_that_look_like_html_stay_text(pair: PairView, tmp_path: Path) -> None:
    name = '<img src="http://example.org/x"> & "quoted"'
    hostile = replace(pair, photos=(replace(pair.photos[0], name=name), pair.photos[1]))
    shown: tuple[PairView | PhotoView, ...] = (hostile, hostile.photos[0])
    for row, view in enumerate(shown):
        save_view(view, tmp_path / f"{row}.html")
        page = Page(tmp_path / f"{row}.html")
        page.check()
        assert name in page.text
        assert any(name in alt for alt in page.attributes("alt"))


def test_a_file_may_have_any_name(verifier: Verifier, tmp_path: Path) -> None:
    """Bytes that are no text, and codes that control a terminal."""
    strange = tmp_path / os.fsdecode(b"\xff\x1b[2J<b>.png")
    cv2.imwrite(str(tmp_path / "a.png"), np.full((90, 120, 3), 99, np.uint8))
    (tmp_path / "a.png").rename(strange)
    view = view_pair(verifier, strange, strange)
    assert view.verdict.outcome == "no_face"
    assert view.photos[0].name == strange.name
    save_view(view, tmp_path / "page.html")
    page = Page(tmp_path / "page.html")
    page.check()
    assert r"\udcff\x1b[2J<b>.png" in page.text
    save_view(view, tmp_path / "page.png")
    save_view(view.photos[0], tmp_path / "photo.png")


def test_pictures_have_the_colours_of_the_pages(pair: PairView, tmp_path: Path) -> None:
    light = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", page_style().partition("@media")[0]))
    drawn = {"genuine": SAME, "impostor": DIFFERENT, "ink": INK, "muted": MUTED, "grid": GRID, "card": PAPER}
    assert {name: light[name] for name in drawn} == {
        name: "#" + bytes(color).hex() for name, color in drawn.items()
    }
    save_view(pair, tmp_path / "page.html")
    assert page_style() in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMED_MODELS)
def test_scores_of_pretrained_models_are_called_what_they_are(name: str) -> None:
    card = read_card(name)
    assert card.labelled_outside_data == (name not in ("siamese", "default"))
    if card.labelled_outside_data:
        assert card.record is not None
        assert "labelled outside data" in card.record.provenance.trained_on
