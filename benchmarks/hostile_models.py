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
import random
import resource
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hostile_files import SHIPPED, Case, cases

if TYPE_CHECKING:
    # They import torch, whose memory is not to be counted for a model file.
    from hostile_runs import HostileRuns
    from reliability_common import Ended

HANG = 60.0  # seconds after which a process is ended
ADDRESS_SPACE = 12 << 30  # bytes; a process that takes more fails
AIM_SECONDS, AIM_MEGABYTES = 2.0, 300
# Megabytes. A process that keeps more of a file is replaced, so that the next file is not blamed for it.
MOST_KEPT = 40


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
