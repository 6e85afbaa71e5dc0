"""What calls about photos answer, as plain values."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from twinface.core.types import ByteArray
from twinface.faces.encode import encode_jpeg
from twinface.recognition.canvas import encode_png
from twinface.recognition.compare import Comparison
from twinface.recognition.gallery.records import Identification
from twinface.recognition.map_drawing import color_meaning
from twinface.recognition.show.scale_svg import scale_svg
from twinface.recognition.show.view import PairView, PhotoView, cut_face
from twinface.recognition.verdict import Verdict, VerdictFace

_MAP = 288  # pixels, the height of a face with its map


def jpeg_url(pixels: ByteArray) -> str:
    """A picture as a data URL."""
    return f"data:image/jpeg;base64,{base64.b64encode(encode_jpeg(pixels)).decode()}"


def face_answer(face: VerdictFace, show: bool) -> dict[str, Any]:
    """A face, with its aligned picture if that is wanted."""
    values = face.to_dict()
    if show and face.aligned is not None:
        values["aligned"] = jpeg_url(cut_face(face.aligned) if face.box else face.aligned)
    return values


def faces_answer(faces: Sequence[VerdictFace], show: bool) -> list[dict[str, Any]]:
    """All of them."""
    return [face_answer(face, show) for face in faces]


def verdict_answer(verdict: Verdict) -> dict[str, Any]:
    """A verdict, also in words."""
    return {**verdict.to_dict(), "title": verdict.title, "text": verdict.explain()}


def pair_answer(view: PairView) -> dict[str, Any]:
    """A verdict with what it was made of."""
    maps = None
    if view.explanation is not None:
        drawn = [encode_png(view.explanation.overlay(side, _MAP)) for side in (0, 1)]
        maps = [f"data:image/png;base64,{base64.b64encode(each).decode()}" for each in drawn]
    return {
        **verdict_answer(view.verdict),
        "photos": [photo_answer(photo) for photo in view.photos],
        "scale": scale_svg(view.scale) if view.scale else None,
        "scale_text": view.scale.describe() if view.scale else None,
        "maps": maps,
        "maps_meaning": color_meaning(view.explanation.strongest) if view.explanation else None,
    }


def photo_answer(photo: PhotoView) -> dict[str, Any]:
    """A photo's size and faces."""
    return {
        "width": photo.width,
        "height": photo.height,
        "faces": faces_answer(photo.faces, True),
        "compared": photo.compared,
    }


def comparison_answer(found: Comparison, show: bool) -> dict[str, Any]:
    """All faces of two photos against each other."""
    return {
        **found.to_dict(),
        "left": faces_answer(found.left, show),
        "right": faces_answer(found.right, show),
    }


def identification_answer(found: Identification, height: int, width: int, show: bool) -> dict[str, Any]:
    """Who is on a photo of this size."""
    values = {**found.to_dict(), "width": width, "height": height}
    for face, shown in zip(values["faces"], found.faces, strict=True):
        face["face"] = face_answer(shown.face, show)
    return values
