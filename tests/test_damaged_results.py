"""Evaluations and validation scores of a run that are damaged: one line, whatever NumPy, zip and JSON make of them."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import pytest

from twinface.core.errors import ModelError
from twinface.evaluation.results import load_results, load_validation


def archive(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


WHOLE = archive(scores=np.arange(1000))
DAMAGED = {
    "empty": b"",
    "a pickle": pickle.dumps([1]),
    "cut": WHOLE[:-40],
    "flipped": WHOLE[:60] + bytes(200) + WHOLE[260:],
    "other arrays": WHOLE,
    "objects": archive(scores=np.array([{}], dtype=object)),
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_damaged_arrays_are_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "validation.npz").write_bytes(data)
    with pytest.raises(ModelError, match=r"validation\.npz: missing or damaged"):
        load_validation(tmp_path)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "unseen.json").write_text("{}")
    (tmp_path / "results" / "unseen.npz").write_bytes(data)
    with pytest.raises(ModelError, match=r"unseen\.json: damaged"):
        load_results(tmp_path)


@pytest.mark.parametrize("text", ["", "null", "[]", "[" * 100_000, '{"data": {}}', '{"accuracy": null}'])
def test_damaged_figures_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "unseen.json").write_text(text)
    with pytest.raises(ModelError, match=r"unseen\.json: damaged"):
        load_results(tmp_path)
