"""Opens a model for use, whatever its form.

A new form is one class in one file and one line in `FORMS`. What would have to be unpickled has no line here: torch's
own loader of `.pt2` files (`torch.export.load`) unpickles weights that say so and, where its safe way fails, all else.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from twinface.models.model_file import ModelFile, find_model
from twinface.models.onnx_model import OnnxModel
from twinface.models.openvino_model import OpenvinoModel

FORMS: dict[str, Callable[[Path, int | None], ModelFile]] = {".onnx": OnnxModel, ".xml": OpenvinoModel}


def load_model(place: str | Path, threads: int | None = None) -> ModelFile:
    """The model at a place.

    Args:
        place: a run folder, a model file, or the name of a model that comes with Twinface.
        threads: for the runtime; None takes all cores.

    Raises:
        ModelError: missing, damaged, not Twinface's, or a pickle.
        ModuleNotFoundError: the runtime that the file needs is not installed.
    """
    path = find_model(place)
    # Any other name is looked into as ONNX, whose loader says what it found.
    return FORMS.get(path.suffix.lower(), OnnxModel)(path, threads)


def load_for_threads(place: str | Path) -> ModelFile:
    """The model at a place, for many threads that call it at once, each with a batch.

    ONNX Runtime then computes each call in its caller's thread; OpenVINO shares its own threads among the calls.

    Args, Raises: see `load_model`.
    """
    path = find_model(place)
    return load_model(path, None if path.suffix.lower() == ".xml" else 1)
