"""Loads a model for use."""

from __future__ import annotations

from pathlib import Path

from twinface.models.catalog import find_model, is_name, open_named
from twinface.models.embedder import LoadedModel
from twinface.models.onnx_model import OnnxModel
from twinface.models.pretrained.own_network import open_described


def load_model(place: str | Path, threads: int | None = None) -> LoadedModel:
    """The model at a place.

    Args:
        place: the name of a model (see `catalog.NAMED_MODELS`; "best" is the best one that is installed), a run folder,
            its model folder, an ONNX file that Twinface wrote, or the description of a network of other makers (.toml).
        threads: of ONNX Runtime for one call; None takes all cores that this process may use. Take 1 where many
            threads of your own call the model at once: each call is then computed in its caller's thread.

    Raises:
        ModelError: there is no model, its weights are not installed, or a file is damaged, a pickle, or not made by
            Twinface.
    """
    if is_name(place):
        return open_named(str(place), threads)
    file = find_model(place)
    return open_described(file, threads) if file.suffix == ".toml" else OnnxModel(file, threads)
