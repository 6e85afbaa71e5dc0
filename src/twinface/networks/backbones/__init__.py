"""Networks that turn a picture into an embedding.

Each constructor takes the input's shape (channels, height, width) and keyword-only settings, and gives a `Backbone`.
A new one is one constructor in one file here and one line in `NETWORKS`; it can then be used alone or as a member of a
committee.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twinface.core.registry import build
from twinface.networks.backbones.base import Backbone, InputShape
from twinface.networks.backbones.committee import Committee, Member
from twinface.networks.backbones.cost import multiply_adds
from twinface.networks.backbones.fisher import Fisher
from twinface.networks.backbones.gradients import Gradients
from twinface.networks.backbones.koch import Koch
from twinface.networks.backbones.residual import Residual, Shortcut

NETWORKS: dict[str, type[Backbone]] = {
    "koch": Koch,
    "residual": Residual,
    "gradients": Gradients,
    "fisher": Fisher,
}


def committee(shape: InputShape, *, members: Sequence[Member]) -> Committee:
    """The networks that `members` names, side by side.

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
    "Shortcut",
    "committee",
    "multiply_adds",
]
