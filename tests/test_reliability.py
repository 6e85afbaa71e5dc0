"""Short runs of the reliability benchmarks: interruptions at any stage, full disks, two commands at once, locales."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def can_mount() -> bool:
    """Whether a small file system can be mounted here, which the benchmark of full disks needs."""
    if not shutil.which("unshare"):
        return False
    command = ["unshare", "--mount", "--map-root-user", "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "command",
    [
        ["reliability_signals.py", "--kills", "6", "--signals", "0", "--starts", "0", "--trainings", "1"],
        ["reliability_signals.py", "--kills", "0", "--signals", "8", "--starts", "7", "--trainings", "1"],
        pytest.param(
            ["reliability_disk.py", "--sizes", "2", "--left", "8"],
            marks=[
                pytest.mark.skipif(not can_mount(), reason="no file system can be mounted here"),
                pytest.mark.long,
            ],
        ),
        pytest.param(
            ["reliability_two_at_once.py", "--rounds", "1", "--only", "train", "embed"],
            marks=pytest.mark.long,
        ),
        pytest.param(["reliability_fresh.py"], marks=pytest.mark.long),
    ],
    ids=["kills", "signals", "full disks", "two at once", "other places"],
)
def test_a_short_run_finds_nothing_wrong(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / command[0]), *command[1:]],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| what | found |" in done.stdout
