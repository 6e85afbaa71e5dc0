"""Judging on photos of one's own: faces are found and aligned; a run's own data are taken as the run took them."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from twinface.core.errors import DataError
from twinface.datasets.data_source import DataSource
from twinface.datasets.load import load_dataset, load_source
from twinface.evaluation.results import load_results
from twinface.faces.picture import load_picture
from twinface.reports.run_view import run_view
from twinface.training.evaluate_run import EvaluationRequest, answer, evaluate_run, keep_result
from twinface.training.run_folder import RunFolder


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two people of ORL with two photos each, whose faces are small and off the middle; pairs.csv."""
    faces = load_dataset("orl").faces()
    folder = tmp_path_factory.mktemp("mine")
    for person in ("ann", "bob"):
        (folder / person).mkdir()
    for person, row in (("ann", 0), ("ann", 1), ("bob", 10), ("bob", 11)):
        paper = np.full((240, 260, 3), 128, np.uint8)
        paper[30:142, 50:142] = load_picture(faces.root / faces.paths[row], "rgb")
        cv2.imwrite(str(folder / person / f"{row}.png"), paper)
    (folder / "pairs.csv").write_text(
        "left,right,same\nann/0.png,ann/1.png,1\nbob/10.png,bob/11.png,1\nann/0.png,bob/10.png,0\n"
    )
    return folder


@pytest.fixture
def run(tiny_run: RunFolder, tmp_path: Path) -> RunFolder:
    shutil.copytree(tiny_run.path, tmp_path / "run")
    return RunFolder(tmp_path / "run")


def aligns(model: str | Path, request: EvaluationRequest) -> bool:
    return answer(model, request).pairs.faces.landmarks is not None


def test_faces_of_a_pair_file_are_aligned_unless_they_are_framed(photos: Path) -> None:
    file = photos / "pairs.csv"
    assert aligns("default", EvaluationRequest(pairs=file, root=photos))
    assert not aligns("default", EvaluationRequest(pairs=file, root=photos, align=False))
    framed = load_dataset("folder", photos, align=False)
    assert evaluate_run("default", pairs=file, dataset=framed).pairs.faces.landmarks is None


def test_a_run_takes_its_own_data_alone_as_it_took_them(run: RunFolder, photos: Path) -> None:
    """This run's own pictures are framed. Photos of others are aligned all the same."""
    file = photos / "pairs.csv"
    folder = EvaluationRequest("unseen", data="folder", root=photos)
    assert not aligns(run.path, EvaluationRequest("unseen"))
    assert aligns(run.path, EvaluationRequest(pairs=file, root=photos))
    assert aligns(run.path, folder)
    run.note(source=DataSource("folder", str(photos), align=False))
    assert not aligns(run.path, EvaluationRequest(pairs=file))
    assert not aligns(run.path, EvaluationRequest(pairs=file, root=photos / "ann" / ".."))
    assert not aligns(run.path, folder)
    assert aligns(run.path, EvaluationRequest(pairs=file, root=photos, align=True))
    run.note(source=DataSource("folder", str(photos.parent), align=False))
    assert aligns(run.path, EvaluationRequest(pairs=file, root=photos))
    assert aligns(run.path, folder)


def test_a_result_on_other_data_leaves_that_of_the_run_alone(run: RunFolder, photos: Path) -> None:
    """The page says how each of them is made again. Results of before have no data set in them."""
    evaluate_run(run.path, "unseen")
    own = (run.path / "results" / "unseen.json").read_bytes()
    assert b"source" not in own
    for source in (DataSource("folder", str(photos), align=True), DataSource("orl", align=True)):
        evaluate_run(run.path, "unseen", dataset=load_source(source))
    evaluate_run(run.path, "unseen", dataset=load_dataset("orl"))
    assert (run.path / "results" / "unseen.json").read_bytes() != own  # the run's own again
    names = [result.name for result in load_results(run.path)]
    assert names[0] == "unseen"
    assert [name.rpartition("-")[0] for name in names[1:]] == [f"unseen-on-{photos.name}", "unseen-on-orl"]
    assert [result.summary.source for result in load_results(run.path)] == [
        None,
        DataSource("folder", str(photos), align=True),
        DataSource("orl", align=True),
    ]
    view = run_view(run)
    assert "13 unseen people of ORL faces with seed 0" in view.headline
    assert view.commands[1:] == [
        "twinface evaluate again --protocol unseen",
        f"twinface evaluate again --protocol unseen --data folder --root {photos}",
        "twinface evaluate again --protocol unseen --data orl --align",
    ]


def test_folders_and_pair_files_of_one_name_have_results_of_their_own(
    run: RunFolder, photos: Path, tmp_path: Path
) -> None:
    twin = tmp_path / photos.name
    shutil.copytree(photos, twin)
    for folder in (photos, twin):
        request = EvaluationRequest(pairs=folder / "pairs.csv", root=folder)
        keep_result(run.path, request, answer(run.path, request))
        framed = load_dataset("folder", folder)
        evaluate_run(run.path, "unseen", dataset=framed)
    found = load_results(run.path)
    assert len(found) == 4
    assert sorted(result.root for result in found) == sorted([photos, photos, twin, twin])
    pairs = [result for result in found if result.name.startswith("pairs-pairs.csv-")]
    assert {result.root for result in pairs} == {photos, twin}
    assert {result.summary.source for result in pairs} == {None}


def test_of_unknown_people_it_is_said_that_they_may_have_been_seen(photos: Path, tmp_path: Path) -> None:
    loose = tmp_path / "loose"
    loose.mkdir()
    for picture in photos.glob("*/*.png"):
        shutil.copy(picture, loose)
    file = loose / "pairs.csv"
    file.write_text("left,right,same\n0.png,1.png,1\n10.png,11.png,1\n0.png,10.png,0\n1.png,11.png,0\n")
    summary = answer("default", EvaluationRequest(pairs=file, root=loose)).summary
    assert summary.one_shot is None
    assert "nobody can tell whether the model has seen them" in summary.may_be_claimed
    known = answer("default", EvaluationRequest(pairs=photos / "pairs.csv", root=photos)).summary
    assert "nobody can tell" not in known.may_be_claimed


def test_pairs_that_fall_away_are_counted_in_the_name(photos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(photos, folder)
    (folder / "bob" / "11.png").write_bytes(b"no picture")
    request = EvaluationRequest(pairs=folder / "pairs.csv", root=folder)
    assert answer("default", request).summary.data == "pairs.csv without 1 pairs that have no face"
    (folder / "pairs.csv").write_text("left,right,same\nbob/10.png,bob/11.png,1\nann/0.png,bob/11.png,0\n")
    with pytest.raises(DataError, match=r"pairs.csv: of none of its 2 pairs can both pictures be used"):
        answer("default", request)


def test_a_result_on_another_alignment_of_lfw_is_not_that_of_the_run() -> None:
    own = DataSource("lfw", "/faces", "lfw-a")
    assert DataSource("lfw", "/elsewhere", "lfw-a").has_pictures_of(own)
    assert not DataSource("lfw", "/faces", "funneled").has_pictures_of(own)
    assert DataSource("lfw", "/faces", "funneled").has_pictures_of(
        DataSource("lfw", "/faces")
    )  # not written down
