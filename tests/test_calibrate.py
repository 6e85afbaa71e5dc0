"""Threshold and calibration from labelled people, error rates over all pairs, and models that are calibrated anew."""

from __future__ import annotations

import json
import shutil
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from shell import twinface_here
from twinface.core.errors import DataError, ModelError
from twinface.core.types import FaceSet, Float32Array, IntArray
from twinface.datasets.load import load_dataset
from twinface.evaluation.calibrate import calibrate, cross_fitted_rates, people_needed
from twinface.evaluation.error_rates import error_rates, pooled_error_rates
from twinface.evaluation.fit_on_people import fit_on_pairs, score_all_pairs
from twinface.evaluation.intervals import wilson
from twinface.models.catalog import open_named
from twinface.models.derived_model import read_derived, write_derived
from twinface.models.load import load_model
from twinface.recognition.adapt import adapt


def dot(left: Float32Array, right: Float32Array) -> Float32Array:
    return (left * right).sum(-1)


def toy(people: int, pictures: int, seed: int = 0, spread: float = 0.6) -> tuple[Float32Array, IntArray]:
    """Unit vectors around a place for each person."""
    random = np.random.default_rng(seed)
    number = np.repeat(np.arange(people), pictures)
    vectors = random.normal(size=(people, 8))[number] + spread * random.normal(size=(len(number), 8))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), number


def loop(embeddings: Float32Array, people: IntArray) -> tuple[list[float], list[float]]:
    """Genuine and impostor scores, pair by pair."""
    genuine, impostor = [], []
    for a, b in combinations(range(len(people)), 2):
        (genuine if people[a] == people[b] else impostor).append(float(dot(embeddings[a], embeddings[b])))
    return genuine, impostor


def test_all_pairs_are_scored_once() -> None:
    embeddings, people = toy(5, 3)
    genuine, impostor = loop(embeddings, people)
    found = score_all_pairs(embeddings, people, dot)
    assert np.allclose(np.sort(found.genuine), np.sort(genuine), atol=1e-6)
    assert np.allclose(np.sort(found.impostor), np.sort(impostor), atol=1e-6)
    assert found.people == 5


def test_pairs_of_one_kind_are_refused() -> None:
    embeddings, _ = toy(4, 1)
    for people in (np.zeros(4, np.int64), np.arange(4)):
        with pytest.raises(DataError, match="need both"):
            score_all_pairs(embeddings, people, dot)
        with pytest.raises(DataError, match="need both"):
            error_rates(embeddings, people, dot, 0.5)


def test_the_threshold_keeps_the_wanted_rate() -> None:
    pairs = score_all_pairs(*toy(60, 2), dot)
    threshold, calibration = fit_on_pairs(pairs, "sixty people", far=0.01)
    assert np.mean(pairs.impostor >= threshold.value) <= 0.01
    assert np.mean(pairs.impostor >= threshold.value - 0.05) > 0.01
    assert (threshold.far, threshold.fitted_on) == (0.01, "sixty people")
    assert calibration.probability(1.0) > 0.9
    assert calibration.probability(-1.0) < 0.1


def test_error_rates_are_those_of_a_loop() -> None:
    embeddings, people = toy(12, 3, spread=1.0)
    genuine, impostor = loop(embeddings, people)
    found = error_rates(embeddings, people, dot, 0.5)
    assert found.fmr == pytest.approx(np.mean(np.array(impostor) >= 0.5))
    assert found.fnmr == pytest.approx(np.mean(np.array(genuine) < 0.5))
    assert (found.genuine, found.impostor, found.people) == (36, 594, 12)
    assert found.fmr_interval.low < found.fmr < found.fmr_interval.high
    assert found.fnmr_interval.low < found.fnmr < found.fnmr_interval.high


def test_an_interval_has_a_width_where_no_pair_is_wrong() -> None:
    embeddings, people = toy(12, 3, spread=0.01)
    found = error_rates(embeddings, people, dot, 0.999)
    assert (found.fmr, found.fnmr) == (0.0, 0.0)
    assert (found.fmr_interval.high, found.fnmr_interval.high) == (wilson(0, 66).high, wilson(0, 12).high)


def test_the_interval_of_few_people_covers_the_rate_of_many() -> None:
    """In 40 draws of five groups of three people, both 95 % intervals hold the rates of 2,000 people in 37 or more."""
    threshold = 0.6
    many, numbers = toy(2000, 2, seed=99, spread=0.9)
    first, second = many[::2], many[1::2]
    fmr = float(np.mean((first @ first.T)[np.triu_indices(2000, 1)] >= threshold))
    fnmr = float(np.mean(np.sum(first * second, axis=1) < threshold))
    assert len(numbers) == 4000
    held = np.zeros(2, int)
    for seed in range(40):
        groups = [(*toy(3, 10, seed=5 * seed + group, spread=0.9), threshold) for group in range(5)]
        found = pooled_error_rates(groups, dot)
        held += [
            found.fmr_interval.low <= fmr <= found.fmr_interval.high,
            found.fnmr_interval.low <= fnmr <= found.fnmr_interval.high,
        ]
        few, trials = found.fnmr_interval, wilson(found.fnmr * 15, 15)
        assert few.low <= trials.low <= trials.high <= few.high
        assert few.method.endswith("at least Wilson's")
    assert held.min() >= 37


def test_the_interval_of_many_people_is_the_bootstrap_alone() -> None:
    """So the tables of the shipped models, made of 404 people and more, are what the code gives."""
    found = error_rates(*toy(100, 3, spread=1.0), dot, 0.5)
    assert found.fmr_interval.method == found.fnmr_interval.method == "people bootstrap over all pairs"


def test_groups_are_judged_by_their_own_threshold() -> None:
    first, second = toy(6, 3, seed=1, spread=1.0), toy(9, 2, seed=2, spread=1.0)
    parts = [(loop(*first), 0.3), (loop(*second), 0.6)]
    found = pooled_error_rates([(*first, 0.3), (*second, 0.6)], dot)
    accepted = sum(np.sum(np.array(impostor) >= threshold) for (_, impostor), threshold in parts)
    rejected = sum(np.sum(np.array(genuine) < threshold) for (genuine, _), threshold in parts)
    assert found.fmr == pytest.approx(accepted / sum(len(impostor) for (_, impostor), _ in parts))
    assert found.fnmr == pytest.approx(rejected / sum(len(genuine) for (genuine, _), _ in parts))


def test_the_interval_covers_the_rate_of_many_people() -> None:
    """In 40 draws of 60 people the 95 % interval of the FMR holds the rate of 2,000 people in at least 34."""
    threshold = 0.6
    many, numbers = toy(2000, 1, seed=99)
    score = (many @ many.T)[np.triu_indices(len(numbers), 1)]
    truth = float(np.mean(score >= threshold))
    held = 0
    for seed in range(40):
        rates = error_rates(*toy(60, 2, seed=seed), dot, threshold)
        held += rates.fmr_interval.low <= truth <= rates.fmr_interval.high
    assert held >= 34


def test_nobody_is_judged_by_a_threshold_that_has_seen_them() -> None:
    """One person alike to everybody: the threshold that has seen them would reject all impostors, others do not."""
    embeddings, people = toy(50, 2)
    rates = cross_fitted_rates(embeddings, people, dot, far=0.01)
    whole = score_all_pairs(embeddings, people, dot)
    seen, _ = fit_on_pairs(whole, "", 0.01)
    assert rates.people == 50
    assert rates.genuine == 50
    assert rates.impostor == 5 * (20 * 19 // 2 - 10)  # ten people of two pictures in each fold
    assert rates.threshold != seen.value


def test_one_person_with_two_pictures_is_refused_before_anything_is_embedded(tmp_path: Path) -> None:
    """Nobody else would be left to fit a threshold to. The pictures are not even there."""
    people = np.array([0, 0, *range(1, 12)])
    paths = tuple(f"{row}.jpg" for row in range(len(people)))
    faces = FaceSet("a dozen people", tmp_path, paths, people, tuple(f"person {row}" for row in range(12)))
    with pytest.raises(
        DataError, match="a dozen people: 1 of 12 people with two pictures or more, need at least 2"
    ):
        calibrate(load_model("default"), faces, far=None)


def test_people_needed() -> None:
    for far, people in ((0.1, 9), (0.01, 25), (0.001, 78)):
        assert people_needed(far) == people
        assert people * (people - 1) / 2 >= 3 / far > (people - 1) * (people - 2) / 2


def test_a_calibrated_model_is_its_base_with_another_threshold(tmp_path: Path) -> None:
    base = open_named("default")
    write_derived(tmp_path / "mine.json", "default", base, open_named("sface").record)
    model = load_model(tmp_path / "mine.json")
    assert model.record.threshold == open_named("sface").record.threshold
    assert model.fingerprint == base.fingerprint
    faces = np.zeros((1, 128, 112, 1), np.uint8)
    assert np.array_equal(model(faces), base(faces))


def test_a_calibrated_model_finds_a_base_that_has_the_name_of_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`./siamese` is a folder, also in the file that is written beside it."""
    monkeypatch.chdir(tmp_path)
    Path("siamese").mkdir()
    shutil.copy(str(open_named("default").path), "siamese/model.onnx")  # type: ignore[attr-defined]
    base = load_model("./siamese")
    write_derived(Path("mine.json"), "./siamese", base, base.record)
    assert load_model("mine.json").fingerprint == base.fingerprint == open_named("default").fingerprint


def test_a_calibrated_model_finds_its_base_beside_it(tmp_path: Path) -> None:
    shipped = Path(str(open_named("default").path))  # type: ignore[attr-defined]
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "model.onnx").write_bytes(shipped.read_bytes())
    base = load_model(tmp_path / "a" / "model.onnx")
    write_derived(tmp_path / "a" / "mine.json", tmp_path / "a" / "model.onnx", base, base.record)
    (tmp_path / "a").rename(tmp_path / "b")
    assert load_model(tmp_path / "b" / "mine.json").fingerprint == base.fingerprint


def test_a_calibrated_model_refuses_a_base_that_was_changed(tmp_path: Path) -> None:
    place = tmp_path / "mine.json"
    write_derived(place, "default", open_named("default"), open_named("default").record)
    values = json.loads(place.read_text())
    place.write_text(json.dumps({**values, "fingerprint": "0" * 64}))
    with pytest.raises(ModelError, match="calibrated for other weights of default"):
        load_model(place)
    place.write_text(json.dumps({**values, "base": "mine.json"}))
    with pytest.raises(ModelError, match="based on another calibrated model"):
        load_model(place)
    for text in ("", "[]", "{}", '{"twinface_model": 2}', "[" * 5000):
        place.write_text(text)
        with pytest.raises(ModelError, match="cannot be read"):
            read_derived(place)
    with pytest.raises(ModelError, match=r"end in \.json"):
        write_derived(tmp_path / "mine.onnx", "default", open_named("default"), open_named("default").record)


def test_a_derived_model_is_no_base_and_stays_as_it_is(tmp_path: Path) -> None:
    """`load_model` would not open the new model, and `--out` may be the good one. The pictures are not even there."""
    file = tmp_path / "mine.json"
    base = open_named("default")
    write_derived(file, "default", base, base.record)
    before = file.read_bytes()
    missing = tmp_path / "none"
    for command in (
        ("adapt", file, "--photos", missing),
        ("calibrate", file, "--data", "folder", "--root", missing),
        ("calibrate", file, "--pairs", missing, "--root", missing),
    ):
        done = twinface_here(*command, "--out", file)
        assert done.returncode == 2
        assert "calibrated or adapted already" in done.stderr
        assert "give its own base: default" in done.stderr
    assert file.read_bytes() == before

    model, faces = load_model(file), load_dataset("orl").faces()
    with pytest.raises(ModelError, match="give its own base: default"):
        calibrate(model, faces)
    with pytest.raises(ModelError, match="give its own base: default"):
        adapt(model, np.zeros((50, 8), np.float32), "photos")
    with pytest.raises(ModelError, match="give its own base: default"):
        write_derived(tmp_path / "other.json", file, model, model.record)


def test_a_wrong_name_of_the_new_model_is_refused_before_any_photo_is_read(tmp_path: Path) -> None:
    """The photos are not even there."""
    missing = tmp_path / "none"
    for command in (
        ("adapt", "default", "--photos", missing),
        ("calibrate", "default", "--data", "folder", "--root", missing),
        ("calibrate", "default", "--pairs", missing, "--root", missing),
    ):
        done = twinface_here(*command, "--out", tmp_path / "mine.onnx")
        assert done.returncode == 2
        assert "mine.onnx: the name of a calibrated or adapted model has to end in .json" in done.stderr
