"""What a run tells of its training: training accuracy, why it ended, its layers, a log, and files that it keeps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from conftest import TINY, train_tiny
from shell import twinface_here
from toy_runs import add_epochs, finish, new_run, page_of
from toy_training import FACES, toy_network
from twinface.core.settings_sections import TrainerSettings, ValidationSettings
from twinface.core.types import FaceSet, PairSet, TrainingSource
from twinface.datasets.draw_pairs import draw_pairs
from twinface.evaluation.metrics import cross_validated_accuracy
from twinface.models.layer import Layer
from twinface.models.scoring import score_pairs
from twinface.training.epoch_metrics import METRICS
from twinface.training.finalize import embed_with
from twinface.training.loop import why_it_ended
from twinface.training.machine import Machine
from twinface.training.plan import TrainingPlan, TrainingPosition
from twinface.training.run_folder import RunFolder
from twinface.training.training_sample import draw_sample
from twinface.training.validation import Validator


def nine_faces() -> FaceSet:
    paths = tuple(f"{number}.png" for number in range(9))
    return FaceSet("toys", Path(), paths, np.arange(9) % 3, ("a", "b", "c"))


def test_training_accuracy_is_that_of_pairs_that_are_trained_on() -> None:
    faces = nine_faces()
    pairs = draw_pairs(faces, 0)
    settings = ValidationSettings()
    sample = draw_sample(TrainingSource(faces), FACES, pairs, settings, seed=3)
    assert sample is not None
    machine = Machine("cpu", 1, "float32")
    validator = Validator(FACES, pairs, settings, machine, 0, scores_are_logits=False)
    network = toy_network().eval()
    assert validator(network).training_accuracy is None
    validator.training = sample
    measured = validator(network).training_accuracy

    embeddings = embed_with(network, sample.faces)

    def cosine(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
        return (left * right).sum(1) / lengths

    scores = score_pairs(embeddings, sample.pairs, cosine).scores
    assert measured == cross_validated_accuracy(scores, sample.pairs.is_match, sample.folds)


def test_a_sample_of_labelled_pairs_holds_given_pairs_alone() -> None:
    faces = nine_faces()
    given = draw_pairs(faces, 0)
    sample = draw_sample(TrainingSource(faces, given), FACES, given, ValidationSettings(), seed=3)
    assert sample is not None

    def named(pairs: PairSet) -> set[tuple[str, str]]:
        paths = pairs.faces.paths
        return {(paths[one], paths[other]) for one, other in zip(pairs.left, pairs.right, strict=True)}

    assert named(sample.pairs) <= named(given)
    for row, path in enumerate(sample.pairs.faces.paths):
        assert np.array_equal(sample.faces[row], FACES[faces.paths.index(path)])


def plan_of(epochs: int, patience: int | None, metric: str = "loss") -> TrainingPlan:
    return TrainingPlan(
        **dict.fromkeys(("faces", "sampler", "augment", "schedule", "validate", "machine")),  # type: ignore[arg-type]
        trainer=TrainerSettings(epochs=epochs),
        validation=ValidationSettings(patience=patience, metric=metric),  # type: ignore[arg-type]
        seed=0,
    )


@pytest.mark.parametrize(
    ("position", "plan", "said"),
    [
        (
            TrainingPosition(epoch=13, waiting=10),
            plan_of(50, 10),
            "epoch 13: no gain in validation loss for 10 epochs",
        ),
        (TrainingPosition(epoch=50, waiting=10), plan_of(50, 10), "trained for all 50 epochs"),
        (TrainingPosition(epoch=1), plan_of(1, None), "trained for all 1 epoch"),
        (
            TrainingPosition(epoch=9, waiting=1),
            plan_of(50, 1, "one-shot"),
            "no gain in one-shot accuracy for 1 epoch",
        ),
        (TrainingPosition(), plan_of(0, None), ""),
    ],
)
def test_why_training_ended(position: TrainingPosition, plan: TrainingPlan, said: str) -> None:
    assert said in why_it_ended(position, plan)


@pytest.mark.parametrize("metric", get_args(ValidationSettings.model_fields["metric"].annotation))
def test_every_metric_can_end_training(metric: str) -> None:
    assert METRICS[metric] in why_it_ended(TrainingPosition(epoch=3, waiting=2), plan_of(9, 2, metric))  # type: ignore[index]


def test_a_finished_run_keeps_its_model_and_not_its_state(tmp_path: Path) -> None:
    run = train_tiny(tmp_path / "run", "trainer.keep_state=false", "trainer.epochs=1")
    assert not list(run.path.glob("*.safetensors"))
    assert (run.model / "twin.safetensors").is_file()
    again = twinface_here("train", "--resume", run.path)
    assert again.returncode == 0
    assert f"is finished; to train on from it, start a run with --start-from {run.path}" in again.stderr
    on = twinface_here(
        "train", "--data", "orl", "--recipe", "demo", "--out", tmp_path / "on", "--start-from", run.path,
        *[word for change in [*TINY, "trainer.epochs=1"] for word in ("--set", change)],
    )  # fmt: skip
    assert on.returncode == 0, on.stderr
    log = (tmp_path / "on" / "log.txt").read_text()
    assert "epoch 1, training loss" in log
    assert "training accuracy" in log
    assert "trained for all 1 epoch; the weights of epoch 1 become the model" in log
    assert on.stderr.count("epoch 1, training loss") == 1, "the line of the log is not printed twice"


def test_the_page_shows_layers_why_it_ended_and_times_that_add_up(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run")
    add_epochs(run, 3)
    finish(run)
    run.keep_layers(
        [Layer("conv1", "Conv2d 10x10", (64, 96, 96), 6464, 58_982_400), Layer("x", "ReLU", (64,), 0, 0)]
    )
    costs = run.info().costs
    assert costs is not None
    run.note(
        ended="stopped after epoch 3: no gain in validation loss for 2 epochs",
        costs=replace(costs, preparing=2.0),
    )
    page = page_of(run).source
    for said in ("conv1", "Conv2d 10x10", "64 × 96 × 96", "58,982,400", "stopped after epoch 3: no gain"):
        assert said in page
    assert "1 min 4 s" in page, "2 s of preparing, 61 of training and 1.5 of writing"
    (run.path / "layers.json").write_text("[{]")
    assert RunFolder(run.path).layers() == []


def test_help_is_whole_and_in_groups() -> None:
    top, train = (twinface_here(*words, "--help").stdout for words in ((), ("train",)))
    assert "..." not in top.replace("[ARGS]...", "")
    for title in ("Compare photos:", "Build a model:", "Look around:"):
        assert f"\n{title}\n" in top
    for title in ("Arguments:", "Which pictures:", "How to train, and where to:"):
        assert f"\n{title}\n" in train
    assert train.index("--data") < train.index("How to train") < train.index("--recipe")


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("batch_size=1", '"sampling.batch_size"'),
        ("epochs=1", '"trainer.epochs"'),
        ("backbone=koch", '"network.backbone"'),
        ("learning_rate=1", '"optimizer.learning_rate"'),
    ],
)
def test_a_field_without_its_section_is_found(wrong: str, meant: str) -> None:
    done = twinface_here("train", "--data", "orl", "--set", wrong)
    assert done.returncode == 2
    assert f"did you mean {meant}" in done.stderr
