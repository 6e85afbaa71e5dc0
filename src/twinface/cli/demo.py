"""`twinface demo`: the whole road on the ORL faces, in a few minutes on two cores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twinface.cli.console import print_json, say

if TYPE_CHECKING:
    from twinface.core.settings import Settings
    from twinface.datasets import Dataset
    from twinface.evaluation.summary import Evaluation

PARTS = 3  # disjoint groups of test people; see recipes/demo.toml


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the runs.")] = Path("runs/demo"),
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Train on ORL, judge on people never seen, in three parts, beside what costs nothing; then verify two pairs."""
    from twinface.datasets import open_dataset
    from twinface.training.recipe import load_recipe

    dataset = open_dataset("orl")
    table: dict[str, list[dict[str, Any]]] = {}
    last: Evaluation | None = None
    for part in range(PARTS):
        settings = load_recipe("demo", [f"data.test_part={part}"])
        say(f"part {part + 1} of {PARTS}")
        last = _twin(out / f"part-{part + 1}", settings, part)
        table.setdefault("twin", []).append(last.figures)
        for name, figures in _baselines(dataset, settings, part, last).items():
            table.setdefault(name, []).append(figures)
    assert last is not None
    verdicts = _verdicts(last, out / f"part-{PARTS}")
    summary = {name: _mean(figures) for name, figures in table.items()}
    if json:
        print_json({"summary": summary, "parts": table, "verdicts": verdicts})
        return
    tested = last.figures["people"]
    print(f"\nAccuracy on pairs of {tested} people never seen, mean of {PARTS} parts of ORL's 40 people:")
    for name, row in summary.items():
        low, high = row["interval"]
        each = ", ".join(f"{value:.3f}" for value in row["each"])
        print(f"  {name:<10}{row['accuracy']:.3f} [{low:.3f}, {high:.3f}]   each part: {each}")
    print(f"\nReport: {out / f'part-{PARTS}' / 'report.html'}\n")
    for kind, verdict in verdicts.items():
        print(f"Two pictures of {kind}: {verdict['left']} and {verdict['right']}")
        print(f"  {verdict['explained']}")


def _twin(path: Path, settings: Settings, seed: int) -> Evaluation:
    """Trains in a folder of its own (or finds it trained) and judges on the people that were set aside."""
    from twinface.cli.train import run
    from twinface.datasets.training_split import DataSource
    from twinface.evaluation.evaluate import evaluate, unseen_pairs
    from twinface.evaluation.results import save_result
    from twinface.models.load import load_model
    from twinface.reports import write_report
    from twinface.training.run import start_run
    from twinface.training.run_folder import RunFolder

    folder = RunFolder(path)
    source = DataSource("orl")
    if not folder.manifest.exists():
        start_run(source, settings, seed, folder)
    if folder.about()["status"] != "finished":
        run(folder)
    model = load_model(path)
    dataset = source.open()
    result = evaluate(model, unseen_pairs(dataset, model.record), "unseen", claims=dataset.claims)
    save_result(path, result)
    write_report(folder)
    return result


def _baselines(
    dataset: Dataset, settings: Settings, seed: int, beside: Evaluation
) -> dict[str, dict[str, Any]]:
    from twinface.evaluation.evaluate import evaluate
    from twinface.studies.baselines import free_baselines

    return {
        baseline.record.name: evaluate(baseline, beside.pairs, "unseen").figures
        for baseline in free_baselines(dataset, settings, seed)
    }


def _mean(figures: list[dict[str, Any]]) -> dict[str, Any]:
    """The mean over the parts, with an interval as wide as the mean of the parts' own ones.

    Nobody is tested in two parts, but the models share most of the people that they were trained on, so that the parts
    are no independent repetitions: the width is not divided by the square root of their number.
    """
    each = [row["accuracy"] for row in figures]
    low, high = (sum(row["accuracy_interval"][side] for row in figures) / len(figures) for side in (0, 1))
    return {"accuracy": sum(each) / len(each), "interval": [low, high], "each": each}


def _verdicts(evaluation: Evaluation, run: Path) -> dict[str, dict[str, Any]]:
    """The verdict on the first genuine and the first impostor pair of people never seen."""
    from twinface.recognition.verifier import Verifier

    verifier = Verifier(run)
    pairs = evaluation.pairs
    verdicts = {}
    for kind, is_match in (("one person", True), ("two people", False)):
        row = int((pairs.is_match == is_match).argmax())
        left, right = (pairs.faces.paths[side[row]] for side in (pairs.left, pairs.right))
        verdict = verifier.verify(pairs.faces.root / left, pairs.faces.root / right)
        verdicts[kind] = {
            "left": left,
            "right": right,
            "same": verdict.same,
            "score": verdict.score,
            "probability": verdict.probability,
            "explained": verdict.explain(),
        }
    return verdicts
