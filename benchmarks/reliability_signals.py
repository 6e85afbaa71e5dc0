"""Trainings that are interrupted again and again, by SIGKILL or by Ctrl-C and SIGTERM: does anything change?

    make bench-reliability      (or: python benchmarks/reliability_signals.py --kills 200 --signals 200)

Each training is interrupted several times in a row, at random moments in its start-up, steps, validation, saving and
export. Its weights, optimiser state, average, metrics, threshold and scores are then compared, bit by bit, with those
of a training that nobody interrupted. After each interruption every file of the run is read back.

Most interrupted processes are forked from one that has imported torch, so that an interruption takes half a second and
not five. Every fourth process begins from nothing, with the imports of Python, and is interrupted in its start-up.
Other commands are interrupted in their first seconds.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from reliability_common import Forked, bits, damage, end, report, start, training

from twinface.datasets.load import load_dataset
from twinface.training.run_folder import RunFolder

STAGES = ("start-up", "step", "validation", "saving", "export", "end")
LONGEST_WAIT = {"start-up": 0.4, "step": 0.03, "validation": 0.03, "saving": 0.003, "export": 2.0}  # seconds
FROM_NOTHING = (0.1, 0.5, 6.0)  # seconds in which a process that begins from nothing is interrupted, drawn
EPOCHS = 12


class Watch:
    """What the process of a training does now, in memory that it shares with this one."""

    def __init__(self, context: Any) -> None:
        self._stage, self._steps = context.Value("i", 0, lock=False), context.Value("i", 0, lock=False)

    @property
    def stage(self) -> str:
        """One of `STAGES`."""
        return STAGES[self._stage.value]

    @property
    def steps(self) -> int:
        """Steps that were done since the process began."""
        return int(self._steps.value)

    def enter(self, stage: str) -> None:
        """Says what the process does from now on."""
        self._stage.value = STAGES.index(stage)

    def around(self, function: Callable[..., Any], stage: str, then: str = "step") -> Callable[..., Any]:
        """The function, during which the process is in a stage."""

        def watched(*arguments: Any, **more: Any) -> Any:
            self.enter(stage)
            result = function(*arguments, **more)
            self._steps.value += stage == "step"
            self.enter(then)
            return result

        return watched


def watch_training(watch: Watch) -> None:
    """Makes the training of this process say what it does."""
    from twinface.training import loop, run, state_file

    loop.training_step = watch.around(loop.training_step, "step")
    loop._measure_epoch = watch.around(loop._measure_epoch, "validation")
    state_file.write_bytes = watch.around(state_file.write_bytes, "saving")  # type: ignore[attr-defined]
    run.write_model = watch.around(run.write_model, "export", then="end")


@dataclass
class Found:
    """What a series of interruptions showed."""

    stages: Counter[str] = field(default_factory=Counter)
    trainings: int = 0
    fewest: int = 0
    most_lost: int = 0
    too_early: int = 0
    too_early_tracebacks: int = 0
    slowest: float = 0.0
    problems: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)


class Series:
    """Trainings that are interrupted.

    Args:
        place: for their folders.
        numbers: the signals to draw from.
        seed: of the moments and the signals.
    """

    def __init__(self, place: Path, numbers: tuple[signal.Signals, ...], seed: int) -> None:
        self.place, self.cache, self.forked = place, place / "cache", Forked(place)
        self.numbers, self.found = numbers, Found()
        self.chance = random.Random(seed)

    def one_training(self, number: int, interruptions: int) -> None:
        """Interrupts one training so many times, lets it end, and compares it with one that nobody interrupted."""
        whole, folder = RunFolder(self.place / f"{number}-whole"), RunFolder(self.place / f"{number}")
        settings = [f"trainer.epochs={EPOCHS}", "trainer.save_every=0"]
        process, _, said = self._start(training(whole.path, *settings, seed=number))
        process.join()
        assert process.exitcode == 0, said.read_text()
        done = 0
        while done < interruptions:
            arguments = (
                ["train", "--resume", str(folder.path)]
                if folder.manifest.exists()
                else training(folder.path, *settings, seed=number)
            )
            if self.chance.random() < 0.25:
                stage = self._from_nothing(arguments, folder)
            else:
                stage = self._forked(arguments, folder, late=done >= 0.7 * interruptions)
            if stage:
                self.found.stages[stage] += 1
                done += 1
            if problems := damage(folder.path):
                self.found.problems.append(f"training {number}, {stage}: {problems}")
        process, _, said = self._start(["train", "--resume", str(folder.path)])
        process.join()
        if process.exitcode != 0:
            self.found.problems.append(
                f"training {number}: resumed with {process.exitcode}: {said.read_text()[-500:]}"
            )
            return
        one, other = bits(whole), bits(folder)
        self.found.differences += [
            f"{number}: {name}" for name in one.keys() | other.keys() if one.get(name) != other.get(name)
        ]
        self.found.trainings += 1
        self.found.fewest = min(self.found.fewest or done, done)

    def _start(self, arguments: list[str]) -> tuple[Any, Watch, Path]:
        watch = Watch(self.forked.context)
        process, said = self.forked.start(arguments, self.cache, partial(watch_training, watch))
        return process, watch, said

    def _forked(self, arguments: list[str], folder: RunFolder, late: bool) -> str | None:
        """Interrupts a forked process; the stage in which it was, or None if it ended before."""
        before = _saved_steps(folder)
        wanted = self.chance.choice(STAGES[:4] if not late else STAGES[3:5])
        process, watch, said = self._start(arguments)
        later = STAGES.index(wanted)
        while process.is_alive() and watch.stage != wanted and STAGES.index(watch.stage) < max(later, 4):
            time.sleep(0.0002)
        while wanted == "start-up" and process.is_alive() and not handles_signals(process.pid):
            time.sleep(0.0002)  # the lines of this file, which come before those of Twinface
        if wanted in ("step", "validation", "saving"):
            self._some_steps(process, watch, wanted)
        time.sleep(self.chance.random() * LONGEST_WAIT[wanted])
        if not process.is_alive():
            process.join()
            return None
        stage, steps, number = watch.stage, watch.steps, self.chance.choice(self.numbers)
        began = time.monotonic()
        os.kill(process.pid, number)
        process.join()
        seconds = time.monotonic() - began
        if stage == "end" and process.exitcode == 0:
            return None
        self._check_end(number, process.exitcode, said.read_text(), seconds, f"{stage}, forked")
        if number != signal.SIGKILL and stage not in ("start-up", "end"):
            self.found.most_lost = max(
                self.found.most_lost, before + max(steps, watch.steps) - _saved_steps(folder)
            )
            if (status := folder.info().status) not in ("stopped", "finished"):
                self.found.problems.append(f"{stage}: the status is {status}")
        return stage

    def _some_steps(self, process: Any, watch: Watch, wanted: str) -> None:
        """Lets a process do some steps first, so that interruptions are spread over the epochs."""
        until = watch.steps + self.chance.randrange(12)
        while (
            process.is_alive() and watch.stage != "export" and (watch.steps < until or watch.stage != wanted)
        ):
            time.sleep(0.0002)

    def _from_nothing(self, arguments: list[str], folder: RunFolder) -> str | None:
        """Interrupts a process that begins with the imports of Python."""
        number = self.chance.choice(self.numbers)
        process = start(arguments, env={**os.environ, "TWINFACE_CACHE": str(self.cache)})
        time.sleep(self.chance.random() * self.chance.choice(FROM_NOTHING))
        if process.poll() is not None:
            end(process)
            return None
        stage = "start-up" if handles_signals(process.pid) else "Python's own start"
        began = time.monotonic()
        process.send_signal(number)
        ended = end(process)
        if ended.code == 0:
            return None
        self._check_end(number, ended.code, ended.err, time.monotonic() - began, f"{stage}, from nothing")
        return f"{stage}, from nothing"

    def _check_end(
        self, number: signal.Signals, code: int | None, said: str, seconds: float, where: str
    ) -> None:
        if number == signal.SIGKILL:
            assert code == -signal.SIGKILL, (code, said)
            return
        self.found.slowest = max(self.found.slowest, seconds)
        if where.startswith("Python"):  # Twinface cannot do anything about it yet
            self.found.too_early += 1
            self.found.too_early_tracebacks += "Traceback" in said
            return
        if code != 128 + number:
            self.found.problems.append(f"{where}: {number.name} ended with {code}: {said[-300:]}")
        if "Traceback" in said:
            self.found.problems.append(f"{where}: {number.name} printed a traceback: {said[-500:]}")


def handles_signals(pid: int) -> bool:
    """Whether a process has got as far as to handle SIGTERM; until then Python itself is starting (Linux)."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return True
    caught = next(int(line.split()[1], 16) for line in lines if line.startswith("SigCgt"))
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def _saved_steps(folder: RunFolder) -> int:
    found = folder.state.read() if folder.path.is_dir() else None
    return int(found[1]["steps"]) if found else 0


def interrupt(total: int, trainings: int, numbers: tuple[signal.Signals, ...], seed: int) -> Found:
    """Spreads so many interruptions over so many trainings."""
    with tempfile.TemporaryDirectory() as folder:
        series = Series(Path(folder), numbers, seed)
        for number in range(trainings):
            series.one_training(number, total // trainings + (number < total % trainings))
            print(f"  training {number + 1} of {trainings}: {dict(series.found.stages)}", file=sys.stderr)
        return series.found


def interrupt_starts(count: int, seed: int) -> bool:
    """Ctrl-C and SIGTERM at random moments of commands that begin from nothing; whether all ended as they should."""
    chance, ends, problems = random.Random(seed), Counter[str](), []
    faces = load_dataset("orl").faces()
    photos = [str(faces.root / path) for path in faces.paths[:2]]
    with tempfile.TemporaryDirectory() as folder:
        commands = [
            ["verify", *photos],
            ["explain", *photos, "--out", f"{folder}/map.png"],
            ["embed", str(faces.root), "--out", f"{folder}/embedded"],
            ["data", "info", "orl"],
            ["doctor"],
            ["--help"],
            training(f"{folder}/run", "trainer.epochs=3"),
        ]
        for number in range(count):
            arguments = commands[number % len(commands)]
            sent = chance.choice((signal.SIGINT, signal.SIGTERM))
            process = start(arguments, env={**os.environ, "TWINFACE_CACHE": f"{folder}/cache"})
            time.sleep(chance.random() * chance.choice(FROM_NOTHING))
            early = process.poll() is None and not handles_signals(process.pid)
            process.send_signal(sent)
            ended = end(process)
            if early:
                ends["in Python's own start" + (", with its traceback" if ended.has_traceback else "")] += 1
            elif ended.code == 128 + sent and not ended.has_traceback:
                ends["with 130 or 143"] += 1
            elif ended.code in (0, 1, 2) and not ended.has_traceback and "interrupted" not in ended.err:
                ends["before the signal came"] += 1
            else:
                problems.append(f"{arguments[0]}: {sent.name} ended with {ended.code}: {ended.err[-500:]}")
    report(
        "Ctrl-C and SIGTERM in the first seconds of seven commands",
        {
            "commands": count,
            **{f"ended {how}": times for how, times in ends.items()},
            "otherwise": len(problems),
        },
    )
    for line in problems:
        print(f"- {line}")
    return not problems


def show(title: str, found: Found, *, by_signals: bool) -> bool:
    """Prints what was found; whether it is as it should be."""
    figures: dict[str, object] = {
        "interruptions": sum(found.stages.values()),
        "by stage": ", ".join(f"{stage} {count}" for stage, count in sorted(found.stages.items())),
        "trainings": found.trainings,
        "fewest interruptions of a training": found.fewest,
        "differences from uninterrupted trainings, of weights, optimiser, metrics, scores": len(
            found.differences
        ),
        "damaged files, wrong codes, tracebacks, wrong statuses": len(found.problems),
    }
    if by_signals:
        figures |= {"slowest exit, s": f"{found.slowest:.2f}", "most steps lost": found.most_lost}
        early = f"{found.too_early}, of them {found.too_early_tracebacks} with its traceback"
        figures |= {"signals before Python had run the first line of Twinface": early}
    report(title, figures)
    for line in [*found.differences, *found.problems]:
        print(f"- {line}")
    return not found.differences and not found.problems and found.most_lost <= 1


def main() -> int:
    """Prints tables for kills, for signals and for the starts of commands; 1 if something was not as it should be."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--signals", type=int, default=200)
    parser.add_argument("--starts", type=int, default=140)
    parser.add_argument("--trainings", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    right = True
    if given.kills:
        found = interrupt(given.kills, given.trainings, (signal.SIGKILL,), given.seed)
        right &= show("SIGKILL", found, by_signals=False)
    if given.signals:
        found = interrupt(given.signals, given.trainings, (signal.SIGTERM, signal.SIGINT), given.seed)
        right &= show("SIGTERM and SIGINT", found, by_signals=True)
    if given.starts:
        right &= interrupt_starts(given.starts, given.seed)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
