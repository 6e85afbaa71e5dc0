"""Makes the tables and the charts of docs/seeds.md, docs/ladder.md and docs/verdicts.md from figures kept as JSON.

    python studies/tables.py            (after run_list.py, why_scores_move.py or how_alike.py)
    python studies/tables.py --check    (fails if a page does not show the kept figures)

A table stands between `<!-- table: NAME -->` and `<!-- end of table -->`. A run that has not been made is shown so.
"""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import ladder_tables
import move_tables
import seed_tables
from kept_figures import LADDER, SEEDS
from run_list import RunList

from twinface.core.storage import write_text

ROOT = Path(__file__).parents[1]


def left(listed: RunList) -> str:
    """The runs of a list that have not been made."""
    own = [run for run in listed.runs if run.list == listed.name]
    missing = {run.name: [seed for seed in run.seeds if not run.figures(seed)] for run in own}
    none = ", ".join(f"`{run.name}`" for run in own if len(missing[run.name]) == len(run.seeds))
    some = ", ".join(
        f"`{run.name}` ({_seeds(missing[run.name])})"
        for run in own
        if 0 < len(missing[run.name]) < len(run.seeds)
    )
    total = sum(len(run.seeds) for run in own)
    lines = [
        f"{total - sum(map(len, missing.values()))} of the {total} runs of `studies/{listed.name}.toml` have been made "
        f"({len(own)} settings, {len(listed.seeds)} seeds of each if it says no other)."
    ]
    lines += [f"Missing with some seeds: {some}."] if some else []
    lines += [f"Not made at all: {none}."] if none else []
    return "\n".join(textwrap.fill(line, 120, break_on_hyphens=False) for line in lines)


def _seeds(numbers: list[int]) -> str:
    return f"{'seed' if len(numbers) == 1 else 'seeds'} {', '.join(map(str, numbers))}"


TABLES: Mapping[str, Callable[[], str]] = {
    "models": seed_tables.models,
    "readings": seed_tables.readings,
    "conclusions": seed_tables.conclusions,
    "protocols": seed_tables.protocols,
    "grids": seed_tables.grids,
    "stopping": seed_tables.stopping,
    "confusion": seed_tables.confusion,
    "times": seed_tables.times,
    "left_seeds": partial(left, SEEDS),
    "left_ladder": partial(left, LADDER),
    "rungs": ladder_tables.rungs,
    "moved": move_tables.moved,
    "untold": move_tables.untold,
    "alike": move_tables.alike,
}
PAGES = ("docs/seeds.md", "docs/ladder.md", "docs/verdicts.md")
CHARTS: Mapping[str, Callable[[], str]] = {
    "docs/figures/ladder.svg": ladder_tables.ladder_chart,
    "docs/figures/seeds.svg": seed_tables.models_chart,
    "docs/figures/seed-grids.svg": seed_tables.grids_chart,
    "docs/figures/why-scores-move.svg": move_tables.chart,
}
_BLOCK = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end of table -->)", re.DOTALL)


def generated() -> dict[str, str]:
    """Each generated file as it should be."""
    files = {name: draw() for name, draw in CHARTS.items()}
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        files[page] = _BLOCK.sub(lambda block: f"{block[1]}{TABLES[block[2]]()}\n{block[3]}", text)
    return files


def main() -> None:
    """Writes the files, or compares them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file would change")
    check = parser.parse_args().check
    changed = []
    for name, text in generated().items():
        file = ROOT / name
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            changed.append(name)
            if not check:
                write_text(file, text)
    if check and changed:
        sys.exit(f"{', '.join(changed)}: not what studies/figures says; run `python studies/tables.py`")
    print(f"{'changed' if changed else 'unchanged'}: {', '.join(changed) or 'all files'}")


if __name__ == "__main__":
    main()
