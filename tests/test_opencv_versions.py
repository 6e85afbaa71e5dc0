"""The oldest OpenCV that Twinface allows finds the same faces and embeds them alike."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import twinface
from twinface.faces.detect import YUNET
from twinface.models.pretrained.sface import SFACE

OLDEST = "4.11.0.86"
SOURCE = Path(twinface.__file__).parents[1]
CODE = """
import json, sys, cv2, numpy as np
from twinface.faces.align import align
from twinface.faces.detect import FaceDetector
from twinface.faces.frame import ARCFACE_FRAME
from twinface.faces.picture import load_picture
from twinface.models.pretrained.network import opencv_runner
from twinface.models.pretrained.sface import SFACE
detector, run = FaceDetector(), opencv_runner(SFACE.find(), "data")
rows = []
for path in sys.argv[1:]:
    photo = load_picture(path, "rgb")
    (face,) = detector.find(photo)
    pixels = align(photo, face.landmarks, ARCFACE_FRAME).astype(np.float32).transpose(2, 0, 1)
    rows.append([face.turn, face.landmarks.tolist(), run(np.ascontiguousarray(pixels[None]))[0].tolist()])
print(json.dumps([cv2.__version__, rows]))
"""


def found_by(python: Path, weights: Path, photos: list[Path]) -> tuple[str, list[Any]]:
    """OpenCV's version, and what this Python finds in each photo: (turn, landmarks, embedding)."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "TWINFACE_WEIGHTS": str(weights)}
    run = subprocess.run(
        [python, "-c", CODE, *photos], capture_output=True, text=True, env=environment, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
    version, rows = json.loads(run.stdout)
    return version, rows


@pytest.mark.slow
def test_the_oldest_and_the_installed_opencv_agree(real_lfw: Path, tmp_path: Path) -> None:
    """Landmarks to a hundredth of a pixel, embeddings to a cosine of .999; small, large and turned photos."""
    venv.create(tmp_path / "venv", with_pip=True)
    old = tmp_path / "venv" / "bin" / "python"
    install = [old, "-m", "pip", "install", "--quiet", f"opencv-python-headless=={OLDEST}"]
    if subprocess.run(install, capture_output=True, check=False).returncode:
        pytest.skip(f"OpenCV {OLDEST} cannot be installed: no package index, or no wheel for this machine")
    weights = tmp_path / "weights"
    weights.mkdir()
    for file in (YUNET, SFACE):
        shutil.copy(file.find(), weights / file.name)
    photos = []
    for number, name in enumerate(("Aaron_Eckhart", "Abdullah", "Adam_Sandler", "AJ_Cook")):
        frame = cv2.imread(str(real_lfw / "lfwa" / name / f"{name}_0001.jpg"))
        side = (48, 250, 900, 2500)[number]
        photo = np.rot90(cv2.resize(frame, (side, side), interpolation=cv2.INTER_AREA), number)
        photos.append(tmp_path / f"{name}.png")
        cv2.imwrite(str(photos[-1]), photo)
    version, before = found_by(old, weights, photos)
    assert version.startswith("4.11.")
    _, now = found_by(Path(sys.executable), weights, photos)
    for (turn, landmarks, embedding), (turn_now, landmarks_now, embedding_now) in zip(
        before, now, strict=True
    ):
        assert turn == turn_now
        assert np.abs(np.subtract(landmarks, landmarks_now)).max() < 0.01 * max(
            1, max(map(max, landmarks)) / 250
        )
        a, b = np.array(embedding), np.array(embedding_now)
        assert a @ b / np.linalg.norm(a) / np.linalg.norm(b) > 0.999
