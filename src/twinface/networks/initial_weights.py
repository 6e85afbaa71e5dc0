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
    _normal(network, convolution=(0.0, 0.01), dense=(0.0, 0.2), bias=(0.5, 0.01))


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
    """Seed B as it was meant: convolutions as in the paper, dense layers as torch draws them.

    The report says that the dense layers' values were "slightly modified", without saying how.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, 0.0, 0.01)
            assert module.bias is not None
            nn.init.normal_(module.bias, 0.5, 0.01)
    _glorot_distance(network)


def seed_b_as_written(network: SiameseNetwork) -> None:
    """Seed B as it ran: mean and standard deviation were swapped, so all filters of a layer start equal.

    Filters differ by their biases alone, which are N(0.01, 0.5).
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, 0.01, 0.0)
            assert module.bias is not None
            nn.init.normal_(module.bias, 0.01, 0.5)
    _glorot_distance(network)


def _normal(
    network: SiameseNetwork,
    convolution: tuple[float, float],
    dense: tuple[float, float],
    bias: tuple[float, float],
) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.normal_(module.weight, *(convolution if isinstance(module, nn.Conv2d) else dense))
            if module.bias is not None:
                nn.init.normal_(module.bias, *bias)
    if "weight" in network.distance:
        nn.init.normal_(network.distance["weight"], *dense)
        nn.init.normal_(network.distance["bias"], *bias)


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
