"""How weights are drawn before training: as the paper has them, as the seeds have them, and today's default.

Each function changes a whole network in place and draws from torch's generator. A new initialisation is one function
here and one line in `INITIALISATIONS`.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from twinface.networks.backbones import Shortcut
from twinface.networks.siamese import SiameseNetwork


def he(network: SiameseNetwork) -> None:
    """Convolutions by He et al. (2015) for ReLU; dense layers and the distance keep their own initial values."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | Shortcut):
            weight = module.mix.weight if isinstance(module, Shortcut) else module.weight
            nn.init.kaiming_normal_(weight, mode="fan_out", nonlinearity="relu")
        if isinstance(module, nn.Conv2d) and module.bias is not None:
            nn.init.zeros_(module.bias)


def paper(network: SiameseNetwork) -> None:
    """Koch et al. (2015), section 3.2: convolutions N(0, 0.01), dense N(0, 0.2), biases N(0.5, 0.01).

    Seed A's report names the same three distributions. The weights of the distance are drawn as a dense layer's.
    """
    _normal(network, ((0.0, 0.01), (0.5, 0.01)), ((0.0, 0.2), (0.5, 0.01)))


def seed_a(network: SiameseNetwork) -> None:
    """Seed A as its notebook has it: convolutions as in the paper, dense layers Glorot-uniform with zero bias.

    Its report says N(0, 0.2) for the dense layer. But the notebook's dense layer has no initialiser, so Keras's default
    applies.
    """
    paper(network)
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    _glorot_distance(network)


def seed_b_meant(network: SiameseNetwork) -> None:
    """Seed B as it was meant: N(0, 0.01), biases N(0.5, 0.01); in dense layers N(0, 0.05), biases N(0.5, 0.05)."""
    _normal(network, ((0.0, 0.01), (0.5, 0.01)), ((0.0, 0.05), (0.5, 0.05)))


def seed_b_as_written(network: SiameseNetwork) -> None:
    """Seed B as it was published: mean and standard deviation are swapped, so all weights of a layer start equal.

    Filters differ by their biases alone, which are N(0.01, 0.5), in dense layers N(0.05, 0.5).
    """
    _normal(network, ((0.01, 0.0), (0.01, 0.5)), ((0.05, 0.0), (0.05, 0.5)))


Normal = tuple[float, float]  # mean and standard deviation


def _normal(
    network: SiameseNetwork, convolution: tuple[Normal, Normal], dense: tuple[Normal, Normal]
) -> None:
    """Draws all weights; `convolution` and `dense` are the distributions of weights and of biases."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            weight, bias = convolution if isinstance(module, nn.Conv2d) else dense
            nn.init.normal_(module.weight, *weight)
            if module.bias is not None:
                nn.init.normal_(module.bias, *bias)
    if "weight" in network.distance:
        # The weights of |a - b| have the opposite sign of a dense layer's here, see `weighted_l1`.
        nn.init.normal_(network.distance["weight"], -dense[0][0], dense[0][1])
        nn.init.normal_(network.distance["bias"], *dense[1])


def _glorot_distance(network: SiameseNetwork) -> None:
    if "weight" in network.distance:
        limit = (6 / (network.feature_size + 1)) ** 0.5
        nn.init.uniform_(network.distance["weight"], -limit, limit)
        nn.init.zeros_(network.distance["bias"])


INITIALISATIONS: dict[str, Callable[[SiameseNetwork], None]] = {
    "he": he,
    "paper": paper,
    "seed-a": seed_a,
    "seed-b-meant": seed_b_meant,
    "seed-b-as-written": seed_b_as_written,
}
