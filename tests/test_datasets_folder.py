"""A folder of people: what counts as a picture, and what must never be followed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from twinface.core.errors import DataError
from twinface.datasets.entries import PICTURE_SUFFIXES
from twinface.datasets.folder import Folder
from twinface.datasets.load import load_dataset
from twinface.datasets.photo_notes import Reason


def make(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def test_people_and_pictures_in_order(tmp_path: Path) -> None:
    make(
        tmp_path, "Zoë Q/b.JPG", "Zoë Q/a.png", "Ann/x.jpeg", "Ann/notes.txt", "Ann/.hidden.jpg", ".git/c.jpg"
    )
    faces = Folder(tmp_path).faces()
    assert faces.paths == ("Ann/x.jpeg", "Zoë Q/a.png", "Zoë Q/b.JPG")
    assert faces.names == ("Ann", "Zoë Q")
    assert faces.people.tolist() == [0, 1, 1]
    assert faces.name == tmp_path.name


@pytest.mark.parametrize("suffix", PICTURE_SUFFIXES)
def test_every_suffix_counts_in_any_case(tmp_path: Path, suffix: str) -> None:
    make(tmp_path, f"Ann/1{suffix}", f"Bob/1{suffix.upper()}")
    assert len(Folder(tmp_path).faces()) == 2


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ((), "found 0 folders with pictures, need 2 people or more"),
        (("a.jpg", "b.png"), "found 0 folders with pictures and 2 loose pictures, need 2"),
        (("Ann/1.jpg",), "found 1 folder with pictures, need 2"),
        (("Ann/1.jpg", "Bob/notes.txt"), "found 1 folder with pictures, need 2"),
        (("Ann/1.jpg", "B\x1bb/1.jpg"), "found 1 folder with pictures, need 2"),
        (
            ("x/train/Ann/1.jpg", "x/train/Bob/1.jpg", "x/val/Cy/1.jpg"),
            r"name one of them, /\S+/x/train \(2 p",
        ),
        (("lfwa/Ann/Ann_0001.jpg", "lfwa/Bob/Bob_0001.jpg"), "looks like LFW: use --data lfw --root"),
    ],
)
def test_a_folder_without_two_people_is_refused(tmp_path: Path, paths: tuple[str, ...], message: str) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(DataError, match=message) as caught:
        Folder(make(tmp_path / "photos", *paths)).faces()
    assert str(caught.value).isprintable()


def test_the_folder_above_is_named(tmp_path: Path) -> None:
    make(tmp_path, "Ann/1.jpg", "Ann/2.jpg", "Bob/1.jpg")
    with pytest.raises(DataError, match=rf"the folder of one person: name the folder above, {tmp_path}"):
        Folder(tmp_path / "Ann").faces()
    # A good folder of one person, beside others: more people are needed, whatever lies beside it.
    make(tmp_path, "my photos/Ann/1.jpg", "other/1.jpg")
    with pytest.raises(DataError, match=r"need 2 people or more: .*; or do you mean the folder above, "):
        Folder(tmp_path / "my photos").faces()
    make(tmp_path, "my photos/train/Ann/1.jpg", "my photos/train/Bob/1.jpg")
    with pytest.raises(DataError, match=rf"name one of them, '{tmp_path}/my photos/train' \(2 people\)"):
        Folder(tmp_path / "my photos").faces()


def test_what_cannot_be_used_is_listed_and_stops_nothing(tmp_path: Path) -> None:
    make(
        tmp_path,
        "Ann/1.jpg",
        "Ann/2021/2.jpg",
        "Ann/2021/x/3.jpg",
        "Ann/4.heic",
        "Ann/notes.txt",
        "Ann/b\na.jpg",
    )
    make(tmp_path, "Bob/1.jpg", "Cy/notes.txt", "D\x1be/1.jpg", "loose.png")
    folder = Folder(tmp_path)
    assert folder.faces().paths == ("Ann/1.jpg", "Bob/1.jpg")
    assert {note.path: note.reason for note in folder.notes()} == {
        "Ann/2021/2.jpg": Reason.DEEPER,
        "Ann/2021/x/3.jpg": Reason.DEEPER,
        "Ann/4.heic": Reason.FORMAT,
        "Ann/b\na.jpg": Reason.NAME,
        "Cy": Reason.NOBODY,
        "D\x1be": Reason.NAME,
        "loose.png": Reason.LOOSE,
    }


def test_a_name_that_is_no_text_is_listed(tmp_path: Path) -> None:
    make(tmp_path, "Ann/1.jpg", "Cy/1.jpg")
    try:
        os.makedirs(os.fsencode(tmp_path) + b"/B\xffb")  # noqa: PTH103
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/B\xffb/1.jpg")).touch()
    folder = Folder(tmp_path)
    assert folder.faces().names == ("Ann", "Cy")
    assert [note.reason for note in folder.notes()] == [Reason.NAME]


def test_links_that_lead_out_are_not_followed(tmp_path: Path) -> None:
    outside = make(tmp_path / "outside", "Eve/secret.jpg")
    root = make(tmp_path / "root", "Ann/1.jpg", "Bob/1.jpg")
    (root / "Ann/2.jpg").symlink_to(outside / "Eve/secret.jpg")
    (root / "Ann/3.jpg").symlink_to("../../outside/Eve/secret.jpg")
    (root / "Ann/4.jpg").symlink_to(root / "Bob/1.jpg")
    (root / "Ann/5.jpg").symlink_to("5.jpg")
    (root / "Eve").symlink_to(outside / "Eve")
    assert Folder(root).faces().paths == ("Ann/1.jpg", "Ann/4.jpg", "Bob/1.jpg")
    (tmp_path / "link").symlink_to(root)
    assert len(Folder(tmp_path / "link").faces()) == 3, "the root itself may be a link"


def test_links_within_the_root_are_no_second_person(tmp_path: Path) -> None:
    make(tmp_path, "anna/1.jpg", "anna/old/2.jpg", "bob/1.jpg")
    (tmp_path / "ann").symlink_to("anna")
    (tmp_path / "loop").symlink_to(".")
    (tmp_path / "older").symlink_to("anna/old")
    make(tmp_path, ".store/cy/1.jpg")
    (tmp_path / "cy").symlink_to(".store/cy")  # which nobody else has
    (tmp_path / "cyrus").symlink_to(".store/cy")
    (tmp_path / "store").symlink_to(".store")
    folder = Folder(tmp_path)
    assert folder.faces().paths == ("anna/1.jpg", "bob/1.jpg", "cy/1.jpg")
    assert [note.path for note in folder.notes() if note.reason is Reason.LINK] == [
        *("ann", "cyrus", "loop", "older", "store")
    ]


@pytest.mark.parametrize(
    ("one", "other"), [("Anna_Smith", "anna smith"), ("Jos\u00e9", "Jose\u0301"), ("s1", "S1")]
)
def test_two_folders_with_the_name_of_one_person_are_refused(tmp_path: Path, one: str, other: str) -> None:
    """`hash_person` takes them for one person, and a split could put one on either side."""
    make(tmp_path, f"{one}/1.jpg", f"{other}/1.jpg", "Cy/1.jpg")
    if len(list(tmp_path.iterdir())) < 3:
        pytest.skip("this file system takes the two names for one")
    with pytest.raises(DataError, match="have the name of one person") as caught:
        Folder(tmp_path).faces()
    assert ascii(one) in str(caught.value)
    assert ascii(other) in str(caught.value)


def test_photos_in_a_format_that_is_not_read_are_named(tmp_path: Path) -> None:
    """Not "a folder without a picture", and not the advice to make folders that are there."""
    make(tmp_path, "Ann/1.gif", "Ann/2.gif", "Bob/1.jpg", "Cy/notes.txt")
    folder = Folder(tmp_path)
    for _ in range(2):  # the notes are the same when they are made again
        with pytest.raises(
            DataError, match=r"2 left out: a format that is not read \(Ann/1.gif: need one of"
        ):
            folder.faces()
        assert [(note.path, note.reason) for note in folder.notes()] == [
            ("Ann/1.gif", Reason.FORMAT),
            ("Ann/2.gif", Reason.FORMAT),
            ("Cy", Reason.NOBODY),
        ]


def test_what_it_has_not(tmp_path: Path) -> None:
    folder = Folder(make(tmp_path, "Ann/1.jpg", "Bob/1.jpg"))
    assert folder.training_pairs() is None
    assert folder.training_faces().paths == folder.faces().paths
    with pytest.raises(DataError, match="no protocol 'view1'"):
        folder.protocol("view1")
    for root, layout, message in (
        (None, None, "--root"),
        (tmp_path, "x", "no layouts"),
        ("no", None, r"no: there is no such folder \(looked for in .*\): need the folder that holds PERSON"),
    ):
        with pytest.raises(DataError, match=message):
            load_dataset("folder", root, layout)


READER = """
import json, sys
from pathlib import Path
from twinface.core.errors import DataError
from twinface.datasets.folder import Folder
from twinface.recognition.picture_list import list_pictures
root = Path(sys.argv[1])
folder = Folder(root)
read = lambda: (folder.faces().paths, [(note.path, note.reason, note.detail) for note in folder.notes()])
answers = [read(), read(), list(list_pictures(root))]
(root / "bob").chmod(0)
try:
    folder.faces()
except DataError as error:
    answers.append(str(error))
root.chmod(0)
try:
    folder.faces()
except DataError as error:
    answers.append(str(error))
print(json.dumps(answers))
"""


@pytest.mark.skipif(os.getuid() == 0 and not shutil.which("setpriv"), reason="root may read everything")
def test_what_may_not_be_read_is_left_out_and_noted(tmp_path: Path) -> None:
    """Only the root raises."""
    root = make(tmp_path / "mine", "ann/1.jpg", "bob/1.jpg", "bob/more/2.jpg", "cy/1.jpg", ".store/2.jpg")
    (root / "ann" / "2.jpg").symlink_to("../.store/2.jpg")
    (root / "dan").symlink_to(".store/dan")
    closed = [root / "bob" / "more", root / "cy", root / ".store"]
    for path in closed:
        path.chmod(0)
    # Root, without what lets root read everywhere, is a user like others.
    as_others = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.getuid() == 0 else []
    done = subprocess.run(
        [*as_others, sys.executable, "-c", READER, str(root)], capture_output=True, text=True, check=False
    )
    for path in (root, root / "bob", *closed):
        path.chmod(0o755)
    assert done.returncode == 0, done.stderr
    first, again, listed, few, none = json.loads(done.stdout)
    denied = ["cannot be read", "Permission denied"]
    assert first == [
        ["ann/1.jpg", "bob/1.jpg"],
        [[path, *denied] for path in ("ann/2.jpg", "bob/more", "cy", "dan")],
    ]
    assert again == first
    assert listed == ["ann/1.jpg", "bob/1.jpg"]
    assert "bob/more: left out, because it cannot be read (Permission denied)" in done.stderr
    assert "found 1 folder with pictures" in few
    assert "left out: cannot be read (ann/2.jpg: Permission denied, …)" in few
    assert none == f"{root}: the folder cannot be read (Permission denied)"
