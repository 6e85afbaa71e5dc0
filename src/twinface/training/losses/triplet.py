"""The triplet loss."""

from __future__ import annotations

from pydantic import PositiveFloat
from pytorch_metric_learning import distances as metric_distances
from pytorch_metric_learning import losses as metric_losses
from pytorch_metric_learning import miners
from torch import Tensor

from twinface.networks.siamese import SiameseNetwork
from twinface.training.losses.base import Labels, Loss


class Triplet(Loss):
    """Another person's face has to be farther than one's own, by a margin; semi-hard triplets (Schroff et al. 2015).

    Args:
        embedding_size, people: not needed.
        margin: of the distances between embeddings of length 1, which are not squared, as those of the paper are.
    """

    needs_pairs = False

    def __init__(self, embedding_size: int, people: int, *, margin: PositiveFloat = 0.2) -> None:
        super().__init__()
        distance = metric_distances.LpDistance(normalize_embeddings=True)
        self.mine = miners.TripletMarginMiner(margin=margin, type_of_triplets="semihard", distance=distance)
        self.loss = metric_losses.TripletMarginLoss(margin=margin, distance=distance)

    def forward(self, network: SiameseNetwork, embeddings: Tensor, labels: Labels) -> Tensor:
        """Mean over the triplets whose distances do not differ by the margin yet."""
        result: Tensor = self.loss(embeddings, labels.people, self.mine(embeddings, labels.people))
        return result
