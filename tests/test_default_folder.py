"""The folder of a run where none was chosen: always inside `runs`."""

from __future__ import annotations

from pathlib import Path

import pytest

from shell import twinface_here
from toy_runs import new_run
from twinface.core.errors import SettingsError
from twinface.core.settings import Settings
from twinface.datasets.data_source import DataSource
from twinface.training.own_photos import own_photos
from twinface.training.recipe import default_folder, load_recipe
from twinface.training.train import train


def test_it_is_named_after_recipe_and_seed() -> None:
    assert default_folder(load_recipe("residual"), 3) == Path("runs/residual-3")
    assert default_folder(Settings(recipe="Ünïcode name"), "view2") == Path("runs/Ünïcode name-view2")


@pytest.mark.parametrize("name", ["../../x", "a/b", "/tmp/x", "..", "", "a\\b", "C:x", "a\nb", "\x1b[31m"])
def test_a_name_that_is_no_plain_folder_name_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        SettingsError, match=r"^recipe = .*need a plain name for the folder in runs/"
    ) as caught:
        train("orl", Settings(recipe=name))
    assert str(caught.value).isprintable()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [["train", "--data", "orl", "--recipe"], ["view2"]])
def test_commands_refuse_it_too(command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    (tmp_path / "mine.toml").write_text('recipe = "../../x"\n')
    answer = twinface_here(*command, "mine.toml")
    assert answer.returncode == 2
    assert answer.stderr.startswith("twinface: recipe = '../../x': it contains '/', need a plain name")


def test_a_run_of_something_else_is_not_taken_for_the_one_that_is_asked_for(tmp_path: Path) -> None:
    """Its figures would be reported as those of other settings."""
    made = Settings(recipe="toy")
    folder = new_run(tmp_path / "run", made)
    folder.note(status="finished", source=DataSource("orl"), seed=3)
    threads = made.trainer.model_copy(update={"threads": 1})
    same = made.model_copy(update={"trainer": threads})
    assert train("orl", same, seed=3, out=folder.path).path == folder.path
    for asked, words in (
        ({"dataset": "lfw"}, "data = 'orl', asked for 'lfw'"),
        ({"seed": 4}, "seed = 3, asked for 4"),
        (
            {"recipe": made.model_copy(update={"trainer": threads.model_copy(update={"epochs": 99})})},
            "trainer.epochs",
        ),
        ({"start_from": tmp_path}, "start_from = None, asked for"),
    ):
        given = {"dataset": "orl", "recipe": made, "seed": 3, "out": folder.path, **asked}
        with pytest.raises(SettingsError, match=f"holds a run with {words}.*choose another folder"):
            train(**given)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, None),
        ({"recipe": "sface"}, None),
        ({"overrides": ["data.cross_fitting=1"]}, None),
        ({"overrides": ["trainer.threads=1"]}, None),
        ({"recipe": "fast"}, "recipe = 'sface', asked for 'fast'"),
        ({"overrides": ["validation.ways=7"]}, "validation.ways = .*, asked for 7"),
        ({"overrides": ["validation.patience=none"]}, "validation.patience = 5, asked for None"),
        ({"overrides": ["trainer.epochs=banana"]}, "trainer.epochs"),
        ({"recipe": Settings()}, "takes a recipe by its name"),
    ],
)
def test_photos_of_ones_own_are_compared_by_what_is_named(
    asked: dict[str, object], words: str | None, tmp_path: Path
) -> None:
    """The rest was chosen for these photos when the run began."""
    changes = ["projection=none", "data.cross_fitting=1", "validation.patience=5"]
    folder = new_run(tmp_path / "run", load_recipe("sface", changes))
    (tmp_path / "photos").mkdir()
    folder.note(status="finished", source=own_photos(tmp_path / "photos"), seed=0)
    given = {"out": folder.path, **asked}
    if words is None:
        assert train(str(tmp_path / "photos"), **given).path == folder.path
        return
    with pytest.raises(SettingsError, match=words):
        train(str(tmp_path / "photos"), **given)
