"""The files in a folder of embeddings.

* `pictures.txt`: the pictures, one per line.
* `embeddings.npy`: `[N, D]` float32. One row a picture, or one a face. The row of a picture that could not be used is
  NaN, so that every picture has at least one row.
* `faces.csv`: its line i + 1 (after the line of columns) says which face row i belongs to; see `face_table`. Pictures
  that were taken as they are have no such file: their row i belongs to line i of `pictures.txt`, as it also does where
  one face a picture was taken.
* `failed.jsonl`: the pictures that could not be used, with the reason.
* `about.json`: how many pictures, which model, which faces, and how the embeddings are compared.

Until all pictures are embedded, the rows so far are in `embeddings.part`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from twinface.core.errors import DataError
from twinface.core.storage import write_json

LIST, ROWS, UNFINISHED, FAILED, FACES, ABOUT = (
    "pictures.txt",
    "embeddings.npy",
    "embeddings.part",
    "failed.jsonl",
    "faces.csv",
    "about.json",
)
# Which faces of a picture have a row: the largest one, its only one (a picture with several is refused), all of them,
# or the whole picture as it is.
Faces = Literal["largest", "one", "all", "aligned"]


@dataclass(frozen=True)
class About:
    """The content of `about.json`.

    Attributes:
        model: its name.
        model_sha256: its fingerprint, see `models.embedder.LoadedModel`; for an ONNX file its SHA-256.
        length: D, of an embedding.
        distance, distance_parameters: how two embeddings are compared, see `models.distances`.
        threshold: the fields of `models.decision.Threshold`.
        pictures: the number of pictures.
        pictures_sha256: of `pictures.txt`.
        failed: how many pictures could not be used, or None while there are pictures left to embed.
        faces: which faces have a row. Folders of 0.2 and before do not say it; their pictures were taken as they are.
        detector_sha256: of the weights that found the faces, or None.
        rows: N, or None while there are pictures left to embed.
    """

    model: str
    model_sha256: str
    length: int
    distance: str
    distance_parameters: dict[str, Any]
    threshold: dict[str, Any]
    pictures: int
    pictures_sha256: str
    failed: int | None = None
    faces: Faces = "aligned"
    detector_sha256: str | None = None
    rows: int | None = None

    def write(self, folder: Path) -> None:
        """Write `about.json` into a folder.

        Raises:
            StorageError: the folder cannot be written.
        """
        write_json(folder / ABOUT, asdict(self))


def read_about(folder: Path) -> About | None:
    """The `about.json` of a folder, or None if there is none.

    Raises:
        DataError: the file is damaged, or is not one that Twinface wrote.
    """
    place = folder / ABOUT
    if not place.exists():
        return None
    try:
        about = About(**json.loads(place.read_text()))
        if about.faces not in get_args(Faces):
            raise ValueError(f"faces {about.faces!r}, need one of {', '.join(get_args(Faces))}")
        return about
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise DataError(
            f"{place}: cannot be read ({error}), need one that `twinface embed` wrote; name another folder"
        ) from error
