"""Who is who in a folder of unnamed photos: groups of faces, one for each person, to be looked at and named."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from twinface.core.errors import DataError, ImageError, ModelError
from twinface.core.formatting import count
from twinface.core.html_page import html_page
from twinface.core.storage import write_bytes, write_text
from twinface.core.types import ByteArray, ProgressCallback
from twinface.faces.picture import load_picture
from twinface.models.catalog import card_of
from twinface.models.load import load_model
from twinface.recognition.batch import embed_files
from twinface.recognition.embedding_folder import FACES, ROWS
from twinface.recognition.gallery.clustering import group_faces
from twinface.recognition.gallery.gallery import Gallery
from twinface.recognition.gallery.records import Enrolment, Review, Shown
from twinface.recognition.gallery.score_rates import score_rates
from twinface.recognition.show.page_parts import figure, image
from twinface.recognition.table_file import TableFormat

GROUPS, PAGE, EMBEDDINGS = "groups.csv", "groups.html", "embeddings"
_COLUMNS = ("file", "number", "group", "quality", "left", "top", "width", "height")
_SHOWN = 12  # faces of a group in the page
_SIDE = 96  # pixels


@dataclass(frozen=True)
class GroupedFace:
    """A face of a photo.

    Attributes:
        file: the photo, relative to its folder.
        number: of the face in the photo, from 1, the largest first.
        group: number 0 is the largest one.
        quality: the word.
        box: left, top, width, height in pixels.
    """

    file: str
    number: int
    group: int
    quality: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class PhotoGroups(Shown):
    """The faces of a folder, grouped by person.

    Attributes:
        faces: in the order of the photos.
        groups: how many there are.
        single: how many of them have one face.
        failed: photos without a face, or that could not be read.
    """

    faces: tuple[GroupedFace, ...]
    groups: int
    single: int
    failed: int


def group_photos(
    source: Path | str,
    target: Path | str,
    model: str | Path = "best",
    progress: ProgressCallback | None = None,
) -> PhotoGroups:
    """Groups all faces of a folder by person, and writes a table and a page with the faces of each group.

    Args:
        source: a folder, which is searched with all its subfolders; or a text file with one path per line.
        target: the folder to write: embeddings, `groups.csv`, `groups.html`. A call that was stopped goes on.
        model: see `models.load.load_model`; must compare embeddings by their angle, as all named models do.
        progress: called with (photos done, photos in all).

    Raises:
        DataError: there is no photo, or `target` holds something else.
        ModelError: the model is missing, damaged or of another kind, or does not say how a face must lie.
        StorageError: `target` cannot be written.
    """
    source, target = Path(source), Path(target)
    loaded = load_model(model, threads=1)
    if loaded.record.frame is None:
        raise ModelError(
            f"{loaded.record.name}: its record does not say how a face must lie in a picture, so no face of a photo "
            "can be shown to it; need another model"
        )
    done = embed_files(source, target / EMBEDDINGS, loaded, progress, faces="all")
    with (target / EMBEDDINGS / FACES).open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        rows = list(csv.DictReader(file))
    embeddings = np.load(target / EMBEDDINGS / ROWS)
    there = [place for place, row in enumerate(rows) if int(row["number"]) > 0]
    files = {row["file"]: place for place, row in enumerate(rows)}
    photos = np.array([files[rows[place]["file"]] for place in there], np.int64)
    rates = score_rates(loaded.record, card_of(model))
    labels = group_faces(embeddings[there], photos, loaded.record, rates)
    faces = tuple(_face(rows[place], int(label)) for place, label in zip(there, labels, strict=True))
    sizes = np.bincount(labels) if len(labels) else np.zeros(0, np.int64)
    result = PhotoGroups(faces, len(sizes), int((sizes == 1).sum()), done.failed)
    _write_table(target / GROUPS, faces)
    root = source if source.is_dir() else source.parent
    write_text(target / PAGE, groups_page(result, root))
    return result


def enroll_groups(
    gallery: Gallery,
    source: Path | str,
    target: Path | str,
    names: dict[int, str],
    review: Review = "standard",
) -> tuple[Enrolment, ...]:
    """Enrols groups as people.

    Args:
        gallery: that they are enrolled in.
        source: the photos that were grouped.
        target: the folder that `group_photos` has written.
        names: group → name.
        review: see `Gallery.enroll`.

    Raises:
        DataError: the table is missing or damaged, or has no such group.
    """
    source, faces = Path(source), read_groups(Path(target) / GROUPS)
    root = source if source.is_dir() else source.parent
    groups = {face.group for face in faces}
    if missing := set(names) - groups:
        there = f"need 0 to {max(groups)}" if groups else "no face was found in the photos"
        raise DataError(f"{target}: has no group {min(missing)}, {there}")
    done = []
    for group, name in names.items():
        own = [face for face in faces if face.group == group]
        photos, numbers = [root / face.file for face in own], [face.number for face in own]
        done.append(gallery.enroll(name, *photos, review=review, numbers=numbers))
    return tuple(done)


def read_groups(table: Path) -> tuple[GroupedFace, ...]:
    """The faces of a table of groups.

    Raises:
        DataError: it is missing or damaged.
    """
    try:
        with table.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            return tuple(_face(row, int(row["group"])) for row in csv.DictReader(file))
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise DataError(f"{table}: cannot be read ({error}): `twinface cluster` writes it") from error


def groups_page(result: PhotoGroups, root: Path) -> str:
    """A page with the faces of each group of two or more, the largest group first.

    Args:
        result: the groups.
        root: the folder of the photos.
    """
    groups: dict[int, list[GroupedFace]] = {}
    for face in result.faces:
        groups.setdefault(face.group, []).append(face)
    shown = {number: faces for number, faces in sorted(groups.items()) if len(faces) > 1}
    cut = _thumbnails([face for faces in shown.values() for face in faces[:_SHOWN]], root)
    parts = [
        '<p class="kind">Faces grouped by Twinface</p>',
        f"<h1>{count(result.groups, 'group')} of {count(len(result.faces), 'face')}</h1>",
        f"<p>{count(len(shown), 'group')} of two faces or more, and {count(result.single, 'single face')}. Each group "
        "should be one person. <code>twinface cluster … --name 0=Ann</code> enrols group 0 as Ann.</p>",
    ]
    for number, faces in shown.items():
        pictures = "".join(
            image(cut[face], f"{face.file}, face {face.number}") for face in faces[:_SHOWN] if face in cut
        )
        more = f", {len(faces) - _SHOWN} more" if len(faces) > _SHOWN else ""
        lines = [f"{count(len(faces), 'face')}{more}", *sorted({face.file for face in faces})[:3]]
        parts.append(figure(pictures, f"Group {number}", lines, "chart wide"))
    return html_page(escape(f"{result.groups} groups of faces"), "\n".join(parts))


def _thumbnails(faces: Sequence[GroupedFace], root: Path) -> dict[GroupedFace, ByteArray]:
    """Small pictures of faces; each photo is read once."""
    found: dict[GroupedFace, ByteArray] = {}
    by_file: dict[str, list[GroupedFace]] = {}
    for face in faces:
        by_file.setdefault(face.file, []).append(face)
    for file, own in by_file.items():
        try:
            pixels = load_picture(root / file, "rgb")
        except ImageError:  # it was there when it was embedded; the page shows the others
            continue
        for face in own:
            found[face] = _cut(pixels, face.box)
    return found


def _cut(pixels: ByteArray, box: tuple[float, float, float, float]) -> ByteArray:
    """A square around a box, brought to the size of a thumbnail; what lies outside the photo is black."""
    left, top, width, height = box
    side = max(8, round(1.3 * max(width, height)))
    start = round(left + width / 2 - side / 2), round(top + height / 2 - side / 2)
    square = np.zeros((side, side, 3), np.uint8)
    rows = slice(max(0, start[1]), max(0, min(pixels.shape[0], start[1] + side)))
    columns = slice(max(0, start[0]), max(0, min(pixels.shape[1], start[0] + side)))
    part = pixels[rows, columns]
    at = rows.start - start[1], columns.start - start[0]
    square[at[0] : at[0] + part.shape[0], at[1] : at[1] + part.shape[1]] = part
    return np.asarray(cv2.resize(square, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _face(row: dict[str, Any], group: int) -> GroupedFace:
    box = tuple(float(row[name]) for name in ("left", "top", "width", "height"))
    return GroupedFace(row["file"], int(row["number"]), group, row["quality"], box)  # type: ignore[arg-type]


def _write_table(target: Path, faces: Sequence[GroupedFace]) -> None:
    table = TableFormat(_COLUMNS)
    rows = [(face.file, face.number, face.group, face.quality, *face.box) for face in faces]
    lines = [table.encode(dict(zip(_COLUMNS, row, strict=True))) for row in rows]
    write_bytes(target, table.header + b"".join(lines))
