"""Works on many photos, into a table that a stopped call is continued in. Memory stays the same for any number."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from twinface.core.threads import map_in_order
from twinface.core.types import ProgressCallback
from twinface.recognition.picture_list import write_list
from twinface.recognition.table_file import TableFile


class RowCounts(Protocol):
    """Counts what a table holds, row by row.

    Attributes:
        pictures: how many photos the rows are of.
    """

    pictures: int

    def add(self, row: dict[str, Any]) -> None:
        """Counts a row, as it was written or as it is read back."""
        ...


def fill_photo_table(
    source: Path,
    open_table: Callable[[dict[str, Any]], TableFile],
    rows_of: Callable[[str], list[dict[str, Any]]],
    counts: RowCounts,
    progress: ProgressCallback | None,
) -> None:
    """Writes the rows of each photo that the table does not have yet.

    Args:
        source: a folder, or a text file with one path per line; see `picture_list.list_pictures`.
        open_table: called with the number and the checksum of the photos, which belong to what the table is about.
        rows_of: the path of a photo, relative to the folder of `source` → its rows; called from several threads.
        counts: is given each row, those that were there first.
        progress: called with (photos done, photos in total).

    Raises:
        DataError: there is no picture, a name cannot be used, or the table holds something else.
        StorageError: the table cannot be written.
    """
    with tempfile.TemporaryFile() as listed:
        pictures, checksum = write_list(source, listed.write)
        with open_table({"pictures": pictures, "pictures_sha256": checksum}) as table:
            for row in table.kept():
                counts.add(row)
            listed.seek(0)
            names = (line[:-1].decode("utf-8", "surrogateescape") for line in listed)
            for rows in map_in_order(rows_of, islice(names, counts.pictures, None), together=1):
                table.append(rows)
                for row in rows:
                    counts.add(row)
                if progress:
                    progress(counts.pictures, pictures)
            table.finish()
