"""The files in a folder of embeddings.

* `pictures.txt`: the pictures, one per line. Row i of the embeddings belongs to line i.
* `embeddings.npy`: `[N, D]` float32. The row of a picture that could not be read is NaN.
* `failed.jsonl`: the pictures that could not be read, with the reason.
* `about.json`: how many pictures, which model, and how its embeddings are compared.

Until all pictures are embedded, the rows so far are in `embeddings.part`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from twinface.core.errors import DataError
from twinface.core.storage import write_json

LIST, ROWS, UNFINISHED, FAILED, ABOUT = (
    "pictures.txt",
    "embeddings.npy",
    "embeddings.part",
    "failed.jsonl",
    "about.json",
)


@dataclass(frozen=True)
class About:
    """The content of `about.json`.

    Attributes:
        model: its name.
        model_sha256: of the model's file.
        length: D, of an embedding.
        distance, distance_parameters: how two embeddings are compared, see `models.distances`.
        threshold: the fields of `models.decision.Threshold`.
        pictures: N.
        pictures_sha256: of `pictures.txt`.
        failed: how many pictures could not be read, or None while there are pictures left to embed.
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
        return About(**json.loads(place.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise DataError(
            f"{place}: cannot be read ({error}), need one that `twinface embed` wrote; name another folder"
        ) from error
