"""The README and the other pages: their examples run, their commands and names exist, their links lead somewhere."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import twinface
from twinface.cli import app
from twinface.training.recipe import load_recipe

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted(
    [
        "README.md",
        "CONTRIBUTING.md",
        *(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")),
    ]
)
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def marked_example(language: str) -> str:
    """The example of the README that is marked as tested."""
    (example,) = re.findall(rf"<!-- tested -->\n```{language}\n(.*?)```", README, re.DOTALL)
    return str(example)


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands(page: str, program: str) -> list[list[str]]:
    """The arguments of each call of a program in a page's shell examples, without comments."""
    lines = "".join(blocks(page, "sh")).replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    return [line[1:] for line in words if line[:1] == [program]]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_examples_run(tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shell = ["bash", "-euo", "pipefail", "-c", marked_example("sh")]
    for command in (shell, [sys.executable, "-c", marked_example("python")]):
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "same person" in done.stdout.lower()
    assert (tmp_path / "map.png").stat().st_size > 1000
    assert (tmp_path / "runs" / "orl" / "results" / "unseen.json").is_file()


def test_the_example_in_the_shell_is_the_road_from_data_to_a_verdict() -> None:
    called = [line.split()[1] for line in marked_example("sh").splitlines() if line.startswith("twinface ")]
    assert called == ["train", "evaluate", "verify", "explain"]


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page, "twinface")])
def test_commands_and_their_options_exist(page: str) -> None:
    for words in commands(page, "twinface"):
        parser = typer.main.get_command(app)
        context = parser.make_context("twinface", list(words))
        while hasattr(parser, "resolve_command") and [*context._protected_args, *context.args]:
            name, parser, rest = parser.resolve_command(context, [*context._protected_args, *context.args])
            context = parser.make_context(name, rest, parent=context)
        if words[0] == "train" and context.params["resume"] is None:
            load_recipe(context.params["recipe"] or "default", context.params["set_"] or [])


@pytest.mark.parametrize("page", PAGES)
def test_targets_of_make_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(re.findall(r"`make ([a-z]++(?:-[a-z]++)*+)(?!-)", text)) | {
        words[0] for words in commands(page, "make")
    }
    assert named <= TARGETS


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")])
def test_public_names_in_examples_exist(page: str) -> None:
    for example in blocks(page, "python"):
        for node in ast.walk(ast.parse(example)):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id == "twinface"
            ):
                assert hasattr(twinface, node.attr), node.attr


@pytest.mark.parametrize("page", PAGES)
def test_links_and_file_names_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert ((ROOT / page).parent / target).exists(), target
    for name in re.findall(r"`((?:src|docs|tests)/[\w/.-]+\.\w+)`", text):
        assert (ROOT / name).exists(), name
    assert not re.search(r"[A-Z]+_TABLE", text), "a table is still to be filled in"
