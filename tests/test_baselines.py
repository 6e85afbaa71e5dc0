"""Baselines: judged like any model, and the ones that see the background tell clothes from faces."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from conftest import TINY
from twinface.core.errors import DataError
from twinface.core.settings import Settings
from twinface.core.types import FaceSet, Region
from twinface.datasets import open_dataset
from twinface.datasets.folder import Folder
from twinface.datasets.splits import pair_subset
from twinface.datasets.training_split import split_dataset
from twinface.evaluation.evaluate import evaluate, unseen_pairs
from twinface.faces.cache import prepare_faces
from twinface.faces.prepare import build_preparation
from twinface.networks.build import build_network
from twinface.studies import baselines
from twinface.studies.baselines import BASELINES, fit_baseline, free_baselines
from twinface.training.recipe import load_recipe

FACE = Region(0.3, 0.3, 0.4, 0.4)


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_recipe("demo", TINY)


def test_baselines_are_judged_like_any_model(settings: Settings) -> None:
    dataset = open_dataset("orl")
    found = {baseline.record.name: baseline for baseline in free_baselines(dataset, settings)}
    assert list(found) == ["pixels", "pca", "untrained"]  # ORL's pictures are taken to be all face
    for baseline in found.values():
        pairs = unseen_pairs(dataset, baseline.record)
        assert len(pairs.faces.names) == 13
        figures = evaluate(baseline, pairs, "unseen").figures
        assert figures["seen_people"]["pairs"] == 0
        assert figures["threshold_fitted_on"] == "6 other people of ORL faces"
        assert figures["shown"] == "everything"
        assert 0.6 < figures["accuracy"] < 0.95
    with pytest.raises(DataError, match="no background to tell from it"):
        fit_baseline(
            "pixels-background",
            split_dataset(dataset, settings),
            build_preparation(settings.imaging, dataset.region),
            settings,
        )


def test_the_untrained_twin_is_the_one_that_the_seed_draws(settings: Settings) -> None:
    dataset = open_dataset("orl")
    split = split_dataset(dataset, settings)
    preparation = build_preparation(settings.imaging, dataset.region)
    first, again, other = (
        fit_baseline("untrained", split, preparation, settings, seed) for seed in (5, 5, 6)
    )
    faces = prepare_faces(split.validation.faces, preparation).images[:3]
    network = build_network(settings.network, settings.imaging, 5).eval()
    assert network.projection is None
    with torch.no_grad():
        expected = np.concatenate(
            [network.embed(torch.from_numpy(face[None].copy())).numpy() for face in faces]
        )
    np.testing.assert_allclose(first(faces.copy()), expected, atol=1e-5)
    np.testing.assert_array_equal(first(faces.copy()), again(faces.copy()))
    assert not np.allclose(first(faces.copy()), other(faces.copy()), atol=1e-2)
    assert first.record.seed == 5
    assert first.record.threshold.value == again.record.threshold.value != other.record.threshold.value


def test_what_learns_without_labels_has_learnt_in_the_untrained_twin() -> None:
    settings = load_recipe(
        "demo",
        [
            "imaging.height=32",
            "imaging.width=32",
            'network.backbone={name="fisher", gaussians=4, dimensions=6, scales=[1.0], steps=[4], cell=4}',
            "projection.name=none",
        ],
    )
    dataset = open_dataset("orl")
    preparation = build_preparation(settings.imaging, dataset.region)
    split = split_dataset(dataset, settings)
    figures = evaluate(
        fit_baseline("untrained", split, preparation, settings), split.validation, "pairs", allow_seen=True
    ).figures
    assert figures["auc"] > 0.7  # of a mixture that has learnt nothing all faces are alike: .5


class Dressed(Folder):
    """People whom either their faces tell apart, or their clothes."""

    region = FACE

    def faces(self) -> FaceSet:
        faces = super().faces()
        return FaceSet(faces.name, faces.root, faces.paths, faces.people, faces.names, FACE)

    def training_faces(self) -> FaceSet:
        return self.faces()


def dressed(root: Path, what_is_theirs: str) -> Dressed:
    random = np.random.default_rng(0)
    for person in range(24):
        (root / f"p{person}").mkdir(parents=True)
        own = random.integers(0, 256, (8, 8), np.uint8)
        for picture in range(5):
            passing = random.integers(0, 256, (8, 8), np.uint8)
            face, clothes = (own, passing) if what_is_theirs == "face" else (passing, own)
            image = clothes.repeat(10, 0).repeat(10, 1)
            inside = FACE.of(80, 80)
            image[inside] = face.repeat(10, 0).repeat(10, 1)[inside]
            noisy = np.clip(image + random.normal(0, 8, image.shape), 0, 255).astype(np.uint8)
            assert cv2.imwrite(str(root / f"p{person}" / f"{picture}.png"), noisy)
    return Dressed(root)


@pytest.mark.parametrize("theirs", ["face", "clothes"])
def test_only_clothes_help_a_baseline_that_sees_the_background(
    tmp_path: Path, settings: Settings, theirs: str
) -> None:
    changed = settings.model_copy(
        update={
            "data": settings.data.model_copy(update={"test_people": 8, "validation_people": 6}),
            "imaging": settings.imaging.model_copy(update={"height": 40, "width": 40}),
        }
    )
    dataset = dressed(tmp_path / theirs, theirs)
    found = free_baselines(dataset, changed)
    assert [baseline.record.name for baseline in found] == list(BASELINES)
    areas = {}
    for baseline in found:
        figures = evaluate(baseline, unseen_pairs(dataset, baseline.record), "unseen").figures
        areas[baseline.record.name] = figures["auc"]
        background = baseline.record.name.endswith("-background")
        assert figures["protocol"] == ("unseen-background" if background else "unseen")
        assert figures["shown"].startswith("the background alone" if background else "everything")
    assert areas["pixels"] > 0.95 if theirs == "face" else areas["pixels"] < 0.65
    for name in ("pixels-background", "pca-background"):
        assert 0.35 < areas[name] < 0.65 if theirs == "face" else areas[name] > 0.95, name


def test_components_of_many_pictures_come_from_some_of_them(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    faces = np.random.default_rng(0).integers(0, 256, (50, 6, 5, 1), np.uint8)
    monkeypatch.setattr(baselines, "PCA_PICTURES", 12)
    some = BASELINES["pca"].learn(faces, settings, 0).embed
    monkeypatch.setattr(baselines, "PCA_PICTURES", 50)
    by_hand = BASELINES["pca"].learn(faces[::5], settings, 0).embed
    np.testing.assert_array_equal(some(faces), by_hand(faces))
    assert some(faces).shape == (50, 9)


def test_pairs_of_unseen_people_are_those_of_the_run_beside_it(settings: Settings) -> None:
    """A baseline and a run with the same settings leave the same people for the test."""
    dataset = open_dataset("orl")
    one, two = free_baselines(dataset, settings)[:2]
    left, right = (unseen_pairs(dataset, baseline.record) for baseline in (one, two))
    assert left.faces.paths == right.faces.paths
    assert len(pair_subset(left, left.is_match)) == len(left) // 2
