"""Studies from end to end, what their report says, and that kills do not change it."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from twinface.core.interruption import StopRequest
from twinface.datasets.training_split import DataSource
from twinface.evaluation.metrics import cross_validated_accuracy
from twinface.evaluation.results import load_validation
from twinface.reports.study_page import write_study_report
from twinface.studies.local_runner import LocalRunner
from twinface.studies.study import read_study
from twinface.studies.sweep import StudyStatus, Sweep
from twinface.studies.trial import Job, Pruned, _Pruner, run_job
from twinface.training.run_folder import RunFolder

STUDY = """
title = "Which rate, <b>really</b>?"
data = "orl"
seeds = [0, 1]

[[parts]]
name = "rates"
recipe = "demo"
vary = { optimizer.learning_rate = [1e-3, 1e-2], sampling.batch_size = [32, 64] }

[parts.set]
imaging.height = 24
imaging.width = 24
network.backbone = { name = "residual", channels = [4, 8], embedding = 16 }
sampling.look_alikes = 2
trainer.epochs = 2

[test]
protocol = "unseen"
points = ["rates/best"]
"""


def write_study(folder: Path, text: str = STUDY) -> Path:
    path = folder / "rates.toml"
    path.write_text(text, encoding="utf-8")
    return path


def command(study: Path, out: Path, *more: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "twinface",
        "sweep",
        str(study),
        "--out",
        str(out),
        "--jobs",
        "2",
        "--cores",
        "2",
        *more,
    ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A study file, and the folder of the study run without any interruption."""
    folder = tmp_path_factory.mktemp("study")
    study = write_study(folder)
    done = subprocess.run(command(study, folder / "o", "--json"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures == json.loads((folder / "o" / "leaderboard.json").read_text(encoding="utf-8"))
    return study, folder / "o"


def test_a_study_from_end_to_end(whole: tuple[Path, Path]) -> None:
    _, place = whole
    figures = json.loads((place / "leaderboard.json").read_text(encoding="utf-8"))
    free = [line["name"] for line in figures["leaderboard"] if line["point"] is None]
    assert sorted(free) == ["baseline/pca", "baseline/pixels", "baseline/untrained"]
    board = [line for line in figures["leaderboard"] if line["point"]]
    assert len(board) == 4
    assert [len(line["accuracies"]) for line in board] == [2] * 4
    for line in board:
        folder = place / "trials" / line["name"].replace("/", "-")
        for seed, accuracy in enumerate(line["accuracies"]):
            _, scored = load_validation(folder / f"seed-{seed}")
            assert accuracy == pytest.approx(
                cross_validated_accuracy(scored.scores, scored.is_match, 10), abs=0.02
            )
            about = RunFolder(folder / f"seed-{seed}").about()
            assert about["seed"] == seed
            assert about["machine"]["threads"] == 1
        assert line["interval"][0] <= line["accuracy"] <= line["interval"][1]
    best = max(board, key=lambda line: line["value"])["name"]
    assert [(test["name"], test["seed"]) for test in figures["test"]] == [(best, 0), (best, 1)]
    assert all(test["seen_people"]["pairs"] == 0 for test in figures["test"])
    tested = list(place.glob("trials/*/*/results/unseen.json"))
    assert len(tested) == 2
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
    for line in board:
        assert line["name"] in page
    assert "data:image/jpeg;base64," in page
    tests = page[page.index('<section id="test">') :]
    tests = tests[: tests.index("</section>")]
    both = [test["accuracy"] for test in figures["test"]]
    assert tests.count('rowspan="2"') == 3  # its name, mean and deviation stand once
    assert f"± {np.std(both, ddof=1):.3f}" in tests


def test_a_study_that_is_over_runs_nothing_twice(whole: tuple[Path, Path]) -> None:
    study, place = whole
    before = {path: path.stat().st_mtime_ns for path in place.glob("trials/**/*") if path.is_file()}
    work = Sweep(read_study(study), None, place)
    told: list[StudyStatus] = []
    work.run(LocalRunner(1), StopRequest(), told.append)
    assert [standing.over for standing in told] == [4] * len(told)
    # One for each point whose parts are looked for; the baselines and tests are there.
    assert [standing.measuring.split(",")[0] for standing in told] == [
        "",
        "baselines",
        *["face and background alone"] * 4,
    ]
    write_study_report(work)
    assert before == {path: path.stat().st_mtime_ns for path in place.glob("trials/**/*") if path.is_file()}


def kill_and_go_on(study: Path, out: Path, kills: int, *more: str) -> None:
    """Kills the whole process group after a random time, so often, and lets the last one end."""
    drawn = random.Random(kills)
    for _ in range(kills):
        process = subprocess.Popen(
            command(study, out, *more),
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(drawn.uniform(2, 14))
        # The command alone: what it began has to notice by itself.
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(command(study, out, *more), capture_output=True, check=True)


def same_figures(one: Path, other: Path) -> bool:
    return (one / "leaderboard.json").read_bytes() == (other / "leaderboard.json").read_bytes()


def test_two_kills_change_nothing(whole: tuple[Path, Path], tmp_path: Path) -> None:
    study, place = whole
    kill_and_go_on(study, tmp_path / "o", 2)
    assert same_figures(place, tmp_path / "o")
    assert {path.name for path in (tmp_path / "o" / "trials").iterdir()} == {
        f"rates-{n:04d}" for n in range(4)
    }


@pytest.mark.slow
def test_ten_kills_change_nothing(whole: tuple[Path, Path], tmp_path: Path) -> None:
    study, place = whole
    kill_and_go_on(study, tmp_path / "o", 10)
    assert same_figures(place, tmp_path / "o")


def test_ctrl_c_saves_and_says_how_to_go_on(whole: tuple[Path, Path], tmp_path: Path) -> None:
    study, place = whole
    process = subprocess.Popen(command(study, tmp_path / "o"), stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.glob("o/trials/*/seed-0/run.json")):
        time.sleep(0.1)
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on" in said
    subprocess.run(command(study, tmp_path / "o"), capture_output=True, check=True)
    assert same_figures(place, tmp_path / "o")


def test_a_dry_run_prints_points_and_costs_and_leaves_nothing(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    done = subprocess.run(
        command(study, tmp_path / "o", "--dry-run"), capture_output=True, text=True, check=True
    )
    assert "rates: 4 points, 8 runs" in done.stdout
    assert "rates/0003  learning_rate 0.01, batch_size 64" in done.stdout
    assert "with 2 at a time" in done.stdout
    assert not (tmp_path / "o").exists()


def test_a_run_that_diverges_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    text = STUDY.replace("[1e-3, 1e-2]", "[1e-3, 1e30]").replace("seeds = [0, 1]", "seeds = [0]")
    text = text.replace("[32, 64]", "[32]")
    study = read_study(write_study(tmp_path, text))
    work = Sweep(study, None, tmp_path / "o")
    work.run(LocalRunner(2), StopRequest(), lambda standing: None)
    states = {entry.number: entry.state for entry in work.entries()}
    assert states[0] == "finished"
    assert states[1] == "failed"
    assert (
        "the loss is" in work.entries()[1].outcome().reason
        or "not finite" in work.entries()[1].outcome().reason
    )
    page = write_study_report(work).read_text(encoding="utf-8")
    assert "Given up or failed: 1" in page


def test_a_process_that_dies_again_and_again_fails_its_point_alone(tmp_path: Path) -> None:
    job = Job("a/0000", tmp_path / "a", DataSource("orl"), None, (0,), "auc", 1)  # type: ignore[arg-type]
    runner = LocalRunner(2)
    runner.start(job)
    ended = []
    while not ended:
        ended = runner.wait(5)
    ((name, outcome),) = ended
    assert name == "a/0000"
    assert outcome.state == "failed"
    assert "3 times" in outcome.reason
    assert runner.free() == 2


def test_a_point_below_the_median_is_given_up(tmp_path: Path) -> None:
    study = read_study(write_study(tmp_path))
    settings = study.parts[0].settings(study.parts[0].grid()[0])
    rivals = tuple(tuple((epoch, 0.9 + 0.01 * number) for epoch in (1, 2)) for number in range(3))
    job = Job("a/0000", tmp_path / "a", DataSource("orl"), settings, (0, 1), "auc", 1, rivals)
    outcome = run_job(job, StopRequest())
    assert outcome.state == "pruned"
    folder = RunFolder(tmp_path / "a" / "seed-0")
    assert folder.about()["status"] == "pruned"
    assert len(folder.records()) == 1
    assert outcome.value == folder.records()[0]["auc"]
    assert not (tmp_path / "a" / "seed-1").exists()
    assert run_job(job, StopRequest()) == outcome


@pytest.mark.parametrize("own", [[0.5, 0.6], [0.7, 0.7], [0.9, 0.2], [0.6, 0.65]])
def test_the_median_rule_against_a_plain_one(tmp_path: Path, own: list[float]) -> None:
    rivals = (((1, 0.6), (2, 0.7), (3, 0.8)), ((1, 0.7), (2, 0.8), (3, 0.9)), ((1, 0.5), (2, 0.6), (3, 0.9)))
    study = read_study(write_study(tmp_path, STUDY.replace("trainer.epochs = 2", "trainer.epochs = 3")))
    settings = study.parts[0].settings(study.parts[0].grid()[0])
    folder = RunFolder(tmp_path / "a")
    folder.path.mkdir()
    pruner = _Pruner(Job("a", tmp_path, DataSource("orl"), settings, (0,), "auc", 1, rivals), folder)
    for epoch, value in enumerate(own, 1):
        folder.record(epoch - 1, {"epoch": epoch, "auc": value})
        plain = max(own[:epoch]) < np.median([dict(rival)[epoch] for rival in rivals])
        if plain:
            with pytest.raises(Pruned):
                pruner({"epoch": epoch})
            return
        pruner({"epoch": epoch})
