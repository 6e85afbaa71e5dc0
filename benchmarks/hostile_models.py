"""Does a hostile model file run code, end in a traceback, take long or take much memory?

    make bench-reliability      (or: python benchmarks/hostile_models.py)

Makes some hundred files that a stranger might send as a model: records with other values, graphs that never end, reach
out or take all memory, damaged bytes under a right checksum, pickles under any suffix, run folders in which one file is
another. Each model is loaded and asked to embed one black face. Run folders, and some models, are given to commands,
which have to end with one line and exit code 2, or well where they do not need the file.

"used" are files that do no harm and were loaded: a record with another name, for example. The seconds of commands
include the start of their process, which imports torch for `export`; their memory is not measured.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import random
import resource
import select
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from hostile_graphs import LENGTH, SIDE, graphs, plain

import twinface
from twinface.models.checksum import with_checksum
from twinface.models.onnx_model import RECORD_KEY, OnnxModel

if TYPE_CHECKING:
    # They import torch, whose memory is not to be counted for a model file.
    from hostile_runs import HostileRuns
    from reliability_common import Ended

HANG = 60.0  # seconds after which a process is ended
ADDRESS_SPACE = 12 << 30  # bytes; a process that takes more fails
AIM_SECONDS, AIM_MEGABYTES = 2.0, 300
# Megabytes. A process that keeps more of a file is replaced, so that the next file is not blamed for it.
MOST_KEPT = 40
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


@dataclass(frozen=True)
class Outcome:
    """What became of a case.

    Attributes:
        ended: "refused", "used", "traceback", "crash" or "hang".
        executed: whether the file ran code of its own.
        seconds, megabytes: to load it and to embed a face; the largest memory of the process meanwhile.
        message: the error.
    """

    ended: str
    executed: bool
    seconds: float
    megabytes: float
    message: str


class Payload:
    """A pickle of it makes a file where it is loaded."""

    def __init__(self, marker: Path) -> None:
        self.marker = str(marker)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch '{self.marker}'",)


def main() -> None:
    """Prints a table, writes all outcomes as JSON where that is wanted, and fails where code was run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--some", type=int, help="take only so many of the files, drawn at random")
    parser.add_argument("--json", type=Path, help="write each outcome into this file")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        work()
        return
    outcomes = run_all(given.seed, given.some)
    print(table(outcomes))
    for case, outcome in outcomes:
        is_large = case.run is None and case.command is None and _is_large(outcome)
        if outcome.executed or outcome.ended in ("traceback", "crash", "hang") or is_large:
            print(f"- {case.kind}, {case.name}: {asdict(outcome)}")
    if given.json:
        rows = [{"kind": case.kind, "name": case.name, **asdict(outcome)} for case, outcome in outcomes]
        given.json.write_text(json.dumps(rows, indent=1))
    if any(outcome.executed or outcome.ended in ("traceback", "crash", "hang") for _, outcome in outcomes):
        sys.exit(1)


def _is_large(outcome: Outcome) -> bool:
    return outcome.seconds > AIM_SECONDS or outcome.megabytes > AIM_MEGABYTES


def run_all(seed: int = 0, some: int | None = None) -> list[tuple[Case, Outcome]]:
    """The outcome of each case.

    Args:
        seed: of damages, and of the choice of `some`.
        some: how many cases to take; None takes all.
    """
    with tempfile.TemporaryDirectory() as place:
        marker = Path(place) / "executed"
        drawn = random.Random(seed)
        chosen = list(cases(drawn, marker))
        if some is not None:
            chosen = drawn.sample(chosen, some)
        worker = Worker()
        runs: HostileRuns | None = None
        outcomes = []
        for number, case in enumerate(chosen):
            folder = Path(place) / str(number)
            folder.mkdir()
            path = case.write(folder)
            if case.run:
                from hostile_runs import HostileRuns

                runs = runs or HostileRuns(Path(place) / "runs")
                outcome = _outcome(runs.call(*case.run), marker)
            elif case.command:
                outcome = call(case.command, path, marker)
            else:
                outcome = worker.load(path, marker)
            outcomes.append((case, outcome))
            shutil.rmtree(folder)
        worker.end()
    return outcomes


def table(outcomes: list[tuple[Case, Outcome]]) -> str:
    """A Markdown table with a row for each kind."""
    ends = ("refused", "used", "traceback", "crash", "hang")
    by_kind: dict[str, list[Outcome]] = defaultdict(list)
    for case, outcome in outcomes:
        by_kind[case.kind].append(outcome)
    by_kind["all"] = [outcome for _, outcome in outcomes]
    lines = [f"| kind | files | executed code | {' | '.join(ends)} | longest, s | over {AIM_SECONDS:g} s | most MB | "
             f"over {AIM_MEGABYTES} MB |", "|---" * 11 + "|"]  # fmt: skip
    for kind, some in by_kind.items():
        counts = [sum(each.ended == end for each in some) for end in ends]
        lines.append(
            f"| {kind} | {len(some)} | {sum(each.executed for each in some)} | {' | '.join(map(str, counts))} | "
            f"{max(each.seconds for each in some):.2f} | {sum(each.seconds > AIM_SECONDS for each in some)} | "
            f"{max(each.megabytes for each in some):.0f} | {sum(each.megabytes > AIM_MEGABYTES for each in some)} |"
        )
    return "\n".join(lines)


# ---------------------------------------------------------------- files


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


# ---------------------------------------------------------------- processes


class Worker:
    """A process that loads one file after another; a new one where one has ended."""

    def __init__(self) -> None:
        self.process = self._start()

    def load(self, path: Path, marker: Path) -> Outcome:
        """Loads a model, and has it embed a black face."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        began = time.perf_counter()
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()
        answered, _, _ = select.select([self.process.stdout], [], [], HANG)
        line = self.process.stdout.readline() if answered else ""
        seconds = time.perf_counter() - began
        printed = ""
        while line and not line.startswith("{"):  # a library has printed something
            printed, line = line, self.process.stdout.readline()
        if line:
            said = json.loads(line)
            if printed:
                said.update(ended="traceback", message=f"printed to stdout: {printed}")
            if said["kept"] > self.empty + MOST_KEPT:
                self.end()
                self.process = self._start()
            return Outcome(
                said["ended"],
                _executed(marker),
                round(said["seconds"], 3),
                said["megabytes"],
                said["message"],
            )
        self.end()
        code = self.process.returncode
        self.process = self._start()
        ended = "crash" if answered else "hang"
        return Outcome(ended, _executed(marker), round(seconds, 3), 0, f"the process ended with {code}")

    def end(self) -> None:
        """Ends the process."""
        self.process.kill()
        self.process.communicate()

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, __file__, "--worker"]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert process.stdout is not None
        self.empty = int(process.stdout.readline())  # once it has imported all
        return process


def work() -> None:
    """Loads the files whose names come by stdin, and says what became of each."""
    from twinface.core.errors import TwinfaceError
    from twinface.models.load import load_model

    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    load_model(SHIPPED, threads=1)
    print(_memory("VmRSS"), flush=True)
    for line in sys.stdin:
        Path("/proc/self/clear_refs").write_text("5")  # the largest memory counts from now on
        ended, message = "used", ""
        began = time.perf_counter()
        try:
            model = load_model(Path(line.rstrip("\n")), threads=1)
            wanted = model.record.preparation
            model(np.zeros((1, wanted.height, wanted.width, wanted.channels), np.uint8))
        except TwinfaceError as error:
            ended, message = "refused", str(error)
            if "\n" in message:
                ended = "traceback"
        except Exception as error:
            ended, message = "traceback", repr(error)
        seconds = time.perf_counter() - began
        said = {"ended": ended, "message": message[-300:], "seconds": seconds}
        said |= {"megabytes": _memory("VmHWM"), "kept": _memory("VmRSS")}
        print(json.dumps(said), flush=True)


def _memory(name: str) -> int:
    """A number of this process's memory in megabytes, as Linux names it."""
    rows = Path("/proc/self/status").read_text().splitlines()
    return int(next(row for row in rows if row.startswith(name)).split()[1]) // 1024


def call(command: str, path: Path, marker: Path) -> Outcome:
    """Calls `twinface` with a model; it has to end with exit code 2 and one line."""
    import cv2

    picture = path.with_name("picture.png") if path.is_file() else path / "picture.png"
    cv2.imwrite(str(picture), np.zeros((250, 250), np.uint8))
    words = {
        "verify": ("verify", picture, picture, "--model", path),
        "embed": ("embed", picture.parent, "--out", picture.parent / "out", "--model", path),
        "export": ("export", path),
    }[command]
    program = [sys.executable, "-m", "twinface", *map(str, words)]
    began = time.perf_counter()
    try:
        done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=HANG)
    except subprocess.TimeoutExpired:
        return Outcome("hang", _executed(marker), HANG, 0, "")
    from reliability_common import Ended

    return _outcome(Ended(done.returncode, done.stdout, done.stderr, time.perf_counter() - began), marker)


def _outcome(ended: Ended, marker: Path) -> Outcome:
    """What a command came to: it was refused, or it ended well because it does not need the file."""
    if ended.code < 0:
        end = "crash"
    elif ended.has_traceback or "unexpected" in ended.err:
        end = "traceback"
    elif ended.is_refusal:
        end = "refused"
    else:
        end = "used" if ended.code in (0, 1) else "traceback"
    return Outcome(end, _executed(marker), round(ended.seconds, 3), 0, ended.err[-300:])


def _executed(marker: Path) -> bool:
    found = marker.exists()
    marker.unlink(missing_ok=True)
    return found


if __name__ == "__main__":
    main()
