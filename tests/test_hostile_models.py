"""A short run of the benchmark of hostile model files: none runs code, ends in a traceback or hangs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "hostile_models.py"


@pytest.mark.slow
def test_thirty_hostile_files_do_no_harm(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(BENCHMARK), "--some", "30", "--json", str(tmp_path / "outcomes.json")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    outcomes = json.loads((tmp_path / "outcomes.json").read_text(encoding="utf-8"))
    assert len(outcomes) == 30
    assert {each["ended"] for each in outcomes} <= {"refused", "used"}
    assert len({each["kind"] for each in outcomes}) >= 4
    assert not any(each["executed"] for each in outcomes)
