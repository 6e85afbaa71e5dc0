"""Backbones: networks from a picture to an embedding.

koch            the convolutional network of Koch, Zemel and Salakhutdinov (2015)
residual        a compact residual network
gradients       histograms of oriented gradients
fisher          Fisher vectors
trained_fisher  Fisher vectors trained by gradient descent
sface           the pretrained network SFace
committee       several of them side by side

base          the interface of all
cost          the layers of a network, with parameters and multiplications
fourier       convolutions by Fourier transforms, for `koch`
resampling    resizing as matrix products
oriented_edges, descriptors, mirror_symmetry, mixture: the pieces of `gradients` and `fisher`

A constructor takes the input's shape (channels, height, width) and keyword-only settings, and returns a `Backbone`. A
new one is one constructor in one file here and one line in `NETWORKS`. It can then be used alone or in a committee.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twinface.core.registry import build
from twinface.networks.backbones.base import Backbone, InputShape
from twinface.networks.backbones.committee import Committee, Member
from twinface.networks.backbones.cost import layers_of, multiply_adds
from twinface.networks.backbones.fisher import Fisher
from twinface.networks.backbones.gradients import Gradients
from twinface.networks.backbones.koch import Koch
from twinface.networks.backbones.residual import Residual, Shortcut
from twinface.networks.backbones.sface import SFace
from twinface.networks.backbones.trained_fisher import TrainedFisher

NETWORKS: dict[str, type[Backbone]] = {
    "koch": Koch,
    "residual": Residual,
    "gradients": Gradients,
    "fisher": Fisher,
    "trained-fisher": TrainedFisher,
    "sface": SFace,
}


def committee(shape: InputShape, *, members: Sequence[Member]) -> Committee:
    """Builds the networks that `members` names, side by side.

    Raises:
        SettingsError: a member or a setting of one does not exist; or there are none.
    """
    views, networks = [], []
    for place, member in enumerate(members):
        seen, view = member.view(shape)
        views.append(view)
        networks.append(build(f"network.backbone.members.{place}", NETWORKS, member, seen))
    weights = [member.weight for member in members]
    return Committee(views, networks, weights, [member.centred for member in members])


BACKBONES: dict[str, Callable[..., Backbone]] = {**NETWORKS, "committee": committee}

__all__ = [
    "BACKBONES",
    "NETWORKS",
    "Backbone",
    "Committee",
    "Fisher",
    "Gradients",
    "InputShape",
    "Koch",
    "Member",
    "Residual",
    "SFace",
    "Shortcut",
    "TrainedFisher",
    "committee",
    "layers_of",
    "multiply_adds",
]
