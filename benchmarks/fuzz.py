"""Fuzzes the readers of pictures and lists with atheris, which looks for bytes that reach new lines of code.

    pip install "twinface[fuzz]"
    python benchmarks/fuzz.py [picture_header pair_list …] [--seconds 60]

Without names, every target in `tests/fuzz_targets.py` runs. The seeds are those in `tests/regressions`. An input that
fails is written there as `crash-…`: keep it once the defect is mended, so that the tests try it ever after. Inputs that
reached new lines are kept in the folder of `--corpus` (default: a new one that is thrown away).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).parent.parent / "tests"
sys.path.insert(0, str(TESTS))


def fuzz(target: str, seconds: int, corpus: Path) -> int:
    """Fuzzes one target in a process of its own, because atheris never returns. Returns its exit code."""
    regressions = TESTS / "regressions" / target
    (corpus / target).mkdir(parents=True, exist_ok=True)
    options = [f"-max_total_time={seconds}", "-max_len=5000", "-timeout=10", "-rss_limit_mb=700"]
    program = [sys.executable, __file__, "--inside", target]
    print(f"{target}: {seconds} s", flush=True)
    return subprocess.run(
        [*program, *options, f"-artifact_prefix={regressions}/", str(corpus / target), str(regressions)],
        check=False,
    ).returncode


def run_inside(target: str, arguments: list[str]) -> None:
    """The process that atheris takes over."""
    import atheris

    with atheris.instrument_imports(include=["twinface"]):
        from fuzz_targets import TARGETS
    atheris.Setup([sys.argv[0], *arguments], TARGETS[target])
    atheris.Fuzz()


def main() -> None:
    """Fuzzes the named targets one after the other; exit code 1 if one failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="*")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--corpus", type=Path, help="folder to keep inputs in")
    given = parser.parse_args()
    from fuzz_targets import TARGETS

    if unknown := set(given.targets) - set(TARGETS):
        parser.error(f"no target {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    with tempfile.TemporaryDirectory() as thrown_away:
        corpus = given.corpus or Path(thrown_away)
        codes = [fuzz(target, given.seconds, corpus) for target in given.targets or TARGETS]
    sys.exit(int(any(codes)))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        run_inside(sys.argv[2], sys.argv[3:])
    else:
        main()
