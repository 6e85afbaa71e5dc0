"""Two of each command at once, on one run, one cache, one study: is anything corrupt, and who is refused?

    make bench-reliability      (or: python benchmarks/reliability_two_at_once.py --rounds 5)

Both commands are started in the same moment, in processes of their own. Both may end well, or one of them is refused
with one line and exit code 2. Then every file is read back, and the run that was trained is compared, bit by bit, with
one that was alone.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from reliability_common import Ended, Forked, bits, copy_pictures, damage, report, training

from twinface.datasets.load import load_dataset
from twinface.studies.results.read_results import study_results
from twinface.studies.study_folder import StudyFolder
from twinface.training.run_folder import RunFolder

KINDS = ("train", "use", "embed", "sweep")
SETTINGS = ("trainer.epochs=4", "trainer.save_every=0")
STUDY = """
title = "Which rate?"
data = "orl"
seeds = [0]

[[parts]]
name = "rates"
recipe = "demo"
vary = { optimizer.learning_rate = [1e-3, 3e-3] }

[parts.set]
imaging.height = 24
imaging.width = 24
network.backbone = { name = "residual", channels = [4, 8], embedding = 16 }
sampling.look_alikes = 2
trainer.epochs = 2
"""


@dataclass
class Found:
    """How the pairs of commands ended."""

    ends: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


class Pairs:
    """Starts commands in pairs.

    Args:
        base: an empty folder.
        seed: of the time between the two starts.
    """

    def __init__(self, base: Path, seed: int) -> None:
        self.base, self.cache, self.forked = base, base / "cache", Forked(base)
        self.chance = random.Random(seed)
        self.found: dict[str, Found] = {}

    def at_once(
        self,
        what: str,
        one: Sequence[str],
        other: Sequence[str],
        check: Callable[[], list[str]],
        cache: Path | None = None,
    ) -> None:
        """Runs two commands at once and checks what they leave.

        Args:
            what: the commands, in words.
            one, other: their arguments.
            check: what is wrong afterwards.
            cache: for prepared faces; None takes one that is filled.
        """
        found = self.found.setdefault(what, Found())
        ended: list[Ended] = []
        delays = (0.0, self.chance.choice((0.0, 0.01, 0.1)))
        threads = [
            threading.Thread(target=self._run, args=(arguments, delay, cache or self.cache, ended))
            for arguments, delay in zip((one, other), delays, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        refused = sum(each.is_refusal for each in ended)
        # 1 is the verdict "different people", and no error ends with it.
        wrong = [each for each in ended if each.code not in (0, 1) and not each.is_refusal]
        found.problems += [f"exit {each.code}: {each.err[-400:]}" for each in wrong]
        if refused == 2:
            found.problems.append(f"both were refused: {[each.err[-200:] for each in ended]}")
        found.ends["both ended well" if not refused else "one was refused"] += not wrong and refused < 2
        found.problems += check()
        print(f"  {what}: {dict(found.ends)}, {len(found.problems)} problems", file=sys.stderr)

    def _run(self, arguments: Sequence[str], delay: float, cache: Path, ended: list[Ended]) -> None:
        time.sleep(delay)
        ended.append(self.forked.run(arguments, cache))


def equal_to(whole: dict[str, str], folder: RunFolder) -> Callable[[], list[str]]:
    """A check that a finished run is whole and has the bits of another."""

    def check() -> list[str]:
        problems = damage(folder.path)
        if not problems and bits(folder) != whole:
            problems.append(f"{folder.name} has other bits than a run that was alone")
        return problems

    return check


def train_at_once(pairs: Pairs, whole: dict[str, str], finished: Path) -> None:
    """Two new trainings into one folder, two that resume one run, and two that fill one cache."""
    new, resumed = RunFolder(pairs.base / "new"), RunFolder(pairs.base / "resumed")
    command = training(new.path, *SETTINGS)
    pairs.at_once("train --out, the same folder", command, command, equal_to(whole, new))
    shutil.copytree(finished, resumed.path)
    shutil.rmtree(resumed.model)
    for name in ("state.safetensors", "metrics.jsonl", "best.safetensors", "validation.npz"):
        (resumed.path / name).unlink()
    resumed.note(status="stopped")  # or there would be nothing to resume
    command = ["train", "--resume", str(resumed.path)]
    pairs.at_once("train --resume, the same run", command, command, equal_to(whole, resumed))
    one, other, cache = (pairs.base / name for name in ("one", "other", "empty-cache"))
    pairs.at_once(
        "train, two runs, one empty cache",
        training(one, *SETTINGS),
        training(other, *SETTINGS),
        lambda: equal_to(whole, RunFolder(one))() + equal_to(whole, RunFolder(other))(),
        cache,
    )
    for folder in (new.path, resumed.path, one, other, cache):
        shutil.rmtree(folder)


def use_at_once(pairs: Pairs, whole: dict[str, str], finished: Path) -> None:
    """Commands that use one finished run."""
    folder = RunFolder(pairs.base / "used")
    shutil.copytree(finished, folder.path)
    check = equal_to(whole, folder)
    cache = pairs.base / "empty-cache"
    evaluate = ["evaluate", str(folder.path), "--protocol", "unseen"]
    pairs.at_once("evaluate, one run, one empty cache", evaluate, evaluate, check, cache)
    draw, export = ["report", str(folder.path)], ["export", str(folder.path)]
    pairs.at_once("report", draw, draw, check)
    pairs.at_once("export", export, export, check)
    pairs.at_once("evaluate and report", evaluate, draw, check)
    pairs.at_once("train --resume and report, one run", ["train", "--resume", str(folder.path)], draw, check)
    faces = load_dataset("orl").faces()
    photos = [str(faces.root / path) for path in faces.paths[:2]]
    verify = ["verify", *photos, "--aligned", "--model", str(folder.path)]
    pairs.at_once("verify", verify, verify, check)
    explain = [
        "explain",
        *photos,
        "--aligned",
        "--model",
        str(folder.path),
        "--out",
        str(pairs.base / "map.png"),
    ]
    pairs.at_once("explain, one picture", explain, explain, check)
    shutil.rmtree(folder.path)
    shutil.rmtree(cache)


def embed_at_once(pairs: Pairs, finished: Path) -> None:
    """Two that embed into one folder."""
    pictures = copy_pictures(pairs.base / "pictures", 200)
    alone, out = pairs.base / "alone", pairs.base / "embedded"
    command = ["embed", str(pictures), "--aligned", "--model", str(finished), "--out"]
    ended = pairs.forked.run([*command, str(alone)], pairs.cache)
    assert ended.code == 0, ended.err

    def check() -> list[str]:
        one, other = (np.load(folder / "embeddings.npy") for folder in (alone, out))
        return [] if np.array_equal(one, other) else ["the embeddings are others than those of one command"]

    pairs.at_once("embed, the same folder", [*command, str(out)], [*command, str(out)], check)
    shutil.rmtree(out)
    shutil.rmtree(alone)


def sweep_at_once(pairs: Pairs) -> None:
    """Two that run one study, and one alone."""
    study, shared, alone = pairs.base / "study.toml", pairs.base / "shared", pairs.base / "study-alone"
    study.write_text(STUDY)
    command = ["sweep", str(study), "--jobs", "1", "--out"]
    ended = pairs.forked.run([*command, str(alone)], pairs.cache)
    assert ended.code == 0, ended.err

    def check() -> list[str]:
        one, other = (_board(folder) for folder in (alone, shared))
        return (
            [] if one == other else [f"the results are others than those of one command: {one} and {other}"]
        )

    pairs.at_once("sweep, the same study", [*command, str(shared)], [*command, str(shared)], check)
    shutil.rmtree(shared)
    shutil.rmtree(alone)


def _board(folder: Path) -> str:
    results = study_results(StudyFolder.open(folder)).to_dict()
    return json.dumps(results.get("leaderboard", results), sort_keys=True, default=str)


def main() -> int:
    """Prints a table of the pairs of commands; 1 if something was corrupt."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", choices=KINDS, default=KINDS, help="of the commands")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pairs, finished = Pairs(Path(folder), given.seed), Path(folder) / "finished"
        ended = pairs.forked.run(training(finished, *SETTINGS), pairs.cache)
        assert ended.code == 0, ended.err
        whole = bits(RunFolder(finished))
        for number in range(given.rounds):
            if "train" in given.only:
                train_at_once(pairs, whole, finished)
            if "use" in given.only:
                use_at_once(pairs, whole, finished)
            if "embed" in given.only:
                embed_at_once(pairs, finished)
            if "sweep" in given.only:
                sweep_at_once(pairs)
            print(f"  round {number + 1} of {given.rounds}", file=sys.stderr)
        report(
            f"Two at once, {given.rounds} times each",
            {
                what: ", ".join(
                    [
                        *(f"{end} {count}" for end, count in found.ends.items()),
                        f"problems {len(found.problems)}",
                    ]
                )
                for what, found in pairs.found.items()
            },
        )
        problems = [f"{what}: {problem}" for what, found in pairs.found.items() for problem in found.problems]
        for problem in problems:
            print(f"- {problem}")
        return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
