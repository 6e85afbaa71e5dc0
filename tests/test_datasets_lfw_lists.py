"""LFW's list formats: every copy in circulation is read, everything else is refused with its line."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twinface.core.errors import DataError
from twinface.datasets.lfw.pair_list import read_pair_list
from twinface.datasets.lfw.people_list import read_people_list

PAIRS = "2\nAnn\t1\t2\nBob\t1\t3\nAnn\t1\tBob\t2\nCid\t1\tBob\t1\n"
TEN = "2\t1\nAnn\t1\t2\nAnn\t1\tBob\t2\nCid\t1\t2\nCid\t1\tDan\t1\n"
PEOPLE = "2\nAnn\t2\nBob\t3\n"
IN_FOLDS = "2\n1\nAnn\t2\n2\nBob\t3\nCid\t1\n"


def written(folder: Path, contents: str | bytes, name: str = "pairsDevTrain.txt") -> Path:
    file = folder / name
    file.write_bytes(contents if isinstance(contents, bytes) else contents.encode())
    return file


def test_a_pair_list_is_read(tmp_path: Path) -> None:
    records = read_pair_list(written(tmp_path, PAIRS))
    assert [tuple(record) for record in records] == [
        (2, "Ann", 1, "Ann", 2, None),
        (3, "Bob", 1, "Bob", 3, None),
        (4, "Ann", 1, "Bob", 2, None),
        (5, "Cid", 1, "Bob", 1, None),
    ]
    assert [record.is_match for record in records] == [True, True, False, False]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.rstrip("\n"),
        lambda text: text + "\n",
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: "\ufeff" + text.replace("\n", "\r\n").rstrip(),
        lambda text: text.replace("\t", " "),
    ],
)
def test_copies_in_circulation_read_alike(tmp_path: Path, change) -> None:
    for text, read in ((PAIRS, read_pair_list), (TEN, read_pair_list), (PEOPLE, read_people_list)):
        assert read(written(tmp_path, change(text))) == read(written(tmp_path, text))


def test_a_missing_first_line_moves_only_the_line_numbers(tmp_path: Path) -> None:
    whole = read_pair_list(written(tmp_path, PAIRS))
    headless = read_pair_list(written(tmp_path, PAIRS.split("\n", 1)[1]))
    assert [record[1:] for record in headless] == [record[1:] for record in whole]
    assert [record.line for record in headless] == [1, 2, 3, 4]
    assert len(read_people_list(written(tmp_path, PEOPLE.split("\n", 1)[1]))) == 2


def test_folds_come_from_the_first_line_or_from_what_is_expected(tmp_path: Path) -> None:
    assert [record.fold for record in read_pair_list(written(tmp_path, TEN))] == [0, 0, 1, 1]
    headless = written(tmp_path, TEN.split("\n", 1)[1])
    assert [record.fold for record in read_pair_list(headless, folds=2)] == [0, 0, 1, 1]
    assert [record.fold for record in read_pair_list(headless)] == [None] * 4


def test_people_in_folds(tmp_path: Path) -> None:
    expected = [(3, "Ann", 2, 0), (5, "Bob", 3, 1), (6, "Cid", 1, 1)]
    assert [tuple(record) for record in read_people_list(written(tmp_path, IN_FOLDS))] == expected
    headless = read_people_list(written(tmp_path, IN_FOLDS.split("\n", 1)[1]))
    assert [record[1:] for record in headless] == [row[1:] for row in expected]


def test_names_with_spaces_and_digits_are_names(tmp_path: Path) -> None:
    records = read_pair_list(written(tmp_path, "Ann Lee\t1\t2\n007\t1\t2\n"))
    assert [record.left for record in records] == ["Ann Lee", "007"]
    people = read_people_list(written(tmp_path, "007\t1\n008\t2\n"))
    assert [(record.person, record.pictures) for record in people] == [("007", 1), ("008", 2)]


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ("1\nAnn\t1\t2\nAnn\t1\n", "pairsDevTrain.txt line 3: 2 fields, need 3 (match) or 4 (mismatch)"),
        ("1\nAnn\t1\t2\nAnn\n", "line 3: 1 field, need 3"),
        ("1\nAnn\t1\t2\n\nAnn\t1\tBob\t2\n", "line 3: 1 field, need 3"),
        ("Ann\t1\t2\t3\t4\n", "line 1: 5 fields"),
        ("2\nAnn\t1\t2\nAnn\t1\tBob\t2\n", "promises 2 matches and 2 mismatches, found 1 and 1"),
        ("Ann\t0\t2\n", "line 1: the picture number '0' is no whole number from 1"),
        ("Ann\tx\t2\n", "line 1: the picture number 'x'"),
        ("Ann\t1_0\t2\n", "line 1: the picture number '1_0'"),
        ("Ann\t-1\t2\n", "line 1: the picture number '-1'"),
        ("Ann\t1.0\t2\n", "line 1: the picture number '1.0'"),
        ("Ann\t\u0661\t2\n", "line 1: the picture number"),
        ("Ann\t1\t99999999999\n", "line 1: the picture number '99999999999'"),
        ("../Ann\t1\t2\n", "line 1: the name '../Ann' cannot be used, it contains '/'"),
        ("..\t1\t2\n", "line 1: the name '..' cannot be used, it leaves the folder"),
        ("C:\\Ann\t1\t2\n", "line 1: the name"),
        ("\t1\t2\n", "line 1: the name '' cannot be used, it is empty"),
        ("A\x00n\t1\t2\n", "line 1: the name 'A\\x00n' cannot be used, it contains U+0000"),
        ("Ann\t1\tB\x1bb\t2\n", "it contains U+001B"),
        ("Ann\t1\t2\rBob\t1\t2\n", "line 1: 5 fields"),
        ("Ann\t2\t2\n", "line 1: it pairs picture 2 of Ann with itself"),
        ("Ann\t1\tAnn\t2\n", "line 1: a mismatch (4 fields) with Ann on both sides"),
        ("", "the list is empty"),
        ("\ufeff\r\n", "the list is empty"),
        (b"Ann\t1\t2\nAnn\t1\t\xff\n", "line 2: it is not UTF-8"),
        (
            "2\t1\nAnn\t1\t2\nAnn\t1\tBob\t2\nCid\t1\t2\n",
            "2 folds of 1 matches and 1 mismatches, 4 records, found 3",
        ),
        (
            "2\t1\nAnn\t1\t2\nAnn\t1\tBob\t2\nCid\t1\tBob\t1\nCid\t1\t2\n",
            "line 4: a mismatch where fold 2 needs a match",
        ),
    ],
)
def test_anything_else_in_a_pair_list_is_refused(tmp_path: Path, contents: str | bytes, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read_pair_list(written(tmp_path, contents))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("count", [1, 3, 5])
def test_expected_folds_must_fit(tmp_path: Path, count: int) -> None:
    with pytest.raises(DataError, match=rf"2 equal folds.*found {count} records"):
        read_pair_list(written(tmp_path, "Ann\t1\t2\n" * count), folds=2)


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ("1\nAnn\t2\nBob\t1\n", "line 1: it promises 1 people, found 2"),
        ("2\n1\nAnn\t2\n", "promises 2 folds, found 1"),
        ("1\nAnn\n", "line 2: 1 field, need 2 (name and count of pictures)"),
        ("1\nAnn\t1\t2\n", "line 2: 3 fields, need 2"),
        ("2\nAnn\t1\nAnn\t1\n", "line 3: Ann is already on line 2"),
        ("Ann\t0\n", "line 1: the count of pictures '0'"),
        ("Ann\t999999999\n", "line 1: the count of pictures '999999999'"),
        ("a/b\t1\n", "line 1: the name 'a/b'"),
    ],
)
def test_anything_else_in_a_people_list_is_refused(tmp_path: Path, contents: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read_people_list(written(tmp_path, contents))
    assert message in str(caught.value)


def test_a_missing_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.txt: the list cannot be read"):
        read_pair_list(tmp_path / "nowhere.txt")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(contents=st.binary(max_size=60) | st.text("Ann12\t \r\n/.", max_size=60).map(str.encode))
def test_no_bytes_raise_anything_but_a_data_error(tmp_path: Path, contents: bytes) -> None:
    for read in (read_pair_list, read_people_list):
        try:
            records = read(written(tmp_path, contents))
        except DataError:
            continue
        assert records is not None
