"""Study files: every point's settings are checked, and what cannot be compared is refused."""

from pathlib import Path

import pytest

from study_files import PLAIN, study_of, write_study
from twinface.core.errors import SettingsError
from twinface.datasets.data_source import DataSource
from twinface.studies.prepare import check_study
from twinface.studies.study_file.study import read_study
from twinface.studies.trials.proposals import PastPoint, next_points


def test_a_grid_is_every_combination(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    (search,) = study.searches
    assert study.name == "my-study"
    assert search.size == 6
    assert next_points(study, search, []) == [
        {"sampling.batch_size": batch, "optimizer.learning_rate": rate}
        for batch in (16, 32)
        for rate in (1e-3, 2e-3, 3e-3)
    ]
    made = search.settings({"sampling.batch_size": 32, "optimizer.learning_rate": 2e-3})
    assert made.sampling.options["batch_size"] == 32
    assert made.optimizer.options["learning_rate"] == 2e-3
    assert next_points(study, search, [PastPoint(point, 0.5) for point in search.grid()]) == []


def test_a_study_without_a_name_has_that_of_its_file(tmp_path: Path) -> None:
    path = write_study(tmp_path).rename(tmp_path / "My Größe².toml")
    assert read_study(path).name == "my-gr--e"


def test_a_byte_order_mark_is_no_part_of_a_study(tmp_path: Path) -> None:
    assert study_of(tmp_path, f"\ufeff{PLAIN}").text == study_of(tmp_path).text


def test_recipes_may_vary_too(tmp_path: Path) -> None:
    text = PLAIN.replace("sampling.batch_size = [16, 32]", 'recipe = ["seed-b-1", "seed-b-2"]')
    study = study_of(tmp_path, text.replace('recipe = "demo"\n', ""))
    recipes = {study.searches[0].settings(point).recipe for point in study.searches[0].grid()}
    assert recipes == {"seed-b-1", "seed-b-2"}


@pytest.mark.parametrize(
    ("find", "replace", "message"),
    [
        ('title = "t"', 'tilte = "t"', 'unknown field "tilte" .did you mean "title"'),
        (
            'recipe = "demo"',
            'recipe = "demo"\nmetod = "grid"',
            'unknown field "parts.0.metod" .did you mean "method"',
        ),
        ("[16, 32]", "[]", "sampling.batch_size has no values: the search is empty"),
        ("[16, 32]", "[16, 16]", "has a value twice"),
        ("[16, 32]", "16", r"batch_size: need a list of values, or a table with low and high \(found 16\)"),
        (
            "[16, 32]",
            "{ low = 0, high = 3, log = true }",
            "batch_size: found low = 0 with log, need low above 0",
        ),
        ("[16, 32]", "{ low = 8, high = 64 }", "is a range, and a grid needs a list"),
        ("[16, 32]", "{ low = 8, hihg = 64 }", 'unknown field .*hihg" .did you mean "high"'),
        (
            "sampling.batch_size = [16, 32], optimizer.learning_rate = [1e-3, 2e-3, 3e-3]",
            "",
            "nothing varies",
        ),
        ("sampling.batch_size", "sampling.bach_size", 'unknown field "sampling.bach_size" .* "batch_size"'),
        (
            "sampling.batch_size = [16, 32]",
            "trainer.epochs = [3, -1]",
            "trainer.epochs: .*greater than or equal to 0",
        ),
        ("sampling.batch_size", "data.split_seed", "data.split_seed may not vary"),
        ("sampling.batch_size", "validation.pairs", "validation.pairs may not vary"),
        ('recipe = "demo"', 'recipe = "demo"\nset = { sampling.batch_size = 8 }', "is both set and varied"),
        ('recipe = "demo"', 'recipe = "dmeo"', 'no recipe "dmeo" .did you mean "demo"'),
        ('recipe = "demo"', 'recipe = "demo"\ntrials = 4', "leave trials out"),
        ('recipe = "demo"', 'recipe = "demo"\nmethod = "random"', "a random search needs trials"),
        ('name = "a"', 'name = "A b"', "parts.0.name"),
        ('title = "t"', 'title = "t"\nobjective = "view1"', "a search sees validation people only"),
        ('title = "t"', 'title = "t"\nseeds = [1, 1]', "seeds has a number twice"),
        ('title = "t"', 'title = "t"\nseeds = []', "seeds"),
        ('title = "t"', 'title = "t"\nseeds = [true]', "seeds.0: Input should be a valid integer"),
        ('title = "t"', 'title = "t"\nseeds = [100000000000000000000]', "seeds.0: .* less than or equal to"),
        (
            'recipe = "demo"\nvary = { sampling.batch_size = [16, 32]',
            'recipe = "demo"\nmethod = "random"\ntrials = 2\n'
            "vary = { sampling.batch_size = { low = 16.0, high = 64.0 }",
            r"sampling.batch_size: Input should be a valid integer \(found 16.0\)",
        ),
        ('title = "t"', "title = ", "not TOML"),
    ],
)
def test_a_wrong_study_file_is_refused(tmp_path: Path, find: str, replace: str, message: str) -> None:
    assert find in PLAIN
    with pytest.raises(SettingsError, match=message):
        check_study(study_of(tmp_path, PLAIN.replace(find, replace, 1)), DataSource("orl"))


@pytest.mark.parametrize("point", ["b/best", "a/0006", "a", "a/x", "a/-1", "a/²"])
def test_a_test_of_a_point_that_will_not_be_is_refused(tmp_path: Path, point: str) -> None:
    text = PLAIN + f'[test]\nprotocol = "unseen"\npoints = ["{point}"]\n'
    with pytest.raises(SettingsError, match=f'there will be no point "{point}"'):
        study_of(tmp_path, text)


def test_searches_with_other_validation_people_are_refused(tmp_path: Path) -> None:
    other = PLAIN[PLAIN.index("[[parts]]") :].replace(
        'name = "a"', 'name = "b"\nset = { data.split_seed = 3 }'
    )
    with pytest.raises(SettingsError, match="part b: data differs from that of part a"):
        study_of(tmp_path, PLAIN + other)
