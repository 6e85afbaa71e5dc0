"""Small photos with known faces: pictures of LFW-a side by side, and photos without a face."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import twinface.models

SHIPPED = Path(twinface.models.__file__).parent / "shipped" / "default.onnx"
PEOPLE = ("Aaron_Eckhart", "AJ_Cook", "AJ_Lamas", "Aaron_Peirsol", "Abdullah", "Adam_Sandler")


def write_photo(target: Path, lfw: Path, *people: str, scale: float = 1.0) -> None:
    """One face beside the other, the first the largest.

    Args:
        target: the picture to write.
        lfw: the folder that holds lfwa.
        *people: the face's owner, as "Adam_Sandler" or "Adam_Sandler/2" for the second picture.
        scale: of the whole photo.
    """
    frames = []
    for place, person in enumerate(people):
        name, _, number = person.partition("/")
        frame = cv2.imread(str(lfw / "lfwa" / name / f"{name}_{int(number or 1):04}.jpg"))
        # Each is smaller than the one before, so that their order by size is known.
        smaller = cv2.resize(frame, None, fx=0.8**place, fy=0.8**place, interpolation=cv2.INTER_AREA)
        frames.append(cv2.copyMakeBorder(smaller, 0, 250 - len(smaller), 0, 0, cv2.BORDER_CONSTANT))
    target.parent.mkdir(parents=True, exist_ok=True)
    photo = np.hstack(frames)
    if scale != 1:
        photo = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(target), photo)


def write_faceless(target: Path) -> None:
    """A photo of nothing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(target), np.full((120, 160, 3), 90, np.uint8))


def write_photo_folder(root: Path, lfw: Path) -> Path:
    """A folder with a photo of each of the people, one of two, one without a face, and one that is damaged."""
    for number, person in enumerate(PEOPLE):
        write_photo(root / "a" / f"{number}.jpg", lfw, person)
    write_photo(root / "two faces.jpg", lfw, PEOPLE[0], PEOPLE[1])
    write_faceless(root / "nobody.png")
    (root / "damaged.jpg").write_bytes(b"\xff\xd8 no picture")
    return root


def read_table(path: Path) -> list[dict[str, Any]]:
    """The rows of a CSV or of JSON lines."""
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            return list(csv.DictReader(file))
    return [json.loads(line) for line in path.read_text().splitlines()]
