"""`twinface sweep`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from twinface.cli.console import log_to_stderr, print_json, say
from twinface.cli.options import Align, Json, Root, grouped
from twinface.core.formatting import duration

if TYPE_CHECKING:
    from twinface.datasets.data_source import DataSource
    from twinface.studies.results.records import StudyResults
    from twinface.studies.run_study import Resources
    from twinface.studies.study_file.study import Study


@dataclass(frozen=True)
class ResourceOptions:
    """Where the runs are trained, and on how much of the machine."""

    jobs: Annotated[int | None, typer.Option(help="Runs at a time; default one for each core.", min=1)] = None
    cores: Annotated[int | None, typer.Option(help="Cores for all runs together; default all.", min=1)] = None
    storage: Annotated[
        str | None,
        typer.Option(help="A database that machines share: postgresql+psycopg://user@host/name"),
    ] = None
    ray: Annotated[str | None, typer.Option(help="Train on this Ray cluster: auto, or host:port.")] = None
    gpus: Annotated[
        float, typer.Option(help="GPUs of one run on the cluster; a fraction is allowed.", min=0)
    ] = 0.0

    def resources(self) -> Resources:
        """The same as the library has it.

        Raises:
            SettingsError: there are more runs at a time than cores.
        """
        from twinface.studies.run_study import Resources

        return Resources(self.jobs, self.cores, self.storage, self.ray, self.gpus)


@grouped
def sweep(
    study: Annotated[
        Path, typer.Argument(help="A study file (TOML); docs/experiments.md describes its contents.")
    ],
    resources: ResourceOptions,
    root: Root = None,
    align: Align = None,
    out: Annotated[Path | None, typer.Option(help="The study's folder; default studies/NAME.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list the points, and how long they will take.")
    ] = False,
    json: Json = False,
) -> None:
    """Run a study: many trainings that answer one question together, and a report.

    It can be stopped at any time, and continues when it is called again.
    """
    from twinface.studies.prepare import study_source
    from twinface.studies.study_file.study import read_study

    plan = read_study(study)
    if dry_run:
        _describe(plan, study_source(plan, root, align), resources.resources(), json)
        return
    from twinface.core.interruption import Interrupted
    from twinface.reports.study_page import write_study_report
    from twinface.studies.results.read_results import study_results
    from twinface.studies.run_study import run_study

    log_to_stderr()
    try:
        folder = run_study(plan, out or Path("studies") / plan.name, root, resources.resources(), align)
    except Interrupted as interrupted:
        say(f"twinface: {interrupted}; the same command continues")
        sys.exit(128 + interrupted.signal_number)
    say(f"report: {write_study_report(folder)}")
    results = study_results(folder)
    if json:
        print_json(results.to_dict())
    else:
        print("\n".join(result_lines(results)))


def _describe(plan: Study, source: DataSource, resources: Resources, json: bool) -> None:
    """Prints the points that are known in advance, and how long the study will take."""
    from twinface.studies.cost_estimate import estimate_costs
    from twinface.studies.prepare import check_study
    from twinface.studies.study_file.point import describe

    check_study(plan, source)
    costs = estimate_costs(plan, source, resources.threads)
    jobs = resources.runs_at_a_time
    seconds = sum(cost.seconds for cost in costs) / jobs
    if json:
        points = {each.name: each.grid() if each.method == "grid" else each.size for each in plan.searches}
        print_json(
            {"points": points, "costs": [cost.to_dict() for cost in costs], "jobs": jobs, "seconds": seconds}
        )
        return
    for search, cost in zip(plan.searches, costs, strict=True):
        print(f"{search.name}: {cost.points} points, {cost.runs} runs, {duration(cost.seconds / jobs)}")
        if search.method == "grid":
            for number, point in enumerate(search.grid()):
                print(f"  {search.name}/{number:04d}  {describe(point)}")
        else:
            print(f"  drawn by {search.method} search over {', '.join(search.vary)}")
    print(
        f"about {duration(seconds)} with {jobs} at a time, {resources.threads} core(s) each, if no trial is stopped "
        "early"
    )


def result_lines(results: StudyResults) -> list[str]:
    """The leaderboard, and the trials that failed."""
    lines = ["accuracy on validation people (=: cannot be told apart from the first)"]
    for line in results.leaderboard:
        place = line.place
        spread = f" ± {place.spread:.3f}" if place.spread is not None else ""
        level = "=" if line.level_with_first else " "
        lines.append(
            f"{level} {place.accuracy:.3f}{spread} {place.interval}  AUC {place.auc:.4f}  {place.name}  "
            f"{line.description}"
        )
    lines += [f"failed: {trial.name}  {trial.description}: {trial.reason}" for trial in results.failed]
    return lines
