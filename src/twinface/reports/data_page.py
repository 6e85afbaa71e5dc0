"""The page of a data set: what every honest report on it opens with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from twinface.core.formatting import percent
from twinface.core.storage import write_text
from twinface.core.types import PairSet
from twinface.datasets.analysis import DataAnalysis
from twinface.datasets.analysis.spread import Spread
from twinface.datasets.dataset import Dataset
from twinface.reports.data_charts import pairs_chart, people_chart, picture_charts
from twinface.reports.figures_table import Row
from twinface.reports.page import render
from twinface.reports.pictures import Picture, PictureGroup, PicturePair, picture_name, read_picture

_USES = (1, 2, 3, 4, 5, 10)


def write_data_page(
    analysis: DataAnalysis, dataset: Dataset, pair_sets: Sequence[PairSet], out: Path
) -> Path:
    """Writes a page about a data set and returns where it is.

    Args:
        analysis: of this data set and these lists.
        dataset: is named, with what may be claimed of it.
        pair_sets: whose examples are shown.
        out: a file that ends in .html, or a folder, which gets an index.html.

    Raises:
        StorageError: the page cannot be written; the one of before stays.
    """
    lists = analysis.pairs
    page = render(
        "data.html.j2",
        title=dataset.title,
        claims=dataset.claims,
        analysis=analysis,
        tiles=_tiles(analysis),
        people_charts=[people_chart(analysis.faces.histogram), *([pairs_chart(lists)] if lists else [])],
        picture_charts=picture_charts(analysis),
        spreads=_spreads(analysis),
        sizes=_sizes(analysis),
        uses=[(pairs.name, _uses(pairs)) for pairs in pair_sets],
        uses_columns=_ranges(),
        matrices=(
            ("People that two lists share", _shaded(analysis.shared_people)),
            ("Pictures that two lists share", _shaded(analysis.shared_pictures)),
        ),
        examples=_examples(analysis, pair_sets),
        picture_name=picture_name,
    )
    target = out if out.suffix.lower() in (".html", ".htm") and not out.is_dir() else out / "index.html"
    write_text(target, page)
    return target


def _tiles(analysis: DataAnalysis) -> list[Row]:
    faces, pictures = analysis.faces, analysis.pictures
    paired = percent(faces.with_two_or_more / faces.people)
    return [
        Row("Pictures", f"{faces.pictures:,}", note=_size(pictures.total_bytes)),
        Row("People", f"{faces.people:,}"),
        Row("With two pictures or more", f"{faces.with_two_or_more:,}", note=f"{paired} of the people"),
        Row("Pictures of a person", f"{faces.per_person.mean:.2f}", note="on average"),
        Row("Lists of pairs", str(len(analysis.pairs))),
    ]


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e6 else f"{count / 1e3:,.1f} kB"


def _spreads(analysis: DataAnalysis) -> list[tuple[str, list[str]]]:
    """Name of a quantity and its minimum, quartiles, mean and maximum as text."""
    pictures = analysis.pictures

    def texts(spread: Spread, unit: float = 1.0, form: str = ",.1f") -> list[str]:
        values = (spread.minimum, spread.lower_quartile, spread.median, spread.mean)
        return [format(value / unit, form) for value in (*values, spread.upper_quartile, spread.maximum)]

    return [
        ("pictures of a person", texts(analysis.faces.per_person, form=",.4g")),
        ("file size, kB", texts(pictures.file_bytes, 1000)),
        ("brightness, 0 to 255", texts(pictures.brightness)),
        ("contrast (standard deviation)", texts(pictures.contrast)),
    ]


def _sizes(analysis: DataAnalysis) -> list[Row]:
    sizes = analysis.pictures.sizes
    rows = [Row(f"{width} by {height}", f"{count:,}") for height, width, count in sizes[:10]]
    rest = sum(count for *_, count in sizes[10:])
    return [*rows, Row(f"{len(sizes) - 10:,} other sizes", f"{rest:,}")] if rest else rows


def _ranges() -> list[str]:
    following = [*_USES[1:], None]
    return [
        f"{low} or more" if high is None else str(low) if high == low + 1 else f"{low} to {high - 1}"
        for low, high in zip(_USES, following, strict=True)
    ]


def _uses(pairs: PairSet) -> list[int]:
    """How many pictures are in 1, 2, 3, 4, 5 to 9, 10 or more pairs."""
    uses = np.bincount(np.concatenate([pairs.left, pairs.right]), minlength=len(pairs.faces))
    place = np.searchsorted(_USES, uses[uses > 0], side="right") - 1
    counts: list[int] = np.bincount(place, minlength=len(_USES)).tolist()
    return counts


def _shaded(counts: Sequence[Sequence[int]]) -> list[list[tuple[int, int]]]:
    """Each count with how deeply to shade it, 0 to 50 percent: by its share of the row's own list."""
    return [
        [
            (count, 0 if place == row or not line[row] else round(50 * count / line[row]))
            for place, count in enumerate(line)
        ]
        for row, line in enumerate(counts)
    ]


def _examples(analysis: DataAnalysis, pair_sets: Sequence[PairSet]) -> list[tuple[str, list[PictureGroup]]]:
    """For each list a few pairs of each kind."""

    @cache
    def read(root: Path, path: str) -> Picture:
        return read_picture(root, path)

    def group(title: str, kind: str, pairs: PairSet, rows: Sequence[int]) -> PictureGroup:
        faces = pairs.faces
        shown = (
            PicturePair(
                read(faces.root, faces.paths[pairs.left[row]]),
                read(faces.root, faces.paths[pairs.right[row]]),
            )
            for row in rows
        )
        return PictureGroup(title, kind, tuple(shown))

    return [
        (
            pairs.name,
            [
                group(f"Genuine: {counts.matches:,}", "genuine", pairs, counts.example_matches),
                group(f"Impostor: {counts.mismatches:,}", "impostor", pairs, counts.example_mismatches),
            ],
        )
        for pairs, counts in zip(pair_sets, analysis.pairs, strict=True)
    ]
