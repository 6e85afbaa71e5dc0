"""A model that is adapted without labels: what is shared is gone, thresholds fit again, too few faces are refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shell import twinface_here
from twinface.core.errors import DataError, ModelError
from twinface.core.types import ByteArray, Float32Array, IntArray
from twinface.datasets.orl import Orl
from twinface.evaluation.fit_on_people import score_all_pairs
from twinface.evaluation.operating_points import measure_error_table
from twinface.models.derived_model import shifted, write_derived
from twinface.models.load import load_model
from twinface.models.record import ModelRecord
from twinface.recognition.adapt import FEWEST, adapt
from twinface.recognition.embed_photos import embed_photos
from twinface.recognition.verifier import Verifier

SIZE = 64


def people_of(count: int, seed: int, shared: float = 0.0, pictures: int = 2) -> tuple[Float32Array, IntArray]:
    """Embeddings of length 1 around a place for each person, all of them moved by a shared direction."""
    random = np.random.default_rng(seed)
    number = np.repeat(np.arange(count), pictures)
    vectors = random.normal(size=(count, SIZE))[number] + 0.5 * random.normal(size=(len(number), SIZE))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[:, 0] += shared
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), number


class Toy:
    """A model whose embeddings are given."""

    fingerprint = "0" * 64

    def __init__(self) -> None:
        parameters = {"scale": np.float32(2.0), "bias": np.float32(0.5)}
        plain = replace(
            load_model("default").record,
            distance="cosine",
            distance_parameters={name: np.asarray(value) for name, value in parameters.items()},
            embedding_size=SIZE,
        )
        embeddings, people = people_of(100, 0)
        table = measure_error_table(embeddings, people, plain.score, "100 people")
        assert table
        threshold = replace(plain.threshold, value=table.point_at(0.01).threshold, far=0.01)
        self.record: ModelRecord = replace(plain, error_table=table, threshold=threshold)

    def __call__(self, faces: ByteArray) -> Float32Array:
        raise NotImplementedError


def false_matches(record: ModelRecord, embeddings: Float32Array, people: IntArray) -> float:
    return float(
        np.mean(score_all_pairs(embeddings, people, record.score).impostor >= record.threshold.value)
    )


def test_the_rate_holds_again_on_photos_that_share_a_direction() -> None:
    model = Toy()
    known, _ = people_of(50, 1, shared=0.7, pictures=1)
    others, people = people_of(100, 2, shared=0.7)
    assert false_matches(model.record, others, people) > 0.6
    found = adapt(model, known, "fifty faces")
    assert found.shared > 0.55
    record = found.model.record
    moved = shifted(others, found.model.shift)
    assert false_matches(record, moved, people) == pytest.approx(0.01, abs=0.02)
    usual = score_all_pairs(people_of(100, 0)[0], people_of(100, 0)[1], model.record.score).impostor
    adapted = score_all_pairs(moved, people, record.score).impostor
    assert abs(adapted.mean() - usual.mean()) < 0.5 * usual.std()
    assert found.before > 0.6
    assert found.after < 0.05
    assert "fifty faces, without labels" in record.threshold.fitted_on
    assert record.threshold.upper is None


def test_photos_like_the_usual_ones_change_little() -> None:
    model = Toy()
    found = adapt(model, people_of(200, 3, pictures=1)[0], "usual faces")
    assert found.shared < 0.2
    others, people = people_of(100, 4)
    rate = false_matches(found.model.record, shifted(others, found.model.shift), people)
    assert rate == pytest.approx(false_matches(model.record, others, people), abs=0.01)


def test_too_few_faces_and_models_without_rates_are_refused() -> None:
    model = Toy()
    with pytest.raises(DataError, match=f"{FEWEST - 1} faces, need at least {FEWEST}"):
        adapt(model, people_of(FEWEST - 1, 0, pictures=1)[0], "few")
    model.record = replace(model.record, error_table=None)
    with pytest.raises(DataError, match="found cosine and no error rates"):
        adapt(model, people_of(50, 0, pictures=1)[0], "many")
    model = Toy()
    model.record = replace(model.record, distance="euclidean")
    with pytest.raises(DataError, match="whose distance is a cosine, found euclidean"):
        adapt(model, people_of(50, 0, pictures=1)[0], "many")


def test_photos_of_one_person_are_refused() -> None:
    """What they share is that person's face: without it, two photos of that person score as two people."""
    for shared in (0.0, 0.5):
        with pytest.raises(DataError, match="mine: 100% of the pairs of these photos score as one person"):
            adapt(Toy(), people_of(1, 5, shared=shared, pictures=60)[0], "mine")
    mostly = np.concatenate([people_of(1, 5, pictures=40)[0], people_of(10, 6, pictures=1)[0]])
    with pytest.raises(
        DataError, match=r"6[3-6]% of the pairs .* need at most 45%: give photos of many people"
    ):
        adapt(Toy(), mostly, "mine")
    family = adapt(Toy(), people_of(4, 7, pictures=10)[0], "four people")
    assert 0.2 < family.before < 0.3


@pytest.mark.parametrize(("people", "copies"), [(1, 25), (2, 20), (10, 5)])
def test_copies_of_few_photos_are_refused(people: int, copies: int) -> None:
    """Their scores have next to no spread, so the scale would be a million."""
    photos = np.repeat(people_of(people, 8, pictures=1)[0], copies, axis=0)
    photos += 1e-4 * np.random.default_rng(9).normal(size=photos.shape).astype(np.float32)
    said = f"{people * copies} faces, but only {people} that differ, need at least {FEWEST}"
    with pytest.raises(DataError, match=said):
        adapt(Toy(), photos, "mine")
    usual = people_of(FEWEST, 10, pictures=1)[0]
    assert adapt(Toy(), np.repeat(usual, 2, axis=0), "each twice").faces == 2 * FEWEST


def test_the_correction_of_a_face_stays_where_it_is() -> None:
    embeddings = np.array([[3.0, 4.0, 0.25], [0.0, -2.0, 0.5]], np.float32)
    moved = shifted(embeddings, np.array([0.1, 0.2], np.float32))
    np.testing.assert_array_equal(moved[:, 2], embeddings[:, 2])
    np.testing.assert_allclose(np.linalg.norm(moved[:, :2], axis=1), 1, rtol=1e-6)
    plain = np.array([0.6 - 0.1, 0.8 - 0.2])
    np.testing.assert_allclose(moved[0, :2], plain / np.linalg.norm(plain), rtol=1e-6)


def test_from_the_command_line_to_a_verdict(tmp_path: Path) -> None:
    orl = Orl().faces()
    listed = tmp_path / "photos"
    listed.mkdir()
    for row in range(0, len(orl), 8):
        (listed / f"{row}.pgm").write_bytes((orl.root / orl.paths[row]).read_bytes())
    (listed / "broken.jpg").write_bytes(b"no picture")
    out = tmp_path / "mine.json"
    done = twinface_here("adapt", "default", "--photos", listed, "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["faces"] + len(said["skipped"]) == 51
    assert "broken.jpg" in said["skipped"]
    assert said["after"] < said["before"]

    base, model = load_model("default"), load_model(out)
    assert model.fingerprint != base.fingerprint
    verifier, plain = Verifier(model), Verifier(base)
    one, other = (orl.root / orl.paths[row] for row in (3, 4))
    embeddings = verifier.embed(one, other)
    np.testing.assert_allclose(
        embeddings[:, :-1], shifted(plain.embed(one, other), model.shift)[:, :-1], atol=1e-6
    )
    assert verifier.verify(one, other).score == pytest.approx(
        float(model.record.score(*embeddings)), abs=1e-5
    )
    text = twinface_here("adapt", "default", "--photos", listed, "--out", out)
    assert "Length of what all of them share" in text.stdout


def test_a_folder_without_faces_and_a_damaged_shift_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(DataError, match="found no face that can be used in 1 photos"):
        embed_photos(Verifier("default"), tmp_path)
    base = load_model("default")
    file = tmp_path / "model.json"
    write_derived(file, "default", base, base.record, np.zeros(7, np.float32))
    with pytest.raises(ModelError, match="shape"):
        load_model(file)
