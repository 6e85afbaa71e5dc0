"""The examples of the README do what it says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from twinface.datasets.load import load_dataset

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def examples_in(language: str) -> list[str]:
    return re.findall(rf"<!-- tested -->\n```{language}\n(.*?)```", README, re.DOTALL)


def test_the_examples_run(tmp_path: Path) -> None:
    faces = load_dataset("orl").faces()
    shutil.copy(faces.root / faces.paths[0], tmp_path / "a.pgm")
    shutil.copy(faces.root / faces.paths[1], tmp_path / "b.pgm")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    commands = "".join(examples_in("sh")).splitlines()
    assert len(commands) == 5
    for command in commands:
        short = command.replace("--recipe demo", "--recipe demo --set trainer.epochs=1")
        result = subprocess.run(
            short, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        # "different" is an answer too, though these two pictures show one person.
        assert result.returncode == 0 or ("verify" in command and result.returncode == 1), result.stderr
        assert result.stdout
    (program,) = examples_in("python")
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "threshold" in result.stdout


@pytest.mark.parametrize(
    "page", sorted(["README.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))])
)
def test_links_and_file_names_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert ((ROOT / page).parent / target).exists(), target
    for name in re.findall(r"`((?:src|docs|tests)/[\w/.-]+\.\w+)`", text):
        assert (ROOT / name).exists(), name
    assert not re.search(r"[A-Z]+_TABLE", text), "a table is still to be filled in"
