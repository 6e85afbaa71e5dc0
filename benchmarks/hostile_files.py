"""Hostile model files, as a stranger might send them: records, graphs, damaged bytes, pickles, run folders."""

from __future__ import annotations

import json
import os
import pickle
import random
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hostile_graphs import LENGTH, SIDE, graphs, plain

import twinface
from twinface.models.checksum import with_checksum
from twinface.models.onnx_model import RECORD_KEY, OnnxModel

SHIPPED = Path(twinface.__file__).parent / "models" / "shipped" / "default.onnx"
SUFFIXES = (
    "onnx", "pt", "pth", "pt2", "pkl", "pickle", "joblib", "npy", "npz", "ckpt", "h5", "bin", "pb", "xml", "toml",
    "safetensors", "json", "ort", "txt", "",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A hostile file.

    Attributes:
        kind, name: what it is.
        write: writes it into a new folder; returns the path to load.
        command: of `twinface`, to be called with the path; None loads it by `load_model`.
        run: command, file and bytes of a run folder, for `HostileRuns.call`.
    """

    kind: str
    name: str
    write: Callable[[Path], Path] = lambda folder: folder
    command: str | None = None
    run: tuple[str, str, bytes] | None = None


class Payload:
    """A pickle of it makes a file where it is loaded."""

    def __init__(self, marker: Path) -> None:
        self.marker = str(marker)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch '{self.marker}'",)


def cases(drawn: random.Random, marker: Path) -> Iterator[Case]:
    """All cases."""
    record = tiny_record()
    yield from _records(record, drawn)
    for name, model in graphs():
        yield Case("graph", name, _file(_sealed(model.SerializeToString(), record)))
    yield from _damaged_bytes(record, drawn)
    yield from _no_models(marker)
    yield from _commands(record, marker)
    from hostile_runs import damages

    harm = pickle.dumps(Payload(marker), 2), _numpy_objects(marker)
    for command, file, name, data in damages(*harm):
        yield Case("run folder", f"{command}, {name} in {file}", run=(command, file, data))


def tiny_record() -> dict[str, Any]:
    """The shipped model's record, of a model of `hostile_graphs`."""
    values: dict[str, Any] = json.loads(OnnxModel(SHIPPED).record.to_json())
    values["preparation"].update(height=SIDE, width=SIDE)
    values["provenance"].update(trained=[], tuned=[])
    return {**values, "embedding_size": LENGTH}


def _sealed(model: bytes, record: Any) -> bytes:
    """A serialised model with a record in its metadata and a right checksum."""
    return with_checksum(_recorded(model, record))


def _recorded(model: bytes, record: Any) -> bytes:
    text = record if isinstance(record, str) else json.dumps(record)
    entry = _field(1, RECORD_KEY.encode()) + _field(2, text.encode("utf-8", "surrogatepass"))
    return model + _field(14, entry)


def _field(number: int, data: bytes) -> bytes:
    """A field of bytes of a protobuf message."""
    size, length = len(data), b""
    while size > 127:
        size, length = size >> 7, length + bytes([size & 127 | 128])
    return bytes([number << 3 | 2]) + length + bytes([size]) + data


def _file(data: bytes, name: str = "model.onnx") -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
        return folder / name

    return write


def _records(record: dict[str, Any], drawn: random.Random) -> Iterator[Case]:
    odd: list[Any] = [
        None, True, -1, 0, 2**70, 10**400, 1e999, float("nan"), "", "x", "\ud800", "\x1b[2J", [], [1], {}, {"a": {}},
        "A" * 100_000,
    ]  # fmt: skip
    model = plain().SerializeToString()
    places = list(_places(record))
    for place in places:
        for value in drawn.sample(odd, 4):
            damaged = json.loads(json.dumps(record))
            inner = damaged
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = value
            name = f"{'.'.join(place)} = {str(value)[:20]!r}"
            yield Case("record", name, _file(_sealed(model, json.dumps(damaged))))
    texts = {
        "null": "null",
        "a list": "[]",
        "no JSON": "{",
        "empty": "",
        "deep list": "[" * 200_000,
        "deep object": '{"settings":' * 50_000,
        "long number": '{"seed":' + "9" * 1_000_000 + "}",
        "long text": '{"name":"' + "a" * 40_000_000 + '"}',
        "many people": json.dumps(
            {**record, "provenance": {**record["provenance"], "trained": ["0" * 16] * 400_000}}
        ),
    }
    for name, text in texts.items():
        yield Case("record", name, _file(_sealed(model, text)))


def _places(values: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in values.items():
        yield (*above, key)
        if isinstance(value, dict) and key not in ("settings", "made_by"):
            yield from _places(value, (*above, key))


def _damaged_bytes(record: dict[str, Any], drawn: random.Random) -> Iterator[Case]:
    """Some bytes of a right model are others, and its checksum is right again."""
    shipped = SHIPPED.read_bytes()[: -len(with_checksum(b""))]
    small = _recorded(plain().SerializeToString(), record)
    for number in range(150):
        whole = bytearray(small)
        # The graph is in the first kilobyte, the record is behind it.
        for _ in range(drawn.randint(1, 5)):
            whole[drawn.randrange(900 if number % 2 else len(whole))] = drawn.randrange(256)
        yield Case("damaged bytes", f"small {number}", _file(with_checksum(bytes(whole))))
    for number in range(30):
        whole = bytearray(shipped)
        for _ in range(drawn.randint(1, 50)):
            whole[drawn.randrange(len(whole))] = drawn.randrange(256)
        yield Case("damaged bytes", f"shipped {number}", _file(with_checksum(bytes(whole))))
    for number in range(20):
        cut = shipped[: drawn.randrange(len(shipped))]
        yield Case("damaged bytes", f"cut {number}", _file(with_checksum(cut)))


def _no_models(marker: Path) -> Iterator[Case]:
    harm = pickle.dumps(Payload(marker), 2)
    array = _numpy_objects(marker)
    for suffix in SUFFIXES:
        name = f"model.{suffix}" if suffix else "model"
        yield Case("pickle", name, _file(harm, name))
        yield Case("pickle", f"{name}, protocol 0", _file(pickle.dumps(Payload(marker), 0), name))
        yield Case(
            "pickle", f"{name} in a torch archive", lambda folder, name=name: _archive(folder / name, harm)
        )  # type: ignore[misc]
        yield Case("pickle", f"{name} as a NumPy array", _file(array, name))
        yield Case("pickle", f"{name} with a checksum", _file(with_checksum(harm), name))
    for name, data in {
        "empty": b"",
        "zeros": bytes(1 << 20),
        "noise": np.random.default_rng(0).bytes(1 << 16),
        "XML": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><net>&b;</net>',
        "flatbuffers": b"\x20\x00\x00\x00ORTM" + bytes(100),
        "safetensors": b"\xff" * 8 + b"{}",
        "many fields": b"\x08\x01" * 10_000_000,
    }.items():
        yield Case("no model", name, _file(data))
        yield Case("no model", f"{name}, with a checksum", _file(with_checksum(data)))


def _numpy_objects(marker: Path) -> bytes:
    with tempfile.TemporaryFile() as file:
        np.save(file, np.array([Payload(marker)], dtype=object), allow_pickle=True)
        file.seek(0)
        return file.read()


def _archive(path: Path, data: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", data)
    return path


def _commands(record: dict[str, Any], marker: Path) -> Iterator[Case]:
    """Files as a shell meets them: in run folders, and by `verify` and `export`."""
    harm = pickle.dumps(Payload(marker), 2)
    model = plain().SerializeToString()
    sealed = {
        "a pickle": harm,
        "a Loop": _sealed(next(graphs())[1].SerializeToString(), record),
        "a threshold of text": _sealed(model, {**record, "threshold": "low"}),
        "a deep record": _sealed(model, "[" * 100_000),
        "a face of 1024 pixels": _sealed(
            model, {**record, "preparation": {**record["preparation"], "height": 1024}}
        ),
        "an archive": b"PK\x03\x04" + harm,
    }
    for name, data in sealed.items():
        yield Case("command", f"verify, {name}", _file(data), "verify")
        yield Case(
            "command", f"verify, {name} in a run folder", _folder({"model/model.onnx": data}), "verify"
        )
        yield Case("command", f"embed, {name}", _file(data), "embed")
    tensors = b"\x40\x00\x00\x00\x00\x00\x00\x00" + json.dumps(
        {"w": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 4]}}
    ).encode().ljust(64)
    text = json.dumps(record).encode()
    for name, files in {
        "pickled weights": {"twin.safetensors": harm, "twin.json": text},
        "huge weights": {"twin.safetensors": tensors, "twin.json": text},
        "no record": {"twin.safetensors": harm},
        "a pickled record": {"twin.safetensors": harm, "twin.json": harm},
        "a deep record": {"twin.safetensors": harm, "twin.json": b"[" * 100_000},
        "a record of null": {"twin.safetensors": harm, "twin.json": b"null"},
        "settings of text": {
            "twin.safetensors": harm,
            "twin.json": json.dumps({**record, "settings": {"network": "x"}}).encode(),
        },
        "settings of a network that is not there": {
            "twin.safetensors": harm,
            "twin.json": json.dumps(
                {**record, "settings": {"network": {"backbone": {"name": "os.system"}}}}
            ).encode(),
        },
    }.items():
        yield Case("command", f"export, {name}", _folder({f"model/{key}": data for key, data in files.items()}),
                   "export")  # fmt: skip


def _folder(files: dict[str, bytes]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        for name, data in files.items():
            _file(data, name)(folder)
        return folder

    return write
