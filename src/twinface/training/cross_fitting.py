"""Scores in which nobody is scored by a projection that was fitted to them: cross-fitting."""

from __future__ import annotations

import copy

import numpy as np
import torch

from twinface.core.errors import DataError
from twinface.core.settings import Settings
from twinface.core.types import Float32Array, PairSet, ScoredPairs
from twinface.models.scoring import score_pairs
from twinface.networks.siamese import SiameseNetwork
from twinface.training.finalize import fit_to_people


def cross_fitted_scores(
    network: SiameseNetwork, settings: Settings, embeddings: Float32Array, pairs: PairSet
) -> ScoredPairs:
    """Scores each group of pairs with what was fitted to the people of all other groups.

    The final model is then fitted to everybody, and these scores tell its threshold and calibration: the groups'
    models differ little from it (Chernozhukov et al. 2018 call this cross-fitting; scikit-learn's
    `CalibratedClassifierCV(ensemble=False)` calibrates in this way).

    Args:
        network: with trained weights, on the CPU; it is not changed.
        settings: of the run, say what is fitted.
        embeddings: `[N, D]`, as the network gives them without projection.
        pairs: M pairs over the N pictures; `fold` is the group of both people of a pair.

    Raises:
        DataError: there is one group only, or what is fitted cannot be fitted to the people of the others.
    """
    assert pairs.fold is not None
    groups = np.unique(pairs.fold)
    if len(groups) < 2:
        raise DataError(
            f"{pairs.name}: one group of people, need two or more to score each without the other"
        )
    own = copy.deepcopy(network)
    scores = np.empty(len(pairs))
    for group in groups:
        chosen = pairs.fold == group
        people = np.unique(pairs.people[chosen])
        inside = np.isin(pairs.faces.people, people)
        _, others = np.unique(pairs.faces.people[~inside], return_inverse=True)
        fit_to_people(own, settings, embeddings[~inside], others)
        scores[chosen] = score_with(own, embeddings, pairs).scores[chosen]
    return ScoredPairs(scores, pairs.is_match, pairs.people)


def score_with(network: SiameseNetwork, embeddings: Float32Array, pairs: PairSet) -> ScoredPairs:
    """The scores of pairs by a network with its projection.

    Args:
        network: on the CPU.
        embeddings: `[N, D]`, as the network gives them without projection.
        pairs: over the N pictures.
    """

    def score(left: Float32Array, right: Float32Array) -> Float32Array:
        with torch.inference_mode():
            scores = network.score(torch.from_numpy(left), torch.from_numpy(right))
            return np.asarray(scores.numpy(), np.float32)

    return score_pairs(projected(network, embeddings), pairs, score)


def projected(network: SiameseNetwork, embeddings: Float32Array) -> Float32Array:
    """Embeddings `[N, D]` without projection → `[N, P]` as the finished network gives them."""
    with torch.inference_mode():
        return np.asarray(network.project(torch.from_numpy(embeddings)).numpy(), np.float32)
