"""Loads a model for use."""

from __future__ import annotations

from pathlib import Path

from twinface.models.catalog import find_model
from twinface.models.onnx_model import OnnxModel


def load_model(place: str | Path, threads: int | None = None) -> OnnxModel:
    """The model at a place.

    Args:
        place: a run folder, its model folder, an ONNX file, or the name of a model that comes with Twinface.
        threads: of ONNX Runtime for one call; None takes all cores that this process may use. Take 1 where many
            threads of your own call the model at once: each call is then computed in its caller's thread.

    Raises:
        ModelError: there is no model, or the file is damaged, a pickle, or not made by Twinface.
    """
    return OnnxModel(find_model(place), threads)
