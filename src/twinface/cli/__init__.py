"""The command line. Each command parses its options, calls one function of the library, and prints.

train, recipes, evaluate, view2, sweep, report, export
                                                build and judge models
verify, explain, embed, detect, compare         use a model
enroll, identify, people, gallery, cluster      people of one's own, found again and forgotten
serve, keys                                     recognition over REST, and who may call it
jobs                                            long work on a gallery, in the background
models, calibrate, adapt                        choose one, and fit it to people or photos of one's own
data, demo, doctor                              look around
console, options, gallery_options, errors       shared: printing, options as records, errors as one line
help_text                                       `--help` in groups
heic                                            HEIC photos

Results go to stdout (as JSON with `--json`); progress and messages go to stderr. Exit codes: 0 for success and for
"same", 1 for "different", 2 for anything that is wrong or could not be told, 130 and 143 after Ctrl-C and SIGTERM. An
error is one line, also one that nobody expects; `twinface --debug …` prints its traceback.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable

import typer

from twinface import __version__
from twinface.cli import (
    adapt,
    calibrate,
    cluster,
    compare,
    data,
    demo,
    detect,
    doctor,
    embed,
    enroll,
    evaluate,
    explain,
    export,
    gallery,
    identify,
    jobs,
    keys,
    models,
    people,
    recipes,
    report,
    serve,
    sweep,
    train,
    verify,
    view2,
)
from twinface.cli.errors import DEBUG_VARIABLE, run_command
from twinface.cli.heic import add_heic
from twinface.cli.help_text import GroupedTyper, sectioned
from twinface.core.interruption import CommandSignals

_SECTIONS = {
    "Compare photos": ["verify", "compare", "explain", "detect", "embed"],
    "Know people": [
        "enroll",
        "identify",
        "people",
        "show",
        "rename",
        "merge",
        "split",
        "forget",
        "gallery",
        "cluster",
        "jobs",
    ],
    "Serve others": ["serve", "keys"],
    "Build a model": ["train", "recipes", "evaluate", "report", "view2", "sweep", "export"],
    "Choose a model and fit it to your photos": ["models", "calibrate", "adapt"],
    "Look around": ["demo", "data", "doctor"],
}

app = GroupedTyper(
    name="twinface",
    cls=sectioned(_SECTIONS),
    help="Train, judge and use Siamese networks for face verification.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


# They open photos of one's own; no other command, and no service, hands bytes to the decoder of HEIC.
_TAKE_HEIC = {
    *("verify", "compare", "explain", "embed", "detect", "enroll", "identify", "gallery", "cluster"),
    *("train", "evaluate", "calibrate", "adapt", "report"),
}


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
    debug: bool = typer.Option(False, "--debug", help="Print the traceback of an unexpected error."),
) -> None:
    if debug:
        os.environ[DEBUG_VARIABLE] = "1"
    if version:
        print(f"twinface {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help(), file=sys.stderr)  # as without any word
        raise typer.Exit(2)
    if context.invoked_subcommand in _TAKE_HEIC:
        add_heic()


app.add_typer(data.app, name="data")
app.add_typer(recipes.app, name="recipes")
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("view2")(view2.view2)
app.command("sweep")(sweep.sweep)
app.command("export")(export.export)
app.command("report")(report.report)
app.command("verify")(verify.verify)
app.command("compare")(compare.compare)
app.command("embed")(embed.embed)
app.command("explain")(explain.explain)
app.command("detect")(detect.detect)
app.command("enroll")(enroll.enroll)
app.command("identify")(identify.identify)
app.command("people")(people.people)
app.command("show")(people.show)
app.command("rename")(people.rename)
app.command("merge")(people.merge)
app.command("split")(people.split)
app.command("forget")(people.forget)
app.command("cluster")(cluster.cluster)
app.add_typer(gallery.app, name="gallery")
app.command("serve")(serve.serve)
app.add_typer(keys.app, name="keys")
app.add_typer(jobs.app, name="jobs")
app.command("models")(models.models)
app.command("calibrate")(calibrate.calibrate)
app.command("adapt")(adapt.adapt)
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)


def main() -> None:
    """Runs the command line in a process of its own: errors are one line and exit code 2, signals 130 and 143."""
    logging.raiseExceptions = False  # a log line that cannot be written is no reason to print a traceback
    signals = CommandSignals()
    code: int | str | None = None
    try:
        signals.install()
        code = _run(lambda: signals.signal_number is not None)
        signals.end_at_once()
    except BaseException:  # a library may have turned `CommandInterrupted` into an exception of its own
        if signals.signal_number is None:
            raise
        print("twinface: interrupted", file=sys.stderr)
    if signals.signal_number is not None:
        code = 128 + signals.signal_number
    # Left here and not where the error was caught: an exception holds on to all that the failed call had in hand,
    # and torch does not survive being taken apart together with the interpreter.
    sys.exit(code)


def _run(is_stopped: Callable[[], bool] = lambda: False) -> int | str | None:
    return run_command(app, is_stopped)
