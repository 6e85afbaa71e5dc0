"""Lists of pictures: what they may name, and that nothing of another file gets into the results."""

from __future__ import annotations

from pathlib import Path

import pytest

from pictures import VALID
from twinface.core.errors import DataError, ImageError
from twinface.faces.picture import load_picture
from twinface.recognition.picture_list import list_pictures, write_list


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """A list beside a folder of one picture; another picture lies outside, and a link leads to it."""
    folder = tmp_path / "mine"
    (folder / "photos").mkdir(parents=True)
    (folder / "photos" / "a.jpg").write_bytes(VALID["jpeg"])
    (tmp_path / "outside.jpg").write_bytes(VALID["jpeg"])
    (tmp_path / "mine too").mkdir()
    (folder / "link.jpg").symlink_to(tmp_path / "outside.jpg")
    (folder / "photos" / "inside.jpg").symlink_to("a.jpg")
    return folder / "list.txt"


def test_paths_inside_the_lists_folder_are_taken(listed: Path) -> None:
    names = [
        "photos/a.jpg",
        "photos/../photos/a.jpg",
        str(listed.parent / "photos" / "a.jpg"),
        "photos/inside.jpg",
    ]
    names.append("photos/not there.jpg")
    listed.write_text("\n".join(names))
    assert list(list_pictures(listed)) == names


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../outside.jpg",
        "photos/../../outside.jpg",
        "../mine too/a.jpg",
        "link.jpg",
        ".",
        "a\0b",
        "a/" * 3000 + "../" * 3001 + "b",
    ],
)
def test_paths_outside_the_lists_folder_are_refused_with_their_line(listed: Path, name: str) -> None:
    listed.write_text(f"photos/a.jpg\n\n{name}\n")
    written: list[bytes] = []
    with pytest.raises(
        DataError, match=r"list\.txt line 3: .* is outside of the list's folder, .*put the list into"
    ):
        write_list(listed, written.append)
    assert written == [b"photos/a.jpg\n"]


def test_a_list_of_windows_names_the_same_pictures(listed: Path) -> None:
    """It begins with a byte order mark, and lines end in CR and LF."""
    listed.write_bytes("\ufeffphotos/a.jpg\r\nphotos/inside.jpg\r\n".encode())
    assert list(list_pictures(listed)) == ["photos/a.jpg", "photos/inside.jpg"]


def test_blanks_at_the_end_of_a_line_count_where_a_picture_has_them(listed: Path) -> None:
    (listed.parent / "photos" / "b.jpg ").write_bytes(VALID["jpeg"])
    listed.write_text("photos/a.jpg \t\nphotos/b.jpg \nphotos/not there.jpg \n")
    assert list(list_pictures(listed)) == ["photos/a.jpg", "photos/b.jpg ", "photos/not there.jpg"]


def test_a_photo_in_place_of_a_list_is_refused_without_its_bytes(listed: Path) -> None:
    photo = listed.parent / "photos" / "a.jpg"
    with pytest.raises(DataError) as caught:
        list(list_pictures(photo))
    assert str(caught.value) == f"{photo}: is a photo; need a folder or a text file with one path a line"
    with pytest.raises(DataError, match=r"none\.jpg: cannot be read \(No such file"):
        list(list_pictures(listed.parent / "none.jpg"))


def test_a_link_to_the_lists_folder_does_not_matter(listed: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").symlink_to(listed.parent)
    listed.write_text("photos/a.jpg\n")
    assert list(list_pictures(tmp_path / "elsewhere" / "list.txt")) == ["photos/a.jpg"]


def test_an_error_about_a_file_quotes_nothing_of_it(tmp_path: Path) -> None:
    """The error of each picture is stored in `failed.jsonl`."""
    secret = b"password: hunter2"
    beginnings = (
        b"",
        VALID["png"][:8],
        b"RIFF\x30\0\0\0WEBP",
        b"BM",
        b"P5 ",
        b"\xff\xd8\xff",
        b"GIF89a",
        b"%PDF-",
    )
    for number, beginning in enumerate(beginnings):
        file = tmp_path / f"{number}.jpg"
        file.write_bytes(beginning + secret * 4)
        with pytest.raises(ImageError) as caught:
            load_picture(file, "gray")
        assert not any(word in str(caught.value) for word in ("pass", "word", "hunter", "ssw", "unte"))
