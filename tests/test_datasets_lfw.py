"""LFW as a data set: where it is found, what is in it, and what is missing."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from pictures import LOSSLESS
from twinface.core.errors import DataError
from twinface.datasets.checked import CheckedDataset
from twinface.datasets.data_source import DataSource
from twinface.datasets.dataset import Dataset
from twinface.datasets.folder import Folder
from twinface.datasets.lfw.dataset import TIGHT_FACE, Lfw, picture_path
from twinface.datasets.lfw.home import find_lfw
from twinface.datasets.lfw.layouts import LAYOUTS
from twinface.datasets.lfw.without_fold import LfwWithoutFold
from twinface.datasets.load import DATASETS, load_dataset, load_source

LISTS = {
    "peopleDevTrain.txt": "2\nAnn\t2\nBob\t1\n",
    "pairsDevTrain.txt": "1\nAnn\t1\t2\nBob\t1\tAnn\t1\n",
    "pairsDevTest.txt": "1\nCid\t1\t2\nDan\t1\tCid\t2\n",
    "pairs.txt": "10\t1\n" + "Ann\t1\t2\nAnn\t1\tBob\t1\n" * 10,
}
PICTURES = {"Ann": 2, "Bob": 1, "Cid": 2, "Dan": 1}


def make_pictures(folder: Path) -> Path:
    for person, count in PICTURES.items():
        for number in range(1, count + 1):
            path = folder / picture_path(person, number)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return folder


def make_lists(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, contents in LISTS.items():
        (folder / name).write_text(contents)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    make_pictures(tmp_path / "lfwa")
    make_lists(tmp_path)
    return tmp_path


def test_what_is_in_it(tiny: Path) -> None:
    lfw = load_dataset("lfw", tiny)
    assert (lfw.name, lfw.title) == ("lfw", "LFW-a")
    assert lfw.protocols == ("view1", "view2", "view1-train")
    assert "outside data" in lfw.claims

    faces = lfw.training_faces()
    assert faces.paths == ("Ann/Ann_0001.jpg", "Ann/Ann_0002.jpg", "Bob/Bob_0001.jpg")
    assert faces.people.tolist() == [0, 0, 1]
    assert faces.people.dtype == np.int64
    assert faces.names == ("Ann", "Bob")
    assert faces.region == TIGHT_FACE == lfw.region
    assert all((faces.root / path).is_file() for path in faces.paths)
    assert len(lfw.faces()) == 6

    pairs = lfw.protocol("view1")
    assert pairs.name == "LFW-a View 1 test"
    assert pairs.faces.paths == ("Cid/Cid_0001.jpg", "Cid/Cid_0002.jpg", "Dan/Dan_0001.jpg")
    assert pairs.left.tolist() == [0, 2]
    assert pairs.right.tolist() == [1, 1]
    assert pairs.is_match.tolist() == [True, False]
    assert pairs.fold is None
    assert len(lfw.training_pairs() or ()) == 2
    assert np.bincount(lfw.protocol("view2").fold).tolist() == [2] * 10


def test_the_tight_region_is_the_central_115_of_250() -> None:
    assert (TIGHT_FACE.top * 250, TIGHT_FACE.height * 250) == (67.5, 115)
    assert TIGHT_FACE.top + TIGHT_FACE.height == pytest.approx(1 - TIGHT_FACE.top)


@pytest.mark.parametrize(
    ("folder", "layout"),
    [
        ("lfwa", "lfw-a"),
        ("lfw2", "lfw-a"),
        ("lfw-a", "lfw-a"),
        ("LFWA", "lfw-a"),
        ("lfw", "original"),
        ("lfw_funneled", "funneled"),
        ("lfw-funneled", "funneled"),
        ("lfw-deepfunneled", "deep-funneled"),
        ("lfw_deepfunneled", "deep-funneled"),
    ],
)
def test_every_layout_is_found_whichever_folder_is_named(tmp_path: Path, folder: str, layout: str) -> None:
    pictures = make_pictures(tmp_path / "data" / folder)
    make_lists(tmp_path / "data")
    for root in (tmp_path / "data", pictures):
        assert find_lfw(root).layout.key == layout
        assert Lfw(root).title == LAYOUTS[layout].title
        assert len(Lfw(root).protocol("view1")) == 2
    shutil.rmtree(tmp_path / "data" / folder)
    make_lists(make_pictures(tmp_path / "data" / folder / folder))
    assert len(Lfw(tmp_path / "data").protocol("view1")) == 2, "nested, with the lists inside"


def test_the_layout_chooses_among_several(tiny: Path) -> None:
    make_pictures(tiny / "lfw_funneled")
    make_pictures(tiny / "lfw")
    assert Lfw(tiny).title == "LFW-a"
    assert Lfw(tiny, "original").root == tiny / "lfw"
    assert Lfw(tiny, "funneled").title == "LFW funneled"
    with pytest.raises(DataError, match=r"holds LFW as .*, not as deep-funneled"):
        Lfw(tiny, "deep-funneled")
    with pytest.raises(DataError, match='did you mean "funneled"'):
        Lfw(tiny, "funnelled")


def test_a_folder_whose_name_does_not_tell_needs_the_layout(tmp_path: Path) -> None:
    make_lists(make_pictures(tmp_path / "pictures"))
    with pytest.raises(DataError, match="name the layout"):
        Lfw(tmp_path / "pictures")
    assert Lfw(tmp_path / "pictures", "original").title == "LFW original"


def test_without_a_root_the_environment_is_asked(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tiny / "nothing"))
    monkeypatch.setenv("HOME", str(tiny / "nothing"))
    monkeypatch.setenv("TWINFACE_DATA", str(tiny))
    assert Lfw().root == tiny / "lfwa"
    tiny.rename(tiny.parent / "lfw")
    monkeypatch.setenv("TWINFACE_DATA", str(tiny.parent))
    assert Lfw().root == tiny.parent / "lfw" / "lfwa"
    monkeypatch.delenv("TWINFACE_DATA")
    with pytest.raises(DataError, match=r"no LFW pictures found in .*twinface data fetch lfw.*TWINFACE_DATA"):
        Lfw()


def test_the_wanted_layout_is_looked_for_in_every_place(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`lfw` may be the picture folder of one layout, and beside it lies another; and there is the download folder."""
    monkeypatch.setenv("TWINFACE_DATA", str(tiny))
    monkeypatch.setenv("XDG_DATA_HOME", str(tiny / "downloads"))
    original = make_pictures(tiny / "lfw")
    downloaded = make_pictures(tiny / "downloads" / "twinface" / "lfw" / "lfw_funneled")
    assert find_lfw().layout.key == find_lfw(tiny).layout.key == "lfw-a"
    assert find_lfw(layout="lfw-a").pictures == tiny / "lfwa"
    assert find_lfw(layout="original").pictures == original
    assert find_lfw(layout="funneled").pictures == downloaded
    with pytest.raises(DataError, match=r"holds LFW as .*; .*/lfw holds LFW as .*, not as deep-funneled"):
        find_lfw(layout="deep-funneled")


def test_a_copy_in_a_later_place_does_not_take_the_place_of_the_one_that_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWINFACE_DATA", str(tmp_path / "mine"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "downloads"))
    make_pictures(tmp_path / "downloads" / "twinface" / "lfw" / "lfwa")
    assert find_lfw().layout.key == "lfw-a"
    mine = make_pictures(tmp_path / "mine" / "lfw-deepfunneled")
    assert find_lfw().pictures == mine


def test_a_missing_picture_is_named_with_its_line_and_all_are_counted(tiny: Path) -> None:
    (tiny / "lfwa/Ann/Ann_0002.jpg").unlink()
    shutil.rmtree(tiny / "lfwa/Bob")
    with pytest.raises(DataError) as caught:
        Lfw(tiny).training_faces()
    assert "peopleDevTrain.txt line 2: the picture Ann/Ann_0002.jpg is not in" in str(caught.value)
    assert "(2 of 3 pictures missing in total)" in str(caught.value)
    with pytest.raises(DataError, match=r"pairsDevTrain\.txt line 2: the picture Ann/Ann_0002\.jpg.*2 of 3"):
        Lfw(tiny).training_pairs()
    assert len(Lfw(tiny).protocol("view1")) == 2, "the other list is whole"


def test_a_missing_list_is_named(tiny: Path) -> None:
    (tiny / "pairs.txt").unlink()
    with pytest.raises(DataError, match=r"pairs\.txt is missing, looked in"):
        Lfw(tiny).protocol("view2")


def test_unknown_names_are_refused_with_the_nearest(tiny: Path) -> None:
    with pytest.raises(
        DataError, match=r'no LFW protocol "veiw1" \(did you mean "view1"\?\); there are view1'
    ):
        Lfw(tiny).protocol("veiw1")
    with pytest.raises(
        DataError,
        match=r'--data lwf: no data set of that name \(did you mean "lfw"\?\); there are lfw, orl, folder',
    ):
        load_dataset("lwf")


def test_stray_files_are_not_pictures(tiny: Path) -> None:
    for stray in ("lfwa/readme.txt", "lfwa/Ann/Ann_0003.txt", "lfwa/Ann/Bob_0001.jpg", "lfwa/Ann/Ann_1.jpg"):
        (tiny / stray).touch()
    (tiny / "lfwa/empty").mkdir()
    assert len(Lfw(tiny).faces()) == 6


def test_the_table_holds_data_sets() -> None:
    assert list(DATASETS) == ["lfw", "orl", "folder"]
    for name, constructor in DATASETS.items():
        assert constructor.name == name
        for attribute in Dataset.__annotations__:
            assert hasattr(constructor, attribute) or attribute in {"title", "claims", "source"}


def test_a_data_set_can_be_loaded_again_from_its_source(tiny: Path, tmp_path: Path) -> None:
    for person in ("ann", "bob"):
        (tmp_path / "own" / person).mkdir(parents=True)
        (tmp_path / "own" / person / "1.jpg").write_bytes(LOSSLESS["pgm"])
    fold = LfwWithoutFold(Lfw(tiny, "lfw-a"), 3)
    assert fold.source == DataSource("lfw", str(tiny), "lfw-a", without_fold=3)
    own = CheckedDataset(Folder(tmp_path / "own"))
    for dataset in (Lfw(tiny), Lfw(tiny, "lfw-a"), fold, own):
        again = load_source(dataset.source)
        assert type(again) is type(dataset)
        assert (again.source, again.title) == (dataset.source, dataset.title)
        assert again.faces().paths == dataset.faces().paths
    with pytest.raises(DataError, match="own has no official folds; LFW has"):
        load_source(DataSource("folder", str(tmp_path / "own"), without_fold=0))


def test_real_lfw_holds_what_was_published(real_lfw: Path) -> None:
    lfw = Lfw(real_lfw, "lfw-a")
    assert (len(lfw.faces()), len(lfw.faces().names)) == (13_233, 5_749)

    faces = lfw.training_faces()
    assert (len(faces), len(faces.names)) == (9_525, 4_038)
    assert np.count_nonzero(np.bincount(faces.people) >= 2) == 1_184

    train, test, view2 = lfw.training_pairs(), lfw.protocol("view1"), lfw.protocol("view2")
    assert (len(train), train.is_match.sum()) == (2_200, 1_100)
    assert (len(train.faces), len(train.faces.names)) == (3_443, 2_132)
    assert (len(test), test.is_match.sum(), len(test.faces)) == (1_000, 500, 1_549)
    assert view2.fold is not None
    for fold in range(10):
        in_fold = view2.fold == fold
        assert (in_fold.sum(), view2.is_match[in_fold].sum()) == (600, 300)
    for pairs in (train, test, view2):
        assert len(set(pairs.faces.paths)) == len(pairs.faces)
        assert list(pairs.faces.paths) == sorted(pairs.faces.paths)
        people = np.array(pairs.faces.names)[pairs.people]
        assert ((people[:, 0] == people[:, 1]) == pairs.is_match).all()
    assert set(train.faces.names) <= set(faces.names)
    assert not set(test.faces.names) & set(faces.names)
