"""Reference verifiers without training: judged like any model; those that see the background recognise clothes."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from conftest import TINY
from twinface.core.errors import DataError
from twinface.core.settings import Settings
from twinface.core.types import FaceSet, Region
from twinface.datasets.folder import Folder
from twinface.datasets.load import load_dataset
from twinface.datasets.orl import Orl
from twinface.datasets.subsets import pair_subset
from twinface.datasets.training_split import split_dataset
from twinface.evaluation.evaluate import evaluate
from twinface.evaluation.leaks import unseen_pairs
from twinface.faces.cache import prepare_faces
from twinface.faces.frame import ARCFACE_FRAME, STANDARD_FRAME
from twinface.faces.preparation import build_preparation
from twinface.networks.build import build_network
from twinface.studies import baseline_methods
from twinface.studies.baselines import BASELINES, fit_baseline, fit_baselines
from twinface.training.recipe import load_recipe

FACE = Region(0.3, 0.3, 0.4, 0.4)


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_recipe("demo", TINY)


def test_baselines_are_judged_like_any_model(settings: Settings) -> None:
    dataset = load_dataset("orl")
    found = {baseline.record.name: baseline for baseline in fit_baselines(dataset, settings)}
    assert list(found) == ["pixels", "pca", "untrained"]  # ORL's pictures are taken to be all face
    for baseline in found.values():
        pairs = unseen_pairs(dataset, baseline.record)
        assert len(pairs.faces.names) == 13
        summary = evaluate(baseline, pairs, "unseen").summary
        assert summary.seen_people.pairs == 0
        assert summary.threshold_fitted_on == "6 other people of ORL faces"
        assert summary.shown == "everything"
        assert 0.6 < summary.accuracy.value < 0.95
    with pytest.raises(DataError, match="so they have no background"):
        fit_baseline(
            "pixels-background",
            split_dataset(dataset, settings),
            build_preparation(settings.imaging, dataset.region),
            settings,
        )


def test_the_untrained_network_is_the_one_that_the_seed_draws(settings: Settings) -> None:
    dataset = load_dataset("orl")
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


def test_the_untrained_network_has_learnt_what_needs_no_labels() -> None:
    settings = load_recipe(
        "demo",
        [
            "imaging.height=32",
            "imaging.width=32",
            'network.backbone={name="fisher", gaussians=4, dimensions=6, scales=[1.0], steps=[4], cell=4}',
            "projection.name=none",
        ],
    )
    dataset = load_dataset("orl")
    preparation = build_preparation(settings.imaging, dataset.region)
    split = split_dataset(dataset, settings)
    figures = evaluate(
        fit_baseline("untrained", split, preparation, settings), split.validation, "pairs", allow_seen=True
    ).summary.to_dict()
    assert figures["auc"] > 0.7  # with a mixture that has learnt nothing, all faces are alike: .5


@pytest.mark.parametrize("initialisation", ["seed-b-meant", "he"])
def test_an_untrained_network_with_a_weighted_distance_is_judged_by_the_cosine(initialisation: str) -> None:
    """Its distance weights are drawn too, and as drawn they can turn the scores round: AUC .16 to .19 on LFW."""
    settings = load_recipe(
        "seed-b-2",
        [
            "imaging.height=66",
            "imaging.width=66",
            "network.backbone.dense=64",
            "network.backbone.filters=[8, 8, 8, 8]",
            f"network.initialisation={initialisation}",
            "data.supervision=people",
            "data.split=people",
            "data.validation_people=20",
            "sampling=drawn-pairs",
        ],
    )
    dataset = load_dataset("orl")
    split = split_dataset(dataset, settings)
    preparation = build_preparation(settings.imaging, dataset.region)
    baseline = fit_baseline("untrained", split, preparation, settings)
    assert baseline.record.distance == "cosine"
    area = evaluate(baseline, split.validation, "pairs", allow_seen=True).summary.auc
    assert area is not None
    assert area.value > 0.6


class Dressed(Folder):
    """Pictures on which either faces or clothes tell people apart."""

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


# (lowest, highest) AUC of some baselines where faces or clothes tell people apart.
CHANCE, SURE = (0.35, 0.65), (0.95, 1.0)
EXPECTED = {
    "face": {"pixels": SURE, "pixels-background": CHANCE, "pca-background": CHANCE},
    "clothes": {"pixels": (0.0, 0.65), "pixels-background": SURE, "pca-background": SURE},
}


@pytest.mark.parametrize("theirs", EXPECTED)
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
    found = fit_baselines(dataset, changed)
    assert [baseline.record.name for baseline in found] == list(BASELINES)
    areas = {}
    for baseline in found:
        summary = evaluate(baseline, unseen_pairs(dataset, baseline.record), "unseen").summary
        assert summary.auc is not None
        areas[baseline.record.name] = summary.auc.value
        background = baseline.record.name.endswith("-background")
        assert summary.protocol == ("unseen-background" if background else "unseen")
        assert summary.shown.startswith("the background alone" if background else "everything")
    for name, (lowest, highest) in EXPECTED[theirs].items():
        assert lowest <= areas[name] <= highest, name


def test_components_of_many_pictures_come_from_some_of_them(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    faces = np.random.default_rng(0).integers(0, 256, (50, 6, 5, 1), np.uint8)
    monkeypatch.setattr(baseline_methods, "PCA_PICTURES", 12)
    some = BASELINES["pca"].fit(faces, settings, 0)
    monkeypatch.setattr(baseline_methods, "PCA_PICTURES", 50)
    by_hand = BASELINES["pca"].fit(faces[::5], settings, 0)
    np.testing.assert_array_equal(some(faces), by_hand(faces))
    assert some(faces).shape == (50, 9)


def test_pictures_that_repeat_do_not_spoil_the_components(settings: Settings) -> None:
    """Whitening would blow up components along which the pictures differ by rounding alone."""
    faces = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
    once = BASELINES["pca"].fit(faces, settings, 0)(faces)
    twice = BASELINES["pca"].fit(np.concatenate([faces, faces]), settings, 0)(faces)
    assert twice.shape == once.shape == (20, 19)


def test_pairs_of_unseen_people_are_those_of_the_run_beside_it(settings: Settings) -> None:
    """A baseline and a run with the same settings leave the same people for the test."""
    dataset = load_dataset("orl")
    one, two = fit_baselines(dataset, settings)[:2]
    left, right = (unseen_pairs(dataset, baseline.record) for baseline in (one, two))
    assert left.faces.paths == right.faces.paths
    assert len(pair_subset(left, left.is_match)) == len(left) // 2


def test_baselines_of_aligned_pictures_see_what_a_network_of_others_sees() -> None:
    class Framed(Orl):
        frame = STANDARD_FRAME

    changes = ['imaging.region="arcface"', "imaging.height=112", "imaging.width=112"]
    (pixels, *_) = fit_baselines(Framed(), load_recipe("fast", changes))
    assert pixels.record.preparation.points == ARCFACE_FRAME.points
