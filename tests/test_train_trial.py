"""One trial: it fails alone, and is stopped early when it is worse than the median of earlier ones."""

from pathlib import Path

import numpy as np
import pytest

from study_files import DIVERGING, write_study
from twinface.cli.sweep import result_lines
from twinface.core.interruption import StopRequest
from twinface.datasets.data_source import DataSource
from twinface.reports import report
from twinface.studies.results.read_results import study_results
from twinface.studies.study_file.study import read_study
from twinface.studies.sweep import StudyStatus, Sweep
from twinface.studies.trials.local_runner import LocalRunner
from twinface.studies.trials.pruning import MedianPruner, Pruned
from twinface.studies.trials.train_trial import TrialJob, run_trial
from twinface.training.epoch_metrics import EpochMetrics, ValidationMetrics
from twinface.training.run_folder import RunFolder


@pytest.mark.slow
def test_a_trial_that_diverges_is_shown_with_its_reason_and_the_others_go_on(tmp_path: Path) -> None:
    sweep = Sweep(read_study(write_study(tmp_path, DIVERGING)), None, tmp_path / "o")
    told: list[StudyStatus] = []
    sweep.run(LocalRunner(2), StopRequest(), told.append)
    assert (told[-1].ended, told[-1].failed) == (2, 1)
    good, bad = sweep.folder.trials()
    assert (good.state, bad.state) == ("finished", "failed")
    outcome = bad.outcome()
    assert outcome is not None
    assert "seed 0: " in outcome.reason
    assert "loss" in outcome.reason
    info = bad.runs([0])[0].info()
    assert info.status == "failed"
    assert info.reason is not None
    assert info.reason in outcome.reason

    results = study_results(sweep.folder)
    assert [(trial.name, trial.reason) for trial in results.failed] == [("rates/0001", outcome.reason)]
    assert results.pruned == []
    assert results.to_dict()["given_up"] == [
        {
            "name": "rates/0001",
            "what": "learning_rate 1e+30",
            "state": "failed",
            "value": None,
            "reason": outcome.reason,
        }
    ]
    assert result_lines(results)[-1] == (f"failed: rates/0001  learning_rate 1e+30: {outcome.reason}")
    page = report(tmp_path / "o").read_text(encoding="utf-8")
    warning = page[page.index("Failed: 1 of 2 trials.") :]
    warning = warning[: warning.index("</div>")]
    assert "<strong>rates/0001</strong> learning_rate 1e+30: seed 0: " in warning
    assert "1 trained to the end, 0 stopped early, 1 failed" in page


def test_a_process_that_crashes_again_and_again_fails_its_trial_alone(tmp_path: Path) -> None:
    job = TrialJob("a/0000", tmp_path / "a", DataSource("orl"), None, (0,), "auc", 1)  # type: ignore[arg-type]
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


def test_a_trial_below_the_median_is_stopped(tmp_path: Path) -> None:
    search = read_study(write_study(tmp_path)).searches[0]
    settings = search.settings(search.grid()[0])
    earlier = tuple(tuple((epoch, 0.9 + 0.01 * number) for epoch in (1, 2)) for number in range(3))
    job = TrialJob("a/0000", tmp_path / "a", DataSource("orl"), settings, (0, 1), "auc", 1, earlier)
    outcome = run_trial(job, StopRequest())
    assert outcome.state == "pruned"
    folder = RunFolder(tmp_path / "a" / "seed-0")
    assert folder.info().status == "pruned"
    (metrics,) = folder.metrics()
    assert metrics.validation is not None
    assert outcome.value == metrics.validation.auc
    assert not (tmp_path / "a" / "seed-1").exists()
    assert "unexpected" not in (folder.path / "log.txt").read_text()
    assert run_trial(job, StopRequest()) == outcome


def epoch_with(epoch: int, auc: float) -> EpochMetrics:
    validation = ValidationMetrics(accuracy=0.5, auc=auc, validation_loss=1.0)
    return EpochMetrics(epoch=epoch, loss=1.0, learning_rate=0.1, seconds=1.0, validation=validation)


@pytest.mark.parametrize("own", [[0.5, 0.6], [0.7, 0.7], [0.9, 0.2], [0.6, 0.65]])
def test_the_median_rule_against_a_plain_one(tmp_path: Path, own: list[float]) -> None:
    earlier = (((1, 0.6), (2, 0.7), (3, 0.8)), ((1, 0.7), (2, 0.8), (3, 0.9)), ((1, 0.5), (2, 0.6), (3, 0.9)))
    folder = RunFolder(tmp_path / "a")
    folder.path.mkdir()
    pruner = MedianPruner(folder, "auc", earlier, prune_after=1, epochs=3)
    expected = [max(own[:epoch]) < np.median([dict(each)[epoch] for each in earlier]) for epoch in (1, 2)]
    for epoch, value in enumerate(own, 1):
        metrics = epoch_with(epoch, value)
        folder.record(epoch - 1, metrics)
        if expected[epoch - 1]:
            with pytest.raises(Pruned) as caught:
                pruner(metrics)
            assert caught.value.value == max(own[:epoch])
            break
        pruner(metrics)


def test_no_trial_is_stopped_before_its_time_or_after_its_last_epoch(tmp_path: Path) -> None:
    earlier = (((1, 0.6), (2, 0.7), (3, 0.8)), ((1, 0.7), (2, 0.8), (3, 0.9)))
    folder = RunFolder(tmp_path / "a")
    folder.path.mkdir()
    pruner = MedianPruner(folder, "auc", earlier, prune_after=3, epochs=3)
    for epoch in (1, 2, 3):
        folder.record(epoch - 1, epoch_with(epoch, 0.1))
        pruner(epoch_with(epoch, 0.1))
    with pytest.raises(Pruned, match=r"given up at 0\.1"):
        MedianPruner(folder, "auc", earlier, prune_after=3, epochs=4)(epoch_with(3, 0.1))


def test_an_objective_that_was_not_measured_is_the_reason_of_one_failed_trial(tmp_path: Path) -> None:
    search = read_study(write_study(tmp_path)).searches[0]
    settings = search.settings({**search.grid()[0], "validation.ways": 1000, "trainer.epochs": 1})
    job = TrialJob("a/0000", tmp_path / "a", DataSource("orl"), settings, (0,), "one_shot", 1)
    outcome = run_trial(job, StopRequest())
    assert (outcome.state, outcome.value) == ("failed", None)
    assert "one_shot was not measured" in outcome.reason
    assert RunFolder(tmp_path / "a" / "seed-0").is_finished  # its model is there
