"""Networks compiled by torch.compile: the same function, and runs that resume to the same bits."""

import pytest

from conftest import TINY
from resumed_runs import StopAfter, bits
from twinface.core.errors import SettingsError
from twinface.core.interruption import Interrupted, StopRequest
from twinface.datasets.data_source import DataSource
from twinface.training.callbacks import Callbacks
from twinface.training.open_run import open_run, start_run
from twinface.training.recipe import load_recipe
from twinface.training.run import continue_run
from twinface.training.run_folder import RunFolder

# A compiled network draws dropout otherwise than the plain one.
COMPARABLE = [*TINY, "network.backbone.dropout=0.0", "trainer.precision=float32", "trainer.threads=1"]


def begin(folder: RunFolder, *changes: str) -> RunFolder:
    start_run(DataSource("orl"), load_recipe("demo", [*TINY, "trainer.threads=1", *changes]), 3, folder)
    return folder


@pytest.mark.slow
def test_it_learns_what_the_plain_network_learns(tmp_path) -> None:
    losses = []
    for compiled in ("false", "true"):
        folder = begin(RunFolder(tmp_path / compiled), *COMPARABLE, f"trainer.compiled={compiled}")
        continue_run(open_run(folder), StopRequest(), Callbacks())
        losses.append([record.loss for record in folder.metrics()])
    plain, fast = losses
    assert fast == pytest.approx(plain, rel=1e-3)
    assert plain[-1] < plain[0]


@pytest.mark.slow
def test_stopped_on_its_way_it_ends_in_the_same_bits(tmp_path) -> None:
    whole, parts = (begin(RunFolder(tmp_path / name), "trainer.compiled=true") for name in ("whole", "parts"))
    continue_run(open_run(whole), StopRequest(), Callbacks())
    stop = StopAfter()
    with pytest.raises(Interrupted):
        continue_run(open_run(parts), stop, stop.watcher(5))
    continue_run(open_run(parts), StopRequest(), Callbacks())
    assert bits(parts) == bits(whole)


def test_without_a_compiler_it_says_so_before_any_training(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = begin(RunFolder(tmp_path / "run"), "trainer.compiled=true")
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(
        SettingsError, match=r"trainer\.compiled = true: found no C\+\+ compiler \(no-such-compiler\)"
    ):
        continue_run(open_run(folder), StopRequest(), Callbacks())
    monkeypatch.delenv("CXX")
    assert not folder.state.exists()
