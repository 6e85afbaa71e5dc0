"""Fits the named pretrained models on people of LFW's DevTrain, and judges them.

    python studies/named_models.py fit --root DIR      (writes src/twinface/models/cards/NAME.json)
    python studies/named_models.py lengths --root DIR  (only the lengths of embeddings; fit does that as well)
    python studies/named_models.py judge --root DIR    (View 1 test, View 2, all pairs of DevTest; into the cards)

Pictures are aligned by Twinface. The weights of a committee's members, the thresholds and the calibrations are fitted
on 1,500 people of DevTrain; in View 2 the threshold is fitted on the nine other folds. The networks themselves were
trained on labelled outside data, which may hold any of these people.
"""

from __future__ import annotations

import argparse
import atexit
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np

from twinface import __version__
from twinface.core.progress import progress_bar
from twinface.core.storage import new_file, write_json
from twinface.core.types import ByteArray, FaceSet, Float32Array, PairSet
from twinface.datasets.aligned import AlignedDataset, align_faces
from twinface.datasets.lfw.dataset import Lfw
from twinface.datasets.subsets import take_people, take_pictures
from twinface.evaluation.calibration import fit_threshold
from twinface.evaluation.error_rates import error_rates
from twinface.evaluation.evaluate import evaluate
from twinface.evaluation.fit_on_people import first_pictures, fit_on_pairs, score_all_pairs
from twinface.evaluation.intervals.folds import fold_interval, mean_and_standard_error
from twinface.evaluation.operating_points import measure_error_table
from twinface.evaluation.other_conditions import score_conditions
from twinface.faces.cache import prepare_faces
from twinface.faces.cache_folder import cache_folder
from twinface.faces.frame import STANDARD_FRAME
from twinface.faces.preparation import Preparation
from twinface.models.card import Figure, ModelCard, card_file, read_card
from twinface.models.catalog import COMMITTEES, open_named
from twinface.models.committee import COMMITTEE_PREPARATION, Committee, Member, Variant
from twinface.models.decision import Calibration, Threshold
from twinface.models.embedder import Embedder, LoadedModel
from twinface.models.embedding_lengths import length_quantiles
from twinface.models.pretrained import dlib_network, sface
from twinface.models.provenance import Provenance, hash_people
from twinface.models.record import ModelRecord
from twinface.models.scoring import embed_faces, score_pairs

PEOPLE, PICTURES = 1500, 4  # of DevTrain that everything is fitted on, and pictures of each
FAR = 1e-3
SALT = "8d0f6f3a1c5b4e7f92a6d3b1c4e5f607"
FITTED_ON = f"all pairs of {PEOPLE:,} people of LFW-a DevTrain, aligned by Twinface"
TELLING_LENGTHS = ("sface",)  # see how_alike.py
TRAINED_HERE = ("siamese", "default")
OPENED = {"sface": sface, "dlib": dlib_network}
SUMMARIES = {
    "siamese": "Fisher vectors trained by gradient descent, and PLDA, from LFW-a alone, label-free outside data",
    "default": "Fisher vectors of one crop of the face and PLDA, from LFW-a alone, label-free outside data",
    "sface": "SFace, 128 numbers a face, labelled outside data",
    "dlib": "dlib's residual network, 128 numbers a face, labelled outside data",
    "sface-dlib": "SFace and dlib together, 256 numbers a face, labelled outside data",
}


def fit(root: Path, names: list[str]) -> None:
    """Writes the cards of these models; those of models that are trained here hold no record, because the files do."""
    for name in set(TRAINED_HERE) & set(names):
        card = card_of(name, "3,634 people of LFW-a DevTrain", "MIT")
        write_card(replace(card, labelled_outside_data=False))
    names = [name for name in names if name not in TRAINED_HERE]
    if not names:
        return
    faces = fitting_faces(root)
    for name, module in OPENED.items():
        if name not in names:
            continue
        network = module.DESCRIPTION
        open_network: Callable[[ModelRecord], LoadedModel] = getattr(module, f"open_{name}")
        plain = record(name, network.preparation, "cosine", 128, faces)
        fitted, card = (
            fit_one(Remembering(open_network(plain)), faces),
            card_of(name, network.training_data, network.licence),
        )
        write_card(replace(card, record=fitted[0], genuine=fitted[1], impostor=fitted[2]))
        read_card.cache_clear()
    for name, members in COMMITTEES.items():
        if name not in names:
            continue
        cards = [read_card(member) for member in members]
        weights = []
        for member, variants in members.items():
            weights.append(1 / deviation(committee_of_one(member, variants, faces), faces))
        size = 1 + sum(each.record.embedding_size for each in cards if each.record)
        plain = record(name, COMMITTEE_PREPARATION, "local-cosine", size, faces)
        card = card_of(
            name, "; ".join(each.training_data for each in cards), ", ".join(each.licence for each in cards)
        )
        card = replace(card, record=plain, weights=tuple(round(weight, 4) for weight in weights))
        write_card(card)
        read_card.cache_clear()
        opened.cache_clear()
        fitted = fit_one(opened(name), faces)
        write_card(replace(card, record=fitted[0], genuine=fitted[1], impostor=fitted[2]))
        read_card.cache_clear()


def committee_of_one(name: str, variants: tuple[Variant, ...], faces: FaceSet) -> Committee:
    """A network by itself, as it is in a committee."""
    model = opened(name)
    size = model.record.embedding_size + 1
    alone = record(name, COMMITTEE_PREPARATION, "local-cosine", size, faces)
    return Committee(alone, [Member(model, variants=variants)])


def fitting_faces(root: Path, people: int = PEOPLE) -> FaceSet:
    """Four pictures at most of each of some people of DevTrain, aligned."""
    faces = AlignedDataset(Lfw(root, "lfw-a")).training_faces()
    chosen = np.zeros(len(faces.names), np.bool_)
    chosen[np.random.default_rng(0).permutation(len(faces.names))[:people]] = True
    faces = take_people(faces, chosen)
    return take_pictures(faces, first_pictures(faces.people, PICTURES))


def fit_one(model: Embedder, faces: FaceSet) -> tuple[ModelRecord, tuple[float, ...], tuple[float, ...]]:
    """The model's record with threshold and calibration, and the quantiles of its genuine and impostor scores."""
    embedded = embeddings(model, faces)
    pairs = score_all_pairs(embedded, faces.people, model.record.score)
    prepared = prepare_faces(faces, model.record.preparation)
    with progress_bar(f"{model.record.name} under other conditions") as progress:
        conditions = score_conditions(model, prepared.images, faces.people, STANDARD_FRAME, progress=progress)
    assert conditions
    threshold, calibration = fit_on_pairs(pairs, FITTED_ON, FAR, conditions.together())
    threshold = replace(threshold, upper=conditions.upper(threshold.value, pairs))
    table = measure_error_table(embedded, faces.people, model.record.score, FITTED_ON, pairs)
    assert table
    quantiles = [
        tuple(np.quantile(scores, np.linspace(0, 1, 101)).round(4).tolist())
        for scores in (pairs.genuine, pairs.impostor)
    ]
    record = replace(
        model.record,
        threshold=threshold,
        calibration=calibration,
        error_table=conditions.with_uppers(table, pairs),
        lengths=length_quantiles(embedded) if model.record.name in TELLING_LENGTHS else None,
    )
    return record, quantiles[0], quantiles[1]


def add_lengths(root: Path, names: list[str]) -> None:
    """Writes the lengths of embeddings into the cards of models whose lengths tell something; nothing else changes."""
    faces = fitting_faces(root)
    for name in names:
        card = read_card(name)
        if name in TELLING_LENGTHS and card.record:
            lengths = length_quantiles(embeddings(opened(name), faces))
            write_card(replace(card, record=replace(card.record, lengths=lengths)))


def deviation(model: Embedder, faces: FaceSet) -> float:
    """The standard deviation of a model's impostor scores."""
    pairs = score_all_pairs(embeddings(model, faces), faces.people, model.record.score)
    return float(pairs.impostor.std())


def embeddings(model: Embedder, faces: FaceSet) -> Float32Array:
    """One for each picture."""
    prepared = prepare_faces(faces, model.record.preparation)
    with progress_bar(f"embedding with {model.record.name}") as progress:
        return embed_faces(model, prepared.images, progress=progress)


class Remembering:
    """A model that keeps its embeddings in the cache folder, by the bytes of the prepared face; an `Embedder`.

    Several processes may use one at a time each: each writes a file of its own and reads those of all.
    """

    def __init__(self, model: LoadedModel) -> None:
        self.record, self.fingerprint, self._model = model.record, model.fingerprint, model
        self._folder = cache_folder() / "studies" / model.fingerprint[:16]
        self._file = self._folder / f"{os.getpid()}.npz"
        self._known: dict[bytes, Float32Array] = {}
        self._own: dict[bytes, Float32Array] = {}
        for file in self._folder.glob("*.npz"):
            with np.load(file, allow_pickle=False) as arrays:
                self._known |= dict(zip(arrays["keys"].tolist(), arrays["embeddings"], strict=True))
        atexit.register(self.save)

    def __call__(self, faces: ByteArray) -> Float32Array:
        """Embeds prepared faces; those that are known are not embedded again."""
        keys = [sha256(face.tobytes()).hexdigest().encode() for face in faces]
        new = [row for row, key in enumerate(keys) if key not in self._known]
        if new:
            found = self._model(faces[new])
            self._own |= {keys[row]: embedding for row, embedding in zip(new, found, strict=True)}
            self._known |= self._own
            if len(self._own) % 512 < len(new):
                self.save()
        return np.stack([self._known[key] for key in keys])

    def save(self) -> None:
        """Writes what was embedded here."""
        if self._own:
            with new_file(self._file) as opened:
                np.savez(
                    opened, keys=np.array(list(self._own)), embeddings=np.stack(list(self._own.values()))
                )


@cache
def opened(name: str) -> LoadedModel:
    """A model by its name; single networks remember their embeddings."""
    if name in COMMITTEES:
        card = read_card(name)
        assert card.record
        members = zip(COMMITTEES[name].items(), card.weights, strict=True)
        return Committee(
            card.record, [Member(opened(each), weight, variants) for (each, variants), weight in members]
        )
    return Remembering(open_named(name))


def record(name: str, preparation: Preparation, distance: str, size: int, faces: FaceSet) -> ModelRecord:
    """A record without threshold and calibration."""
    return ModelRecord(
        name=name,
        preparation=preparation,
        layout="aligned by Twinface to the standard frame, 250x250",
        embedding_size=size,
        distance=distance,
        distance_parameters={"scale": np.ones((), np.float32), "bias": np.zeros((), np.float32)},
        threshold=Threshold(0.0, FITTED_ON, FAR),
        calibration=Calibration(0.0, 0.0, FITTED_ON),
        provenance=Provenance(
            SALT, frozenset(), hash_people(faces.names, SALT), "labelled outside data", FITTED_ON
        ),
        settings={},
        seed=0,
        made_by={"twinface": __version__},
        frame=STANDARD_FRAME,
    )


def card_of(name: str, training_data: str, licence: str) -> ModelCard:
    """A card without figures."""
    return ModelCard(name, SUMMARIES[name], training_data, True, licence, (), None, ())


def write_card(card: ModelCard) -> None:
    """Writes a card into the package."""
    write_json(card_file(card.name), card.to_dict())


def judge(root: Path, names: list[str]) -> None:
    """Prints the figures of each model and adds them to its card."""
    lfw = AlignedDataset(Lfw(root, "lfw-a"))
    devtest = align_faces(Lfw(root, "lfw-a").listed_faces("peopleDevTest.txt", "LFW-a DevTest"))
    for name in names:
        model, card = opened(name), read_card(name)
        command = f"python studies/named_models.py judge --root DIR {name}"
        figures = [*view1(model, lfw), *all_pairs(model, devtest)]
        if card.labelled_outside_data:  # the others were trained on people of View 2
            figures += view2(model, lfw)
        today = datetime.now(UTC).date().isoformat()
        found = tuple(Figure(*each, command, today) for each in figures)
        write_card(replace(card, figures=found))
        for figure in found:
            print(f"| {name} | {figure.what} | {figure.value:.4f} [{figure.low:.4f}, {figure.high:.4f}] |")


def view1(model: Embedder, lfw: AlignedDataset) -> list[tuple[str, float, float, float]]:
    """Accuracy and AUC on View 1 test at the model's own threshold."""
    summary = evaluate(model, lfw.protocol("view1"), "view1", claims=lfw.claims, allow_seen=True).summary
    accuracy, auc = summary.accuracy, summary.auc
    assert accuracy.interval
    assert auc
    assert auc.interval
    return [
        ("accuracy on LFW View 1 test", accuracy.value, accuracy.interval.low, accuracy.interval.high),
        ("AUC on LFW View 1 test", auc.value, auc.interval.low, auc.interval.high),
    ]


def view2(model: Embedder, lfw: AlignedDataset) -> list[tuple[str, float, float, float]]:
    """Mean accuracy over the ten folds of View 2, each with the threshold of the nine others."""
    pairs: PairSet = lfw.protocol("view2")
    assert pairs.fold is not None
    scored = score_pairs(embeddings(model, pairs.faces), pairs, model.record.score)
    accuracies = []
    for fold in range(10):
        test = pairs.fold == fold
        threshold = fit_threshold(scored.scores[~test], scored.is_match[~test], "nine folds")
        accuracies.append(np.mean((scored.scores[test] >= threshold.value) == scored.is_match[test]))
    mean, error = mean_and_standard_error(accuracies)
    interval = fold_interval(accuracies)
    print(f"{model.record.name}: View 2 {mean:.4f} ± {error:.4f}")
    return [("accuracy on LFW View 2", mean, interval.low, interval.high)]


def all_pairs(model: Embedder, faces: FaceSet) -> list[tuple[str, float, float, float]]:
    """Error rates over all pairs of DevTest: at the model's threshold, and where the FMR is 1e-3 and 1e-4."""
    embedded = embeddings(model, faces)
    impostor = np.sort(score_all_pairs(embedded, faces.people, model.record.score).impostor)
    at = [impostor[int(len(impostor) * (1 - far))] for far in (1e-3, 1e-4)]
    own, *others = [
        error_rates(embedded, faces.people, model.record.score, float(threshold))
        for threshold in (model.record.threshold.value, *at)
    ]
    rows = [
        ("FMR at the threshold, all pairs of DevTest", own.fmr, own.fmr_interval),
        ("FNMR at the threshold, all pairs of DevTest", own.fnmr, own.fnmr_interval),
        ("FNMR at an FMR of 1e-3, all pairs of DevTest", others[0].fnmr, others[0].fnmr_interval),
        ("FNMR at an FMR of 1e-4, all pairs of DevTest", others[1].fnmr, others[1].fnmr_interval),
    ]
    return [(what, value, interval.low, interval.high) for what, value, interval in rows]


def main() -> None:
    """Fits, judges, or adds lengths."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("step", choices=["fit", "judge", "lengths"])
    parser.add_argument("names", nargs="*", default=list(SUMMARIES))
    parser.add_argument("--root", type=Path, required=True, help="folder of LFW")
    given = parser.parse_intermixed_args()
    if given.step == "fit":
        fit(given.root, given.names)
    elif given.step == "lengths":
        add_lengths(given.root, given.names)
    else:
        judge(given.root, given.names)


if __name__ == "__main__":
    main()
