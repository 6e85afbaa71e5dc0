"""What commands print, and where: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO, cast

from twinface.core.formatting import printable

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
    "psycopg": "postgres",
    "dlib": "dlib",
    "pillow_heif": "heic",
    "cryptography": "encryption",
    "fastapi": "serve",
    "uvicorn": "serve",
    "python_multipart": "serve",
    "prometheus_client": "serve",
    "httpx": "serve",
}


def extra_that_brings(module: str) -> str | None:
    """The extra of this package that installs a module, if one does."""
    return _EXTRAS.get(module.partition(".")[0])


def print_json(value: Any) -> None:
    """Prints plain values as one JSON text."""
    print(json.dumps(value, indent=2, allow_nan=False))


def say(message: str) -> None:
    """Prints a message that is not a result."""
    print(printable(message), file=sys.stderr, flush=True)


class _PrintableLines(logging.Formatter):
    """The message alone, with control characters escaped."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


class _PrintableOutput:
    """A text stream that escapes control characters, and is the stream itself in all else."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(printable(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def printable_stdout() -> Iterator[None]:
    """Escapes control characters in whatever is printed to stdout, so that no command has to think of it."""
    before = sys.stdout
    if before is not None:
        sys.stdout = cast("TextIO", _PrintableOutput(before))
    try:
        yield
    finally:
        sys.stdout = before


def log_to_stderr() -> None:
    """Shows the log of `twinface` on stderr as plain lines."""
    log = logging.getLogger("twinface")
    if not log.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_PrintableLines("%(message)s"))
        handler.addFilter(lambda record: not hasattr(record, "file_only"))
        log.addHandler(handler)
        log.setLevel(logging.INFO)


def print_evaluation(result: Evaluation, as_json: bool) -> None:
    """Prints an evaluation's figures."""
    if as_json:
        print_json(result.summary.to_dict())
    else:
        print(result)
