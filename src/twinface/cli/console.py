"""What commands print, and where: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import logging
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from twinface.evaluation.evaluate import Evaluation

_EXTRAS = {
    "torch": "train",
    "safetensors": "train",
    "pytorch_metric_learning": "train",
    "onnx": "train",
    "onnxscript": "train",
    "matplotlib": "train",
    "jinja2": "train",
    "tqdm": "train",
    "pooch": "train",
    "sklearn": "train",
    "tomli_w": "train",
    "filelock": "train",
    "tensorboard": "tensorboard",
    "optuna": "sweep",
    "sqlalchemy": "sweep",
    "ray": "cluster",
    "psycopg": "cluster",
}


def extra_that_brings(module: str) -> str | None:
    """The extra of this package that installs a module, if one does."""
    return _EXTRAS.get(module.partition(".")[0])


def print_json(value: Any) -> None:
    """Prints plain values as one JSON text."""
    print(json.dumps(value, indent=2, allow_nan=False))


def say(message: str) -> None:
    """Prints a message that is not a result."""
    print(message, file=sys.stderr, flush=True)


def log_to_stderr() -> None:
    """Shows the log of `twinface` on stderr as plain lines."""
    log = logging.getLogger("twinface")
    if not log.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(message)s"))
        log.addHandler(handler)
        log.setLevel(logging.INFO)


def print_evaluation(result: Evaluation, as_json: bool) -> None:
    """Prints an evaluation's figures."""
    if as_json:
        print_json(result.summary.to_dict())
    else:
        print(result)
