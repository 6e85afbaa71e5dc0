"""Pairs that a file lists more than once, with their pictures in either order.

A repeated pair is no new evidence: an interval that counts it again is too narrow. So each pair is kept once.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from twinface.core.errors import DataError
from twinface.datasets.assemble import ListedPair
from twinface.datasets.pairs_file.csv_rows import CsvPair

log = logging.getLogger("twinface")


def check_labels(file: Path, pairs: Sequence[CsvPair]) -> None:
    """Checks that repeated pairs have the same label each time.

    Args:
        file: the CSV, for errors.
        pairs: its lines.

    Raises:
        DataError: two lines label the same two pictures differently; the message names both.
    """
    first: dict[frozenset[str], CsvPair] = {}
    for pair in pairs:
        earlier = first.setdefault(frozenset((pair.left, pair.right)), pair)
        if earlier.same != pair.same:
            raise DataError(
                f"{file.name} lines {earlier.line} and {pair.line}: same is {_word(earlier.same)} and then "
                f"{_word(pair.same)} for the same two pictures, {pair.left} and {pair.right}: correct one of them"
            )


def without_repeats(file: Path, rows: Sequence[ListedPair]) -> list[ListedPair]:
    """The rows in their order, each pair once, where it is listed first. A warning says how many are left out.

    Args:
        file: the list, for the warning.
        rows: its pairs.
    """
    first: dict[frozenset[str], ListedPair] = {}
    for row in rows:
        first.setdefault(frozenset((row.left, row.right)), row)
    kept = list(first.values())
    if len(kept) < len(rows):
        repeated = next(row for row in rows if first[frozenset((row.left, row.right))] is not row)
        log.warning(
            "%s: %d of its %d pairs repeat others and are left out, the first one in line %d",
            file.name,
            len(rows) - len(kept),
            len(rows),
            repeated.line,
        )
    return kept


def _word(same: bool) -> str:
    return "true" if same else "false"
