"""A network of other makers that a description file names: any ONNX file from a face to an embedding."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from twinface import __version__
from twinface.core.errors import ModelError
from twinface.core.storage import sha256_of
from twinface.faces.frame import STANDARD_FRAME
from twinface.models.decision import Calibration, Threshold
from twinface.models.pretrained.description import NetworkDescription, read_description
from twinface.models.pretrained.network import PretrainedNetwork, Run, onnx_runner
from twinface.models.provenance import Provenance, new_salt
from twinface.models.record import ModelRecord

NOT_FITTED = "nothing yet"


def open_described(path: Path, threads: int | None = None) -> PretrainedNetwork:
    """The network that a description names, with cosine scores and no threshold yet.

    Args:
        path: the description, a TOML file.
        threads: of ONNX Runtime for one call; None takes all cores that this process may use.

    Raises:
        ModelError: the description or the network cannot be read, or they do not fit each other.
    """
    description = read_description(path)
    weights = path.parent / description.file
    run = onnx_runner(weights, threads)
    record = _record(description, _embedding_size(description, run))
    return PretrainedNetwork(
        record, description, run, sha256_of(weights), *description.unusual, threads_may_share=True
    )


def _embedding_size(description: NetworkDescription, run: Run) -> int:
    """The length of an embedding, from the embedding of a gray picture."""
    channels = 1 if description.channels == "gray" else 3
    shape = (1, description.height, description.width, channels)
    if description.layout == "NCHW":
        shape = (1, channels, description.height, description.width)
    embeddings = run(np.zeros(shape, np.float32))
    if embeddings.shape[0] != 1 or embeddings.shape[1] < 2:
        raise ModelError(
            f"{description.file}: returned an array of shape {embeddings.shape} for one face, need [1, D]"
        )
    return int(embeddings.shape[1])


def _record(description: NetworkDescription, size: int) -> ModelRecord:
    return ModelRecord(
        name=description.name,
        preparation=description.preparation,
        layout="the standard frame, 250x250",
        embedding_size=size,
        distance="cosine",
        distance_parameters={"scale": np.ones((), np.float32), "bias": np.zeros((), np.float32)},
        threshold=Threshold(0.0, NOT_FITTED),
        calibration=Calibration(0.0, 0.0, NOT_FITTED),
        provenance=Provenance(new_salt(), frozenset(), frozenset(), description.training_data, NOT_FITTED),
        settings={},
        seed=0,
        made_by={"twinface": __version__},
        frame=STANDARD_FRAME,
    )
