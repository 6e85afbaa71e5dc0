"""Tables on the disk are read back as they were written, also where they were cut off."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toy_gallery import files_no_larger_than
from twinface.core.errors import StorageError
from twinface.recognition.table_file import TableFile, TableFormat


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "a": st.text(st.characters(codec="utf-8"), max_size=5),
                "b": st.sampled_from(["\r", "\n", '"', ",", "\udcff", " x", "\r\n", ""]),
            }
        ),
        max_size=4,
    ),
    st.sampled_from(["csv", "jsonl"]),
    st.integers(0, 60),
)
def test_rows_are_read_back_as_they_were_written(rows: list[dict[str, str]], kind: Any, kept: int) -> None:
    """Also those before the place where a file was cut off."""
    table = TableFormat(("a", "b"), kind)
    data = table.header + b"".join(map(table.encode, rows))
    assert [row for row, _ in table.whole_rows(io.BytesIO(data))] == rows
    part = list(table.whole_rows(io.BytesIO(data[:kept])))
    assert [row for row, _ in part] == rows[: len(part)]
    for number, (_, end) in enumerate(part, start=1):
        assert data[:end] == table.header + b"".join(map(table.encode, rows[:number]))


def test_a_full_disk_is_a_clear_error_and_the_table_goes_on(tmp_path: Path) -> None:
    path, row = tmp_path / "table.csv", {"a": 1, "b": 2}

    def write(*values: object) -> list[dict[str, Any]]:
        with TableFile(path, ("a", "b"), {"of": "this test"}) as table:
            found = list(table.kept())
            for value in values:
                table.append([row | {"a": value}])
            return found

    assert write(1) == []
    with files_no_larger_than(40), pytest.raises(StorageError, match=r"table\.csv: could not be written"):
        write(2, "z" * 100)
    assert write("z" * 100) == [{"a": "1", "b": "2"}, {"a": "2", "b": "2"}]
    assert [found["a"] for found in write()] == ["1", "2", "z" * 100]
