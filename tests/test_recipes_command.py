"""`twinface recipes`: every recipe with what it is for, and one with its network layer by layer."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import nn

from shell import twinface_here
from twinface.networks.backbones import Koch, layers_of
from twinface.training.recipe import load_recipe, recipe_names


def test_every_recipe_is_listed_with_what_it_is() -> None:
    printed = twinface_here("recipes").stdout
    found = json.loads(twinface_here("recipes", "--json").stdout)
    assert [each["name"] for each in found] == recipe_names()
    for each in found:
        assert f"{each['name']} " in printed
        assert each["description"] in printed
    assert next(each["suits"] for each in found if each["name"] == "sface").startswith("photos of your own")


def test_a_recipe_that_changes_another_is_not_described_as_that_one(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text('base = "residual"\n[network]\nbackbone = { name = "gradients", cells = [8] }\n')
    settings = load_recipe(str(mine))
    assert (settings.description, settings.suits) == ("changed from the recipe residual", "")
    mine.write_text('base = "residual"\ndescription = "my own"\n')
    assert load_recipe(str(mine)).description == "my own"


def test_a_recipe_is_shown_with_its_layers_and_settings() -> None:
    shown = twinface_here("recipes", "show", "koch")
    assert shown.returncode == 0
    for said in (
        "The network and training of Koch",
        "37,752,832",
        "908,623,872",
        "[optimizer]",
        "momentum = 0.9",
    ):
        assert said in shown.stdout
    values = json.loads(
        twinface_here("recipes", "show", "koch", "--set", "trainer.epochs=3", "--json").stdout
    )
    assert values["settings"] == load_recipe("koch", ["trainer.epochs=3"]).to_dict()
    assert [layer["output"] for layer in values["layers"]][-1] == [4096]
    assert 'did you mean "koch"' in twinface_here("recipes", "show", "kosh").stderr


def test_layers_are_counted_as_by_hand() -> None:
    layers = layers_of(
        nn.Sequential(nn.Conv2d(2, 3, 5), nn.Dropout(0.0), nn.Identity(), nn.Flatten()), (2, 9, 8)
    )
    first = layers[0]
    assert (first.name, first.kind, first.output) == ("0", "Conv2d 5x5", (3, 5, 4))
    assert (first.parameters, first.multiply_adds) == (3 * 2 * 25 + 3, 3 * 5 * 4 * 2 * 25)
    assert [(layer.kind, layer.output) for layer in layers[1:]] == [("Flatten", (60,))]


def test_counting_leaves_the_network_as_it_was() -> None:
    network = Koch((1, 70, 70), dropout=0.3).train()
    kinds = [layer.kind for layer in layers_of(network, (1, 70, 70))]
    assert kinds.count("Dropout 0.3") == 3
    assert network.training
    assert not any(module._forward_hooks for module in network.modules())
    assert all(torch.isfinite(value).all() for value in network.parameters())
