"""The command line: reads like the job.

Results go to stdout (as JSON with `--json`); progress and messages go to stderr. Exit codes: 0 for success and for
"same", 1 for "different", 2 for anything that is wrong with the input or could not be told, 130 and 143 after
Ctrl-C and SIGTERM.
"""

from __future__ import annotations

import sys

import typer

from twinface import __version__
from twinface.cli import data, demo, doctor, evaluate, report, train, verify
from twinface.errors import TwinfaceError

app = typer.Typer(
    name="twinface",
    help="Train, judge and use Siamese networks for face verification.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _version(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    if version:
        print(f"twinface {__version__}")
        raise typer.Exit


app.add_typer(data.app, name="data")
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("report")(report.report)
app.command("verify")(verify.verify)
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)


def main() -> None:
    """Runs the command line and turns every expected error into one line on stderr and exit code 2."""
    try:
        app()
    except TwinfaceError as error:
        print(f"twinface: {error}", file=sys.stderr)
        sys.exit(2)
    except ModuleNotFoundError as error:
        from twinface.cli.console import extra_that_brings

        extra = extra_that_brings(error.name or "")
        if extra is None:
            raise
        print(f'twinface: this needs {error.name}: pip install "twinface[{extra}]"', file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has gone; there is nobody to tell
        sys.exit(2)
    except KeyboardInterrupt:
        print("twinface: interrupted", file=sys.stderr)
        sys.exit(130)
