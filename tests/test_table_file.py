"""Tables on the disk are read back as they were written, also where they were cut off."""

from __future__ import annotations

import io
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from twinface.recognition.table_file import TableFormat


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
