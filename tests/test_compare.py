"""All faces of two photos against each other: scores of single calls, and each face in one match at most."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photo_files import PEOPLE, SHIPPED, write_faceless, write_photo
from twinface.cli.compare import compare
from twinface.recognition.compare import best_matches, compare_photos
from twinface.recognition.verifier import Verifier


@pytest.fixture(scope="module")
def photos(real_lfw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("photos")
    write_photo(root / "three.jpg", real_lfw, *PEOPLE[:3])
    write_photo(root / "two.jpg", real_lfw, PEOPLE[2], PEOPLE[0], scale=0.8)
    write_photo(root / "other.jpg", real_lfw, PEOPLE[4])
    write_faceless(root / "nobody.png")
    cv2.imwrite(str(root / "blurred.png"), cv2.GaussianBlur(cv2.imread(str(root / "other.jpg")), (0, 0), 5))
    return root


@pytest.fixture(scope="module")
def verifier() -> Verifier:
    return Verifier(SHIPPED, threads=1)


def test_scores_and_matches_of_two_photos(photos: Path, verifier: Verifier) -> None:
    left, right = photos / "three.jpg", photos / "two.jpg"
    result = compare_photos(left, right, verifier)
    assert result
    assert result.outcome == "same"
    assert [(match.left, match.right) for match in result.matches] in ([(1, 2), (3, 1)], [(3, 1), (1, 2)])
    assert result.matches[0].score > result.matches[1].score >= result.threshold
    for row, column in itertools.product(range(3), range(2)):
        first = Verifier(verifier.model, faces=row + 1).read(left)
        second = Verifier(verifier.model, faces=column + 1).read(right)
        verdict = verifier.compare(first, second)
        assert result.scores[row, column] == pytest.approx(verdict.score, abs=1e-5)
        assert result.left[row].box == verdict.faces[0].box
        assert result.right[column].quality == verdict.faces[1].quality
    match = result.matches[0]
    assert match.score == result.scores[match.left - 1, match.right - 1]
    assert match.probability == verifier.judge(match.score).probability


def test_strangers_and_photos_without_a_face(photos: Path, verifier: Verifier) -> None:
    strangers = compare_photos(photos / "other.jpg", photos / "two.jpg", verifier)
    assert not strangers
    assert (strangers.outcome, strangers.matches) == ("different", ())
    nobody = compare_photos(photos / "nobody.png", photos / "two.jpg", verifier)
    assert not nobody
    assert (nobody.outcome, nobody.scores.shape) == ("no_face", (0, 2))
    assert nobody.notes == ("No face was found in the first photo.",)


@given(
    st.integers(1, 5).flatmap(
        lambda width: st.lists(
            st.lists(st.integers(-3, 3), min_size=width, max_size=width), min_size=1, max_size=5
        )
    )
)
def test_matches_are_those_of_a_plain_search(rows: list[list[int]]) -> None:
    """Again and again the highest score that is left, with its row and column taken away."""
    scores = np.array(rows, float)
    left = {(i, j): scores[i, j] for i in range(scores.shape[0]) for j in range(scores.shape[1])}
    expected = []
    while left and max(left.values()) >= 0:
        best = max(left.values())
        i, j = min(place for place, score in left.items() if score == best)
        expected.append((i, j))
        left = {place: score for place, score in left.items() if place[0] != i and place[1] != j}
    assert best_matches(scores, 0) == expected


def test_the_command_prints_the_table_and_its_exit_code_says_whether_any_match(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    three, two = photos / "three.jpg", photos / "two.jpg"
    with pytest.raises(SystemExit) as left:
        compare(three, two, str(SHIPPED), json=False)
    assert left.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["1", "2"]
    assert [line.count("*") for line in lines[1:4]] == [1, 0, 1]
    assert "Face 1 of the first photo and face 2 of the second: same person" in "\n".join(lines[4:6])
    with pytest.raises(SystemExit) as left:
        compare(photos / "other.jpg", two, str(SHIPPED), json=False)
    assert left.value.code == 1
    assert "No faces match." in capsys.readouterr().out
    with pytest.raises(SystemExit) as left:
        compare(three, photos / "nobody.png", str(SHIPPED), json=True)
    assert left.value.code == 2
    printed = capsys.readouterr()
    assert json.loads(printed.out)["outcome"] == "no_face"
    assert len(json.loads(printed.out)["left"]) == 3
    assert "No face was found in the second photo." in printed.err


def test_of_a_face_of_poor_quality_nothing_is_said(
    photos: Path, verifier: Verifier, capsys: pytest.CaptureFixture[str]
) -> None:
    two, blurred = photos / "two.jpg", photos / "blurred.png"
    result = compare_photos(two, blurred, verifier)
    assert (result.outcome, result.matches) == ("poor_quality", ())
    assert result.notes == ("Too poor to be told, in the second photo: face 1.",)
    assert compare_photos(two, blurred, verifier.deciding(any_quality=True)).outcome != "poor_quality"
    with pytest.raises(SystemExit) as left:
        compare(two, blurred, str(SHIPPED), json=False)
    assert left.value.code == 2
    assert "Cannot tell: poor quality." in capsys.readouterr().out
