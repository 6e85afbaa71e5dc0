"""Which faces the detector finds: LFW, turned LFW, ORL, raw photos and group photos.

    python benchmarks/detection.py --lfw FOLDER --photos FOLDER

`--lfw` is the folder that holds lfwa. `--photos` holds the folders `deepface` (photos of a peer's tests, each with a
face) and `groups` (group photos with an XML file of their faces' boxes); leave it out if you have neither.
"""

from __future__ import annotations

import argparse
import platform
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from twinface.core.threads import map_in_order
from twinface.core.types import ByteArray
from twinface.datasets.load import load_dataset
from twinface.faces.choose import central_face
from twinface.faces.detect import DetectedFace, FaceDetector
from twinface.faces.picture import load_picture

SAMPLE, SEED = 1000, 0
LEAST_OVERLAP = (
    0.25  # of a found and a marked box, as intersection over union; dlib's boxes are drawn otherwise
)


def main() -> None:  # noqa: D103
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lfw", type=Path)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--sample", type=int, default=SAMPLE, help="pictures of LFW that are turned")
    arguments = parser.parse_args()
    detector = FaceDetector()
    print(f"OpenCV {cv2.__version__}, {platform.machine()}")
    if arguments.lfw:
        lfw = load_dataset("lfw", arguments.lfw).faces()
        paths = [lfw.root / path for path in lfw.paths]
        report_found("LFW", paths, detector)
        report_turned(paths, detector, arguments.sample)
    orl = load_dataset("orl").faces()
    report_found("ORL", [orl.root / path for path in orl.paths], detector)
    if arguments.photos:
        report_found("deepface photos", sorted((arguments.photos / "deepface").glob("*.jpg")), detector)
        report_groups(arguments.photos / "groups", detector)


def report_found(name: str, paths: Sequence[Path], detector: FaceDetector) -> None:
    """In how many pictures a face is found; how many have several, and where the largest is not the central one."""
    faces = list(map_in_order(partial(find, detector=detector), paths))
    missed = [path.name for path, (found, _) in zip(paths, faces, strict=True) if not found]
    several = sum(len(found) > 1 for found, _ in faces)
    other = sum(bool(found) and central is not found[0] for found, central in faces)
    turned = sum(central is not None and central.turn != 0 for _, central in faces)
    scores = np.array([central.score for _, central in faces if central])
    print(f"{name}: a face in {len(paths) - len(missed):,} of {len(paths):,} pictures, missed: {missed[:5]}")
    print(f"  several faces in {several:,}; the largest is not the central one in {other:,}")
    print(f"  found sideways or upside down: {turned:,}; score below .9: {(scores < 0.9).mean():.1%}")


def find(path: Path, detector: FaceDetector) -> tuple[tuple[DetectedFace, ...], DetectedFace | None]:
    """All faces of a picture, and the one near its middle."""
    pixels = load_picture(path, "rgb")
    faces = detector.find(pixels)
    return faces, central_face(faces, *pixels.shape[:2])


def report_turned(paths: Sequence[Path], detector: FaceDetector, sample: int) -> None:
    """How many pictures are found upright again after a turn by 90, 180 and 270 degrees."""
    order = np.random.default_rng(SEED).permutation(len(paths))[:sample]
    changes: dict[str, Callable[[ByteArray], ByteArray]] = {
        "as they are": lambda pixels: pixels,
        "reduced to 64 pixels": lambda pixels: np.asarray(
            cv2.resize(pixels, (64, 64), interpolation=cv2.INTER_AREA), np.uint8
        ),
    }
    for name, change in changes.items():
        work = partial(turns_found, detector=detector, change=change)
        right = np.array(list(map_in_order(work, (paths[number] for number in order))))
        shares = ", ".join(
            f"{turn}: {share:.4f}" for turn, share in zip((90, 180, 270), right.mean(axis=0), strict=True)
        )
        print(f"LFW turned, {len(order):,} pictures {name}, upright again: {shares}")


def turns_found(path: Path, detector: FaceDetector, change: Callable[[ByteArray], ByteArray]) -> list[bool]:
    """Whether the face near the middle is found upright after each of three turns."""
    pixels = change(load_picture(path, "rgb"))
    right = []
    for turn in (90, 180, 270):
        turned = np.ascontiguousarray(np.rot90(pixels, turn // 90))
        face = central_face(detector.find(turned), *turned.shape[:2])
        right.append(face is not None and face.turn == turn)
    return right


def report_groups(folder: Path, detector: FaceDetector) -> None:
    """Marked faces that are found, and boxes where no face is marked, also in reduced and enlarged photos."""
    photos = list(group_photos(folder))
    for scale in (0.25, 0.5, 1.0, 2.0, 4.0):
        found = wrong = 0
        for pixels, boxes in photos:
            method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
            photo = (
                cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=method) if scale != 1 else pixels
            )
            left_over = [face.box for face in detector.find(np.asarray(photo, np.uint8))]
            for box in boxes:
                place = tuple(scale * side for side in box)
                best = max(left_over, key=lambda each: overlap(each, place), default=None)
                if best is not None and overlap(best, place) > LEAST_OVERLAP:
                    found += 1
                    left_over.remove(best)
            wrong += len(left_over)
        marked = sum(len(boxes) for _, boxes in photos)
        print(f"groups x {scale:g}: {found} of {marked} faces, {wrong} boxes without a marked face")


def group_photos(folder: Path) -> Iterator[tuple[ByteArray, list[tuple[float, ...]]]]:
    """Each group photo, with the boxes (left, top, width, height) of its faces."""
    for file in sorted(folder.glob("*.xml")):
        for image in ET.parse(file).getroot().iter("image"):
            boxes = [
                tuple(float(box.attrib[name]) for name in ("left", "top", "width", "height"))
                for box in image.iter("box")
            ]
            yield load_picture(folder / image.attrib["file"], "rgb"), boxes


def overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two boxes."""
    across = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    down = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(0.0, across) * max(0.0, down)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


if __name__ == "__main__":
    main()
