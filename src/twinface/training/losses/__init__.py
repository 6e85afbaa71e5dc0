"""The losses that training minimises.

pair_losses     for labelled pairs: cross-entropy, contrastive
triplet         for triplets within a batch
margin_softmax  classification by person with a margin: CosFace, ArcFace
part_by_part    a loss for each part of the embeddings
base            the interface of all, and the labels of a batch

A loss is built from the embedding size, the number of people and its keyword-only settings. It is called with the
network, the embeddings of a batch and the labels of that batch. Losses that classify by person have weights of their
own, one vector for each person, which are trained with the network and not part of the model. A new loss is one class
in one file here and one line in `LOSSES`.
"""

from __future__ import annotations

from twinface.training.losses.base import Labels, Loss, labels_of
from twinface.training.losses.margin_softmax import ArcFace, CosFace
from twinface.training.losses.pair_losses import BinaryCrossEntropy, Contrastive
from twinface.training.losses.part_by_part import PartByPart
from twinface.training.losses.triplet import Triplet

LOSSES: dict[str, type[Loss]] = {
    "bce": BinaryCrossEntropy,
    "contrastive": Contrastive,
    "triplet": Triplet,
    "cosface": CosFace,
    "arcface": ArcFace,
}

__all__ = ["LOSSES", "Labels", "Loss", "PartByPart", "labels_of"]
