"""Do the tests notice a changed line? Mutation testing with mutmut, one module after the other.

mutmut changes one thing at a time in a copy of the source (`<` to `<=`, a number by one, an argument left out) and
runs the tests that reach the changed function. A mutant that no test notices has survived. Each module here is run
against its own test files alone, with one process and one thread. The texts of errors are not mutated.

    python benchmarks/mutants.py                 all modules
    python benchmarks/mutants.py storage losses  two of them
    python benchmarks/mutants.py --digits 37     a sample: mutants whose number ends in 3 or 7
    python benchmarks/mutants.py --survivors storage   what survived, as differences
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = "src/twinface"
# Exit codes of a mutant's tests, as mutmut records them.
SURVIVED, NO_TESTS, LATE = (0,), (5, 33), (-24, 24, 36, 152, 255)
# That a test fails is enough to know, without the smallest example, and the quickest files come first.
PLUGIN = """from hypothesis import Phase, settings

phases = [Phase.explicit, Phase.generate]
settings.register_profile("mutants", phases=phases, derandomize=True, database=None, deadline=None)
settings.load_profile("mutants")
FILES = {files}


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: FILES.index(item.path.name))
"""
# Collecting garbage after the tests, to find errors in destructors, would take three quarters of the time.
PLUGINS = ["mutants_plugin", "no:cacheprovider", "no:unraisableexception", "no:threadexception"]


@dataclass(frozen=True)
class Module:
    """What is mutated together.

    Attributes:
        sources: patterns of files below `src/twinface`.
        tests: their quick test files, below `tests`, the quickest first.
        leave_out: an expression of names of tests that train whole runs, for pytest's `-k`.
    """

    sources: tuple[str, ...]
    tests: tuple[str, ...]
    leave_out: str = ""


# From the fastest to the slowest.
MODULES = {
    "metrics": Module(
        ("evaluation/metrics/*",),
        ("test_metrics_plain.py", "test_metrics.py", "test_metrics_of_probabilities.py"),
    ),
    "calibration": Module(
        ("evaluation/calibration.py", "models/decision.py"),
        ("test_calibration_plain.py", "test_calibration.py"),
    ),
    "provenance": Module(("models/provenance.py",), ("test_provenance.py",)),
    "leaks": Module(("evaluation/leaks.py",), ("test_leaks.py",)),
    "storage": Module(("core/storage.py",), ("test_storage.py",)),
    "splits": Module(
        ("datasets/splits.py", "datasets/training_split.py", "datasets/draw_pairs.py", "datasets/subsets.py"),
        ("test_splits_plain.py", "test_training_split.py", "test_splits.py"),
    ),
    "intervals": Module(
        ("evaluation/intervals/*",),
        ("test_intervals_plain.py", "test_intervals_closed_form.py", "test_intervals.py"),
    ),
    "sampling": Module(("training/sampling/*",), ("test_sampling_plain.py", "test_sampling.py")),
    "losses": Module(("training/losses/*",), ("test_losses_plain.py", "test_losses.py")),
    "score_normalisation": Module(
        ("networks/score_normalisation.py",),
        ("test_projection_plain.py", "test_score_normalisation.py"),
        "agree or can_start_from",
    ),
    "projection": Module(
        ("networks/projections/*",), ("test_projection_plain.py", "test_projection.py"), "agree"
    ),
    "siamese": Module(("networks/siamese.py",), ("test_siamese.py",)),
    "state": Module(
        ("training/state_file.py", "training/training_state.py"), ("test_training_state.py", "test_state.py")
    ),
    "trainer": Module(
        (
            "training/step.py",
            "training/loop.py",
            "training/schedules.py",
            "training/averaging.py",
            "training/optimizers.py",
            "networks/seeding.py",
            "core/seeding.py",
        ),
        ("test_optimizers_plain.py", "test_training_step.py", "test_training_loop.py", "test_optimizers.py"),
    ),
}


def main() -> None:
    """Runs the modules that are named, and prints a line of a table for each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("modules", nargs="*", help=f"some of {', '.join(MODULES)}; none for all")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "mutants", help="where the copies go")
    parser.add_argument(
        "--digits", default="", help='a sample: only mutants whose number ends in one, such as "37"'
    )
    parser.add_argument(
        "--processes", type=int, default=1, help="mutants at a time, at most the number of cores"
    )
    parser.add_argument("--survivors", action="store_true", help="print what survived the last run instead")
    options = parser.parse_args()
    if unknown := set(options.modules) - set(MODULES):
        parser.error(f"no modules {sorted(unknown)}, there are {', '.join(MODULES)}")
    if not options.survivors:
        print(
            "| module | mutants | killed | of these by a time limit | survived | reached by no test | minutes |"
        )
        print("|---|---|---|---|---|---|---|", flush=True)
    for name in options.modules or MODULES:
        folder = options.work.resolve() / name
        if options.survivors:
            show_survivors(folder)
        else:
            print(measure(name, folder, options.digits, options.processes), flush=True)


def measure(name: str, folder: Path, digits: str, processes: int) -> str:
    """Runs the mutants of a module in a fresh copy, and returns a line of the table."""
    began = time.monotonic()
    copy_project(MODULES[name], folder)
    # Processes that tests start import the mutated copy too.
    places = os.pathsep.join([str(folder / "mutants" / "src"), str(folder / "plugin")])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": places}
    with (folder / "log.txt").open("wb") as log:
        ended = subprocess.run(
            [mutmut(), "run", "--max-children", str(processes), *(f"*{digit}" for digit in digits)],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            check=False,
        )
    if ended.returncode:
        return f"| {name} | mutmut ended with {ended.returncode}, see {folder / 'log.txt'} |"
    codes = Counter(code for _, code in results(folder) if code is not None)
    total = codes.total()
    survived, unreached = (sum(codes[code] for code in kind) for kind in (SURVIVED, NO_TESTS))
    # A crash and a time limit are noticed as well.
    killed = total - survived - unreached
    late = sum(codes[code] for code in LATE)
    minutes = (time.monotonic() - began) / 60
    share = f"{killed} ({killed / total:.1%})"
    return f"| {name} | {total} | {share} | {late} | {survived} | {unreached} | {minutes:.1f} |"


def copy_project(module: Module, folder: Path) -> None:
    """Copies what mutmut needs, with the choice of the module in the copy's `pyproject.toml`."""
    shutil.rmtree(folder, ignore_errors=True)
    leave_out = shutil.ignore_patterns("__pycache__", ".hypothesis")
    for part in ("src", "tests"):
        shutil.copytree(ROOT / part, folder / part, ignore=leave_out)
    # Python forgets a place to import from that is not there when it starts.
    (folder / "mutants" / "src").mkdir(parents=True)
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (folder / "plugin").mkdir()
    (folder / "plugin" / "mutants_plugin.py").write_text(PLUGIN.format(files=module.tests), encoding="utf-8")
    tests = [*(f"tests/{test}" for test in module.tests), "-m", "not slow"]
    if module.leave_out:
        tests += ["-k", f"not ({module.leave_out})"]
    chosen = {
        "only_mutate": [f"{SOURCE}/{pattern}" for pattern in module.sources],
        "pytest_add_cli_args_test_selection": tests,
        "pytest_add_cli_args": [part for plugin in PLUGINS for part in ("-p", plugin)],
    }
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in chosen.items())
    head = "[tool.mutmut]\n"
    if head not in settings:
        raise SystemExit(f"pyproject.toml: found no {head.strip()}")
    (folder / "pyproject.toml").write_text(settings.replace(head, head + lines), encoding="utf-8")


def results(folder: Path) -> Iterator[tuple[str, int | None]]:
    """Each mutant's name and exit code."""
    for meta in sorted((folder / "mutants" / SOURCE).rglob("*.meta")):
        yield from json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"].items()


def show_survivors(folder: Path) -> None:
    """Prints the difference that each survivor makes to the source."""
    for name, code in results(folder):
        if code in (*SURVIVED, *NO_TESTS):
            shown = subprocess.run(
                [mutmut(), "show", name], cwd=folder, capture_output=True, text=True, check=False
            )
            changed = [
                line
                for line in shown.stdout.splitlines()
                if line[:1] in "+-" and line[:3] not in ("+++", "---")
            ]
            print("\n".join([f"{name}{' (reached by no test)' if code in NO_TESTS else ''}", *changed]))


def mutmut() -> str:
    """The program, which lies beside this Python."""
    return str(Path(sys.executable).with_name("mutmut"))


if __name__ == "__main__":
    main()
