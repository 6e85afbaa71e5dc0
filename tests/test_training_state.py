"""The state of training as tensors, and as files: names, layouts, checksums, the newest and the previous one."""

import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from toy_training import SEED, batches, toy_plan, toy_state
from twinface.core.errors import ModelError
from twinface.training.plan import TrainingPosition
from twinface.training.state_file import ReadOnlyState, StateFile, checksum, read_tensors, write_tensors
from twinface.training.step import training_step
from twinface.training.training_state import TrainingState

TENSORS = {"b": torch.tensor([1.5, -2.0]), "a": torch.tensor([[7]])}


def trained(optimizer: str = "adam", steps: int = 2) -> TrainingState:
    state = toy_state(optimizer, averaging=0.5, learning_rate=0.1)
    for step in range(steps):
        training_step(state, toy_plan(), batches(SEED, 1)[step], TrainingPosition(1, step, step), 3)
    return state


def copies(state: TrainingState) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in state.tensors().items()}


def check_same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert found.keys() == expected.keys()
    assert [name for name in found if not torch.equal(found[name], expected[name])] == []


def test_every_tensor_has_its_name() -> None:
    state = trained()
    found = state.tensors()
    own = state.network.state_dict()
    expected = {f"twin/{name}" for name in own} | {f"average/{name}" for name in own} | {"loss/vectors"}
    slots = state.optimizer.state_dict()["state"]
    expected |= {f"optimizer/{place}/{slot}" for place, each in slots.items() for slot in each}
    assert found.keys() == expected
    assert {slot for each in slots.values() for slot in each} == {"step", "exp_avg", "exp_avg_sq"}
    for name, value in own.items():
        assert found[f"twin/{name}"].data_ptr() == value.data_ptr()
        assert found[f"average/{name}"] is state.average.tensors[name]
    assert found["optimizer/0/exp_avg"] is slots[0]["exp_avg"]


def test_slots_that_are_empty_are_left_out() -> None:
    """SGD without momentum keeps None in place of a moment."""
    state = toy_state("sgd", learning_rate=0.1, momentum=0.0)
    training_step(state, toy_plan(), batches(SEED, 1)[0], TrainingPosition(1, 0, 0), 3)
    assert [name for name in state.tensors() if name.startswith(("optimizer/", "average/"))] == []
    again = toy_state("sgd", learning_rate=0.1, momentum=0.0)
    again.load(copies(state))
    check_same(again.tensors(), copies(state))


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_a_loaded_state_goes_on_as_the_one_that_was_saved(optimizer: str) -> None:
    state, again = trained(optimizer), toy_state(optimizer, averaging=0.5, learning_rate=0.1)
    again.load(copies(state))
    check_same(again.tensors(), copies(state))
    assert again.tensors()["twin/backbone.dense.weight"].data_ptr() != (
        state.tensors()["twin/backbone.dense.weight"].data_ptr()
    )
    for each in (state, again):
        training_step(each, toy_plan(), batches(SEED, 1)[2], TrainingPosition(1, 2, 2), 3)
    check_same(again.tensors(), state.tensors())
    assert again.optimizer.param_groups[0]["lr"] == state.optimizer.param_groups[0]["lr"]


def test_moments_get_the_memory_layout_of_their_parameters() -> None:
    """Files hold rows one after the other; a fused optimizer reads parameter and moment in one order."""
    saved = copies(trained())
    state = toy_state("adam", averaging=0.5, learning_rate=0.1)
    state.network.to(memory_format=torch.channels_last)
    state.load({name: value.contiguous() for name, value in saved.items()})
    weight = state.network.backbone.blocks[0].conv1.weight
    assert weight.stride() != weight.contiguous().stride()
    for slot in ("exp_avg", "exp_avg_sq"):
        assert state.optimizer.state[weight][slot].stride() == weight.stride()
    check_same(copies(state), saved)


def test_what_is_kept_is_the_average_or_the_weights() -> None:
    state = trained()
    kept = state.kept_weights()
    check_same(kept, state.average.tensors)
    kept.clear()
    assert state.average.tensors
    check_same(toy_state().kept_weights(), dict(toy_state().network.state_dict()))


@pytest.mark.parametrize(
    ("remove", "add", "said"),
    [
        ("loss/vectors", None, r"loss/vectors: found nothing, this version's network and loss need \(3, 4\)"),
        (None, "loss/more", r"loss/more: found \(2,\), this version's network and loss need nothing"),
        (
            "loss/vectors",
            "loss/vectors",
            r"loss/vectors: found \(2,\), this version's network and loss need \(3, 4\)",
        ),
        (None, "average/more", r"average/more: found \(2,\)"),
    ],
)
def test_a_state_of_other_shapes_is_refused_and_changes_nothing(
    remove: str | None, add: str | None, said: str
) -> None:
    tensors, state = copies(trained()), toy_state("adam", averaging=0.5, learning_rate=0.1)
    before = copies(state)
    tensors = {name: value for name, value in tensors.items() if name != remove}
    if add:
        tensors[add] = torch.zeros(2)
    with pytest.raises(ModelError, match=said):
        state.load(tensors)
    check_same(copies(state), before)


def test_the_checksum_is_the_documented_one() -> None:
    """Files of earlier versions carry it: a hash of the position, then of each tensor in the order of names."""
    digest = hashlib.blake2b(b'{"epoch": 1, "step": 2}', digest_size=16)
    digest.update(b"a torch.int64 (1, 1) " + TENSORS["a"].numpy().tobytes())
    digest.update(b"b torch.float32 (2,) " + TENSORS["b"].numpy().tobytes())
    assert checksum(TENSORS, {"step": 2, "epoch": 1}) == digest.hexdigest()


@pytest.mark.parametrize(
    "other",
    [
        {"a": TENSORS["a"]},
        {**TENSORS, "c": TENSORS["a"]},
        {"b": TENSORS["b"], "A": TENSORS["a"]},
        {**TENSORS, "a": TENSORS["a"].view(1)},
        {**TENSORS, "a": TENSORS["a"].double()},
        {**TENSORS, "b": torch.tensor([1.5, -2.0000002])},
    ],
)
def test_the_checksum_covers_names_kinds_shapes_and_values(other: dict[str, torch.Tensor]) -> None:
    assert checksum(other, {}) != checksum(TENSORS, {})
    assert checksum(TENSORS, {"epoch": 1}) != checksum(TENSORS, {})


def test_a_file_says_what_it_holds(tmp_path: Path) -> None:
    write_tensors(tmp_path / "x", TENSORS, {"epoch": 1})
    with safe_open(tmp_path / "x", "pt") as file:
        (name, text), *others = file.metadata().items()
    assert (name, others) == ("twinface", [])
    assert json.loads(text) == {"about": {"epoch": 1}, "checksum": checksum(TENSORS, {"epoch": 1})}


@pytest.mark.parametrize(
    "metadata", [None, {"other": "{}"}, {"twinface": "["}, {"twinface": "{}"}, {"twinface": "3"}]
)
def test_files_of_others_are_refused(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    save_file(TENSORS, tmp_path / "x", metadata)
    with pytest.raises(ModelError, match="x: damaged, or not a safetensors file of Twinface"):
        read_tensors(tmp_path / "x")


def test_a_checksum_that_is_missing_does_not_match(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "x", {"twinface": json.dumps({"about": {}})})
    with pytest.raises(ModelError, match="x: damaged, its checksum does not match"):
        read_tensors(tmp_path / "x")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="x: found no such file"):
        read_tensors(tmp_path / "x")


def test_a_position_that_is_not_json_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_tensors(tmp_path / "x", TENSORS, {"loss": float("nan")})
    assert not (tmp_path / "x").exists()


def test_the_newest_state_and_the_one_before(tmp_path: Path) -> None:
    state = StateFile(tmp_path)
    assert (state.exists(), state.read()) == (False, None)
    for number in (1, 2, 3):
        state.write(TENSORS, {"step": number})
        assert state.exists()
        assert state.read()[1] == {"step": number}
    assert read_tensors(state.previous)[1] == {"step": 2}
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "state.previous.safetensors",
        "state.safetensors",
    ]
    state.path.unlink()
    assert state.exists()
    assert state.read()[1] == {"step": 2}
    state.write(TENSORS, {"step": 4})
    assert read_tensors(state.previous)[1] == {"step": 2}
    state.forget_previous()
    assert [path.name for path in tmp_path.iterdir()] == ["state.safetensors"]
    state.forget_previous()


def test_a_link_that_a_kill_left_is_no_obstacle(tmp_path: Path) -> None:
    state = StateFile(tmp_path)
    state.write(TENSORS, {"step": 1})
    state.previous.with_suffix(".link").write_bytes(b"left over")
    state.write(TENSORS, {"step": 2})
    assert read_tensors(state.previous)[1] == {"step": 1}
    assert not state.previous.with_suffix(".link").exists()


def test_of_two_damaged_states_the_newest_is_named(tmp_path: Path) -> None:
    state = StateFile(tmp_path)
    for path in (state.path, state.previous):
        path.write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"state\.safetensors: damaged"):
        state.read()
    state.path.unlink()
    with pytest.raises(ModelError, match=r"state\.previous\.safetensors: damaged"):
        state.read()


def test_other_processes_write_and_delete_nothing(tmp_path: Path) -> None:
    StateFile(tmp_path).write(TENSORS, {"step": 1})
    StateFile(tmp_path).write(TENSORS, {"step": 2})
    reader = ReadOnlyState(tmp_path)
    reader.write(TENSORS, {"step": 3})
    reader.forget_previous()
    assert reader.read()[1] == {"step": 2}
    assert reader.previous.exists()
