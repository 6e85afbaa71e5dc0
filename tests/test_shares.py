"""Each process takes its own rows of a batch, and its own part of the machine."""

import pytest
import torch

from twinface.core.errors import SettingsError
from twinface.core.threads import available_cores
from twinface.training.machine import choose_machine
from twinface.training.processes import Processes
from twinface.training.torchrun import joined


@pytest.mark.parametrize("total", [0, 1, 2, 7, 33, 100])
@pytest.mark.parametrize("together", [1, 16])
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_shares_are_the_batch(total: int, together: int, count: int) -> None:
    shares = [Processes(rank, count).share_of(total, together) for rank in range(count)]
    rows = [row for share in shares for row in range(total)[share.rows]]
    assert rows == list(range(total))
    assert all(share.total == total and share.start % together == 0 for share in shares)
    sizes = [-(-(share.stop - share.start) // together) for share in shares]
    assert max(sizes) - min(sizes) <= 1


def test_several_processes_without_torchrun_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(SettingsError, match="RANK is not set: start with torchrun"), joined():
        pass


@pytest.mark.parametrize("name", ["WORLD_SIZE", "RANK"])
def test_a_variable_that_is_no_number_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for each in ("WORLD_SIZE", "RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE"):
        monkeypatch.setenv(each, "2")
    monkeypatch.setenv(name, "two")
    with pytest.raises(SettingsError, match=f"{name} is 'two', need a number"), joined():
        pass


def test_a_gpu_for_all_processes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    processes = Processes(1, 4, 1, 2)
    with pytest.raises(SettingsError, match="each process needs a GPU of its own"):
        choose_machine("cuda:0", processes=processes)
    machine = choose_machine("cpu", "float32", processes=processes)
    assert machine.processes == 4
    assert machine.threads == max(1, available_cores() // 2)
