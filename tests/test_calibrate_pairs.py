"""Threshold and calibration from labelled pairs, and the page of a calibrated model."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pages import Page
from shell import twinface_here
from toy_pairs import draw_pairs
from twinface.core.errors import DataError, LeakError, ModelError
from twinface.core.types import ByteArray, Float32Array, PairSet
from twinface.datasets.load import load_dataset
from twinface.datasets.pairs_file.people import tells_people
from twinface.datasets.pairs_file.read import read_pairs
from twinface.evaluation.calibrate import CalibrationResult, calibrate
from twinface.evaluation.calibrate_pairs import (
    UNKNOWN_PEOPLE,
    _FoldedPairs,
    calibrate_pairs,
    cross_fitted_pairs,
    listed_pairs_of,
    rates_at,
)
from twinface.evaluation.fit_on_people import fit_on_pairs, probability_limits
from twinface.models.catalog import open_named
from twinface.models.derived_model import DerivedModel
from twinface.models.load import load_model
from twinface.models.provenance import hash_people
from twinface.models.record import ModelRecord
from twinface.reports.calibration_page import write_calibration_page

PEOPLE = 24  # of ORL in the pair file


class Pixels:
    """A model whose embedding of a face is its pixels."""

    def __init__(self) -> None:
        base = open_named("default")
        self.record: ModelRecord = replace(base.record, name="pixels", distance="cosine", embedding_size=64)

    def __call__(self, faces: ByteArray) -> Float32Array:
        small = faces[:, :: faces.shape[1] // 8, :: faces.shape[2] // 8, 0][:, :8, :8]
        flat = small.reshape(len(faces), -1).astype(np.float32)
        return np.asarray(flat - flat.mean(axis=1, keepdims=True), np.float32)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV of all pairs of two pictures of each of 24 people of ORL."""
    faces = load_dataset("orl").faces()
    rows = [10 * person + picture for person in range(PEOPLE) for picture in (0, 1)]
    target = tmp_path_factory.mktemp("pairs") / "mine.csv"
    with target.open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["left", "right", "same"])
        for place, left in enumerate(rows):
            for right in rows[place + 1 :]:
                writer.writerow([faces.paths[left], faces.paths[right], int(left // 10 == right // 10)])
    return target


@pytest.fixture(scope="module")
def pairs(file: Path) -> PairSet:
    return read_pairs(file, load_dataset("orl").faces().root)


@pytest.fixture(scope="module")
def fitted(pairs: PairSet) -> CalibrationResult:
    return calibrate_pairs(Pixels(), pairs, far=0.05)


def test_no_pair_is_judged_by_a_threshold_that_has_seen_its_people() -> None:
    scored = draw_pairs(0, people=80)
    folded = _FoldedPairs.dealt(scored)
    judged = np.zeros(len(scored), np.int64)
    for those, others in folded.parts():
        judged += those
        assert not set(scored.people[those].ravel()) & set(scored.people[others].ravel())
    assert (judged == 1).all()


def test_cross_fitted_rates_are_near_the_wanted_one() -> None:
    """The mean over 20 draws, of pairs whose people make all of their pairs harder or easier."""
    found = [cross_fitted_pairs(draw_pairs(seed, pairs=400), far=0.05).fmr for seed in range(20)]
    assert np.mean(found) == pytest.approx(0.05, abs=0.012)


def test_rates_are_those_of_counting_and_have_a_width_without_errors() -> None:
    scored = draw_pairs(1)
    found = rates_at(scored, 1.0)
    assert found.fmr == np.mean(scored.scores[~scored.is_match] >= 1.0)
    assert found.fnmr == np.mean(scored.scores[scored.is_match] < 1.0)
    assert found.fmr_interval.low < found.fmr < found.fmr_interval.high
    none = rates_at(scored, 99.0)
    assert (none.fmr, none.fnmr) == (0.0, 1.0)
    assert 0 < none.fmr_interval.high < 0.02


def test_probabilities_are_limited_by_the_couples_that_were_compared() -> None:
    scored = draw_pairs(2, people=100, pairs=60)
    listed = listed_pairs_of(scored)
    couples = {tuple(sorted(couple)) for couple in scored.people[~scored.is_match].tolist()}
    assert listed.couples == len(couples) < 100 * 99 / 2
    assert probability_limits(listed)[1] == 1 - 1 / (len(couples) + 2)


def test_the_threshold_is_that_of_all_pairs(fitted: CalibrationResult, pairs: PairSet) -> None:
    record, scores = fitted.record, fitted.scores
    assert (len(scores.genuine), len(scores.impostor)) == (PEOPLE, 4 * PEOPLE * (PEOPLE - 1) // 2)
    assert record.threshold == fit_on_pairs(scores, record.threshold.fitted_on, 0.05)[0]
    assert np.mean(scores.impostor >= record.threshold.value) <= 0.05
    assert record.threshold.fitted_on == f"{len(pairs):,} pairs of {PEOPLE} people of mine.csv"
    assert record.error_table
    assert record.error_table.people == PEOPLE
    assert fitted.pictures == 2 * PEOPLE
    assert fitted.notes == ()


def test_people_of_before_stay_tuned_on(fitted: CalibrationResult, pairs: PairSet) -> None:
    before = Pixels().record.provenance
    new = hash_people(pairs.faces.names, before.salt)
    assert fitted.record.provenance.tuned == before.tuned | new


def test_people_that_the_model_was_trained_on_are_refused(pairs: PairSet) -> None:
    model = Pixels()
    provenance = model.record.provenance
    trained = provenance.trained | hash_people(pairs.faces.names[:3], provenance.salt)
    model.record = replace(model.record, provenance=replace(provenance, trained=trained))
    with pytest.raises(LeakError, match=r"mine.csv: the model pixels was trained on 3 of these 24 people"):
        calibrate_pairs(model, pairs, far=0.05)


def test_a_calibrated_model_is_refused(pairs: PairSet) -> None:
    base = open_named("default")
    with pytest.raises(ModelError, match="calibrated or adapted already"):
        calibrate_pairs(DerivedModel(base, base.record), pairs, far=0.05)


def test_of_labelled_people_those_trained_on_are_left_out_and_counted() -> None:
    model, faces = Pixels(), load_dataset("orl").faces()
    provenance = model.record.provenance
    trained = provenance.trained | hash_people(faces.names[:3], provenance.salt)
    model.record = replace(model.record, provenance=replace(provenance, trained=trained))
    found = calibrate(model, faces, far=0.05)
    assert found.notes == ("3 people were left out, because the model was trained on them.",)
    assert found.rates.people == found.scores.people == len(faces.names) - 3
    assert calibrate(Pixels(), faces, far=0.05).notes == ()


def test_too_few_pairs_are_refused_with_the_number_needed(pairs: PairSet) -> None:
    with pytest.raises(
        DataError, match=r"276 couples of people, need about [45],\d\d\d for a false"
    ) as found:
        calibrate_pairs(Pixels(), pairs)
    hint = float(str(found.value).split("--far ")[1])
    assert calibrate_pairs(Pixels(), pairs, far=hint).record.threshold.far == hint
    few = pairs.people.max(axis=1) < 9
    some = replace(pairs, left=pairs.left[few], right=pairs.right[few], is_match=pairs.is_match[few])
    with pytest.raises(DataError, match="pairs of one person for 9 people, need at least 10 people"):
        calibrate_pairs(Pixels(), some, far=0.2)
    with pytest.raises(DataError, match="a false accept rate of 2, need one above 0"):
        calibrate_pairs(Pixels(), pairs, far=2.0)


def test_a_file_tells_people_by_folders_or_columns(file: Path, tmp_path: Path) -> None:
    assert tells_people(file)
    flat = tmp_path / "flat.csv"
    flat.write_text("left,right,same\na.jpg,b.jpg,1\na.jpg,c.jpg,0\n")
    assert not tells_people(flat)
    flat.write_text(
        "left,right,same,left_person,right_person\na.jpg,b.jpg,1,Ann,Ann\na.jpg,c.jpg,0,Ann,Bob\n"
    )
    assert tells_people(flat)
    lists = tmp_path / "list.txt"
    lists.write_text("Ann\t1\t2\n")
    assert tells_people(lists)


def test_unknown_people_are_said(pairs: PairSet) -> None:
    found = calibrate_pairs(Pixels(), pairs, far=0.05, people_known=False)
    assert found.notes == (UNKNOWN_PEOPLE,)
    assert found.record.threshold.fitted_on.endswith("pairs of mine.csv, people not known")


def test_the_page_shows_threshold_rates_and_charts(fitted: CalibrationResult, tmp_path: Path) -> None:
    noted = replace(fitted, notes=(UNKNOWN_PEOPLE,))
    target = write_calibration_page(noted, Pixels().record, tmp_path / "mine.html")
    text = target.read_text()
    assert UNKNOWN_PEOPLE in text
    assert f"{fitted.record.threshold.value:.4f}" in text
    assert f"[{fitted.rates.fmr_interval.low:.5f}, {fitted.rates.fmr_interval.high:.5f}]" in text
    assert text.count("<svg") == 2
    Page(target)
    assert text.count(fitted.rates.fmr_interval.method) == 1
    other = replace(fitted.rates.fnmr_interval, method="another method")
    mixed = replace(fitted, rates=replace(fitted.rates, fnmr_interval=other))
    text = write_calibration_page(mixed, Pixels().record, target).read_text()
    assert (
        f"{fitted.rates.fmr_interval.method} (false match rate); another method (false non-match rate)"
        in text
    )


def test_a_pair_file_is_calibrated_to_from_the_shell(file: Path, tmp_path: Path) -> None:
    root = load_dataset("orl").faces().root
    out = tmp_path / "mine.json"
    options = ("--pairs", file, "--root", root, "--no-align", "--far", "0.05", "--out", out, "--json")
    done = twinface_here("calibrate", "default", *options)
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout)
    assert (values["people"], values["pictures"], values["notes"]) == (PEOPLE, 2 * PEOPLE, [])
    assert load_model(out).record.threshold.value == values["threshold"]
    assert "mine.html" in done.stderr
    assert out.with_suffix(".html").is_file()


def test_options_that_do_not_fit_are_refused(file: Path, tmp_path: Path) -> None:
    out = ("--out", tmp_path / "mine.json")
    for options, message in (
        (("--pairs", file), f"is not in {file.parent} (48 of 48 pictures missing in total)"),
        (("--pairs", file, "--root", tmp_path, "--data", "lfw"), "--pairs FILE takes --root only"),
        (("--data", "orl", "--protocol", "view1"), "--protocol is for --data lfw"),
        ((), "--data is missing"),
    ):
        done = twinface_here("calibrate", "default", *options, *out)
        assert done.returncode == 2
        assert message in done.stderr
