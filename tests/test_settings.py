"""Settings: recipes load, overrides apply, and what does not exist is refused with the nearest that does."""

import contextlib
import re
import tomllib

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from twinface.core.errors import SettingsError
from twinface.core.registry import Component
from twinface.core.settings import Settings, settings_from
from twinface.training.build import check_components, check_network
from twinface.training.recipe import load_recipe, override, recipe_names

SHIPPED = {
    "default",
    "demo",
    "fast",
    "fisher",
    "koch",
    "residual",
    "restricted",
    "sface",
    "siamese",
    "strong",
    "seed-a-batchnorm",
    "seed-a-dropout",
    "seed-a-plain",
    "seed-a-batchnorm-as-reported",
    *(f"seed-b-{n}{reading}" for n in range(1, 5) for reading in ("", "-as-reported", "-as-published")),
}


def test_the_recipes_that_ship() -> None:
    assert set(recipe_names()) == SHIPPED


def test_no_epoch_is_for_networks_that_have_nothing_to_learn() -> None:
    check_network(load_recipe("fast"))
    with pytest.raises(SettingsError, match=r"trainer\.epochs: found 0, .* layers to train"):
        check_network(load_recipe("demo", ["trainer.epochs=0"]))


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_a_recipe_is_whole_and_survives_a_settings_file(name: str) -> None:
    settings = load_recipe(name)
    check_components(settings)
    assert settings.recipe == name
    assert settings.description
    assert settings_from(tomllib.loads(tomli_w.dumps(settings.to_dict())), "again") == settings


def test_seed_b_recipes_hold_its_published_table() -> None:
    table = {
        name: (
            s.trainer.epochs,
            s.sampling.options["batch_size"],
            s.optimizer.options["learning_rate"],
            s.optimizer.options["weight_decay"],
            s.network.difference_dropout,
        )
        for name in sorted(SHIPPED)
        if name.startswith("seed-b") and name.endswith("-as-reported")
        for s in [load_recipe(name)]
    }
    assert table == {
        "seed-b-1-as-reported": (50, 32, 0.005, 5e-4, 0.0),
        "seed-b-2-as-reported": (25, 32, 0.005, 0.0, 0.0),
        "seed-b-3-as-reported": (50, 32, 0.005, 0.0, 0.0),
        "seed-b-4-as-reported": (25, 16, 0.005, 0.0, 0.2),
    }


@pytest.mark.parametrize("number", range(1, 5))
def test_readings_of_seed_b_differ_in_weight_decay_and_initial_weights_alone(number: int) -> None:
    ran, reported, published = (
        load_recipe(f"seed-b-{number}{reading}").to_dict()
        for reading in ("", "-as-reported", "-as-published")
    )
    assert ran["optimizer"]["weight_decay"] == ran["optimizer"]["learning_rate"] == 0.005
    assert reported["optimizer"] != ran["optimizer"]
    assert reported | {"optimizer": ran["optimizer"]} == ran | named(reported)
    initial = {"initialisation": "seed-b-as-written"}
    assert published == ran | {"network": ran["network"] | initial} | named(published)


def named(settings: dict[str, object]) -> dict[str, object]:
    return {name: settings[name] for name in ("recipe", "description")}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("trainer.epoch=5", 'unknown field "trainer.epoch" (did you mean "epochs"?)'),
        ("trainr.epochs=5", 'unknown field "trainr" (did you mean "trainer"?)'),
        ("trainer.epochs=-1", "trainer.epochs: Input should be greater than or equal to 0 (found -1)"),
        ("trainer.epochs=many", "trainer.epochs"),
        ("trainer.epochs", "need FIELD=VALUE"),
        ("=5", "need FIELD=VALUE"),
        ("trainer.epochs.more=5", '"epochs" has a value and no fields'),
        ("network.distance.x=1", '"distance" has a value and no fields'),
        ("data.supervision=pairs", "does not go with sampling.name"),
        ("imaging.height=4000", "imaging.height"),
    ],
)
def test_a_wrong_override_is_refused(change: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_recipe("default", [change])
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


SMALL = 'network.backbone={name="residual", channels=[4, 8], embedding=16}'
NO_NUMBERS = """
    data.validation_people data.validation_part data.test_people data.test_part data.split_seed imaging.height
    augment.rotation augment.shift augment.flip score_normalisation.spread score_normalisation.clarity
    validation.pairs validation.ways validation.patience trainer.epochs trainer.gradient_clip trainer.averaging
    trainer.save_every trainer.threads optimizer.learning_rate optimizer.weight_decay optimizer.beta1 loss.margin
    loss.scale schedule.warmup projection.shrinkage network.backbone.dropout network.backbone.depth
    sampling.batch_size
"""


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e308", "-1e308", "1" + "0" * 40])
@pytest.mark.parametrize("field", NO_NUMBERS.split())
def test_a_number_that_is_not_finite_or_out_of_range_is_named(field: str, value: str) -> None:
    recipe = "strong" if field.startswith("projection") else "demo"
    with pytest.raises(SettingsError) as caught:
        check_components(load_recipe(recipe, [SMALL, f"{field}={value}"]))
    assert re.search(rf"(^|: ){re.escape(field)}: ", str(caught.value))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("data.validation_people=inf", "data.validation_people: Input should be a finite number (found inf)"),
        ("data.split_seed=-1", "data.split_seed: Input should be greater than or equal to 0 (found -1)"),
        (
            "trainer.threads=1000000",
            "trainer.threads: Input should be less than or equal to 1024 (found 1000000)",
        ),
        (
            "trainer.device=cpux",
            'trainer.device: Value error, need "auto", "cpu", "cuda", or "cuda:1" and so on',
        ),
        ("imaging.region=[nan,0,1,1]", "imaging.region.0: Input should be a finite number (found nan)"),
        ("loss.margin=inf", "loss.margin: Input should be a finite number (found inf)"),
        ("loss.margin=1e39", "loss.margin: found 1e+39, need a number from -1e+30 to 1e+30"),
        ('loss.margin="5"', "loss.margin: Input should be a valid number (found '5')"),
        ("loss.margin=true", "loss.margin: Input should be a valid number (found True)"),
        ("trainer.epochs=true", "trainer.epochs: Input should be a valid integer (found True)"),
        (
            "data.validation_people=true",
            "data.validation_people: Input should be a valid number (found True)",
        ),
        ('data.test_people="5"', "data.test_people: Input should be a valid number (found '5')"),
        (
            'optimizer={name="sgd",layers={"backbone.dense"={learning_rate=inf}}}',
            "optimizer.layers.backbone.dense.learning_rate: Input should be a finite number (found inf)",
        ),
        ("network.backbone.channels=[]", "network.backbone.channels: Value should have at least 1 item"),
        (
            'network.backbone={name="gradients",cells=[]}',
            "network.backbone.cells: Value should have at least 1",
        ),
        ('network.backbone={name="gradients",hidden=-3}', "network.backbone.hidden: Input should be greater"),
        (
            'network.backbone={name="fisher",scales=[1e-300]}',
            "network.backbone.scales.0: Input should be greater",
        ),
    ],
)
def test_an_odd_value_is_named_before_any_picture_is_read(change: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check_components(load_recipe("demo", [SMALL, change]))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            'network.backbone={name="committee",members=[{name="residual",weight=inf}]}',
            "network.backbone.members.0.weight: Input should be a finite number",
        ),
        (
            'network.backbone={name="residual",channels=[1000000,1000000]}',
            "network.backbone: cannot be built",
        ),
    ],
)
def test_a_network_that_cannot_be_built_is_named(change: str, said: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(said)):
        check_network(load_recipe("demo", [SMALL, change]))


def test_maps_of_one_position_are_enough() -> None:
    check_network(load_recipe("demo", [SMALL, "network.backbone.channels=[4, 4, 4, 4, 4, 4, 4, 4]"]))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("loss.margn=1", 'unknown field "loss.margn" of cosface (did you mean "margin"?)'),
        ("loss=cosfase", 'no loss "cosfase" (did you mean "cosface"?)'),
        ("network.backbone=resnet", 'no network.backbone "resnet"'),
        ("network.distance=cosin", 'no "cosin" (did you mean "cosine"?)'),
        ("network.initialisation=paperr", 'did you mean "paper"?'),
        ("optimizer.learning_rat=1", 'did you mean "learning_rate"?'),
        ("schedule=cosin", 'did you mean "cosine"?'),
        ("sampling=image", 'did you mean "images"?'),
        ("loss=bce", "does not go with"),
    ],
)
def test_a_wrong_component_is_refused_before_any_picture_is_read(change: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check_components(load_recipe("residual", [change]))
    assert said in str(caught.value)


def test_overrides_reach_every_depth() -> None:
    settings = load_recipe(
        "koch",
        [
            "trainer.epochs=5",
            "schedule=step",
            "schedule.every=3",
            "network.backbone.dense=64",
            "imaging.region=face",
        ],
    )
    assert settings.trainer.epochs == 5
    assert settings.schedule.name == "step"
    assert settings.schedule.options == {"every": 3}
    assert settings.network.backbone.options["dense"] == 64
    assert settings.imaging.region == "face"


def test_no_such_recipe_names_the_nearest() -> None:
    with pytest.raises(SettingsError, match='did you mean "koch"'):
        load_recipe("kock")


def test_a_recipe_of_ones_own(tmp_path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[trainer]\nepochs = 7\n")
    assert load_recipe(str(file)) == Settings(recipe="mine", trainer={"epochs": 7})
    file.write_text("[trainer]\nepochs = 7\n", encoding="utf-8-sig")  # as some editors on Windows write it
    assert load_recipe(str(file)) == Settings(recipe="mine", trainer={"epochs": 7})
    file.write_text("[trainer\n")
    with pytest.raises(SettingsError, match="not TOML"):
        load_recipe(str(file))
    with pytest.raises(SettingsError, match="cannot be read"):
        load_recipe(str(tmp_path / "none.toml"))


def test_a_recipe_that_says_only_what_differs(tmp_path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        'base = "residual"\n[trainer]\nepochs = 7\n[schedule]\nwarmup = 1\n[optimizer]\nname = "sgd"\n'
    )
    base, mine = load_recipe("residual"), load_recipe(str(file))
    assert (mine.recipe, mine.trainer.epochs, mine.trainer.averaging) == ("mine", 7, 0.999)
    assert mine.schedule.options == {"warmup": 1}
    assert mine.optimizer == Component(name="sgd")  # nothing is left of the other optimizer's settings
    assert mine.network == base.network
    for wrong in ('"residul"', '"mine.toml"', "5", "[]"):
        file.write_text(f"base = {wrong}\n")
        with pytest.raises(SettingsError, match=r"mine\.toml: base: no recipe"):
            load_recipe(str(file))


@given(st.text(max_size=40))
def test_no_override_crashes(text: str) -> None:
    with contextlib.suppress(SettingsError):
        settings_from(override(load_recipe("default").to_dict(), [text]), "text")
