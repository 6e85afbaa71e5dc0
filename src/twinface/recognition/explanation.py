"""Explains a score: which regions of two faces speak for "same", and which speak against it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from twinface.core.types import ByteArray, Float32Array, FloatArray
from twinface.faces.picture import Picture
from twinface.models.embedder import Embedder
from twinface.recognition.deletion import CELLS, DRAWS, Deletion, cell_means, deletion_test
from twinface.recognition.map_drawing import draw_maps, encode_png
from twinface.recognition.occlusion import occlusion_maps
from twinface.recognition.verdict import Verdict
from twinface.recognition.verifier import Verifier


@dataclass(frozen=True, eq=False)
class Explanation:
    """Which regions of two faces speak for "same", and which speak against it.

    Attributes:
        faces: `[2, H, W, C]` uint8, as the model got them.
        maps: `[2, H, W]` float32, how far the score falls when a patch covers the pixel (see `occlusion`). Above 0: the
            region speaks for "same". Below 0: it speaks against it.
        verdict: on the two faces as they are.
        score: of the two faces as they are; higher means the same person.
        model: made the maps.
    """

    faces: ByteArray = field(repr=False)
    maps: Float32Array = field(repr=False)
    verdict: Verdict
    score: float
    model: Embedder = field(repr=False)

    def grid(self, cells: int = CELLS) -> FloatArray:
        """The maps as means over `cells` × `cells` parts of each face: `[2, cells, cells]`."""
        return cell_means(self.maps, cells)

    def deletion(self, share: float = 0.2, draws: int = DRAWS, seed: int = 0) -> Deletion:
        """Test the maps: do the cells that they mark move the score further than random cells?

        Args, Raises: see `deletion.deletion_test`.
        """
        return deletion_test(self.model, self.faces, self.maps, share, draws, seed)

    def draw(self) -> ByteArray:
        """Both faces with their maps, the verdict, and what the colours mean: `[H, W, 3]` uint8, RGB."""
        return draw_maps(self.faces, self.maps, self.verdict)

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


def explain(left: Picture, right: Picture, model: str | Path | Verifier = "best") -> Explanation:
    """Explain the score of two pictures.

    Args:
        left: a path, the bytes of a file, an array or a Pillow image; see `faces.picture.load_picture`.
        right: the other picture, in any of these forms.
        model: a run folder, an ONNX file, the name of a model that comes with Twinface, or a loaded verifier.

    Raises:
        ImageError: a picture cannot be read, or is an array of another shape or type.
        ModelError: the model is missing or damaged.
        DivergedError: an embedding is not finite.
    """
    verifier = model if isinstance(model, Verifier) else Verifier(model)
    began = time.perf_counter()
    faces = np.stack([verifier.prepare(left), verifier.prepare(right)])
    score, maps = occlusion_maps(verifier.model, verifier.record.score, faces)
    verdict = replace(verifier.judge(score), seconds=round(time.perf_counter() - began, 4))
    return Explanation(faces, maps, verdict, score, verifier.model)
