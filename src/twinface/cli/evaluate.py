"""`twinface evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from twinface.cli.console import counter, print_json, say
from twinface.core.errors import SettingsError

if TYPE_CHECKING:
    from twinface.core.types import PairSet, ProgressCallback
    from twinface.datasets import Dataset
    from twinface.evaluation.summary import Evaluation
    from twinface.models.embedder import Embedder
    from twinface.training.run_folder import RunFolder


def evaluate(
    run: Annotated[
        Path, typer.Argument(help="A run folder, a model file, a shipped model; for View 2 also a recipe.")
    ],
    protocol: Annotated[
        str | None, typer.Option(help="view1 or view2 on LFW; unseen: people whom the model has not seen.")
    ] = None,
    pairs: Annotated[Path | None, typer.Option(help="A pair file of your own: LFW's format or CSV.")] = None,
    root: Annotated[Path | None, typer.Option(help="Folder of the pictures; default the run's own.")] = None,
    data: Annotated[str | None, typer.Option(help="Data set; default the run's own.")] = None,
    layout: Annotated[str | None, typer.Option(help="Which version of LFW.")] = None,
    allow_seen_people: Annotated[
        bool, typer.Option("--allow-seen-people", help="Score people whom the model has seen, and say so.")
    ] = False,
    only: Annotated[
        str | None, typer.Option(help="Show it a part of each picture alone: face or background.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the ten models of View 2.", min=0)] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the ten models; default runs/RECIPE-view2.")
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Override for the ten models.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Judge a model: figures with intervals, on people it has not seen.

    View 2 of a recipe (`twinface evaluate default --protocol view2`) trains ten models, each without the people of the
    fold that it is tested on. It can be stopped at any time and goes on when it is called again.

    With --only the rest of each picture is painted over, to see what the model goes by; its threshold is fitted anew on
    its validation people, masked as well, where their pictures are at hand.
    """
    from twinface.evaluation.evaluate import evaluate as judge
    from twinface.models.load import load_model
    from twinface.training.run_folder import RunFolder

    if (protocol is None) == (pairs is None):
        raise SettingsError("need one of --protocol (view1, view2, unseen) and --pairs FILE")
    if protocol == "view2" and not run.exists():
        if only:
            raise SettingsError("--only shows one model parts of pictures, not ten: name a run folder")
        _judge_recipe(str(run), seed, out, set_ or [], root, layout, json)
        return
    model = load_model(run)
    folder = RunFolder(run) if run.is_dir() and (run / "run.json").is_file() else None
    if only and pairs:
        raise SettingsError(
            "--only needs --protocol: of a pair file's pictures it is not known where the face is"
        )
    chosen, claims, dataset = _choose(model, folder, protocol, pairs, root, data, layout)
    with counter("embedding") as progress:
        result = judge(
            _masked(model, only, chosen, dataset, progress) if only and dataset else model,
            chosen,
            protocol or "pairs",
            claims=claims,
            allow_seen=allow_seen_people,
            progress=progress,
        )
    _print(result, json)
    if folder:
        from twinface.evaluation.results import save_result

        say(f"saved: {save_result(folder.path, result, name=pairs.stem if pairs else None)}")
        _refresh_report(folder)


def _choose(
    model: Embedder,
    folder: RunFolder | None,
    protocol: str | None,
    pairs: Path | None,
    root: Path | None,
    data: str | None,
    layout: str | None,
) -> tuple[PairSet, str, Dataset | None]:
    """The pairs to score, what may be claimed of them, and the data set that they are of."""
    from twinface.datasets import open_dataset
    from twinface.datasets.pairs_file import read_pairs
    from twinface.evaluation.evaluate import unseen_pairs

    source = folder.about()["source"] if folder else {}
    same_data = data is None or data == source.get("data")
    root = root or (Path(source["root"]) if same_data and source.get("root") else None)
    layout = layout or (source.get("layout") if same_data else None)
    if pairs is not None:
        if root is None:
            raise SettingsError("--root is missing: name the folder that the pair file's pictures are in")
        return read_pairs(pairs, root), "Pairs of one's own: no public protocol.", None
    data = data or source.get("data") or ("lfw" if protocol in ("view1", "view2") else None)
    if data is None:
        raise SettingsError("--data is missing: name the data set to judge on")
    dataset = open_dataset(data, root, layout)
    if protocol == "unseen":
        return unseen_pairs(dataset, model.record), "Drawn pairs: no public protocol.", dataset
    assert protocol is not None
    return dataset.protocol(protocol), dataset.claims, dataset


def _masked(
    model: Embedder, only: str, pairs: PairSet, dataset: Dataset, progress: ProgressCallback
) -> Embedder:
    """The model, shown a part of each picture alone."""
    from twinface.datasets.training_split import validation_of
    from twinface.evaluation.fitted_model import show_only
    from twinface.faces.mask import mask_for

    mask = mask_for(only, pairs.faces.region, pairs.name)
    validation = validation_of(model.record, dataset)
    if validation is None:
        say(
            "The model's validation people are not in this data set: its threshold stays that of whole pictures."
        )
    return show_only(mask, model, validation, progress)


def _judge_recipe(
    recipe: str,
    seed: int,
    out: Path | None,
    changes: list[str],
    root: Path | None,
    layout: str | None,
    json: bool,
) -> None:
    """View 2 with ten models of a recipe, of which those that are not trained yet are trained first."""
    from twinface.cli.train import run as train
    from twinface.datasets.training_split import DataSource
    from twinface.evaluation.results import save_result
    from twinface.models.load import load_model
    from twinface.studies.lfw_view2 import evaluate_folds, fold_runs
    from twinface.training.recipe import load_recipe

    settings = load_recipe(recipe, changes)
    source = DataSource("lfw", str(root) if root else None, layout)
    dataset = source.open()
    place = out or Path("runs") / f"{settings.recipe}-view2"
    runs = fold_runs(source, settings, seed, place)
    for number, folder in enumerate(runs, 1):
        if folder.about()["status"] != "finished":
            say(f"fold {number} of {len(runs)}: {folder.path}")
            train(folder)
    with counter("embedding") as progress:
        result = evaluate_folds(
            [load_model(folder.path) for folder in runs], dataset.protocol("view2"), dataset.claims, progress
        )
    _print(result, json)
    say(f"saved: {save_result(place, result)}")


def _print(result: Evaluation, json: bool) -> None:
    from twinface.cli.summary import summary

    if json:
        print_json(result.figures)
    else:
        print("\n".join(summary(result.figures)))


def _refresh_report(folder: RunFolder) -> None:
    """Draws the report anew where the parts that draw are installed; judging needs none of them."""
    try:
        from twinface.reports import write_report
    except ModuleNotFoundError:
        return
    say(f"report: {write_report(folder)}")
