"""The main job on the ORL faces: train, judge on people never seen beside reference verifiers, verify two pairs."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from twinface.core.settings import Settings
from twinface.datasets.data_source import DataSource
from twinface.datasets.dataset import Dataset
from twinface.datasets.load import load_dataset, load_source
from twinface.evaluation.evaluate import Evaluation, evaluate
from twinface.evaluation.leaks import unseen_pairs
from twinface.evaluation.results import save_result
from twinface.evaluation.summary import Summary
from twinface.models.load import load_model
from twinface.recognition.verifier import Verifier
from twinface.studies.baselines import fit_baselines
from twinface.training.open_run import open_run, start_run
from twinface.training.recipe import load_recipe
from twinface.training.run_folder import RunFolder
from twinface.training.train import train_run

log = logging.getLogger("twinface")

PARTS = 3  # disjoint groups of test people; see recipes/demo.toml


@dataclass(frozen=True)
class MeanAccuracy:
    """The mean accuracy over the parts.

    Attributes:
        accuracy: mean of `each`.
        interval: (low, high), as wide as the mean of the parts' own intervals. Nobody is tested in two parts, but the
            models share most of the people that they were trained on, so the parts are not independent and the width
            is not divided by the square root of their number.
        each: accuracy of each part.
    """

    accuracy: float
    interval: tuple[float, float]
    each: tuple[float, ...]


@dataclass(frozen=True)
class DemoVerdict:
    """A verdict on one pair of people never seen; `left` and `right` are names of pictures."""

    left: str
    right: str
    same: bool
    score: float
    probability: float
    explained: str


@dataclass(frozen=True)
class Demo:
    """What the demo found.

    Attributes:
        parts: verifier → its figures on each part.
        verdicts: "one person" and "two people" → a verdict.
        last_run: folder of the last part's run.
        pictures: folder of the ORL faces.
    """

    parts: Mapping[str, Sequence[Summary]]
    verdicts: Mapping[str, DemoVerdict]
    last_run: Path
    pictures: Path

    @property
    def means(self) -> dict[str, MeanAccuracy]:
        """Verifier → its mean accuracy over the parts."""
        return {name: _mean(summaries) for name, summaries in self.parts.items()}

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "summary": {
                name: {**asdict(mean), "interval": list(mean.interval), "each": list(mean.each)}
                for name, mean in self.means.items()
            },
            "parts": {name: [each.to_dict() for each in found] for name, found in self.parts.items()},
            "verdicts": {kind: asdict(verdict) for kind, verdict in self.verdicts.items()},
        }


def run_demo(out: Path) -> Demo:
    """Trains on three parts of ORL (or finds the runs trained), judges, and verifies two pairs.

    Args:
        out: folder of the runs.

    Raises:
        DataError: the ORL faces are not installed.
        Interrupted: a signal came; the state is saved, and the next call continues.
    """
    dataset = load_dataset("orl")
    parts: dict[str, list[Summary]] = {}
    for part in range(PARTS):
        settings = load_recipe("demo", [f"data.test_part={part}"])
        log.info("part %d of %d", part + 1, PARTS)
        folder = RunFolder(out / f"part-{part + 1}")
        evaluation = _judge_trained(folder, settings, part)
        parts.setdefault("twin", []).append(evaluation.summary)
        for name, summary in _baselines(dataset, settings, part, evaluation).items():
            parts.setdefault(name, []).append(summary)
    return Demo(parts, _verdicts(evaluation, folder.path), folder.path, evaluation.pairs.faces.root)


def _judge_trained(folder: RunFolder, settings: Settings, seed: int) -> Evaluation:
    """Trains in a folder of its own, or finds it trained, and judges on the people that were set aside."""
    source = DataSource("orl")
    if not folder.is_finished:
        started = folder.manifest.exists()
        train_run(open_run(folder) if started else start_run(source, settings, seed, folder))
    model = load_model(folder.path)
    dataset = load_source(source)
    result = evaluate(model, unseen_pairs(dataset, model.record), "unseen", claims=dataset.claims)
    save_result(folder.path, result)
    return result


def _baselines(dataset: Dataset, settings: Settings, seed: int, beside: Evaluation) -> dict[str, Summary]:
    return {
        baseline.record.name: evaluate(baseline, beside.pairs, "unseen").summary
        for baseline in fit_baselines(dataset, settings, seed)
    }


def _mean(summaries: Sequence[Summary]) -> MeanAccuracy:
    each = tuple(summary.accuracy.value for summary in summaries)
    intervals = [summary.accuracy.interval for summary in summaries]
    low = sum(interval.low for interval in intervals if interval) / len(each)
    high = sum(interval.high for interval in intervals if interval) / len(each)
    return MeanAccuracy(sum(each) / len(each), (low, high), each)


def _verdicts(evaluation: Evaluation, run: Path) -> dict[str, DemoVerdict]:
    """The verdict on the first genuine and the first impostor pair of people never seen."""
    verifier, pairs = Verifier(run, aligned=True), evaluation.pairs
    verdicts = {}
    for kind, is_match in (("one person", True), ("two people", False)):
        row = int((pairs.is_match == is_match).argmax())
        left, right = (pairs.faces.paths[side[row]] for side in (pairs.left, pairs.right))
        verdict = verifier.verify(pairs.faces.root / left, pairs.faces.root / right)
        assert verdict.score is not None
        assert verdict.probability is not None
        verdicts[kind] = DemoVerdict(
            left, right, bool(verdict), verdict.score, verdict.probability, verdict.explain()
        )
    return verdicts
