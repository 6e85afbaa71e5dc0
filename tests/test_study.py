"""Study files, the points they ask for, and who works on each."""

import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinface.core.errors import SettingsError, StorageError
from twinface.studies.points import STARTUP, Ended, next_points
from twinface.studies.study import Study, read_study
from twinface.studies.trial_store import Ledger, Outcome, ended, hide_password

PLAIN = """
title = "t"
data = "orl"

[[parts]]
name = "a"
recipe = "demo"
vary = { sampling.batch_size = [16, 32], optimizer.learning_rate = [1e-3, 2e-3, 3e-3] }
"""
DRAWN = """
title = "t"
data = "orl"
search_seed = 5

[[parts]]
name = "a"
recipe = "demo"
method = "METHOD"
trials = 20

[parts.vary]
optimizer.learning_rate = { low = 1e-4, high = 1e-1, log = true }
sampling.batch_size = { low = 8, high = 64, step = 8 }
loss = ["cosface", "arcface"]
"""


def study_of(folder: Path, text: str = PLAIN) -> Study:
    path = folder / "my study.toml"
    path.write_text(text, encoding="utf-8")
    return read_study(path)


def test_a_grid_is_every_combination(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    (part,) = study.parts
    assert study.name == "my-study"
    assert part.size == 6
    assert next_points(study, part, []) == [
        {"sampling.batch_size": batch, "optimizer.learning_rate": rate}
        for batch in (16, 32)
        for rate in (1e-3, 2e-3, 3e-3)
    ]
    made = part.settings({"sampling.batch_size": 32, "optimizer.learning_rate": 2e-3})
    assert made.sampling.options["batch_size"] == 32
    assert made.optimizer.options["learning_rate"] == 2e-3
    assert next_points(study, part, [Ended(point, 0.5) for point in part.grid()]) == []


def test_recipes_may_vary_too(tmp_path: Path) -> None:
    text = PLAIN.replace("sampling.batch_size = [16, 32]", 'recipe = ["seed-b-1", "seed-b-2"]')
    study = study_of(tmp_path, text.replace('recipe = "demo"\n', ""))
    recipes = {study.parts[0].settings(point).recipe for point in study.parts[0].grid()}
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
        ('title = "t"', "title = ", "not TOML"),
    ],
)
def test_a_wrong_study_file_is_refused(tmp_path: Path, find: str, replace: str, message: str) -> None:
    from twinface.datasets.training_split import DataSource
    from twinface.studies.sweep import check_study

    assert find in PLAIN
    with pytest.raises(SettingsError, match=message):
        check_study(study_of(tmp_path, PLAIN.replace(find, replace, 1)), DataSource("orl"))


@pytest.mark.parametrize("point", ["b/best", "a/0006", "a", "a/x", "a/-1"])
def test_a_test_of_a_point_that_will_not_be_is_refused(tmp_path: Path, point: str) -> None:
    text = PLAIN + f'[test]\nprotocol = "unseen"\npoints = ["{point}"]\n'
    with pytest.raises(SettingsError, match=f'there will be no point "{point}"'):
        study_of(tmp_path, text)


def test_parts_with_other_validation_people_are_refused(tmp_path: Path) -> None:
    other = PLAIN[PLAIN.index("[[parts]]") :].replace(
        'name = "a"', 'name = "b"\nset = { data.split_seed = 3 }'
    )
    with pytest.raises(SettingsError, match="part b: data differs from that of part a"):
        study_of(tmp_path, PLAIN + other)


@pytest.mark.parametrize("method", ["random", "guided"])
def test_draws_are_a_function_of_the_file_and_of_what_ended(tmp_path: Path, method: str) -> None:
    study = study_of(tmp_path, DRAWN.replace("METHOD", method))
    (part,) = study.parts
    past: list[Ended] = []
    while batch := next_points(study, part, past):
        assert batch == next_points(study, part, past)
        past += [Ended(point, -abs(point["optimizer.learning_rate"] - 0.01)) for point in batch]
    assert len(past) == 20
    for end in past:
        assert 1e-4 <= end.point["optimizer.learning_rate"] <= 1e-1
        assert end.point["sampling.batch_size"] in range(8, 65, 8)
        assert end.point["loss"] in ("cosface", "arcface")
    assert len({end.point["optimizer.learning_rate"] for end in past}) == 20
    other = study.model_copy(update={"search_seed": 6})
    assert next_points(other, part, []) != next_points(study, part, [])


def test_a_guided_search_comes_nearer_than_a_random_one(tmp_path: Path) -> None:
    def distance(point: dict) -> float:
        return abs(np.log10(point["optimizer.learning_rate"]) + 3) + (point["loss"] != "arcface")

    means = {}
    for method in ("random", "guided"):
        study = study_of(tmp_path, DRAWN.replace("METHOD", method).replace("trials = 20", "trials = 40"))
        past: list[Ended] = []
        while batch := next_points(study, study.parts[0], past):
            past += [Ended(point, -distance(point)) for point in batch]
        means[method] = np.mean([distance(end.point) for end in past[STARTUP:]])
    assert means["guided"] < means["random"]


def test_failed_and_given_up_points_do_not_stop_a_search(tmp_path: Path) -> None:
    study = study_of(tmp_path, DRAWN.replace("METHOD", "guided"))
    past: list[Ended] = []
    while batch := next_points(study, study.parts[0], past):
        past += [
            Ended(point, None if number % 3 else 0.1, number % 2 == 0) for number, point in enumerate(batch)
        ]
    assert len(past) == 20


def test_a_point_is_worked_on_once_and_what_is_dropped_is_taken_up(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    here, there = (Ledger(study, study.parts[0], tmp_path / "o") for _ in range(2))
    assert len(here.propose()) == len(there.propose()) == 6
    claims = [here.claim(), there.claim(), here.claim()]
    assert [claim.entry.number for claim in claims] == [0, 1, 2]
    claims[1].release()
    again = here.claim()
    assert again.entry.number == 1
    for claim in (claims[0], again, claims[2]):
        here.close(claim, Outcome("finished", 0.5))
    states = [entry.state for entry in there.entries()]
    assert states == ["finished"] * 3 + ["waiting"] * 3


def test_many_threads_share_a_ledger(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    Ledger(study, study.parts[0], tmp_path / "o").propose()
    taken: list[int] = []

    def work() -> None:
        ledger = Ledger(study, study.parts[0], tmp_path / "o")
        while claim := ledger.claim():
            taken.append(claim.entry.number)
            ledger.close(claim, Outcome("finished", float(claim.entry.number)))

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(taken) == list(range(6))
    ledger = Ledger(study, study.parts[0], tmp_path / "o")
    assert [end.value for end in ended(ledger.entries())] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_half_a_batch_is_completed_as_it_was_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = study_of(tmp_path, DRAWN.replace("METHOD", "guided"))
    whole = Ledger(study, study.parts[0], tmp_path / "whole").propose()
    ledger = Ledger(study, study.parts[0], tmp_path / "o")
    enqueue, calls = ledger._optuna.enqueue_trial, []

    def killed(*given, **named) -> None:
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(enqueue(*given, **named))

    monkeypatch.setattr(ledger._optuna, "enqueue_trial", killed)
    with pytest.raises(KeyboardInterrupt):
        ledger.propose()
    after = Ledger(study, study.parts[0], tmp_path / "o").propose()
    assert [entry.point for entry in after] == [entry.point for entry in whole]


def test_another_study_in_the_same_place_is_refused(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    Ledger(study, study.parts[0], tmp_path / "o")
    changed = study_of(tmp_path, PLAIN.replace("[16, 32]", "[16, 64]"))
    with pytest.raises(SettingsError, match="with other contents; choose another --out"):
        Ledger(changed, changed.parts[0], tmp_path / "o")


def test_a_database_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    address = "postgresql+psycopg://me:secret@127.0.0.1:1/none"
    with pytest.raises(StorageError, match="does not answer") as caught:
        Ledger(study, study.parts[0], tmp_path / "o", address)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "no address",
        "oracle://here/db",
        "nobase://here/db",
        "redis://here",
        "postgresql+psycopg://here:port/db",
    ],
)
def test_an_address_that_is_no_databases_is_refused(tmp_path: Path, address: str) -> None:
    study = study_of(tmp_path)
    with pytest.raises(StorageError, match="does not answer"):
        Ledger(study, study.parts[0], tmp_path / "o", address)


@given(st.text(max_size=40))
@settings(max_examples=50)
def test_no_address_of_a_database_crashes(text: str) -> None:
    assert isinstance(hide_password(text), str)
