"""The page of a run at every stage: whole, self-contained, and the same bytes for the same run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pages import all_pairs, faces_of
from toy_runs import add_epochs, finish, judged, new_run, page_of, run_with
from twinface.core.registry import Component
from twinface.core.settings import Settings
from twinface.core.settings_sections import DataSettings
from twinface.core.types import PairSet
from twinface.datasets.data_source import DataSource
from twinface.evaluation.results import save_result
from twinface.reports.learning_charts import learning_charts
from twinface.reports.run_view import run_view
from twinface.training.epoch_metrics import ValidationMetrics, best_epoch
from twinface.training.recipe import load_recipe
from twinface.training.run_folder import RunFolder
from twinface.training.run_info import RunInfo


@pytest.fixture
def pairs(tmp_path: Path) -> PairSet:
    return all_pairs(faces_of(tmp_path / "faces"))


def test_page_of_a_run_that_has_not_begun(tmp_path: Path) -> None:
    page = page_of(new_run(tmp_path / "run"))
    assert "not started" in page.text
    assert "No epoch is finished yet." in page.text
    assert "svg" not in [tag for tag, _ in page.tags]


def test_page_of_a_run_that_takes_no_step(tmp_path: Path) -> None:
    folder = new_run(tmp_path / "run", load_recipe("fast"))
    assert "The model is not fitted yet." in page_of(folder).text
    finish(folder)
    folder.note(validation=ValidationMetrics(0.876, 0.95, 0.3))
    page = page_of(folder)
    for part in (
        "its accuracy is 87.6",
        "no test result",
        "1,234,567",
        "none trained by steps",
        "so there is no curve",
    ):
        assert part in page.text, part
    for part in ("epochs finished", "474,810", "No epoch"):
        assert part not in page.text, part


@pytest.mark.parametrize(("epochs", "every"), [(1, 1), (1, 2), (3, 2), (60, 1)])
@pytest.mark.parametrize("status", ["training", "stopped"])
def test_page_while_training(tmp_path: Path, status: str, epochs: int, every: int) -> None:
    folder = new_run(tmp_path / "run")
    folder.note(status=status)
    add_epochs(folder, epochs, every)
    page = page_of(folder)
    assert ("in training" if status == "training" else "stopped") in page.text
    assert f"{epochs} of at most 30 epochs" in page.text
    assert "Learning rate" in page.text
    if every > epochs:
        assert "none validated yet" in page.text
    else:
        best = min(epochs, 5) // every * every
        assert f"On validation people, epoch {best} reached" in page.text
        assert f"best: {best}" in page.text
        assert "no test result" in page.text


def test_page_of_a_finished_run_without_evaluation(tmp_path: Path) -> None:
    page = page_of(run_with(tmp_path / "my run", epochs=7))
    assert "my run finished" in page.text
    for part in (
        "Not evaluated yet", "1 min 1 s", "Toy & Sons", "2.13.0", "cd" * 32, "ef" * 32, "220 pictures", "474,810",
        'recipe = "toy"', "save_every", "twinface train --data folder --recipe toy", "Toys only.", "22 people",
        "twinface train --data folder --recipe settings.toml --seed 3 --out again --no-align", "2.50 s",
    ):  # fmt: skip
        assert part in page.text, part


def made_again(
    path: Path, source: DataSource, judge: bool = False, test_people: int = 0, *protocols: str
) -> list[str]:
    """The commands on the page of such a run, evaluated by these protocols."""
    folder = RunFolder(path)
    info = RunInfo(
        name=path.name, started="2026-01-01T00:00:00+00:00", seed=3, source=source, salt="s", judge=judge
    )
    folder.create(Settings(data=DataSettings(test_people=test_people)), info)
    toys = all_pairs(faces_of(path / "faces"))
    for protocol in protocols:
        save_result(path, judged(toys, protocol))
    return run_view(folder).commands


def test_commands_make_the_same_run_again(tmp_path: Path) -> None:
    """They name what differs from what `train` does if nothing is said, and no command that is refused."""
    end = "--recipe settings.toml --seed 3 --out again"
    lfw = DataSource("lfw", "/lfw", "original", align=True)
    assert made_again(tmp_path / "a", lfw, False, 0, "view1") == [
        f"twinface train --data lfw {end} --root /lfw --layout original --align",
        "twinface evaluate again --protocol view1",
    ]
    photos = DataSource("folder", "/my photos", align=True)
    assert made_again(tmp_path / "b", photos) == [f"twinface train --data folder {end} --root '/my photos'"]
    assert made_again(tmp_path / "c", replace(photos, align=False)) == [
        f"twinface train --data folder {end} --root '/my photos' --no-align"
    ]
    assert made_again(tmp_path / "d", photos, True, 3, "cross-validated", "unseen") == [
        f"twinface train '/my photos' {end}",
        "twinface evaluate again --protocol unseen",
    ]
    assert made_again(tmp_path / "e", photos, True, 0, "cross-validated") == [
        f"twinface train --data folder {end} --root '/my photos'"
    ]
    assert made_again(tmp_path / "f", replace(lfw, without_fold=3)) == [
        "twinface view2 settings.toml --seed 3 --out again --root /lfw --layout original --align"
        "  # ten runs; this one is again/fold-04"
    ]


def test_loss_curves_share_a_chart_only_where_they_measure_the_same(tmp_path: Path) -> None:
    folder = new_run(tmp_path / "run", Settings(loss=Component(name="bce")))
    add_epochs(folder, 3)
    assert "Validation loss" not in page_of(folder).text
    titles = [chart.title for chart in learning_charts(folder.metrics(), loss_is_cross_entropy=False)]
    assert titles == ["Training loss", "Validation loss", "Validation", "Learning rate"]
    assert best_epoch(folder.metrics()).epoch == 3
    assert learning_charts([], True) == []


def test_no_warning_where_nobody_was_seen(tmp_path: Path, pairs: PairSet) -> None:
    page = page_of(run_with(tmp_path / "run", judged(pairs), epochs=7))
    assert "warning" not in page.attributes("class")


@pytest.mark.parametrize("split", ["people", "pairs"])
def test_a_warning_where_people_are_in_both_parts(tmp_path: Path, split: Any) -> None:
    folder = new_run(tmp_path / "run", Settings(data=DataSettings(split=split)))
    add_epochs(folder, 2)
    page = page_of(folder)
    assert ("Validation figures are too good" in page.text) == (split == "pairs")


def test_page_of_a_failed_run_says_why(tmp_path: Path) -> None:
    folder = new_run(tmp_path / "run")
    folder.note(status="failed", reason="the loss is nan in epoch 2, step 7")
    page = page_of(folder)
    assert "run failed" in page.text
    assert "Failed: the loss is nan in epoch 2, step 7" in page.text
