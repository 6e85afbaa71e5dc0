"""Your own files of pairs: two formats, no way out of the root, no contradictions."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twinface.core.errors import DataError
from twinface.core.types import WHOLE_FRAME, PairSet, Region
from twinface.datasets.lfw.dataset import TIGHT_FACE
from twinface.datasets.pairs_file.read import read_pairs


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "faces"
    for path in (
        "ann/ann_0001.jpg",
        "ann/ann_0002.PNG",
        "bob/bob_0001.webp",
        "bob/bob_0001.jpg",
        "cid lee/cid lee_0001.jpg",
        "one.jpg",
        "two.jpg",
        "three.jpg",
        "a/b/deep.jpg",
    ):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    return folder


def read(root: Path, contents: str, name: str = "pairs.csv", region: Region | None = None) -> PairSet:
    file = root.parent / name
    file.write_text(contents, newline="")
    return read_pairs(file, root, region)


def rows(pairs: PairSet) -> list[tuple[str, str, bool]]:
    paths = pairs.faces.paths
    sides = zip(pairs.left, pairs.right, pairs.is_match, strict=True)
    return [(paths[left], paths[right], bool(same)) for left, right, same in sides]


def person(pairs: PairSet, path: str) -> str:
    return pairs.faces.names[pairs.faces.people[pairs.faces.paths.index(path)]]


def test_lfw_format_finds_any_suffix(root: Path) -> None:
    pairs = read(root, "ann\t1\t2\nann\t1\tbob\t1\ncid lee\t1\tbob\t1\n", "mine.txt")
    assert rows(pairs) == [
        ("ann/ann_0001.jpg", "ann/ann_0002.PNG", True),
        ("ann/ann_0001.jpg", "bob/bob_0001.jpg", False),
        ("cid lee/cid lee_0001.jpg", "bob/bob_0001.jpg", False),
    ]
    assert pairs.name == "mine.txt"
    assert pairs.fold is None
    assert pairs.faces.region == WHOLE_FRAME
    assert pairs.faces.root == root


def test_lfw_format_with_folds(root: Path) -> None:
    (root / "dee").mkdir()
    (root / "dee/dee_0001.jpg").touch()
    (root / "dee/dee_0002.jpg").touch()
    pairs = read(root, "2\t1\nann\t1\t2\nann\t1\tbob\t1\ndee\t1\t2\ndee\t2\tcid lee\t1\n", "mine.txt")
    assert pairs.fold is not None
    assert pairs.fold.tolist() == [0, 0, 1, 1]
    one_fold = read(root, "1\t1\nann\t1\t2\nann\t1\tbob\t1\n", "mine.txt")
    assert (len(one_fold), one_fold.fold) == (2, None)


def test_folds_that_share_a_person_are_not_used(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The threshold of a fold, fitted on the others, would have seen its people."""
    (root / "bob/bob_0002.jpg").touch()
    pairs = read(root, "2\t1\nann\t1\t2\nann\t1\tcid lee\t1\nbob\t1\t2\nann\t2\tbob\t1\n", "mine.txt")
    assert (len(pairs), pairs.fold) == (4, None)
    assert "mine.txt: its folds are not used, because 1 of its 3 people" in caplog.text
    assert "ann for example" in caplog.text


def test_a_folder_of_lfw_is_resolved(root: Path) -> None:
    (root / "ann").rename(root.parent / "ann")
    (root / "lfw_funneled").mkdir()
    (root.parent / "ann").rename(root / "lfw_funneled" / "ann")
    (root / "lfw_funneled/ann/ann_0002.PNG").rename(root / "lfw_funneled/ann/ann_0002.jpg")
    pairs = read(root, "ann\t1\t2\n", "mine.txt")
    assert pairs.faces.root == root / "lfw_funneled"
    assert pairs.faces.region == TIGHT_FACE
    assert read(root, "ann\t1\t2\n", "mine.txt", WHOLE_FRAME).faces.region == WHOLE_FRAME
    csv = read(root, "left,right,same\nlfw_funneled/ann/ann_0001.jpg,lfw_funneled/ann/ann_0002.jpg,1\n")
    assert csv.faces.root == root


@pytest.mark.parametrize("name", ["pairs.csv", "pairs.txt"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_takes_people_from_folders(root: Path, name: str, end: str) -> None:
    lines = [
        "\ufeffLeft,right,same",
        "ann/ann_0001.jpg,ann/ann_0002.PNG,1",
        "ann/ann_0001.jpg, bob/bob_0001.jpg ,No",
        "./ann//ann_0001.jpg,a/b/deep.jpg,FALSE",
        '"ann/ann_0002.PNG",ann/ann_0003.jpg,yes',
        "ann/ann_0001.jpg,bob/bob_0001.webp,0",
        "bob/bob_0001.webp,bob/bob_0001.jpg,true",
    ]
    (root / "ann/ann_0003.jpg").touch()
    pairs = read(root, end.join(lines), name)
    assert [same for _, _, same in rows(pairs)] == [True, False, False, True, False, True]
    assert len(set(pairs.faces.paths)) == len(pairs.faces.paths) == 6
    assert pairs.faces.names == ("b", "ann", "bob")
    assert person(pairs, "a/b/deep.jpg") == "b"


def test_csv_takes_people_from_columns(root: Path) -> None:
    head = "left,right,same,left_person,right_person\n"
    pairs = read(root, head + "one.jpg,two.jpg,1,Ann,Ann\none.jpg,bob/bob_0001.jpg,0,Ann,Robert\n")
    assert pairs.faces.names == ("Robert", "Ann")
    assert pairs.is_match.tolist() == [True, False]


def test_loose_pictures_joined_by_same_are_one_person(root: Path) -> None:
    pairs = read(root, "left,right,same\ntwo.jpg,three.jpg,1\ntwo.jpg,one.jpg,0\n")
    assert person(pairs, "two.jpg") == person(pairs, "three.jpg") == "three.jpg"
    assert person(pairs, "one.jpg") == "one.jpg"
    joined = read(root, "left,right,same\none.jpg,two.jpg,1\ntwo.jpg,ann/ann_0001.jpg,1\n")
    assert joined.faces.names == ("ann",)


def test_loose_pictures_of_one_stem_are_not_one_person(root: Path) -> None:
    """Nor of the person whose folder has the name of the file."""
    for name in ("one.png", "ann.jpg"):
        (root / name).touch()
    pairs = read(root, "left,right,same\none.jpg,one.png,0\nann.jpg,ann/ann_0001.jpg,0\n")
    assert sorted(pairs.faces.names) == ["ann", "ann.jpg", "one.jpg", "one.png"]
    assert not pairs.is_match.any()


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ("left,right\na,b\n", "pairs.csv line 1: the columns are left,right, need left,right,same"),
        ("left,right,same,left_person\n", "line 1: the columns are"),
        ("left,right,same\n", "has a first line but no pairs"),
        ("", "the list is empty"),
        ("left,right,same\none.jpg,two.jpg\n", "line 2: 2 fields, need 3 (left,right,same)"),
        ("left,right,same\n\none.jpg,two.jpg,1\n", "line 2: 0 fields, need 3"),
        ("left,right,same\none.jpg,two.jpg,maybe\n", "line 2, same: found 'maybe', need 1, 0"),
        ("left,right,same\none.jpg,two.jpg,\n", "line 2, same: found ''"),
        ("left,right,same\none.jpg,./one.jpg,1\n", "line 2: it pairs one.jpg with itself"),
        (
            "left,right,same\n/etc/passwd,one.jpg,0\n",
            "line 2, left: the path '/etc/passwd' cannot be used, it is",
        ),
        (
            "left,right,same\none.jpg,../x.jpg,0\n",
            "line 2, right: the path '../x.jpg' cannot be used, it leaves",
        ),
        ("left,right,same\none.jpg,ann/../../x.jpg,0\n", "cannot be used, it leaves the folder"),
        ("left,right,same\none.jpg,C:\\x.jpg,0\n", "right: the path"),
        ("left,right,same\none.jpg,ann\\1.jpg,0\n", "with forward slashes"),
        ("left,right,same\none.jpg,,0\n", "right: the path '' cannot be used, it is empty"),
        ("left,right,same\none.jpg,.,0\n", "right: the path '.' cannot be used, it is empty"),
        ('left,right,same\n"one.jpg,two.jpg,1\n', "it is not CSV"),
        ("left,right,same\none.jpg,no.jpg,0\nno.jpg,x/y.jpg,0\n", "line 2: the picture no.jpg is not in"),
        ("left,right,same\none.jpg,no.jpg,0\nno.jpg,x/y.jpg,0\n", "(2 of 3 pictures missing in total)"),
        (
            "left,right,same\nann/ann_0001.jpg,bob/bob_0001.jpg,1\n",
            "same is true, but the pictures are of ann and bob",
        ),
        (
            "left,right,same\nann/ann_0001.jpg,ann/ann_0002.PNG,0\n",
            "same is false, but both pictures are of ann",
        ),
        (
            "left,right,same\none.jpg,two.jpg,1\none.jpg,ann/ann_0001.jpg,0\ntwo.jpg,./one.jpg,0\n",
            "pairs.csv lines 2 and 4: same is true and then false for the same two pictures, two.jpg and one.jpg",
        ),
        (
            "left,right,same\none.jpg,two.jpg,1\ntwo.jpg,three.jpg,1\none.jpg,three.jpg,0\n",
            "line 4: same is false",
        ),
        (
            "left,right,same\none.jpg,ann/ann_0001.jpg,1\none.jpg,bob/bob_0001.jpg,1\n",
            "line 3: same is true, but the pictures are of ann and bob",
        ),
        ("left,right,same,left_person,right_person\none.jpg,two.jpg,1,A,B\n", "the pictures are of A and B"),
        (
            "left,right,same,left_person,right_person\none.jpg,two.jpg,0,A,\n",
            "right_person: the name '' cannot",
        ),
        (
            "left,right,same,left_person,right_person\none.jpg,two.jpg,0,A,B\none.jpg,three.jpg,0,C,D\n",
            "line 3: one.jpg is of C here and of A further up",
        ),
    ],
)
def test_what_is_refused(root: Path, contents: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read(root, contents)
    assert message in str(caught.value)


def test_a_list_in_lfw_format_names_its_missing_pictures(root: Path) -> None:
    with pytest.raises(
        DataError, match=r"mine\.txt line 2: the picture ann/ann_0009\.jpg is not in .*2 of 4"
    ):
        read(root, "ann\t1\tbob\t1\nann\t1\t9\neve\t1\tbob\t1\n", "mine.txt")


def test_links_out_of_the_root_are_refused(root: Path) -> None:
    (root.parent / "secret.jpg").touch()
    (root / "ann/ann_0003.jpg").symlink_to(root.parent / "secret.jpg")
    (root / "ann/ann_0004.jpg").symlink_to(root / "one.jpg")
    for contents, name in (
        ("left,right,same\none.jpg,ann/ann_0003.jpg,0\n", "pairs.csv"),
        ("cid lee\t1\tann\t3\n", "mine.txt"),
    ):
        with pytest.raises(DataError, match=r"ann_0003\.jpg is a link that leads out"):
            read(root, contents, name)
    assert len(read(root, "ann\t1\t4\n", "mine.txt")) == 1


def test_repeated_pairs_count_once(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Two pairs, fifty times each, in either order and in two spellings of a path."""
    lines = [
        "one.jpg,two.jpg,1",
        "three.jpg,one.jpg,0",
        "two.jpg,one.jpg,yes",
        "one.jpg,.//three.jpg,no",
    ] * 25
    pairs = read(root, "\n".join(["left,right,same", *lines]))
    assert rows(pairs) == [("one.jpg", "two.jpg", True), ("three.jpg", "one.jpg", False)]
    assert pairs.name == "pairs.csv without 98 repeated pairs"
    said = "pairs.csv: 98 of its 100 pairs repeat others and are left out, the first one in line 4"
    assert caplog.messages == [said]


def test_repeats_in_an_lfw_list_count_once(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    fold = "ann\t1\t2\nbob\t1\tann\t2\n"
    (root / "dee").mkdir()
    (root / "dee/dee_0001.jpg").touch()
    pairs = read(root, f"2\t1\n{fold}ann\t2\t1\ncid lee\t1\tdee\t1\n", "mine.txt")
    assert len(pairs) == 3
    assert pairs.fold is not None
    assert pairs.fold.tolist() == [0, 0, 1]
    assert "1 of its 4 pairs repeat others" in caplog.text
    same_folds = read(root, f"2\t1\n{fold}{fold}", "mine.txt")
    assert (len(same_folds), same_folds.fold) == (2, None)


def test_a_missing_root_is_named(root: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        read_pairs(root.parent / "pairs.csv", root / "nowhere")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(owner=st.lists(st.integers(0, 3), min_size=2, max_size=8), data=st.data())
def test_true_labels_of_loose_pictures_are_never_contradictory(
    tmp_path: Path, owner: list[int], data: st.DataObject
) -> None:
    """Whoever owns the pictures, labels that tell the truth are read back, and agree with the people."""
    for picture in range(len(owner)):
        (tmp_path / f"{picture}.jpg").touch()
    picture = st.integers(0, len(owner) - 1)
    drawn = data.draw(
        st.lists(st.tuples(picture, picture).filter(lambda pair: pair[0] != pair[1]), min_size=1)
    )
    truth = [owner[left] == owner[right] for left, right in drawn]
    lines = [f"{left}.jpg,{right}.jpg,{int(same)}" for (left, right), same in zip(drawn, truth, strict=True)]
    (tmp_path / "pairs.csv").write_text("\n".join(["left,right,same", *lines]))
    pairs = read_pairs(tmp_path / "pairs.csv", tmp_path)
    first = {frozenset(pair): same for pair, same in zip(drawn, truth, strict=True)}
    assert pairs.is_match.tolist() == list(first.values())
    assert np.array_equal(pairs.people[:, 0] == pairs.people[:, 1], pairs.is_match)
