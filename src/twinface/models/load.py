"""Loads a model for use."""

from __future__ import annotations

from pathlib import Path

from twinface.core.errors import ModelError
from twinface.models.catalog import find_model, is_name, open_named
from twinface.models.derived_model import DerivedModel, read_derived
from twinface.models.embedder import LoadedModel
from twinface.models.onnx_model import OnnxModel
from twinface.models.pretrained.own_network import open_described


def load_model(place: str | Path, threads: int | None = None) -> LoadedModel:
    """The model at a place.

    Args:
        place: the name of a model (see `catalog.NAMED_MODELS`; "best" is the best one that is installed), a run folder,
            its model folder, an ONNX file that Twinface wrote, a calibrated model (.json), or the description of a
            network of other makers (.toml).
        threads: of ONNX Runtime for one call; None takes all cores that this process may use. Take 1 where many
            threads of your own call the model at once: each call is then computed in its caller's thread.

    Raises:
        ModelError: there is no model, its weights are not installed, or a file is damaged, a pickle, or not made by
            Twinface.
    """
    if is_name(place):
        return open_named(str(place), threads)
    file = find_model(place)
    if file.suffix == ".toml":
        return open_described(file, threads)
    if file.suffix == ".json":
        return _open_derived(file, threads)
    return OnnxModel(file, threads)


def _open_derived(file: Path, threads: int | None) -> DerivedModel:
    found = read_derived(file)
    place: str | Path = found.base if is_name(found.base) else file.resolve().parent / found.base
    if isinstance(place, Path) and place.suffix == ".json":
        raise ModelError(f"{file}: is based on another calibrated model, {found.base}: calibrate its base")
    base = load_model(place, threads)
    if base.fingerprint != found.fingerprint:
        raise ModelError(
            f"{file}: was calibrated for other weights of {found.base} than those that are there now: calibrate again"
        )
    return DerivedModel(base, found.record, found.shift, place)
