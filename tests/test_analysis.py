"""The data's analysis: counts that a plain loop agrees with, and the published figures of LFW."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from twinface.core.errors import DataError, ImageError
from twinface.core.types import FaceSet, PairSet
from twinface.datasets.analysis import analyse
from twinface.datasets.folder import Folder
from twinface.datasets.load import load_dataset


@pytest.fixture
def faces(tmp_path: Path) -> FaceSet:
    random = np.random.default_rng(0)
    for person, count in (("ann", 3), ("bob", 1), ("cid", 2)):
        (tmp_path / person).mkdir()
        for number in range(count):
            height = 20 if person == "bob" else 16
            cv2.imwrite(
                str(tmp_path / person / f"{number}.png"),
                random.integers(0, 256, (height, 12), dtype=np.uint8),
            )
    return Folder(tmp_path).faces()


@pytest.fixture
def pairs(faces: FaceSet) -> PairSet:
    left, right = np.array([0, 1, 4, 0, 3, 2]), np.array([1, 0, 5, 3, 4, 4])
    return PairSet("mine", faces, left, right, faces.people[left] == faces.people[right])


def test_people_and_pairs_are_counted(faces: FaceSet, pairs: PairSet) -> None:
    found = analyse(faces, [pairs])
    assert (found.faces.pictures, found.faces.people, found.faces.with_two_or_more) == (6, 3, 2)
    assert found.faces.histogram == ((1, 1), (2, 1), (3, 1))
    assert found.faces.top == (("ann", 3), ("cid", 2), ("bob", 1))
    assert (found.faces.per_person.minimum, found.faces.per_person.median) == (1, 2)

    (one,) = found.pairs
    assert (one.matches, one.mismatches, one.folds) == (3, 3, 0)
    assert (one.pictures, one.people) == (6, 3)
    assert one.repeated == 1, "0-1 and 1-0 are one pair"
    assert one.in_several_pairs == 4
    assert one.top_pictures[:2] == (("ann/0.png", 3), ("cid/0.png", 3))
    assert one.example_matches == (0, 1, 2)
    assert one.example_mismatches == (3, 4, 5)


def test_pixels_are_what_a_plain_loop_finds(faces: FaceSet) -> None:
    found = analyse(faces).pictures
    assert found.sampled == 6
    assert found.sizes == ((16, 12, 5), (20, 12, 1))
    gray = [cv2.imread(str(faces.root / path), cv2.IMREAD_GRAYSCALE) for path in faces.paths]
    means = [float(np.mean(pixels)) for pixels in gray if pixels is not None]
    deviations = [float(np.std(pixels)) for pixels in gray if pixels is not None]
    assert found.brightness.mean == pytest.approx(sum(means) / 6)
    assert (found.brightness.minimum, found.brightness.maximum) == pytest.approx((min(means), max(means)))
    assert found.contrast.median == pytest.approx((sorted(deviations)[2] + sorted(deviations)[3]) / 2)
    assert sum(found.brightness_histogram.counts) == sum(found.contrast_histogram.counts) == 6
    assert found.total_bytes == sum((faces.root / path).stat().st_size for path in faces.paths)


def test_the_sample_is_seeded_and_says_its_size(faces: FaceSet) -> None:
    one = analyse(faces, sample=2, seed=3)
    assert (one.pictures.sampled, one.pictures.seed) == (2, 3)
    assert analyse(faces, sample=2, seed=3) == one
    assert {analyse(faces, sample=1, seed=seed).pictures.brightness for seed in range(9)} != {
        one.pictures.brightness
    }


def test_a_data_set_is_analysed_as_all_its_faces(faces: FaceSet) -> None:
    assert analyse(load_dataset("folder", faces.root)) == analyse(faces)


def test_it_is_json(faces: FaceSet, pairs: PairSet) -> None:
    found = analyse(faces, [pairs]).to_dict()
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_missing_and_damaged_pictures_are_named(faces: FaceSet) -> None:
    (faces.root / faces.paths[0]).write_bytes(b"no picture")
    with pytest.raises(ImageError, match=r"0\.png"):
        analyse(faces)
    (faces.root / faces.paths[0]).unlink()
    with pytest.raises(DataError, match=r"ann/0\.png: it cannot be read"):
        analyse(faces)
    with pytest.raises(DataError, match="a sample of 0"):
        analyse(faces, sample=0)


def test_published_figures_of_lfw(real_lfw: Path) -> None:
    lfw = load_dataset("lfw", real_lfw, "lfw-a")
    lists = [lfw.protocol(name) for name in ("view1-train", "view1", "view2")]
    found = analyse(lfw, lists, sample=50)
    assert (found.name, found.faces.pictures, found.faces.people) == ("LFW-a", 13_233, 5_749)
    assert found.faces.with_two_or_more == 1_680
    assert found.faces.top[:2] == (("George_W_Bush", 530), ("Colin_Powell", 236))
    assert found.pictures.sizes == ((250, 250, 50),)

    train, test, view2 = found.pairs
    assert (train.matches, train.mismatches, train.pictures, train.people) == (1_100, 1_100, 3_443, 2_132)
    assert (test.matches, test.mismatches, test.pictures, test.people) == (500, 500, 1_549, 963)
    assert (view2.matches, view2.mismatches, view2.folds) == (3_000, 3_000, 10)
    assert [one.repeated for one in found.pairs] == [0, 0, 0]
    assert found.shared_people[0][1] == 0, "View 1 training and test share nobody"
    assert found.shared_people[0][2] == 1_689, "View 2 draws from the people of View 1 anew"

    dev_train = analyse(lfw.training_faces(), sample=1)
    assert (dev_train.faces.pictures, dev_train.faces.people) == (9_525, 4_038)
    assert dev_train.faces.with_two_or_more == 1_184
