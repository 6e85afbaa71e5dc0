"""Work in threads: in order, and never far ahead of its reader."""

from __future__ import annotations

from collections.abc import Iterator

from twinface.core.threads import TOGETHER, map_in_order


def test_results_come_in_order_and_only_a_few_are_held() -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        while taken < 3000:
            taken += 1
            yield taken

    for done, result in enumerate(map_in_order(lambda item: -item, items()), start=1):
        assert result == -done
        assert taken - done <= (2 * 8 + 2) * TOGETHER
    assert done == 3000
