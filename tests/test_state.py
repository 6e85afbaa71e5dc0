"""The state file: every bit comes back, damage is noticed, and one whole state is always there."""

import pickle

import numpy as np
import pytest
import torch

from twinface.core.errors import DivergedError, ModelError, StorageError
from twinface.training.state_file import StateFile, read_tensors, write_tensors

TENSORS = {
    "matrix": torch.randn(3, 4),
    "odd": torch.randn(8, 1, 5, 5).to(memory_format=torch.channels_last),
    "scalar": torch.tensor(3.5),
    "count": torch.tensor(7),
    "empty": torch.zeros(0),
}
ABOUT = {"epoch": 3, "loss_sum": 0.1 + 0.2, "best_value": None}


def test_every_bit_comes_back(tmp_path) -> None:
    write_tensors(tmp_path / "x", TENSORS, ABOUT)
    tensors, about = read_tensors(tmp_path / "x")
    assert about == ABOUT
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)


def test_equal_tensors_give_equal_files(tmp_path) -> None:
    write_tensors(tmp_path / "a", TENSORS, ABOUT)
    write_tensors(tmp_path / "b", dict(reversed(TENSORS.items())), ABOUT)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_any_flipped_byte_is_noticed(tmp_path) -> None:
    file = tmp_path / "x"
    write_tensors(file, TENSORS, ABOUT)
    whole = file.read_bytes()
    random = np.random.default_rng(0)
    for place in random.integers(8, len(whole), 60):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << random.integers(8)
        file.write_bytes(damaged)
        try:
            tensors, about = read_tensors(file)
        except ModelError:
            continue
        # The one change that is not noticed is one that changes nothing: a blank in the header, say.
        assert about == ABOUT
        assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)


@pytest.mark.parametrize("cut", [0, 7, 50, -1])
def test_a_cut_file_is_refused(tmp_path, cut: int) -> None:
    file = tmp_path / "x"
    write_tensors(file, TENSORS, ABOUT)
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(ModelError, match="x: damaged"):
        read_tensors(file)


def test_a_pickle_is_never_opened(tmp_path) -> None:
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "exploded"), "w"))

    (tmp_path / "x").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ModelError, match="not a safetensors file"):
        read_tensors(tmp_path / "x")
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_not_written(tmp_path, value: float) -> None:
    state = StateFile(tmp_path)
    state.write({"w": torch.ones(2)}, {"step": 1})
    with pytest.raises(DivergedError, match="w has values that are not finite"):
        state.write({"w": torch.tensor([1.0, value])}, {"step": 2})
    assert state.read()[1] == {"step": 1}


def test_the_previous_state_steps_in_for_a_damaged_one(tmp_path) -> None:
    state = StateFile(tmp_path)
    assert state.read() is None
    state.write({"w": torch.ones(2)}, {"step": 1})
    state.write({"w": torch.ones(2) * 2}, {"step": 2})
    assert state.read()[1] == {"step": 2}
    state.path.write_bytes(state.path.read_bytes()[:-1])
    tensors, about = state.read()
    assert about == {"step": 1}
    assert torch.equal(tensors["w"], torch.ones(2))
    state.previous.write_bytes(b"")
    with pytest.raises(ModelError, match="damaged"):
        state.read()


def test_a_failed_write_leaves_the_state(tmp_path, monkeypatch) -> None:
    state = StateFile(tmp_path)
    state.write({"w": torch.ones(2)}, {"step": 1})

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match="No space left on device"):
        state.write({"w": torch.ones(2) * 2}, {"step": 2})
    assert state.read()[1] == {"step": 1}
    assert sorted(path.name for path in tmp_path.iterdir()) == [state.previous.name, state.path.name]


def test_the_previous_state_is_kept_where_files_have_no_links(tmp_path, monkeypatch) -> None:
    def refuse(*places: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    state = StateFile(tmp_path)
    for step in (1, 2, 3):
        state.write({"w": torch.ones(2) * step}, {"step": step})
    assert state.read()[1] == {"step": 3}
    assert read_tensors(state.previous)[1] == {"step": 2}
    monkeypatch.setattr("shutil.copyfile", refuse)
    with pytest.raises(
        StorageError, match=r"state\.previous.*Operation not permitted.*the last state is unchanged"
    ):
        state.write({"w": torch.ones(2)}, {"step": 4})
    assert state.read()[1] == {"step": 3}
