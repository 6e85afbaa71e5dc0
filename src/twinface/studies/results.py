"""What a study found, as plain values: what the leaderboard, the report and `--json` show."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from twinface.core.errors import ModelError
from twinface.evaluation.metrics import area_under_curve
from twinface.evaluation.results import load_results, load_validation
from twinface.studies.controls import PARTS, baselines, part_scores
from twinface.studies.effects import importances, interactions, main_effects
from twinface.studies.leaderboard import Contender, leaderboard
from twinface.studies.study import describe
from twinface.studies.sweep import Sweep
from twinface.studies.trial import final_value
from twinface.studies.trial_store import Entry
from twinface.training.run_folder import RunFolder


def run_folders(sweep: Sweep, entry: Entry) -> list[RunFolder]:
    """The runs of a point, in the order of the seeds."""
    return [RunFolder(entry.folder / f"seed-{seed}") for seed in sweep.study.seeds]


def finished(sweep: Sweep) -> list[Entry]:
    """The points that were trained to their end."""
    return [entry for entry in sweep.entries() if entry.state == "finished"]


def contenders(sweep: Sweep) -> list[Contender]:
    """All finished points; see `contender`."""
    return [contender(sweep, entry) for entry in finished(sweep)]


def contender(sweep: Sweep, entry: Entry) -> Contender:
    """A finished point with its runs' scores of the validation pairs."""
    return Contender(entry.name, [load_validation(folder.path)[1] for folder in run_folders(sweep, entry)])


def study_figures(sweep: Sweep) -> dict[str, Any]:
    """Leaderboard, effects and test figures.

    The leaderboard is of validation people. Nothing in it depends on when or how often the study was interrupted.

    Raises:
        ModelError: a run's files are damaged.
        DataError: points were scored on different pairs.
    """
    entries = {entry.name: entry for entry in sweep.entries()}
    free = [Contender(name, [scored]) for name, scored in baselines(sweep.place)]
    places = leaderboard([*contenders(sweep), *free])
    return {
        "title": sweep.study.title,
        "objective": sweep.study.objective,
        "seeds": list(sweep.study.seeds),
        "leaderboard": [
            {
                **asdict(place),
                "accuracies": list(place.accuracies),
                "interval": [place.interval.low, place.interval.high],
                "apart": sorted(place.apart),
                "level_with_first": place.name == places[0].name or places[0].name not in place.apart,
                **_about(sweep, entries.get(place.name)),
            }
            for place in places
        ],
        "given_up": [
            {"name": entry.name, "what": describe(entry.point), "state": entry.state, **_ending(entry)}
            for entry in entries.values()
            if entry.state in ("pruned", "failed")
        ],
        "effects": {part.name: _effects(sweep, part.name) for part in sweep.study.parts},
        "test": test_figures(sweep),
    }


def costs(sweep: Sweep) -> dict[str, list[dict[str, Any]]]:
    """What each run of each finished point took: seconds, images a second, threads, parameters."""
    return {
        entry.name: [
            {
                "seconds": sum(about.get("seconds", {}).values()),
                "images_per_second": about.get("images_per_second"),
                "threads": about.get("machine", {}).get("threads"),
                "parameters": about.get("parameters", {}).get("twin"),
            }
            for about in (folder.about() for folder in run_folders(sweep, entry))
        ]
        for entry in finished(sweep)
    }


def test_figures(sweep: Sweep) -> list[dict[str, Any]]:
    """The figures of the runs that were scored on test people, each seed on its own."""
    if sweep.study.test is None:
        return []
    found = []
    for entry in sweep.named():
        for seed, folder in zip(sweep.study.seeds, run_folders(sweep, entry), strict=True):
            for result in load_results(folder.path):
                if result.name == sweep.study.test.protocol:
                    timeless = {
                        name: value
                        for name, value in result.figures.items()
                        if name not in ("seconds", "images_per_second")
                    }
                    found.append({"name": entry.name, "seed": seed, **timeless})
    return found


def _effects(sweep: Sweep, part_name: str) -> dict[str, Any]:
    part = sweep.study.part(part_name)
    entries = [entry for entry in finished(sweep) if entry.part == part_name]
    points = [entry.point for entry in entries]
    values = [
        [final_value(folder, sweep.study.objective) for folder in run_folders(sweep, entry)]
        for entry in entries
    ]
    if len(points) < 2:
        return {"main": [], "interactions": [], "importances": {}}
    return {
        "main": [asdict(effect) for effect in main_effects(part, points, values)],
        "interactions": [asdict(each) for each in interactions(part, points, values)],
        "importances": importances(part, points, values),
    }


def _about(sweep: Sweep, entry: Entry | None) -> dict[str, Any]:
    """What a line of the leaderboard says beside the figures; a baseline is no point."""
    if entry is None:
        return {
            "what": "costs nothing",
            "point": None,
            "value": None,
            "face_auc": None,
            "background_auc": None,
        }
    folder = run_folders(sweep, entry)[0]
    parts = {part: part_scores(folder, part) for part in PARTS}
    alone = {
        f"{part}_auc": area_under_curve(scored.scores, scored.is_match) if scored else None
        for part, scored in parts.items()
    }
    return {"what": describe(entry.point), "point": dict(entry.point), "value": _value(entry), **alone}


def _value(entry: Entry) -> float | None:
    outcome = entry.outcome()
    if outcome is None:
        raise ModelError(f"{entry.folder}: outcome.json is missing")
    return outcome.value


def _ending(entry: Entry) -> dict[str, Any]:
    outcome = entry.outcome()
    return {"value": outcome.value, "reason": outcome.reason} if outcome else {"value": None, "reason": ""}
