"""The loop around the steps: its position, the figures of its epochs, when it saves, when it stops."""

import math
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from toy_runs import new_run
from toy_training import SEED, Validation, batches, toy_plan, toy_state
from twinface.core.errors import DivergedError, ModelError
from twinface.core.interruption import Interrupted, StopRequest
from twinface.training import loop
from twinface.training.callbacks import Callbacks, Step
from twinface.training.epoch_metrics import EpochMetrics
from twinface.training.loop import training_loop
from twinface.training.optimizers import l2_penalty
from twinface.training.plan import TrainingPlan, TrainingPosition
from twinface.training.run_folder import RunFolder
from twinface.training.state_file import read_tensors
from twinface.training.step import training_step
from twinface.training.training_state import TrainingState


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return new_run(tmp_path / "run")


def run(
    state: TrainingState,
    plan: TrainingPlan,
    folder: RunFolder,
    callbacks: Callbacks | None = None,
    stop: StopRequest | None = None,
) -> TrainingPosition:
    return training_loop(state, plan, folder, stop or StopRequest(), callbacks or Callbacks())


def weights_of(state: TrainingState) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in state.tensors().items()}


def check_same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert found.keys() == expected.keys()
    assert [name for name in found if not torch.equal(found[name], expected[name])] == []


def test_it_makes_every_step_of_every_epoch_once_and_in_order(folder: RunFolder) -> None:
    """Its weights and losses are those of the steps, made one by one."""
    plan, losses = toy_plan(epochs=2), []
    by_hand = toy_state(averaging=0.5, learning_rate=0.1)
    for number in range(6):
        epoch, step = divmod(number, 3)
        position = TrainingPosition(epoch=epoch, step=step, steps=number)
        losses.append(training_step(by_hand, plan, batches(SEED, epoch)[step], position, 3))
    state, steps = toy_state(averaging=0.5, learning_rate=0.1), []
    ended = run(state, plan, folder, Callbacks(on_step=steps.append))
    check_same(weights_of(state), weights_of(by_hand))
    assert [step.loss for step in steps] == losses
    assert [(step.steps, step.images) for step in steps] == [(3, 6)] * 6
    places = [step.position for step in steps]
    assert [(each.epoch, each.step) for each in places] == [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (1, 3)]
    assert [(each.steps, each.images) for each in places] == [(n, 6 * n) for n in range(1, 7)]
    assert [each.loss_sum for each in places] == pytest.approx(
        [sum(losses[3 * (number // 3) : number + 1]) for number in range(6)]
    )
    assert replace(ended, seconds=0) == TrainingPosition(
        epoch=2, steps=6, images=36, best_epoch=0, best_value=0.5, waiting=1, records=2
    )
    assert [record.loss for record in folder.metrics()] == pytest.approx(
        [sum(losses[:3]) / 3, sum(losses[3:]) / 3]
    )


def test_the_figures_of_an_epoch(folder: RunFolder) -> None:
    """The rate is that of the last step: a third of an epoch before its end, where an epoch has three steps."""
    validation, seen = Validation([0.6, 0.5, 0.6, 0.8]), []
    run(
        toy_state(learning_rate=0.1),
        toy_plan(4, validate=validation),
        folder,
        Callbacks(on_epoch=seen.append),
    )
    assert seen == folder.metrics()
    assert [record.epoch for record in seen] == [1, 2, 3, 4]
    warm = 1.0
    rates = [0.1 * 2 / 3, *(0.1 * (1 + math.cos(math.pi * (e + 2 / 3 - warm) / 3)) / 2 for e in (1, 2, 3))]
    assert [record.learning_rate for record in seen] == pytest.approx(rates)
    assert [record.value for record in seen] == [0.6, 0.5, 0.6, 0.8]
    # An equal figure is not a better one.
    assert [record.best for record in seen] == [True, False, False, True]
    assert [record.validation.validation_loss for record in seen] == pytest.approx([0.4, 0.5, 0.4, 0.2])
    assert validation.training == [False] * 4


@pytest.mark.parametrize("averaging", [0.0, 0.5])
def test_what_is_validated_is_kept(folder: RunFolder, averaging: float) -> None:
    """The average where there is one, and the network's own weights otherwise; those of the best epoch are kept."""
    state, validation, expected = (
        toy_state(averaging=averaging, learning_rate=0.1),
        Validation([0.6, 0.9, 0.7]),
        [],
    )

    def remember(step: Step) -> None:
        if step.position.step == 3:
            kept = state.average.tensors if averaging else state.network.state_dict()
            expected.append({name: value.clone() for name, value in kept.items()})

    run(state, toy_plan(3, validate=validation), folder, Callbacks(on_step=remember))
    for found, wanted in zip(validation.weights, expected, strict=True):
        check_same(found, wanted)
    best, about = read_tensors(folder.best)
    check_same(best, expected[1])
    assert about == {"epoch": 2, "value": 0.9}
    assert not torch.equal(expected[0]["backbone.stem.weight"], expected[1]["backbone.stem.weight"])
    assert state.network.training


@pytest.mark.parametrize(
    ("accuracies", "patience", "every", "epochs"),
    [
        ([0.5, 0.6, 0.6, 0.6, 0.9], 2, 1, 4),
        ([0.5, 0.6, 0.6, 0.7, 0.6, 0.6, 0.9], 2, 1, 6),
        ([0.5, 0.4, 0.4, 0.4], 1, 1, 2),
        ([0.5, 0.4, 0.4, 0.9], 3, 2, 6),  # validation in epochs 2, 4, 6: four epochs without a gain
        ([0.5] * 9, None, 1, 8),
    ],
)
def test_patience_counts_epochs_without_a_gain(
    folder: RunFolder, accuracies: list[float], patience: int | None, every: int, epochs: int
) -> None:
    plan = toy_plan(8, validate=Validation(accuracies), patience=patience, every=every)
    assert run(toy_state(learning_rate=0.01), plan, folder).epoch == epochs
    assert len(folder.metrics()) == epochs


def test_the_last_weights_are_kept_where_that_is_asked_for(folder: RunFolder) -> None:
    """Patience still counts from the best epoch."""
    validation = Validation([0.6, 0.9, 0.7, 0.8, 0.9])
    plan = toy_plan(9, validate=validation)
    plan = replace(plan, validation=plan.validation.model_copy(update={"keep": "last", "patience": 2}))
    ended = run(toy_state(learning_rate=0.1), plan, folder)
    assert (ended.epoch, ended.best_epoch, ended.best_value) == (4, 3, 0.9)
    kept, about = read_tensors(folder.best)
    check_same(kept, validation.weights[3])
    assert about == {"epoch": 4, "value": 0.8}
    assert [record.best for record in folder.metrics()] == [True] * 4


def test_a_penalised_loss_counts_the_weights(folder: RunFolder) -> None:
    state, seen = toy_state("adam", learning_rate=0.01, weight_decay=0.3), []
    plan = toy_plan(3, validate=Validation([0.5, 0.7, 0.6]), metric="penalised-loss")
    run(state, plan, folder, Callbacks(on_epoch=lambda metrics: seen.append(l2_penalty(state.optimizer))))
    values = [record.value for record in folder.metrics()]
    assert values == pytest.approx([-0.5 - seen[0], -0.3 - seen[1], -0.4 - seen[2]])
    assert min(seen) > 0.1


@pytest.mark.parametrize(
    ("metric", "values"),
    [("accuracy", [0.5, 0.7, 0.6]), ("loss", [-0.5, -0.3, -0.4]), ("one-shot", [0.4, 0.2, 0.3])],
)
def test_what_chooses_the_epoch(folder: RunFolder, metric: str, values: list[float]) -> None:
    """A figure that is higher for better: the loss is counted below 0."""
    plan = toy_plan(3, validate=Validation([0.5, 0.7, 0.6], one_shot=[0.4, 0.2, 0.3]), metric=metric)
    ended = run(toy_state(learning_rate=0.01), plan, folder)
    assert [record.value for record in folder.metrics()] == pytest.approx(values)
    assert ended.best_epoch == int(np.argmax(values))
    assert ended.best_value == pytest.approx(max(values))


def test_validation_is_where_it_is_due(folder: RunFolder) -> None:
    plan = toy_plan(5, validate=Validation([0.6, 0.5, 0.7]), every=2)
    ended = run(toy_state(learning_rate=0.01), plan, folder)
    found = folder.metrics()
    assert [record.validation is not None for record in found] == [False, True, False, True, True]
    assert [record.value for record in found] == [None, 0.6, None, 0.5, 0.7]
    assert [record.best for record in found] == [False, True, False, False, True]
    assert (ended.best_epoch, ended.best_value, ended.waiting) == (4, 0.7, 0)


def test_a_network_without_training_is_kept_as_it_is(folder: RunFolder) -> None:
    state = toy_state()
    ended = run(state, toy_plan(0, "constant"), folder)
    assert (ended.epoch, ended.steps) == (0, 0)
    best, about = read_tensors(folder.best)
    check_same(best, dict(state.network.state_dict()))
    assert about == {"epoch": 0, "value": 0.0}
    assert folder.metrics() == []


def test_it_saves_after_each_epoch_and_within_one_when_it_is_time(folder: RunFolder) -> None:
    """With no seconds between saves, after each step that is not an epoch's last; the file says where training is."""
    found = []

    def look(step: Step) -> None:
        saved = folder.state.read()
        found.append(None if saved is None else (saved[1]["epoch"], saved[1]["step"]))

    state = toy_state(averaging=0.5, learning_rate=0.1)
    ended = run(state, toy_plan(2, save_every=0.0), folder, Callbacks(on_step=look))
    # Saving took time, and may take a twentieth of the time at most: the first step always saves.
    assert found[:2] == [None, (0, 1)]
    assert set(found[2:]) <= {(0, 1), (0, 2), (1, 0), (1, 1), (1, 2)}
    assert found[3] == (1, 0)
    tensors, about = folder.state.read()
    check_same(tensors, weights_of(state))
    assert replace(TrainingPosition(**about), seconds=0) == replace(ended, seconds=0)
    assert about["seconds"] > 0


def test_when_to_save(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every so many seconds, but never for more than a twentieth of the time."""
    now = [100.0]
    monkeypatch.setattr(loop.time, "monotonic", lambda: now[0])
    clock = loop._SaveClock(3.0)
    assert not clock.due()
    now[0] = 102.9
    assert not clock.due()
    now[0] = 103.0
    assert clock.due()
    now[0] = 104.0
    clock.done(103.5)  # it took half a second, so the next one is 10 s later
    now[0] = 113.9
    assert not clock.due()
    now[0] = 114.0
    assert clock.due()


@pytest.mark.parametrize("after", [1, 3, 4])
def test_a_signal_is_heard_after_the_step(folder: RunFolder, after: int) -> None:
    """The state is saved there, and training that goes on from it ends in the same bits."""
    whole = toy_state("adam", averaging=0.5, learning_rate=0.1)
    other = new_run(folder.path.with_name("whole"))
    ended = run(whole, toy_plan(2), other)
    stop, state = StopRequest(), toy_state("adam", averaging=0.5, learning_rate=0.1)

    def ask(step: Step) -> None:
        if step.position.steps == after:
            stop.signal_number = 15

    with pytest.raises(Interrupted) as caught:
        run(state, toy_plan(2), folder, Callbacks(on_step=ask), stop)
    assert caught.value.signal_number == 15
    _, about = folder.state.read()
    assert about["steps"] == after
    assert (about["epoch"], about["step"]) == divmod(after, 3) if after != 3 else (0, 3)
    again = toy_state("adam", averaging=0.5, learning_rate=0.1)
    resumed = run(again, toy_plan(2), folder)
    check_same(weights_of(again), weights_of(whole))
    assert replace(resumed, seconds=0) == replace(ended, seconds=0)
    assert [{**r.to_dict(), "seconds": 0} for r in folder.metrics()] == [
        {**r.to_dict(), "seconds": 0} for r in other.metrics()
    ]


def test_a_signal_during_validation_is_heard_after_the_epoch(folder: RunFolder) -> None:
    stop = StopRequest()

    def ask(metrics: EpochMetrics) -> None:
        stop.signal_number = 2

    with pytest.raises(Interrupted) as caught:
        run(toy_state(learning_rate=0.1), toy_plan(2), folder, Callbacks(on_epoch=ask), stop)
    assert caught.value.signal_number == 2
    _, about = folder.state.read()
    assert (about["epoch"], about["step"], about["steps"], about["records"]) == (1, 0, 3, 1)
    assert about["loss_sum"] == 0
    assert len(folder.metrics()) == 1


def test_seconds_add_up_over_parts_of_a_training(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock takes a second here; a part begins where the state before it ended."""
    now = [0.0]

    def tick() -> float:
        now[0] += 1
        return now[0]

    folder.state.write(
        toy_state(learning_rate=0.1).tensors(), asdict(TrainingPosition(epoch=1, seconds=1000.1234))
    )
    monkeypatch.setattr(loop.time, "monotonic", tick)
    ended = run(toy_state(learning_rate=0.1), toy_plan(2), folder)
    assert 1001 < folder.metrics()[0].seconds < ended.seconds <= 1001 + now[0]
    assert folder.metrics()[0].seconds % 1 == pytest.approx(0.123)  # to the millisecond


def test_an_epoch_counts_its_losses_from_where_it_was_resumed(folder: RunFolder) -> None:
    at = TrainingPosition(epoch=1, step=2, steps=5, images=30, loss_sum=6.0, records=1)
    folder.record(0, EpochMetrics(epoch=1, loss=0.5, learning_rate=0.1, seconds=1.0))
    folder.state.write(toy_state(learning_rate=0.1).tensors(), asdict(at))
    steps: list[Step] = []
    ended = run(toy_state(learning_rate=0.1), toy_plan(2), folder, Callbacks(on_step=steps.append))
    assert [(step.position.epoch, step.position.step) for step in steps] == [(1, 3)]
    assert folder.metrics()[1].loss == pytest.approx((6.0 + steps[0].loss) / 3)
    assert (ended.steps, ended.images, ended.records) == (6, 36, 2)


def test_parts_of_the_work_are_named(folder: RunFolder) -> None:
    seen: list[str] = []

    class Phase:
        def __init__(self, name: str) -> None:
            seen.append(name)

        def __enter__(self) -> None:
            return None

        def __exit__(self, *error: object) -> None:
            return None

    run(toy_state(), toy_plan(1), folder, Callbacks(phase=Phase))
    step = ["step", "batch", "augmentation", "forward", "backward", "optimizer"]
    assert seen == ["sampling", *step * 3, "validation", "saving"]


def test_a_state_of_another_network_is_refused_with_its_file(folder: RunFolder) -> None:
    tensors = toy_state().tensors()
    tensors["twin/backbone.dense.weight"] = tensors["twin/backbone.dense.weight"][:1]
    folder.state.write(tensors, asdict(TrainingPosition()))
    with pytest.raises(
        ModelError, match=r"state\.safetensors: twin/backbone\.dense\.weight: found \(1, 32\)"
    ):
        run(toy_state(), toy_plan(1), folder)


def test_a_loss_that_is_not_finite_leaves_the_last_good_state(folder: RunFolder) -> None:
    state = toy_state(learning_rate=0.1)

    def poison(step: Step) -> None:
        if step.position.steps == 5:
            with torch.no_grad():
                state.network.backbone.dense.weight[0, 0] = math.nan

    with pytest.raises(DivergedError, match="the loss is nan in epoch 2, step 3"):
        run(state, toy_plan(2), folder, Callbacks(on_step=poison))
    tensors, about = folder.state.read()
    assert (about["epoch"], about["step"]) == (1, 0)
    assert all(torch.isfinite(tensor).all() for tensor in tensors.values() if tensor.is_floating_point())
