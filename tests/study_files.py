"""Studies on ORL, and the command that runs one, for several test files."""

from __future__ import annotations

import sys
from pathlib import Path

from twinface.studies.study_file.study import Study, read_study

STUDY = """
title = "Which rate, <b>really</b>?"
data = "orl"
seeds = [0, 1]

[[parts]]
name = "rates"
recipe = "demo"
vary = { optimizer.learning_rate = [1e-3, 3e-3, 1e-2] }

[parts.set]
imaging.height = 24
imaging.width = 24
network.backbone = { name = "residual", channels = [4, 8], embedding = 16 }
sampling.look_alikes = 2
trainer.epochs = 2

[test]
protocol = "unseen"
points = ["rates/best"]
"""

# The second point diverges and fails.
DIVERGING = STUDY.replace("[1e-3, 3e-3, 1e-2]", "[1e-3, 1e30]").replace("seeds = [0, 1]", "seeds = [0]")


# A grid, and a search that draws points; METHOD is random or guided.
PLAIN = """
title = "t"
data = "orl"

[[parts]]
name = "a"
recipe = "demo"
vary = { sampling.batch_size = [16, 32], optimizer.learning_rate = [1e-3, 2e-3, 3e-3] }
"""
DRAWN = """
title = "t"
data = "orl"
search_seed = 5

[[parts]]
name = "a"
recipe = "demo"
method = "METHOD"
trials = 20

[parts.vary]
optimizer.learning_rate = { low = 1e-4, high = 1e-1, log = true }
sampling.batch_size = { low = 8, high = 64, step = 8 }
loss = ["cosface", "arcface"]
"""


def study_of(folder: Path, text: str = PLAIN) -> Study:
    path = folder / "my study.toml"
    path.write_text(text, encoding="utf-8")
    return read_study(path)


def write_study(folder: Path, text: str = STUDY) -> Path:
    path = folder / "rates.toml"
    path.write_text(text, encoding="utf-8")
    return path


def sweep_command(study: Path, out: Path, *more: str, cores: int = 2) -> list[str]:
    """`twinface sweep` with a run on each core."""
    command = [sys.executable, "-m", "twinface", "sweep", str(study), "--out", str(out)]
    return [*command, "--jobs", str(cores), "--cores", str(cores), *more]


def same_results(one: Path, other: Path) -> bool:
    """Whether two study folders have the same leaderboard, byte by byte."""
    return (one / "leaderboard.json").read_bytes() == (other / "leaderboard.json").read_bytes()
