"""Studies from end to end; kills and Ctrl-C do not change their results."""

import json
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from shell import twinface_here
from study_files import PLAIN, STUDY, same_results, sweep_command, write_study
from twinface.core.errors import DataError, ModelError, SettingsError
from twinface.core.interruption import StopRequest
from twinface.datasets.data_source import DataSource
from twinface.evaluation.metrics import cross_validated_accuracy
from twinface.evaluation.results import load_validation
from twinface.reports import report
from twinface.studies.cost_estimate import CostEstimate
from twinface.studies.results.read_results import study_results
from twinface.studies.run_study import Resources
from twinface.studies.study_file.study import read_study
from twinface.studies.study_folder import StudyFolder
from twinface.studies.sweep import StudyStatus, Sweep
from twinface.studies.trials.local_runner import LocalRunner
from twinface.training.run_folder import RunFolder
from twinface.training.run_info import RunInfo


@pytest.mark.slow
def test_faces_of_a_folder_are_aligned_as_train_does(tmp_path: Path) -> None:
    """There is none on these pictures, so only those that are said to be framed can be taken."""
    root = tmp_path / "mine"
    for person in range(30):
        (root / f"person {person}").mkdir(parents=True)
        for number in range(3):
            cv2.imwrite(str(root / f"person {person}" / f"{number}.png"), np.full((40, 40), 90, np.uint8))
    study = write_study(tmp_path, PLAIN.replace('"orl"', '"folder"'))
    with pytest.raises(DataError, match="no face was found"):
        Sweep(read_study(study), root, tmp_path / "o")
    refused = twinface_here("sweep", study, "--root", root, "--out", tmp_path / "o", "--dry-run")
    assert refused.returncode == 2
    assert "are taken as they are with --no-align" in refused.stderr
    sweep = Sweep(read_study(study), root, tmp_path / "o", align=False)
    assert sweep.source == DataSource("folder", str(root))
    known = twinface_here("sweep", study, "--root", root, "--dry-run", "--no-align")
    assert known.returncode == 0, known.stderr
    assert "a/0005" in known.stdout


def begin_first_trial(sweep: Sweep, source: DataSource) -> None:
    store = sweep.folder.stores[0]
    store.propose()
    (run,) = store.trials()[0].runs([0])
    info = RunInfo(name="r", started="2026-01-01T00:00:00+00:00", seed=0, source=source, salt="s")
    run.create(sweep.study.first_settings(), info)


def test_a_study_goes_on_with_pictures_of_the_same_kind_alone(tmp_path: Path) -> None:
    study = read_study(write_study(tmp_path))
    begin_first_trial(Sweep(study, None, tmp_path / "o"), DataSource("orl", align=True))
    with pytest.raises(
        SettingsError, match="the pictures of its runs were aligned; say --align to continue it"
    ):
        Sweep(study, None, tmp_path / "o")


def test_a_study_goes_on_with_the_same_pictures_alone(tmp_path: Path) -> None:
    root, link, other = tmp_path / "mine", tmp_path / "link", tmp_path / "other"
    for person in range(30):
        (root / f"person {person}").mkdir(parents=True)
        for number in range(3):
            cv2.imwrite(str(root / f"person {person}" / f"{number}.png"), np.full((40, 40), 90, np.uint8))
    shutil.copytree(root, other)
    link.symlink_to(root)
    study = read_study(write_study(tmp_path, PLAIN.replace('"orl"', '"folder"')))
    sweep = Sweep(study, root, tmp_path / "o", align=False)
    begin_first_trial(sweep, DataSource("folder", str(root)))
    Sweep(study, link, tmp_path / "o", align=False)
    with pytest.raises(SettingsError, match=r"its runs have the photos in .*mine; name them with --root"):
        Sweep(study, other, tmp_path / "o", align=False)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A study file, and the folder of the study after it ran without any interruption."""
    folder = tmp_path_factory.mktemp("study")
    study = write_study(folder)
    # In this process, which has imported torch already. Interrupted studies run in processes of their own.
    done = twinface_here("sweep", study, "--out", folder / "o", "--jobs", 2, "--cores", 2, "--json")
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert printed == json.loads((folder / "o" / "leaderboard.json").read_text(encoding="utf-8"))
    return study, folder / "o"


@pytest.mark.slow
def test_the_leaderboard_has_every_trial_and_baseline(whole: tuple[Path, Path]) -> None:
    _, place = whole
    results = json.loads((place / "leaderboard.json").read_text(encoding="utf-8"))
    baselines = [line["name"] for line in results["leaderboard"] if line["point"] is None]
    assert sorted(baselines) == ["baseline/pca", "baseline/pixels", "baseline/untrained"]
    board = [line for line in results["leaderboard"] if line["point"]]
    assert len(board) == 3
    for line in board:
        assert len(line["accuracies"]) == 2
        folder = place / "trials" / line["name"].replace("/", "-")
        for seed, accuracy in enumerate(line["accuracies"]):
            _, scored = load_validation(folder / f"seed-{seed}")
            assert accuracy == pytest.approx(
                cross_validated_accuracy(scored.scores, scored.is_match, 10), abs=0.02
            )
            info = RunFolder(folder / f"seed-{seed}").info()
            assert info.seed == seed
            assert info.machine is not None
            assert info.machine.threads == 1
        assert line["interval"][0] <= line["accuracy"] <= line["interval"][1]
    costs = json.loads((place / "costs.json").read_text(encoding="utf-8"))
    assert sorted(costs) == sorted(line["name"] for line in board)
    for runs in costs.values():
        assert [run["threads"] for run in runs] == [1, 1]
        assert all(run["seconds"] > 0 and run["images_per_second"] > 0 for run in runs)


@pytest.mark.slow
def test_the_best_trial_is_scored_on_test_people(whole: tuple[Path, Path]) -> None:
    _, place = whole
    results = json.loads((place / "leaderboard.json").read_text(encoding="utf-8"))
    board = [line for line in results["leaderboard"] if line["point"]]
    best = max(board, key=lambda line: line["value"])["name"]
    assert [(test["name"], test["seed"]) for test in results["test"]] == [(best, 0), (best, 1)]
    assert all(test["seen_people"]["pairs"] == 0 for test in results["test"])
    assert len(list(place.glob("trials/*/*/results/unseen.json"))) == 2


@pytest.mark.slow
def test_the_report_shows_the_whole_study(whole: tuple[Path, Path]) -> None:
    _, place = whole
    results = json.loads((place / "leaderboard.json").read_text(encoding="utf-8"))
    page = (place / "report.html").read_text(encoding="utf-8")
    assert "Which rate, &lt;b&gt;really&lt;/b&gt;?" in page
    for section in (
        "leaderboard",
        "test",
        "factors",
        "curves",
        "decisions",
        "disagreement",
        "costs",
        "study",
    ):
        assert f'<section id="{section}">' in page
    for line in results["leaderboard"]:
        assert line["name"] in page
    assert "data:image/jpeg;base64," in page
    tests = page[page.index('<section id="test">') :]
    tests = tests[: tests.index("</section>")]
    both = [test["accuracy"] for test in results["test"]]
    assert tests.count('rowspan="2"') == 3  # its name, mean and deviation stand once
    assert f"± {np.std(both, ddof=1):.3f}" in tests


@pytest.mark.slow
def test_a_study_that_has_ended_runs_nothing_twice(whole: tuple[Path, Path]) -> None:
    study, place = whole
    before = {path: path.stat().st_mtime_ns for path in place.glob("trials/**/*") if path.is_file()}
    sweep = Sweep(read_study(study), None, place)
    told: list[StudyStatus] = []
    sweep.run(LocalRunner(1), StopRequest(), told.append)
    assert [status.ended for status in told] == [3] * len(told)
    # It looks for the visible parts of each trial; baselines and test results are there.
    assert [status.measuring.split(",")[0] for status in told] == [
        "",
        "baselines",
        *["face and background alone"] * 3,
    ]
    assert before == {path: path.stat().st_mtime_ns for path in place.glob("trials/**/*") if path.is_file()}


@pytest.mark.slow
def test_a_finished_study_is_read_and_reported_from_its_folder_alone(
    whole: tuple[Path, Path], tmp_path: Path
) -> None:
    _, place = whole
    moved = Path(shutil.copytree(place, tmp_path / "moved"))
    page = (moved / "report.html").read_bytes()
    for name in ("leaderboard.json", "report.html"):
        (moved / name).unlink()
    assert report(moved) == moved / "report.html"
    assert (moved / "report.html").read_bytes() == page
    assert same_results(place, moved)
    results = study_results(StudyFolder.open(moved))
    assert json.loads(json.dumps(results.to_dict())) == json.loads(
        (place / "leaderboard.json").read_text(encoding="utf-8")
    )
    (moved / "optuna.db").unlink()
    with pytest.raises(SettingsError, match=r"no optuna\.db.*--storage"):
        report(moved)


def kill_and_go_on(study: Path, out: Path, kills: int) -> None:
    """Kills the command after a random time, `kills` times, and lets the last one end."""
    drawn = random.Random(kills)
    for _ in range(kills):
        process = subprocess.Popen(
            sweep_command(study, out),
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(drawn.uniform(2, 14))
        # Only the command is killed. The processes of the trials have to notice that themselves.
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(sweep_command(study, out), capture_output=True, check=True)


@pytest.mark.slow
def test_ctrl_c_and_a_kill_change_nothing(whole: tuple[Path, Path], tmp_path: Path) -> None:
    study, place = whole
    process = subprocess.Popen(sweep_command(study, tmp_path / "o"), stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.glob("o/trials/*/seed-0/run.json")):
        time.sleep(0.1)
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command continues" in said
    kill_and_go_on(study, tmp_path / "o", 1)
    assert same_results(place, tmp_path / "o")
    trials = {path.name for path in (tmp_path / "o" / "trials").iterdir()}
    assert trials == {f"rates-{number:04d}" for number in range(3)}


@pytest.mark.long
def test_four_kills_change_nothing(whole: tuple[Path, Path], tmp_path: Path) -> None:
    study, place = whole
    kill_and_go_on(study, tmp_path / "o", 4)
    assert same_results(place, tmp_path / "o")


def test_a_dry_run_prints_points_and_costs_and_leaves_nothing(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    done = twinface_here("sweep", study, "--out", tmp_path / "o", "--jobs", 2, "--cores", 2, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "rates: 3 points, 6 runs" in done.stdout
    assert "rates/0002  learning_rate 0.01" in done.stdout
    assert "with 2 at a time" in done.stdout
    assert not (tmp_path / "o").exists()


def test_a_cost_estimate_as_plain_values() -> None:
    cost = CostEstimate("rates", points=4, runs=8, seconds=16.0)
    assert cost.to_dict() == {"part": "rates", "points": 4, "runs": 8, "seconds": 16.0}


def test_more_runs_at_a_time_than_cores_are_refused() -> None:
    with pytest.raises(SettingsError, match="--jobs 3: found 2 cores, need one for each run"):
        Resources(jobs=3, cores=2)
    assert (Resources(jobs=2, cores=5).threads, Resources(cores=4).runs_at_a_time) == (2, 4)


def test_the_study_file_in_the_folder_asks_for_the_same_study_in_the_same_order(tmp_path: Path) -> None:
    """A range is a table, and a writer of TOML may move tables behind lists: other draws would follow."""
    guided = STUDY.replace("vary = {", 'method = "guided"\ntrials = 4\nvary = {').replace(
        "[1e-3, 3e-3, 1e-2]", "{ low = 1e-3, high = 1e-2 }, sampling.batch_size = [32, 64]"
    )
    for number, text in enumerate((STUDY, guided, f'name = "other"\n{guided}')):
        study = read_study(write_study(tmp_path, text))
        StudyFolder.begin(study, tmp_path / str(number))
        kept = StudyFolder.open(tmp_path / str(number)).study
        assert kept.fingerprint() == study.fingerprint()
        assert kept.name == ("other" if number == 2 else "rates")
        assert (tmp_path / str(number) / "study.toml").read_text(encoding="utf-8").endswith(text)


def test_a_folder_without_a_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"holds no study \(no study.toml\)"):
        StudyFolder.open(tmp_path)
