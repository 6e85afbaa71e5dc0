"""Layers that several processes share: dropout and batch normalisation as torch has them for the whole batch."""

import dataclasses

import pytest
import torch
from torch import nn

from conftest import TINY
from twinface.core.errors import SettingsError
from twinface.networks.backbones.trained_fisher import PartDropout
from twinface.training.build import build_training_state
from twinface.training.machine import Machine
from twinface.training.processes import Processes
from twinface.training.recipe import load_recipe
from twinface.training.shared_layers import SharedBatchNorm, SharedDropout, share_layers


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dropout_of_a_share_is_its_part_of_the_whole(
    layout: torch.memory_format, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps = torch.randn(7, 6, 5, 4).to(dtype).contiguous(memory_format=layout)
    whole = nn.Dropout(0.3)
    torch.manual_seed(1)
    expected = [whole(maps), whole(maps.flatten(1)), whole(maps)]
    for count in (2, 3, 9):
        found = []
        shares = [Processes(rank, count).share_of(7) for rank in range(count)]
        counts = torch.tensor([share.stop - share.start for share in shares])
        monkeypatch.setattr(Processes, "add", lambda processes, values, counts=counts: counts)
        for rank, share in enumerate(shares):
            layer, own = SharedDropout(0.3, Processes(rank, count)), maps[share.rows]
            torch.manual_seed(1)
            found.append([layer(own), layer(own.flatten(1)), layer(own)])
            assert torch.equal(layer.eval()(own), own)
        for one, parts in zip(expected, zip(*found, strict=True), strict=True):
            assert torch.equal(torch.cat(parts), one)


def test_shares_asked_for_in_between_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Validation asks for shares of its own pictures, and may do so while a batch is being trained on."""
    processes = Processes(1, 2)
    with pytest.raises(dataclasses.FrozenInstanceError):
        processes.rank = 0  # type: ignore[misc]
    share, maps, others = processes.share_of(7), torch.rand(7, 5), torch.tensor([3, 0])
    own = maps[share.rows].clone().requires_grad_()
    assert processes.share_of(100).total == 100
    # The first process has the first three rows.
    monkeypatch.setattr(Processes, "add", lambda processes, values: values.add_(others))
    torch.manual_seed(1)
    dropped = SharedDropout(0.5, processes)(own)
    torch.manual_seed(1)
    assert torch.equal(dropped, nn.Dropout(0.5)(maps)[3:])
    assert processes.share_of(100).total == 100
    first = torch.cat([maps[:3], torch.zeros(4, 5)])
    monkeypatch.setattr(Processes, "add", lambda processes, values: values.add_(first))
    gathered = processes.gather(own, share)
    assert torch.equal(gathered, maps)
    slopes = torch.rand(7, 5)
    gathered.backward(slopes)
    assert torch.equal(own.grad, slopes[3:])


@pytest.mark.parametrize(("size", "affine"), [((9, 4), True), ((9, 4, 6, 5), True), ((9, 4), False)])
def test_shared_batch_norm_is_torchs_where_there_is_one_process(size: tuple[int, ...], affine: bool) -> None:
    kind = nn.BatchNorm1d if len(size) == 2 else nn.BatchNorm2d
    plain, taken = kind(4, affine=affine), kind(4, affine=affine)
    if affine:
        for layer in (plain, taken):
            nn.init.uniform_(layer.weight, generator=torch.Generator().manual_seed(2))
    shared = SharedBatchNorm(taken, Processes())
    assert [name for name, _ in shared.state_dict().items()] == [
        name for name, _ in plain.state_dict().items()
    ]
    for _ in range(3):
        maps = torch.randn(size) * 3 + 1
        slopes = torch.randn(size)
        found = []
        for layer in (plain, shared):
            copy = maps.clone().requires_grad_()
            layer.zero_grad()
            normalised = layer(copy)
            normalised.backward(slopes)
            found.append([normalised, copy.grad, *(parameter.grad for parameter in layer.parameters())])
        for one, other in zip(*found, strict=True):
            torch.testing.assert_close(other, one, rtol=1e-5, atol=1e-5)
    for one, other in zip(plain.buffers(), taken.buffers(), strict=True):
        torch.testing.assert_close(other, one)
    torch.testing.assert_close(shared.eval()(maps), plain.eval()(maps))


def test_shared_layers_keep_names_and_parameters() -> None:
    settings = load_recipe("demo", TINY)
    state = build_training_state(settings, 21, Machine("cpu", 1, "float32"), 0)
    names, parameters = list(state.network.state_dict()), list(state.network.parameters())
    share_layers(state.network, Processes(0, 2))
    assert list(state.network.state_dict()) == names
    assert all(one is other for one, other in zip(state.network.parameters(), parameters, strict=True))
    kinds = {type(layer) for layer in state.network.modules()}
    assert {SharedBatchNorm, SharedDropout} <= kinds
    assert not {nn.BatchNorm1d, nn.BatchNorm2d, nn.Dropout} & kinds


def test_a_layer_that_draws_otherwise_is_refused() -> None:
    network = nn.Sequential(nn.Linear(3, 3), nn.Sequential(nn.AlphaDropout(0.1)))
    with pytest.raises(SettingsError, match="AlphaDropout cannot be shared"):
        share_layers(network, Processes(1, 2))
    share_layers(network, Processes())


def test_parts_that_are_left_out_of_a_share_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, whole = torch.randn(7, 5, 3), PartDropout(0.9)
    torch.manual_seed(1)
    expected = [whole(vectors), whole(vectors)]
    for count in (2, 3):
        shares = [Processes(rank, count).share_of(7) for rank in range(count)]
        counts = torch.tensor([share.stop - share.start for share in shares])
        monkeypatch.setattr(Processes, "add", lambda processes, values, counts=counts: counts)
        found = []
        for rank, share in enumerate(shares):
            network = nn.Sequential(PartDropout(0.9))
            share_layers(network, Processes(rank, count))
            torch.manual_seed(1)
            found.append([network(vectors[share.rows]), network(vectors[share.rows])])
        for one, parts in zip(expected, zip(*found, strict=True), strict=True):
            assert torch.equal(torch.cat(parts), one)
