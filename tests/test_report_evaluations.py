"""What the page of a run shows of evaluations: every figure, extreme pairs, nothing that can become HTML."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pages import all_pairs, faces_of
from toy_runs import judged, page_of, run_with
from twinface.core.types import WHOLE_FRAME, ByteArray, Float32Array, PairSet
from twinface.evaluation.evaluate import evaluate
from twinface.evaluation.results import load_results
from twinface.evaluation.summary import SeenPeople
from twinface.faces.preparation import Preparation
from twinface.models.decision import Calibration, Threshold
from twinface.models.provenance import Provenance, hash_people
from twinface.models.record import ModelRecord
from twinface.reports import write_report
from twinface.reports.extreme_pairs import extreme_pairs
from twinface.reports.pictures import LONGEST_SIDE
from twinface.reports.run_view import run_view

SCALE = {"scale": np.float32(1), "bias": np.float32(0)}


@pytest.fixture
def pairs(tmp_path: Path) -> PairSet:
    return all_pairs(faces_of(tmp_path / "faces"))


def test_every_figure_is_on_the_page(tmp_path: Path, pairs: PairSet) -> None:
    evaluation = judged(pairs)
    text = page_of(run_with(tmp_path / "run", evaluation)).text

    def look_for(value: Any, name: str) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                look_for(inner, f"{name}.{key}")
        elif isinstance(value, list):
            for inner in value:
                look_for(inner, name)
        elif isinstance(value, str):
            assert value in text, name
        elif isinstance(value, bool) or value is None:
            pass
        elif name.endswith((".far", ".level")):
            assert f"{100 * value:g} %" in text, name
        else:
            forms = (f"{value:.4f}", f"{value:,.0f}", f"{value:.1f}")
            assert any(re.search(rf"(?<![\d.]){re.escape(form)}(?![\d])", text) for form in forms), (
                name,
                value,
            )

    look_for(evaluation.summary.to_dict(), "figures")
    assert "rough figure" in text


def test_folds_are_drawn_where_there_are_some(tmp_path: Path, pairs: PairSet) -> None:
    evaluation = judged(replace(pairs, fold=np.arange(len(pairs)) % 10), "view2")
    page = page_of(run_with(tmp_path / "run", evaluation))
    assert "10 folds, standard error 1.0 %" in page.text
    assert "mean of 10 folds, ± 0.0098 standard error" in page.text
    label = next(
        label for label in page.attributes("aria-label", "svg") if label.startswith("Accuracy of each fold")
    )
    assert all(f"{value:.4f}" in label for value in evaluation.summary.folds.accuracies)


@pytest.mark.parametrize("kind", [True, False])
def test_pairs_of_one_kind_have_no_curves(tmp_path: Path, pairs: PairSet, kind: bool) -> None:
    chosen = pairs.is_match == kind
    one_kind = PairSet(
        "one kind", pairs.faces, pairs.left[chosen], pairs.right[chosen], pairs.is_match[chosen]
    )
    page = page_of(run_with(tmp_path / "run", judged(one_kind)))
    assert "these are of one kind" in page.text
    assert "DET" not in page.text
    assert "Confusion matrix" in page.text
    assert "no such pairs" in page.text


@pytest.mark.parametrize("spread", [0.01, 3.0])
def test_perfect_and_poor_verifiers_are_drawn(tmp_path: Path, pairs: PairSet, spread: float) -> None:
    page = page_of(run_with(tmp_path / "run", judged(pairs, spread=spread)))
    assert {"ROC", "DET", "Scores", "Reliability"} <= set(page.text.split())


def test_scores_that_are_all_equal_are_drawn(tmp_path: Path, pairs: PairSet) -> None:
    evaluation = judged(pairs)
    flat = replace(evaluation.scored, scores=np.zeros(len(pairs)))
    even = replace(evaluation, scored=flat, margins=flat, probabilities=flat.scores + 0.5)
    page = page_of(run_with(tmp_path / "run", even))
    labels = page.attributes("aria-label", "svg")
    for chart in ("ROC", "DET", "Histograms of scores", "Confusion matrix", "Reliability diagram"):
        assert any(label.startswith(chart) for label in labels), chart


def test_extreme_pairs_are_those_that_sorting_finds(tmp_path: Path, pairs: PairSet) -> None:
    folder = run_with(tmp_path / "run", judged(pairs))
    result = load_results(folder.path)[0]
    rows = list(zip(result.margins, result.is_match, result.left, result.right, strict=True))
    wrong_genuine = sorted((score, left, right) for score, match, left, right in rows if match and score < 0)
    wrong_impostor = sorted(
        ((score, left, right) for score, match, left, right in rows if not match and score >= 0), reverse=True
    )
    groups = extreme_pairs(result)
    for group, expected in zip(groups[:2], (wrong_genuine, wrong_impostor), strict=True):
        assert [(pair.left.path, pair.right.path) for pair in group.pairs] == [
            tuple(row[1:]) for row in expected[:6]
        ]
        assert f": {len(expected)} of " in group.title
    assert [group.kind for group in groups] == ["genuine", "impostor", "genuine", "impostor"]
    assert all(
        pair.left.uri.startswith("data:image/jpeg;base64,") for group in groups for pair in group.pairs
    )
    assert {(pair.left.width, pair.left.height) for group in groups for pair in group.pairs} == {
        (88, LONGEST_SIDE)
    }


def test_missing_and_damaged_pictures_are_named(tmp_path: Path, pairs: PairSet) -> None:
    folder = run_with(tmp_path / "run", judged(pairs))
    for number, path in enumerate(pairs.faces.paths):
        file = pairs.faces.root / path
        if number % 2:
            file.unlink()
        else:
            file.write_bytes(b"no picture")
    page = page_of(folder)
    assert page.attributes("src", "img") == []
    assert "no such file" in page.text
    assert str(pairs.faces.root) not in page.source
    groups = extreme_pairs(load_results(folder.path)[0])
    assert page.attributes("class").count("missing") == 2 * sum(len(group.pairs) for group in groups) > 0


def test_maps_are_made_of_pairs_that_the_run_itself_judged(tmp_path: Path, pairs: PairSet) -> None:
    """Of a cross-validation, every pair was judged by another model."""
    folder = run_with(tmp_path / "run", judged(pairs, "unseen"), judged(pairs, "cross-validated"))
    shown = run_view(folder).evaluations
    assert [view.summary.protocol for view in shown] == ["cross-validated", "unseen"]
    assert shown[0].explained is None
    assert shown[1].explained is not None
    (alone,) = run_view(run_with(tmp_path / "alone", judged(pairs, "cross-validated"))).evaluations
    assert alone.explained is not None
    assert "a model without its people" in alone.explained.problem


def test_names_cannot_become_html(tmp_path: Path) -> None:
    bad = "<script>alert('1')<"
    faces = faces_of(tmp_path / "faces", (bad, "Bo\"onerror='x'", "$a$ & b"))
    (faces.root / faces.paths[-1]).unlink()
    (faces.root / faces.paths[0]).unlink()
    evaluation = judged(all_pairs(faces), name=f"{bad}/script>")
    evaluation = replace(evaluation, summary=replace(evaluation.summary, may_be_claimed=bad))
    folder = run_with(tmp_path / "run <i>", evaluation)
    folder.note(command=bad)
    others = faces_of(tmp_path / "others")
    (others.root / others.paths[0]).unlink()
    harmless = page_of(run_with(tmp_path / "run", judged(all_pairs(others))))
    page = page_of(folder)
    assert bad in page.text
    assert "<script" not in page.source
    assert "onerror" not in {name for _, values in page.tags for name in values}
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in harmless.tags}


def test_equal_runs_give_equal_bytes(tmp_path: Path, pairs: PairSet) -> None:
    folder = run_with(tmp_path / "run", judged(pairs), epochs=7)
    first = write_report(folder).read_bytes()
    assert write_report(folder).read_bytes() == first
    code = (
        "import sys; from twinface.reports import write_report; from twinface.training.run_folder import RunFolder; "
        "write_report(RunFolder(sys.argv[1])); assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(folder.path)], check=True)
    assert (folder.path / "report.html").read_bytes() == first


def test_large_evaluations_make_no_large_page(tmp_path: Path) -> None:
    """View 2's 6,000 pairs and a hundred thousand drawn ones, of noise, which compresses worst of all."""
    random = np.random.default_rng(0)
    faces = faces_of(tmp_path / "faces", tuple(f"person{number}" for number in range(40)), each=3)
    evaluations = []
    for count, protocol in ((6_000, "view2"), (100_000, "unseen")):
        left, right = random.integers(0, len(faces), (2, count))
        match = faces.people[left] == faces.people[right]
        match[: count // 2] = True
        evaluations.append(judged(PairSet(protocol, faces, left, right, match), protocol))
    page = page_of(run_with(tmp_path / "run", *evaluations))
    assert len(page.source.encode()) < 1_500_000
    drawings = re.findall(r"<svg.*?</svg>", page.source, re.DOTALL)
    assert max(map(len, drawings)) < 60_000


def test_figures_of_a_real_evaluation_fit_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pairs: PairSet
) -> None:
    """The figures that `evaluate` gives are those that the page asks for, with folds and without."""
    monkeypatch.setenv("TWINFACE_CACHE", str(tmp_path / "cache"))
    provenance = Provenance("salt", hash_people(["Ada"], "salt"), frozenset(), "1 person", "nobody")
    record = ModelRecord(
        "brightness", Preparation(WHOLE_FRAME, 16, 16, "gray"), "any", 2, "cosine", SCALE, Threshold(0.99, "toys"),
        Calibration(5.0, -4.0, "toys"), provenance, {}, 0, {},
    )  # fmt: skip

    class Brightness:
        def __init__(self) -> None:
            self.record = record

        def __call__(self, faces: ByteArray) -> Float32Array:
            angle = faces.reshape(len(faces), -1).mean(1) / 255
            return np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32)

    whole = evaluate(Brightness(), pairs, "view1", allow_seen=True)
    folded = evaluate(Brightness(), all_pairs(pairs.faces, folds=4), "view2", allow_seen=True)
    page = page_of(run_with(tmp_path / "run", whole, folded))
    assert "Nothing: " in page.text
    assert f"{whole.summary.to_dict()['accuracy']:.4f}" in page.text
    assert f"± {folded.summary.to_dict()['standard_error']:.4f}" in page.text


def test_figures_survive_json(pairs: PairSet) -> None:
    """What the tests above call figures is what a file can hold."""
    assert json.loads(json.dumps(judged(pairs).summary.to_dict(), allow_nan=False))["accuracy"] == 0.8767


def test_several_evaluations_come_by_how_much_they_say(tmp_path: Path, pairs: PairSet) -> None:
    seen = judged(pairs, "view2", "seen toys")
    seen = replace(seen, summary=replace(seen.summary, seen_people=SeenPeople(3, 1, 77)))
    own, official = judged(pairs, "pairs", "own toys"), judged(pairs, "view1", "official toys")
    page = page_of(run_with(tmp_path / "run", seen, own, official))
    places = [page.text.index(f"Evaluation: {name}") for name in ("official toys", "own toys", "seen toys")]
    assert places == sorted(places)
    assert (
        "official toys: 87.7 % of 120 pairs of people that it has not seen were judged rightly" in page.text
    )
    assert "twinface evaluate again --protocol view1" in page.text
    assert "--protocol view2" not in page.text
    assert [values for tag, values in page.tags if values.get("class") == "warning"] != []
    assert "Not a test: 77 of 120 pairs" in page.text
