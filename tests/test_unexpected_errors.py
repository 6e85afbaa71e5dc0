"""An exception that no command expects: one line on stderr and exit code 2, because 1 means "different people"."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shell import twinface, twinface_here
from twinface.cli import doctor
from twinface.cli.errors import DEBUG_VARIABLE, describe
from twinface.core.errors import ModelError
from twinface.training.run_folder import RunFolder

# A command of the real command line whose work ends in an exception of our choice.
PROGRAM = """
import sys
from twinface import cli
from twinface.cli import doctor

def broken() -> None:
    {body}

cli.app.command("broken")(broken)
sys.argv = ["twinface", *{words!r}]
cli.main()
"""


def broken(body: str, *words: str, **more: object) -> subprocess.CompletedProcess[str]:
    program = PROGRAM.format(body=body, words=words or ("broken",))
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=False, **more)  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise ValueError('a\\nb')", "unexpected ValueError in the command line: a b"),
        ("raise MemoryError", "unexpected MemoryError in the command line: no message"),
        ("raise EOFError('cut')", "unexpected EOFError in the command line: cut"),
        ("def f(): f()\n    f()", "unexpected RecursionError in the command line: maximum recursion depth"),
        ("open('/nowhere/x')", "unexpected FileNotFoundError in the command line: [Errno 2]"),
        ("import json; json.loads('{')", "unexpected JSONDecodeError in the command line: Expecting"),
    ],
)
def test_it_is_one_line_and_exit_code_2(body: str, said: str) -> None:
    result = broken(body)
    assert result.returncode == 2, result.stderr
    line = next(line for line in result.stderr.splitlines() if line.startswith("twinface: "))
    assert line.startswith(f"twinface: {said}")
    assert f"{DEBUG_VARIABLE}=1" in line
    assert "Traceback" not in result.stderr


def test_the_traceback_is_shown_when_it_is_asked_for() -> None:
    result = broken("raise ValueError('a')", "--debug", "broken")
    assert result.returncode == 2
    assert result.stderr.startswith("Traceback")
    assert result.stderr.splitlines()[-1].startswith("twinface: unexpected ValueError")


def test_it_says_where_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_using", lambda: {}["model"])
    result = twinface_here("doctor")
    assert result.returncode == 2
    assert result.stderr.startswith("twinface: unexpected KeyError in cli/doctor.py:")


def test_an_error_can_not_act_upon_the_terminal() -> None:
    assert describe(ModelError("a\x1b[2Jb\nc")) == "a\\x1b[2Jb c"


def test_output_that_cannot_be_written_is_an_error() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    command = [sys.executable, "-m", "twinface", "--help"]
    with full.open("w") as output:
        result = subprocess.run(command, stdout=output, stderr=subprocess.PIPE, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("twinface: unexpected OSError")
    assert len(result.stderr.splitlines()) == 1


def test_a_reader_that_has_gone_is_not_different_people() -> None:
    command = [sys.executable, "-m", "twinface", "--help"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 2
    process.stderr.close()


def test_the_traceback_of_a_training_is_in_the_log_of_its_run(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = RunFolder(tmp_path / "run")
    with pytest.raises(ZeroDivisionError), run.locked():
        print(1 / 0)
    with pytest.raises(ModelError), run.locked():
        raise ModelError("expected")
    text = (run.path / "log.txt").read_text(encoding="utf-8")
    assert text.count("Traceback") == 1
    assert text.splitlines()[-1] == "ZeroDivisionError: division by zero"
    assert "unexpected error" in text.splitlines()[0]
    assert capfd.readouterr().err == ""


def test_an_installation_that_is_damaged_is_no_verdict(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise ImportError('broken')")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    result = twinface("verify", "a.png", "b.png", env=environment)
    assert result.returncode == 2
    assert result.stderr == (
        "twinface: cannot start, reinstall it (ImportError: broken); TWINFACE_DEBUG=1 shows the traceback\n"
    )


def test_wrong_usage_is_exit_code_2() -> None:
    assert twinface_here("verfy").returncode == 2
    assert twinface_here("verify").returncode == 2
    assert twinface("--version").returncode == 0
