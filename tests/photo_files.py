"""Small photos with known faces: pictures of LFW-a side by side, and photos without a face."""

from __future__ import annotations

from pathlib import Path

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
