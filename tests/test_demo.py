"""`twinface demo`, which the README begins with: what it prints is so, and a second call trains nothing again."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from shell import twinface, twinface_here


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_demo(tmp_path: Path) -> None:
    done = twinface("demo", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "13 people never seen, mean of 3 parts" in done.stdout
    accuracy = {
        name: float(mean) for name, mean in re.findall(r"^  (\w+) +(\S+) \[", done.stdout, re.MULTILINE)
    }
    assert list(accuracy) == ["network", "pixels", "pca", "untrained"]
    # Measured: .944 against .806, .838 and .860.
    assert accuracy["network"] > 0.9
    assert accuracy["network"] > max(accuracy["pixels"], accuracy["pca"], accuracy["untrained"]) + 0.03
    assert "Same person" in done.stdout
    assert "Different people" in done.stdout
    (command,) = re.findall(r"^  \.venv/bin/twinface (verify .*)$", done.stdout, re.MULTILINE)
    assert twinface(*command.split(), cwd=tmp_path).returncode == 1

    models = {path: path.stat().st_mtime_ns for path in tmp_path.glob("runs/demo/*/model/*")}
    assert len(models) == 9
    again = twinface_here("demo", "--out", tmp_path / "runs" / "demo", "--json")
    assert again.returncode == 0, again.stderr
    assert {path: path.stat().st_mtime_ns for path in models} == models
    summary = json.loads(again.stdout)["summary"]
    assert list(summary) == ["twin", "pixels", "pca", "untrained"]  # a key of JSON keeps its name
    assert [round(each["accuracy"], 3) for each in summary.values()] == list(accuracy.values())
