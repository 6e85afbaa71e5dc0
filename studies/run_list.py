"""Trains the runs of a list one after another, judges each, and keeps its figures as JSON.

    python studies/run_list.py studies/seeds.toml --root DIR --work FOLDER     (or studies/ladder.toml)

A run whose figures are there is not made again, unless its recipe has changed since. A run that was stopped goes on. So
the same command is given until nothing is missing; `--only NAME` and `--seeds 0 1` choose. All runs are made with the
first seed before any is made with the second. `python studies/tables.py` makes the tables of the documentation from the
JSON files.

A list is a TOML file with `name`, `seeds` and `[[runs]]`; see `ListedRun`. All runs of a list are named before any of
them is judged, and none of them is chosen by its figures on View 1's test pairs.

Each run is judged in two ways. The first is its own: last or best weights, and the threshold of its settings. The
second is that of Twinface, with the same weights: the threshold is fitted on drawn pairs of the people of DevTrain who
are on no labelled training pair. Where the run's threshold comes from people outside training already, the first way is
that of Twinface, and there is no second.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from twinface.core.errors import SettingsError
from twinface.core.settings import Settings, settings_from
from twinface.core.storage import write_text
from twinface.core.types import Interval, PairSet, ScoredPairs
from twinface.datasets.data_source import DataSource
from twinface.datasets.dataset import Dataset
from twinface.datasets.draw_pairs import draw_pairs
from twinface.datasets.load import load_dataset
from twinface.datasets.subsets import take_people
from twinface.evaluation.calibration import fit_threshold
from twinface.evaluation.evaluate import score
from twinface.evaluation.intervals import accuracy_interval, auc_interval
from twinface.evaluation.leaks import check_leak
from twinface.evaluation.metrics import area_under_curve, binary_cross_entropy
from twinface.models.load import load_model
from twinface.training.recipe import load_recipe
from twinface.training.run_folder import RunFolder

FIGURES = Path(__file__).parent / "figures"
PEOPLE = FIGURES / "view1-test.json"


@dataclass(frozen=True)
class ListedRun:
    """An entry of a list.

    Attributes:
        name: unique in the list.
        what: in words.
        label: the same in a few words.
        recipe: its name.
        set: changed settings, such as "trainer.epochs=5"; in the file, those of the run that `after` names come first.
        list: the list that the run belongs to. A list may show a run of another one, under the same name.
        published: what was published for it: accuracy in "validation", on the "test" and on the "listed" training
            pairs, "minutes" of training; or what is "said" of it where no figure is.
        seeds: that it is made with; in the file, those of the list if the run names none.
    """

    name: str
    what: str
    label: str
    recipe: str
    set: tuple[str, ...]
    list: str
    published: Mapping[str, Any]
    seeds: tuple[int, ...]

    def file(self, seed: int) -> Path:
        """Where the figures of the run are."""
        return FIGURES / self.list / f"{self.name}-seed-{seed}.json"

    def figures(self, seed: int) -> dict[str, Any] | None:
        """The figures of the run; None if it has not been made, or if its recipe has changed since."""
        file = self.file(seed)
        if not file.exists():
            return None
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        try:
            made = settings_from(found["settings"], str(file))
        except SettingsError:  # a setting of then is gone
            return None
        return found if _sections(made) == _sections(load_recipe(self.recipe, self.set)) else None


def _sections(settings: Settings) -> dict[str, Any]:
    """All that decides what a run computes; names, words and threads do not."""
    sections = {name: value for name, value in settings.to_dict().items() if isinstance(value, dict)}
    sections["trainer"].pop("threads", None)
    return sections


@dataclass(frozen=True)
class RunList:
    """A list of runs.

    Attributes:
        name: of the folder in `studies/figures` that holds the figures.
        title: in words.
        seeds: of those of its runs that name none.
        runs: in the order in which they are made.
    """

    name: str
    title: str
    seeds: tuple[int, ...]
    runs: tuple[ListedRun, ...]


def read_list(path: Path) -> RunList:
    """Reads a list of runs.

    Raises:
        SettingsError: two runs have one name, or `after` names none that stands before.
    """
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    runs: dict[str, ListedRun] = {}
    for entry in values["runs"]:
        name, before = entry["name"], entry.get("after")
        if name in runs or (before and before not in runs):
            raise SettingsError(
                f"{path}: run {name}: the name stands twice, or no run {before} stands before it"
            )
        recipe, earlier = (runs[before].recipe, runs[before].set) if before else (entry["recipe"], ())
        runs[name] = ListedRun(
            name,
            entry["what"],
            entry.get("label", entry["what"]),
            recipe,
            (*earlier, *entry.get("set", ())),
            entry.get("list", values["name"]),
            entry.get("published", {}),
            tuple(entry.get("seeds", values["seeds"])),
        )
    return RunList(values["name"], values["title"], tuple(values["seeds"]), tuple(runs.values()))


def judged(scored: ScoredPairs, threshold: float) -> dict[str, Any]:
    """Accuracy and AUC with their intervals; `right` is a bit for each pair, as hexadecimal digits."""
    right = (scored.scores >= threshold) == scored.is_match
    return {
        "threshold": threshold,
        "accuracy": float(right.mean()),
        "accuracy_interval": ends(accuracy_interval(scored, threshold)),
        "auc": area_under_curve(scored.scores, scored.is_match),
        "auc_interval": ends(auc_interval(scored)),
        "right": np.packbits(right).tobytes().hex(),
    }


def ends(interval: Interval) -> list[float]:
    """Low and high."""
    return [interval.low, interval.high]


def unseen_by_pairs(dataset: Dataset) -> PairSet:
    """Drawn pairs of the people of DevTrain who are on no labelled training pair."""
    given = dataset.training_pairs()
    assert given is not None
    faces = dataset.training_faces()
    others = sorted(set(faces.names) - set(given.faces.names))
    return draw_pairs(take_people(faces, others), 0, max_per_person=5)


def figures_of(folder: RunFolder, dataset: Dataset) -> dict[str, Any]:
    """The figures of a finished run."""
    info, model, settings = folder.info(), load_model(folder.path), folder.settings()
    test, given = dataset.protocol("view1"), dataset.training_pairs()
    assert given is not None
    assert info.machine is not None
    assert info.costs is not None
    check_leak(model.record, test)
    scored = score(model, test).scored
    threshold = model.record.threshold
    probabilities = model.record.calibration.probability(scored.scores)
    found: dict[str, Any] = {
        "made": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{info.machine.device_name}, {info.machine.threads} thread, {info.machine.precision}, shared",
        "versions": info.machine.versions,
        "epochs": info.epochs,
        "kept_epoch": info.best_epoch,
        "seconds": info.costs.training + info.costs.writing,
        "numbers": info.costs.numbers,
        "curve": [each.to_dict() for each in folder.metrics()],
        "validation": info.validation and info.validation.to_dict(),
        "tuned_on": info.data and info.data.tuned_on,
        "threshold_fitted_on": threshold.fitted_on,
        "test": judged(scored, threshold.value),
        "test_loss": binary_cross_entropy(probabilities, scored.is_match),
    }
    if settings.validation.threshold == "even":
        others, listed = score(model, unseen_by_pairs(dataset)).scored, score(model, given).scored
        own = fit_threshold(others.scores, others.is_match, "people of DevTrain who are on no training pair")
        found |= {
            "listed_pairs": judged(listed, threshold.value),
            "people": judged(others, own.value),
            "test_of_people": judged(scored, own.value),
        }
    return found


def finish(run: ListedRun, seed: int, root: Path, place: Path, threads: int | None) -> dict[str, Any]:
    """Trains a run to its end from wherever it stands, and measures it."""
    from twinface.training.train import train  # needs torch, which the tables do not

    on = [f"trainer.threads={threads}"] if threads else []
    settings = load_recipe(run.recipe, [*run.set, *on])
    folder = train(DataSource("lfw", str(root)), settings, seed=seed, out=place)
    return {
        "run": asdict(run),
        "seed": seed,
        "settings": settings.to_dict(),
        **figures_of(folder, load_dataset("lfw", str(root))),
    }


def write_people(root: Path) -> None:
    """The people on View 1's test pairs as numbers, which intervals need."""
    test = load_dataset("lfw", str(root)).protocol("view1")
    keep(PEOPLE, {"is_match": test.is_match.astype(int).tolist(), "people": test.people.tolist()})


def keep(file: Path, values: Mapping[str, Any]) -> None:
    """Writes JSON with a line for each figure."""
    lines = [f"{json.dumps(name)}: {json.dumps(value, allow_nan=False)}" for name, value in values.items()]
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, "{\n" + ",\n".join(lines) + "\n}\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Makes the runs that are missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("list", type=Path, help="TOML file")
    parser.add_argument("--root", type=Path, required=True, help="folder of LFW")
    parser.add_argument("--work", type=Path, required=True, help="folder of unfinished runs")
    parser.add_argument("--only", nargs="+", help="names of runs")
    parser.add_argument("--seeds", type=int, nargs="+", help="of the list's")
    parser.add_argument("--threads", type=int, help="of each run; all cores if not given")
    parser.add_argument("--keep", action="store_true", help="keep the folder of a finished run")
    given = parser.parse_args(arguments)
    listed = read_list(given.list)
    if not PEOPLE.exists():
        write_people(given.root)
    for seed in given.seeds or listed.seeds:
        for run in listed.runs:
            wanted = run.name in given.only if given.only else run.list == listed.name
            if not wanted or seed not in run.seeds or run.figures(seed):
                continue
            place = given.work / listed.name / f"{run.name}-seed-{seed}"
            print(f"{datetime.now(UTC):%H:%M} {run.name}, seed {seed}: {run.what}", flush=True)
            figures = finish(run, seed, given.root, place, given.threads)
            keep(run.file(seed), figures)
            if not given.keep:
                shutil.rmtree(place)
            print(f"{datetime.now(UTC):%H:%M} test accuracy {figures['test']['accuracy']:.3f}", flush=True)


if __name__ == "__main__":
    main()
