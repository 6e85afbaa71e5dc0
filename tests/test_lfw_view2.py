"""View 2: no model has seen the people of its fold, and ten runs that were interrupted are continued."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from twinface.cli import app
from twinface.core.errors import DataError, LeakError, ModelError, SettingsError
from twinface.datasets.data_source import DataSource
from twinface.datasets.lfw.dataset import Lfw
from twinface.datasets.load import load_dataset, load_source
from twinface.datasets.training_split import split_dataset
from twinface.models.load import load_model
from twinface.studies.lfw_view2 import evaluate_folds, fold_runs
from twinface.training.recipe import load_recipe

SMALL = [
    "imaging.height=24",
    "imaging.width=24",
    "imaging.region=frame",
    "network.backbone.cells=[8]",
    "projection.size=8",
    "data.validation_people=4",
]


@pytest.fixture(scope="module")
def small_lfw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ORL's faces as an LFW of 40 people with three pictures each, four people in a fold of View 2."""
    root = tmp_path_factory.mktemp("lfw")
    faces = load_dataset("orl").faces()
    names = [f"Person_{number:02d}" for number in range(40)]
    for number, name in enumerate(names):
        (root / "lfw" / name).mkdir(parents=True)
        for picture, row in enumerate(np.flatnonzero(faces.people == number)[:3], 1):
            image = cv2.imread(str(faces.root / faces.paths[row]), cv2.IMREAD_GRAYSCALE)
            cv2.imwrite(str(root / "lfw" / name / f"{name}_{picture:04d}.jpg"), cv2.resize(image, (250, 250)))
    people, pairs = ["10"], ["10\t8"]
    for fold in range(10):
        own = names[4 * fold : 4 * fold + 4]
        people += ["4", *(f"{name}\t3" for name in own)]
        pairs += [f"{name}\t{i}\t{i + 1}" for name in own for i in (1, 2)]
        pairs += [
            f"{own[i]}\t{k}\t{own[j]}\t{k}" for k in (1, 2) for i, j in ((0, 1), (1, 2), (2, 3), (0, 3))
        ]
    (root / "people.txt").write_text("\n".join(people) + "\n")
    (root / "pairs.txt").write_text("\n".join(pairs) + "\n")
    return root


@pytest.mark.parametrize("supervision", ["people", "pairs"])
def test_nobody_of_a_fold_is_trained_or_tuned_on(real_lfw: Path, supervision: str) -> None:
    """On the real lists, for both kinds of supervision."""
    recipe = "fast" if supervision == "people" else "koch"
    settings = load_recipe(recipe, ["data.validation_people=0.1"])
    pairs = Lfw(real_lfw).protocol("view2")
    assert pairs.fold is not None
    for fold in range(10):
        dataset = load_source(DataSource("lfw", str(real_lfw), without_fold=fold))
        split = split_dataset(dataset, settings)
        tested = {pairs.faces.names[person] for person in pairs.people[pairs.fold == fold].ravel()}
        seen = set(split.source.faces.names) | set(split.validation.faces.names)
        assert len(tested) > 300
        assert len(seen) > (4000 if supervision == "people" else 2500)
        assert not tested & seen
        assert not set(split.source.faces.names) & set(split.validation.faces.names)


def test_a_fold_that_does_not_exist_is_refused(small_lfw: Path) -> None:
    with pytest.raises(DataError, match="found fold 10, need 0 to 9"):
        load_source(DataSource("lfw", str(small_lfw), without_fold=10))
    with pytest.raises(DataError, match="has no official folds"):
        load_source(DataSource("orl", without_fold=0))


def test_ten_runs_are_started_each_without_its_fold(small_lfw: Path, tmp_path: Path) -> None:
    source, settings = DataSource("lfw", str(small_lfw)), load_recipe("fast", SMALL)
    runs = fold_runs(source, settings, 0, tmp_path)
    assert [run.path.name for run in runs] == [f"fold-{number:02d}" for number in range(1, 11)]
    assert [run.info().source.without_fold for run in runs] == list(range(10))
    started = [run.info().started for run in runs]
    assert [run.info().started for run in fold_runs(source, settings, 0, tmp_path)] == started
    with pytest.raises(SettingsError, match="other settings or another seed"):
        fold_runs(source, settings, 1, tmp_path)


def test_runs_on_other_pictures_are_not_taken_for_these(small_lfw: Path, tmp_path: Path) -> None:
    """The same faces, once as they came and once under the name of another alignment."""
    settings, out = load_recipe("fast", SMALL), tmp_path / "ten"
    source = DataSource("lfw", str(small_lfw))
    [first, *_] = fold_runs(source, settings, 0, out)
    assert first.info().source.layout == "original"
    moved = small_lfw.rename(small_lfw.with_name("moved"))
    try:
        fold_runs(replace(source, root=str(moved), layout="original"), settings, 0, out)
        for other in (replace(source, layout="funneled"), replace(source, align=True)):
            with pytest.raises(SettingsError, match="begun on other pictures or another fold"):
                fold_runs(other, settings, 0, out)
    finally:
        moved.rename(small_lfw)


@pytest.mark.slow
def test_ten_models_are_trained_once_and_judged_without_a_leak(small_lfw: Path, tmp_path: Path) -> None:
    out = tmp_path / "ten"
    changes = [part for change in SMALL for part in ("--set", change)]
    command = ["view2", "fast", "--root", str(small_lfw), "--out", str(out), "--json"]
    source, settings = DataSource("lfw", str(small_lfw)), load_recipe("fast", SMALL)
    # As if a command had been stopped before the first training.
    fold_runs(source, settings, 0, out)
    found = CliRunner().invoke(app, [*command, *changes])
    assert found.exit_code == 0, found.output
    figures = json.loads(found.stdout)
    assert figures["pairs"] == 160
    assert len(figures["folds"]) == len(figures["thresholds"]) == 10
    assert figures["accuracy"] == pytest.approx(np.mean(figures["folds"]))
    assert figures["accuracy"] > 0.6
    assert figures["seen_people"]["pairs"] == 0
    written = {path: path.stat().st_mtime_ns for path in out.glob("fold-*/model/*")}
    again = CliRunner().invoke(app, [*command, *changes])
    assert {path: path.stat().st_mtime_ns for path in out.glob("fold-*/model/*")} == written
    assert json.loads(again.stdout)["folds"] == figures["folds"]

    pairs = Lfw(small_lfw).protocol("view2")
    models = [load_model(out / f"fold-{fold:02d}") for fold in range(1, 11)]
    with pytest.raises(LeakError):
        evaluate_folds([*models[1:], models[0]], pairs)
    with pytest.raises(ModelError, match="9 models for 10 folds"):
        evaluate_folds(models[1:], pairs)
