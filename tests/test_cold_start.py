"""What a start imports: `import twinface` and `--help` import little, verifying imports nothing for training."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import TRAINING
from shell import without_coverage
from twinface.datasets.load import load_dataset

COMPUTING = {"numpy", "cv2", "onnxruntime"}
# From the standard library: each imports dozens of modules that no start needs.
NEVER = {"asyncio", "multiprocessing", "unittest", "doctest", "http", "xml", "concurrent", "sqlite3"}
# Typer checks the arguments of a command with pydantic, whose plugins import importlib.metadata.
CHECKING = {"pydantic", "email", "socket", "zipfile", "tempfile", "importlib.metadata"}
# importlib.metadata and what it brings; it finds the package that holds the face detector's weights.
FINDING_WEIGHTS = CHECKING - {"pydantic"}

COMMAND = "from twinface.cli import main; main()"


def modules(program: str, *arguments: object) -> set[str]:
    """The names of all modules that a fresh interpreter has imported after a program."""
    lines = (
        f"import sys\nsys.argv = {['twinface', *map(str, arguments)]!r}",
        f"try:\n    {program}\nexcept SystemExit as leave:\n    assert leave.code in (0, None), leave.code",
        "import json\nprint(json.dumps([*sys.modules]))",
    )
    command = [sys.executable, "-c", "\n".join(lines)]
    result = subprocess.run(command, env=without_coverage(), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return set(json.loads(result.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def picture() -> Path:
    """A photo with a face."""
    faces = load_dataset("orl").faces()
    return faces.root / faces.paths[0]


def test_importing_twinface_brings_nothing_but_the_standard_library() -> None:
    brought = modules("import twinface") - modules("pass")
    assert {name for name in brought if name.partition(".")[0] == "twinface"} == {"twinface"}
    assert {name.partition(".")[0] for name in brought} - sys.stdlib_module_names == {"twinface"}
    assert brought & (NEVER | CHECKING | {"logging", "pathlib"}) == set()


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_brings_nothing_that_computes_or_checks(argument: str) -> None:
    unwanted = TRAINING | COMPUTING | NEVER | {"rich"}
    if argument == "--help":
        unwanted |= CHECKING
    assert modules(COMMAND, argument) & unwanted == set()


@pytest.mark.parametrize("command", ["train", "evaluate", "verify", "demo", "doctor"])
def test_a_commands_help_brings_nothing_that_computes(command: str) -> None:
    assert modules(COMMAND, command, "--help") & (TRAINING | COMPUTING | NEVER | {"rich"}) == set()


def test_verifying_brings_nothing_that_trains(picture: Path) -> None:
    brought = modules(COMMAND, "verify", picture, picture, "--model", "default")
    assert brought >= COMPUTING
    assert brought & (TRAINING | NEVER | {"rich"}) == set()
    packages = {name.split(".")[1] for name in brought if name.startswith("twinface.")}
    assert packages == {"cli", "core", "faces", "models", "recognition"}
    assert not [name for name in brought if name.startswith("twinface.core.settings")]


def test_verifying_from_python_brings_the_libraries_that_use_a_model_and_no_other(picture: Path) -> None:
    program = f"import twinface; assert twinface.verify({str(picture)!r}, {str(picture)!r}, 'default')"
    brought = modules(program) - modules("pass")
    roots = {name.partition(".")[0] for name in brought} - sys.stdlib_module_names
    assert {name for name in roots if not name.startswith("_")} == {"twinface", "platformdirs", *COMPUTING}
    assert brought & (NEVER | CHECKING - FINDING_WEIGHTS | {"logging"}) == set()


def test_the_runtime_is_loaded_with_the_model() -> None:
    assert modules("import twinface.recognition.verifier") & (TRAINING | CHECKING | {"onnxruntime"}) == set()
