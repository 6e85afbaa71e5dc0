"""What the house promises: short files and functions, documented names, a public API that shows itself."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

import twinface

SOURCE = Path(twinface.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[tuple[str, Function]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{path.relative_to(SOURCE)}:{node.lineno} {node.name}", node


def test_files_are_short() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {str(path): length for path, length in lengths.items() if length > 350} == {}
    assert statistics.median(lengths.values()) <= 120


def test_functions_stay_on_one_screen_and_take_few_parameters() -> None:
    long, wide = [], []
    for path in FILES:
        for name, node in functions(path):
            if (node.end_lineno or node.lineno) - node.lineno + 1 > 60:
                long.append(name)
            taken = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            if len([each for each in taken if each.arg not in ("self", "cls")]) > 7:
                wide.append(name)
    assert (long, wide) == ([], [])


def test_packages_say_what_their_files_are() -> None:
    """The docstring of each package lists its files, so that a reader finds one by it."""
    missing = []
    for package in sorted(path.parent for path in SOURCE.glob("*/__init__.py")):
        said = ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8"))) or ""
        for entry in sorted(package.iterdir()):
            is_module = entry.suffix == ".py" and entry.name != "__init__.py"
            if (is_module or (entry / "__init__.py").is_file()) and entry.stem not in said:
                missing.append(f"{package.name}: {entry.stem}")
    assert missing == []


def test_nothing_lies_loose_at_the_top() -> None:
    assert {path.name for path in SOURCE.glob("*.py")} == {"__init__.py", "__main__.py"}


@pytest.mark.parametrize("name", [name for name in twinface.__all__ if name != "__version__"])
def test_the_public_names_are_there_and_documented(name: str) -> None:
    assert name in dir(twinface)
    assert (getattr(twinface, name).__doc__ or "").strip()


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'verfy'"):
        twinface.verfy  # noqa: B018
