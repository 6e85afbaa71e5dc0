"""Explains a score: which regions of two faces speak for "same", and which speak against it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from twinface.core.types import ByteArray, Float32Array, FloatArray, ProgressCallback
from twinface.faces.choose import Choice
from twinface.faces.picture import Picture
from twinface.models.embedder import Embedder
from twinface.recognition.canvas import encode_png
from twinface.recognition.deletion import CELLS, DRAWS, Deletion, cell_means, deletion_test
from twinface.recognition.face_window import Window, face_window
from twinface.recognition.map_drawing import draw_maps, enlarged_overlay, overlay, strongest_change
from twinface.recognition.occlusion import FINE, Patches, occlusion_maps
from twinface.recognition.photo_faces import AlignedFace
from twinface.recognition.verdict import Verdict
from twinface.recognition.verifier import Verifier


@dataclass(frozen=True, eq=False)
class Explanation:
    """Which regions of two faces speak for "same", and which speak against it.

    Attributes:
        faces: `[2, H, W, C]` uint8, as the model got them.
        maps: `[2, H, W]` float32, how far the score falls when a patch covers the pixel (see `occlusion`). Above 0: the
            region speaks for "same". Below 0: it speaks against it. 0 outside the window.
        verdict: on the two faces as they are.
        score: of the two faces as they are; higher means the same person.
        model: made the maps.
        window: the rows and columns that were covered, which show the face.
        patches: that covered them.
    """

    faces: ByteArray = field(repr=False)
    maps: Float32Array = field(repr=False)
    verdict: Verdict
    score: float
    model: Embedder = field(repr=False)
    window: Window = field(repr=False)
    patches: Patches = FINE

    def grid(self, cells: int = CELLS) -> FloatArray:
        """The maps as means over `cells` × `cells` parts of each face's window: `[2, cells, cells]`."""
        return cell_means(self.maps, cells, self.window)

    def deletion(self, share: float = 0.2, draws: int = DRAWS, seed: int = 0) -> Deletion:
        """Test the maps: do the cells that they mark move the score further than random cells?

        Args, Raises: see `deletion.deletion_test`.
        """
        return deletion_test(self.model, self.faces, self.maps, share, draws, seed, self.window)

    @property
    def strongest(self) -> float:
        """The largest change of the score in both maps, up or down; it has the fullest colour."""
        return strongest_change(self.maps)

    def seen_face(self, side: int) -> ByteArray:
        """The window of the first face (0) or of the second (1): `[h, w, C]` uint8."""
        return self.faces[(side, *self.window)]

    def overlay(self, side: int, height: int | None = None) -> ByteArray:
        """The window of a face in grey with its map over it: `[h, w, 3]` uint8, RGB.

        Args:
            side: 0 for the first face, 1 for the second.
            height: in pixels; None keeps the model's.
        """
        face, part = self.seen_face(side), self.maps[(side, *self.window)]
        if height is None:
            return overlay(face, part, self.strongest, self.patches)
        return enlarged_overlay(face, part, self.strongest, self.patches, height)

    def draw(self) -> ByteArray:
        """Both faces with their maps, the verdict, and what the colours mean: `[H, W, 3]` uint8, RGB."""
        part = (slice(None), *self.window)
        return draw_maps(self.faces[part], self.maps[part], self.verdict, self.patches)

    def png(self) -> bytes:
        """The drawing as the bytes of a PNG file."""
        return encode_png(self.draw())

    def _repr_html_(self) -> str:
        """The verdict as a sentence and the drawing, which Jupyter shows."""
        from base64 import b64encode

        picture = b64encode(self.png()).decode()
        sentence = self.verdict.explain()
        return (
            f'<p>{sentence}</p><img alt="Both faces with their maps" src="data:image/png;base64,{picture}">'
        )


def explain(
    left: Picture,
    right: Picture,
    model: str | Path | Verifier = "best",
    *,
    faces: Choice = "largest",
    aligned: bool = False,
    progress: ProgressCallback | None = None,
) -> Explanation:
    """Explain the score of two pictures.

    Args:
        left: a path, the bytes of a file, an array or a Pillow image; see `faces.picture.load_picture`.
        right: the other picture, in any of these forms.
        model: the name of a model, a run folder or a file, see `models.load.load_model`; or a loaded verifier.
        faces, aligned: see `Verifier`; a loaded verifier has its own.
        progress: called with (embeddings done, in total).

    Raises:
        ImageError: a picture cannot be read, or is an array of another shape or type.
        FaceNotFoundError, SeveralFacesError: there is no face in a picture, or not the one that is meant.
        ModelError: the model is missing or damaged.
        DivergedError: an embedding is not finite.
    """
    verifier = model if isinstance(model, Verifier) else Verifier(model, faces=faces, aligned=aligned)
    return explain_faces(verifier, verifier.read(left), verifier.read(right), progress=progress)


def explain_faces(
    verifier: Verifier,
    left: AlignedFace,
    right: AlignedFace,
    patches: Patches = FINE,
    progress: ProgressCallback | None = None,
) -> Explanation:
    """Explain the score of two aligned faces.

    Args:
        verifier: with the model.
        left, right: as `Verifier.read` returns them.
        patches: that cover the faces; more of them take longer and show more.
        progress: called with (embeddings done, in total).

    Raises:
        DivergedError: an embedding is not finite.
    """
    began = time.perf_counter()
    record = verifier.record
    faces = np.stack([verifier.prepare_face(left), verifier.prepare_face(right)])
    window = face_window(record.preparation, record.frame)
    score, maps = occlusion_maps(verifier.model, record.score, faces, patches, window, progress)
    verdict = replace(verifier.judge_faces(score, left, right), seconds=round(time.perf_counter() - began, 4))
    return Explanation(faces, maps, verdict, score, verifier.model, window, patches)
