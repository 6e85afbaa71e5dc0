"""`twinface sweep`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from twinface.cli.console import counter, log_to_stderr, print_json, say
from twinface.core.errors import SettingsError
from twinface.core.formatting import duration

if TYPE_CHECKING:
    from twinface.datasets.training_split import DataSource
    from twinface.studies.runner import Runner
    from twinface.studies.study import Study
    from twinface.studies.sweep import StudyStatus, Sweep


def sweep(
    study: Annotated[
        Path, typer.Argument(help="A study file (TOML); docs/experiments.md says what is in it.")
    ],
    out: Annotated[Path | None, typer.Option(help="The study's folder; default studies/NAME.")] = None,
    root: Annotated[
        Path | None, typer.Option(help="Folder of the data, where it is not in a usual place.")
    ] = None,
    jobs: Annotated[int | None, typer.Option(help="Runs at a time; default one a core.", min=1)] = None,
    cores: Annotated[
        int | None, typer.Option(help="Cores for all runs together; default all.", min=1)
    ] = None,
    storage: Annotated[
        str | None, typer.Option(help="Database in place of SQLite: postgresql+psycopg://user@host/name")
    ] = None,
    ray: Annotated[str | None, typer.Option(help="Train on this Ray cluster: auto, or host:port.")] = None,
    gpus: Annotated[
        float, typer.Option(help="GPUs of one run on the cluster; a share is allowed.", min=0)
    ] = 0.0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the points and what they will cost.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the leaderboard as JSON.")] = False,
) -> None:
    """Run a study: many trainings that answer a question together, and a report.

    It can be stopped at any time and goes on when it is called again.
    """
    from twinface.core.threads import available_cores
    from twinface.datasets.training_split import DataSource
    from twinface.studies.study import read_study

    plan = read_study(study)
    place = out or Path("studies") / plan.name
    cores = cores or available_cores()
    jobs = jobs or cores
    if jobs > cores:
        raise SettingsError(f"--jobs {jobs}: found {cores} cores, need one for each run; lower --jobs")
    source = DataSource(plan.data, str(root) if root else None, plan.layout)
    if dry_run:
        _describe(plan, source, jobs, cores // jobs, json)
        return
    from twinface.studies.sweep import Sweep

    work = Sweep(plan, root, place, storage, cores // jobs)
    log_to_stderr()
    _train(work, source, ray, gpus, jobs)
    from twinface.reports.study_page import write_study_report
    from twinface.studies.results import study_figures

    say(f"report: {write_study_report(work)}")
    figures = study_figures(work)
    if json:
        print_json(figures)
    else:
        print("\n".join(_table(figures)))


def _train(work: Sweep, source: DataSource, ray: str | None, gpus: float, jobs: int) -> None:
    from twinface.core.interruption import Interrupted, stop_on_signals
    from twinface.studies.sweep import prepare_data

    try:
        # As long as a run needs to save, and a little more.
        with stop_on_signals(deadline=30.0) as stop:
            with counter("preparing") as prepared:
                prepare_data(work.study, source, prepared)
            runner: Runner
            if ray:
                from twinface.studies.ray_runner import ClusterRunner

                runner = ClusterRunner(ray, work.place, work.threads, gpus)
            else:
                from twinface.studies.local_runner import LocalRunner

                runner = LocalRunner(jobs)
            with _progress() as watch:
                work.run(runner, stop, watch)
    except Interrupted as interrupted:
        say(f"twinface: {interrupted}; the same command goes on")
        sys.exit(128 + interrupted.signal_number)


@contextmanager
def _progress() -> Iterator[Callable[[StudyStatus], None]]:
    """A line that says how many points are done and running, which is best, and how long it will take."""
    from tqdm import tqdm

    last: tuple[int, str] | None = None
    with tqdm(unit="point", disable=None, file=sys.stderr, dynamic_ncols=True, bar_format="{desc}") as bar:

        def watch(standing: StudyStatus) -> None:
            nonlocal last
            line = _standing(standing)
            bar.set_description_str(line)
            now = (standing.over, standing.measuring)
            if bar.disable and now != last:
                say(line)
            last = now

        yield watch


def _standing(standing: StudyStatus) -> str:
    best = f", best {standing.best[0]} {standing.best[1]:.4f}" if standing.best else ""
    left = standing.seconds_left
    time = f", about {duration(left)} left" if left and standing.over < standing.total else ""
    doing = f"measuring {standing.measuring}" if standing.measuring else f"{standing.running} running"
    return f"{standing.over} of {standing.total} points done, {doing}{best}{time}"


def _describe(plan: Study, source: DataSource, jobs: int, threads: int, json: bool) -> None:
    """The points that are known in advance, and what the study will cost."""
    from twinface.studies.estimate import estimate
    from twinface.studies.study import describe
    from twinface.studies.sweep import check_study

    check_study(plan, source)
    costs = estimate(plan, source, threads)
    seconds = sum(cost.seconds for cost in costs) / jobs
    if json:
        print_json(
            {
                "points": {
                    part.name: part.grid() if part.method == "grid" else part.size for part in plan.parts
                },
                "costs": [vars(cost) for cost in costs],
                "jobs": jobs,
                "seconds": seconds,
            }
        )
        return
    for part, cost in zip(plan.parts, costs, strict=True):
        print(f"{part.name}: {cost.points} points, {cost.runs} runs, {duration(cost.seconds / jobs)}")
        if part.method == "grid":
            for number, point in enumerate(part.grid()):
                print(f"  {part.name}/{number:04d}  {describe(point)}")
        else:
            print(f"  drawn by {part.method} search over {', '.join(part.vary)}")
    print(
        f"about {duration(seconds)} with {jobs} at a time, {threads} core(s) each, if nothing is given up early"
    )


def _table(figures: dict[str, object]) -> list[str]:
    """The leaderboard as lines to read."""
    lines = []
    for place in figures["leaderboard"]:  # type: ignore[attr-defined]
        spread = f" ± {place['spread']:.3f}" if place["spread"] is not None else ""
        low, high = place["interval"]
        level = "=" if place["level_with_first"] else " "
        lines.append(
            f"{level} {place['accuracy']:.3f}{spread} [{low:.3f}, {high:.3f}]  AUC {place['auc']:.4f}  "
            f"{place['name']}  {place['what']}"
        )
    return ["accuracy on validation people (=: cannot be told from the first)", *lines]
