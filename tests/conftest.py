"""What several test files stand on: a cache of their own, where LFW is, and one small trained run."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from twinface.core.threads import available_cores
from twinface.datasets.data_source import DataSource
from twinface.faces import extra_formats
from twinface.training.open_run import start_run
from twinface.training.recipe import load_recipe
from twinface.training.run import continue_run, train_epochs
from twinface.training.run_folder import RunFolder


def keep_to_one_core() -> None:
    """Under pytest-xdist, each worker and the processes that it starts stay on one core.

    Twinface and its libraries take as many threads as they may use cores. Workers that each used all cores
    would wait for each other most of the time.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker and hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[int(worker.removeprefix("gw")) % len(cores)]})


keep_to_one_core()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One worker for each core that this process may use; in a container, the machine can have more."""
    return available_cores()


# A network and a schedule so small that a whole run takes seconds, with every part of the real thing in it.
TINY = [
    "imaging.height=24",
    "imaging.width=24",
    'network.backbone={name="residual", channels=[4, 8], embedding=16}',
    "sampling.look_alikes=2",
    "trainer.epochs=3",
    "trainer.keep_state=true",  # tests compare it
    "trainer.threads=1",  # a core runs one test at a time: more threads would wait for each other
]

# Libraries that training needs, or a report, or a form of model other than ONNX; using a model does without.
TRAINING = {
    "torch",
    "safetensors",
    "pytorch_metric_learning",
    "sklearn",
    "scipy",
    "matplotlib",
    "PIL",
    "onnx",
    "onnxscript",
    "tqdm",
    "jinja2",
    "tomli_w",
    "filelock",
}


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Prepared faces go where the test run ends with them."""
    before = os.environ.get("TWINFACE_CACHE")
    os.environ["TWINFACE_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    os.environ.pop("TWINFACE_CACHE")
    if before is not None:
        os.environ["TWINFACE_CACHE"] = before


@pytest.fixture(autouse=True)
def own_formats(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that runs within a test adds HEIC for this test only."""
    monkeypatch.setattr(extra_formats, "_added", {})


@pytest.fixture(scope="session")
def real_lfw() -> Path:
    """The folder that holds LFW-a and its lists."""
    root = Path(os.environ.get("TWINFACE_LFW", Path(__file__).parents[2] / "shared" / "data" / "lfw"))
    if not (root / "lfwa").is_dir():
        pytest.skip("LFW-a is not here: set TWINFACE_LFW to the folder that holds lfwa")
    return root


def train_tiny(
    path: Path,
    *overrides: str,
    recipe: str = "demo",
    seed: int = 0,
    tiny: bool = True,
    model: bool = True,
) -> RunFolder:
    """Trains a run on ORL from start to end.

    Args:
        path: of the new run.
        *overrides: of single settings.
        recipe: its name.
        seed: of everything random.
        tiny: begin with the changes of `TINY`.
        model: write the model in the end, which takes longer than the training. False for tests that do not use it.
    """
    settings = load_recipe(recipe, [*(TINY if tiny else []), *overrides])
    run = start_run(DataSource("orl"), settings, seed, RunFolder(path))
    if model:
        continue_run(run)
    else:
        train_epochs(run)
    return run.folder


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run on ORL that has ended; tests read it and leave it as it is."""
    return train_tiny(tmp_path_factory.mktemp("runs") / "tiny")
