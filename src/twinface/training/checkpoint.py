"""A checkpoint: the form of a model that training can continue from, as safetensors weights and a JSON record."""

from __future__ import annotations

import json
from pathlib import Path

from twinface.core.errors import ModelError
from twinface.core.settings import settings_from
from twinface.core.storage import json_bytes, write_files
from twinface.models.catalog import is_name
from twinface.models.record import ModelRecord
from twinface.networks.build import build_network
from twinface.networks.projections import empty_projection
from twinface.networks.score_normalisation import empty_score_normalisation
from twinface.networks.siamese import SiameseNetwork
from twinface.training.state_file import Tensors, pack_tensors, read_tensors

WEIGHTS, RECORD = "twin.safetensors", "twin.json"
_RENAMED_TENSORS = {"shift.root": "score_normalisation.root"}  # names of earlier versions


def save_checkpoint(folder: Path, weights: Tensors, record: ModelRecord) -> None:
    """Writes weights and record into a folder.

    Args:
        folder: the run's model folder.
        weights: of the whole network, by name.
        record: of the model.

    Raises:
        StorageError: a file cannot be written; the files that were there are unchanged.
    """
    packed = pack_tensors(WEIGHTS, weights, {"name": record.name})
    write_files({folder / WEIGHTS: packed, folder / RECORD: json_bytes(json.loads(record.to_json()))})


def _no_start(name: str) -> str:
    """Why training cannot begin with a named model, and what can be done."""
    instead = "--recipe sface, which begins with the weights of SFace"
    if name not in ("sface", "sface-dlib", "dlib", "best"):
        instead = f"--recipe {name}, which fits the same kind of model to your people, or {instead}"
    return (
        f"--start-from {name}: the model {name} comes without the weights that training goes on from. Leave "
        f"--start-from out, and use {instead}"
    )


def load_checkpoint(place: Path | str) -> tuple[SiameseNetwork, ModelRecord]:
    """Reads what `save_checkpoint` wrote.

    Args:
        place: a run folder, or its model folder.

    Returns:
        The network, on the CPU and in evaluation mode, and the model's record.

    Raises:
        ModelError: a file is missing or damaged, or the weights do not fit the record or this version's networks.
    """
    if is_name(str(place)) and not Path(place).exists():
        raise ModelError(_no_start(str(place)))
    place = Path(place)
    folder = next((path for path in (place / "model", place) if (path / WEIGHTS).is_file()), None)
    if folder is None:
        raise ModelError(f"{place}: found no {WEIGHTS}; need a run folder whose training has ended")
    try:
        text = (folder / RECORD).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{folder / RECORD}: cannot be read ({error})") from error
    record = ModelRecord.from_json(text, str(folder / RECORD))
    settings = settings_from(record.settings, str(folder / RECORD))
    network = build_network(settings.network, settings.imaging)
    tensors, _ = read_tensors(folder / WEIGHTS)
    tensors = {_RENAMED_TENSORS.get(name, name): tensor for name, tensor in tensors.items()}
    network.projection = empty_projection(tensors, network.backbone.weights)
    network.score_normalisation = empty_score_normalisation(tensors, settings.score_normalisation)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise ModelError(f"{folder / WEIGHTS}: does not fit {RECORD} beside it ({error})") from error
    parts = network.backbone.parts
    if network.projection and tuple(network.projection.sizes) != parts:
        maker = record.made_by.get("twinface", "an older version")
        raise ModelError(
            f"{folder / WEIGHTS}: made by Twinface {maker}, whose network gave {network.projection.sizes} numbers "
            f"where this one's gives {list(parts)}; train it again (its {folder / 'model.onnx'} can still be used)"
        )
    return network.eval(), record
