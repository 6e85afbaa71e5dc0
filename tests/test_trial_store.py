"""The database of trials: who works on each, and that a kill leaves nothing half done."""

import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study_files import DRAWN, PLAIN, study_of
from twinface.core.errors import SettingsError, StorageError
from twinface.studies.study_folder import StudyFolder
from twinface.studies.trials.trial import Outcome
from twinface.studies.trials.trial_store import TrialStore, hide_password, past_points


def test_a_trial_is_claimed_once_and_a_released_one_is_claimed_again(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    here, there = (TrialStore(study, study.searches[0], tmp_path / "o") for _ in range(2))
    assert len(here.propose()) == len(there.propose()) == 6
    claims = [here.claim(), there.claim(), here.claim()]
    assert [claim.trial.number for claim in claims] == [0, 1, 2]
    claims[1].release()
    again = here.claim()
    assert again.trial.number == 1
    for claim in (claims[0], again, claims[2]):
        here.close(claim, Outcome("finished", 0.5))
    states = [trial.state for trial in there.trials()]
    assert states == ["finished"] * 3 + ["waiting"] * 3


def test_many_threads_share_a_store(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    TrialStore(study, study.searches[0], tmp_path / "o").propose()
    taken: list[int] = []

    def work() -> None:
        store = TrialStore(study, study.searches[0], tmp_path / "o")
        while claim := store.claim():
            taken.append(claim.trial.number)
            store.close(claim, Outcome("finished", float(claim.trial.number)))

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(taken) == list(range(6))
    store = TrialStore(study, study.searches[0], tmp_path / "o")
    assert [point.value for point in past_points(store.trials())] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_half_a_batch_is_completed_as_it_was_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = study_of(tmp_path, DRAWN.replace("METHOD", "guided"))
    whole = TrialStore(study, study.searches[0], tmp_path / "whole").propose()
    store = TrialStore(study, study.searches[0], tmp_path / "o")
    enqueue, calls = store._optuna.enqueue_trial, []

    def killed(*given, **named) -> None:
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(enqueue(*given, **named))

    monkeypatch.setattr(store._optuna, "enqueue_trial", killed)
    with pytest.raises(KeyboardInterrupt):
        store.propose()
    after = TrialStore(study, study.searches[0], tmp_path / "o").propose()
    assert [trial.point for trial in after] == [trial.point for trial in whole]


def test_another_study_in_the_same_place_is_refused(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    StudyFolder.begin(study, tmp_path / "o")
    changed = study_of(tmp_path, PLAIN.replace("[16, 32]", "[16, 64]"))
    with pytest.raises(SettingsError, match="with other contents; choose another --out"):
        StudyFolder.begin(changed, tmp_path / "o")
    assert StudyFolder.open(tmp_path / "o").study.fingerprint() == study.fingerprint()


def test_a_database_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    address = "postgresql+psycopg://me:secret@127.0.0.1:1/none"
    with pytest.raises(StorageError, match="does not answer") as caught:
        TrialStore(study, study.searches[0], tmp_path / "o", address)
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
        TrialStore(study, study.searches[0], tmp_path / "o", address)


@given(st.text(max_size=40))
@settings(max_examples=50)
def test_no_address_of_a_database_crashes(text: str) -> None:
    assert isinstance(hide_password(text), str)
