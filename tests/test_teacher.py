"""Distillation: the loss, the teacher's embeddings, what a network learns from them, and who may teach whom."""

from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import TINY
from resumed_runs import StopAfter, bits
from twinface.core.errors import SettingsError
from twinface.core.interruption import Interrupted
from twinface.datasets.data_source import DataSource
from twinface.faces.cache import prepare_faces
from twinface.faces.preparation import build_preparation
from twinface.networks.build import build_network
from twinface.networks.projections import plda
from twinface.training.checkpoint import load_checkpoint
from twinface.training.finalize import embed_with
from twinface.training.open_run import OpenRun, open_run, start_run
from twinface.training.recipe import load_recipe
from twinface.training.run import continue_run, train_epochs
from twinface.training.run_folder import RunFolder
from twinface.training.state_file import read_tensors
from twinface.training.teacher import Teacher, open_teacher, teach


def pupil(path: Path, *changes: str) -> OpenRun:
    settings = load_recipe(
        "demo",
        [*TINY, "sampling.look_alikes=1", "distillation.teacher=fast", "validation.conditions=0", *changes],
    )
    return start_run(DataSource("orl"), settings, 0, RunFolder(path))


def test_the_loss_is_the_mean_distance_to_the_teachers_embeddings() -> None:
    targets = torch.nn.functional.normalize(torch.randn(5, 3), dim=1)
    embeddings = torch.randn(2, 3)
    rows = np.array([4, 1])
    expected = 7 * np.mean(
        [
            1 - float(embeddings[place] @ targets[row]) / float(embeddings[place].norm())
            for place, row in enumerate(rows)
        ]
    )
    assert float(Teacher(targets, 7.0).loss(embeddings, rows)) == pytest.approx(expected, rel=1e-5)
    assert float(Teacher(targets, 7.0).loss(3 * targets[rows], rows)) == pytest.approx(0, abs=1e-6)


def test_a_teacher_is_fitted_to_the_training_people_alone(tmp_path: Path) -> None:
    run = pupil(tmp_path / "run")
    found = teach(run.settings, run.split.source, run.dataset, 300, 0)
    recipe = load_recipe("fast")
    preparation = build_preparation(recipe.imaging, run.dataset.region, run.dataset.frame)
    source = run.split.source
    network = build_network(recipe.network, recipe.imaging, 0).eval()
    plain = embed_with(network, prepare_faces(source.faces, preparation).images)
    fitted = plda(plain, source.faces.people, **recipe.projection.options)
    expected = (plain - fitted.mean) @ fitted.matrix
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    expected -= expected.mean(0)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert found.shape == (len(source.faces), 300)
    assert (found[:, expected.shape[1] :] == 0).all()
    # Principal components turn the embeddings, and keep the angles between them.
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-4)
    fewer = teach(run.settings, run.split.source, run.dataset, 5, 0)
    np.testing.assert_allclose(np.linalg.norm(fewer, axis=1), 1, rtol=1e-5)


def test_the_network_learns_to_embed_as_the_teacher_does(tmp_path: Path) -> None:
    run = pupil(tmp_path / "run", "trainer.epochs=8")
    targets = open_teacher(run).targets
    preparation = build_preparation(run.settings.imaging, run.dataset.region, run.dataset.frame)
    faces = prepare_faces(run.split.source.faces, preparation).images

    def closeness(network) -> float:
        values = torch.from_numpy(embed_with(network.eval(), faces))
        return float(torch.nn.functional.cosine_similarity(values, targets, dim=1).mean())

    at_first = closeness(run.network)
    train_epochs(run)
    run.network.load_state_dict(read_tensors(run.folder.best)[0])
    assert closeness(run.network) > at_first + 0.1


def test_a_resumed_run_has_the_same_teacher_and_the_same_bits(tmp_path: Path) -> None:
    whole = pupil(tmp_path / "whole")
    train_epochs(whole)
    parts = pupil(tmp_path / "parts")
    stop = StopAfter()
    with pytest.raises(Interrupted):
        train_epochs(parts, stop, stop.watcher(7))
    kept = parts.folder.teacher.read_bytes()
    train_epochs(open_run(parts.folder))
    assert parts.folder.teacher.read_bytes() == kept
    assert bits(whole.folder) == bits(parts.folder)


def test_a_finished_run_keeps_no_teacher(tmp_path: Path) -> None:
    run = pupil(tmp_path / "run", "trainer.epochs=1", "trainer.keep_state=false")
    continue_run(run)
    assert not run.folder.teacher.exists()
    load_checkpoint(run.folder.path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["distillation.teacher=koch"], "need a recipe without gradient steps and outside data"),
        (["distillation.teacher=sface"], "need a recipe without gradient steps and outside data"),
        (["distillation.teacher=fishr"], 'did you mean "fisher"'),
        (["sampling.look_alikes=2"], "need sampling.look_alikes = 1"),
        (
            ['network.backbone={name="committee", members=[{name="residual"}, {name="residual"}]}'],
            "need a network of one part, found 2",
        ),
    ],
)
def test_who_cannot_teach_is_refused_before_anything_begins(
    changes: list[str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=message):
        pupil(tmp_path / "run", *changes)
    assert not (tmp_path / "run").exists()
