"""Distillation: a network learns to embed a distorted picture where a teacher embeds the picture as it is.

The teacher's embedding says much more about a picture than the number of its person, and a network learns it from few
pictures (Hinton, Vinyals and Dean 2015; of embeddings in place of probabilities: Romero et al. 2015, "FitNets"). The
teacher is a recipe without gradient steps. It is fitted to the training people of the run and to nobody else, so that
validation people stay unseen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from twinface.core.errors import SettingsError
from twinface.core.settings import Settings
from twinface.core.types import Float32Array, IntArray, TrainingSource
from twinface.datasets.dataset import Dataset
from twinface.faces.cache import prepare_faces
from twinface.faces.preparation import build_preparation
from twinface.networks.build import build_network, check_name, fit_backbone
from twinface.networks.projections.covariance import principal_components
from twinface.networks.siamese import SiameseNetwork
from twinface.training.finalize import embed_with, fit_to_people, known_together
from twinface.training.recipe import load_recipe, recipe_names
from twinface.training.state_file import read_tensors, write_tensors

if TYPE_CHECKING:
    from twinface.training.open_run import OpenRun

# A teacher gives its embeddings, without the correction of scores.
_EMBEDDING_ALONE = ("score_normalisation.spread=0", "score_normalisation.clarity=0")


@dataclass(frozen=True, eq=False)
class Teacher:
    """What a teacher says of the training pictures.

    Attributes:
        targets: `[N, D]` float32 of length 1, the teacher's embeddings of the pictures as they are.
        weight: of the distance to them.
    """

    targets: Tensor
    weight: float

    def loss(self, embeddings: Tensor, rows: IntArray) -> Tensor:
        """The weighted mean of 1 - cosine of embeddings `[B, D]` and the teacher's of the pictures `[B]`."""
        targets = self.targets[torch.from_numpy(rows)].to(embeddings.device)
        cosines = (functional.normalize(embeddings.float(), dim=1) * targets).sum(1)
        return self.weight * (1 - cosines).mean()


def check_teacher(settings: Settings, network: SiameseNetwork) -> None:
    """Refuses a teacher that cannot teach this network.

    Raises:
        SettingsError: there is no such recipe, it is trained by steps or on outside data, or the network has several
            parts or look-alikes, for which a teacher has no embeddings.
    """
    check_name("distillation.teacher", str(settings.distillation.teacher), recipe_names())
    recipe = _recipe_of(settings)
    backbone = build_network(recipe.network, recipe.imaging).backbone
    where = f'distillation.teacher = "{settings.distillation.teacher}"'
    if any(backbone.learning) or backbone.outside_data:
        raise SettingsError(
            f'{where}: need a recipe without gradient steps and outside data, such as "default", "fisher" or "strong"'
        )
    if len(network.backbone.parts) > 1:
        raise SettingsError(f"{where}: need a network of one part, found {len(network.backbone.parts)}")
    if settings.sampling.options.get("look_alikes", 1) != 1:
        raise SettingsError(
            f"{where}: need sampling.look_alikes = 1, because a teacher knows people as they are"
        )


def open_teacher(run: OpenRun) -> Teacher:
    """The teacher of a run: from its folder, or fitted now and kept there, so that a resumed run has the same.

    Raises:
        DataError: the people do not suffice to fit it.
        StorageError: it cannot be kept.
    """
    settings, file = run.settings, run.folder.teacher
    if not file.exists():
        found = teach(settings, run.split.source, run.dataset, run.network.feature_size, run.info.seed)
        write_tensors(file, {"targets": torch.from_numpy(found)}, {})
    return Teacher(read_tensors(file)[0]["targets"], settings.distillation.weight)


def teach(settings: Settings, source: TrainingSource, dataset: Dataset, size: int, seed: int) -> Float32Array:
    """Fits a teacher and embeds the training pictures.

    Args:
        settings: of the run; `distillation.teacher` names the recipe.
        source: the training people, or the labelled pairs that are all that may be used.
        dataset: whose pictures they are.
        size: D.
        seed: of everything random.

    Returns:
        `[N, D]`, of length 1: the largest principal components of the teacher's embeddings; zeros fill up where it has
        fewer than D.
    """
    recipe = _recipe_of(settings)
    preparation = build_preparation(recipe.imaging, dataset.region, dataset.frame)
    faces = prepare_faces(source.faces, preparation).images
    network = build_network(recipe.network, recipe.imaging, seed).eval()
    fit_backbone(network, faces, seed)
    plain = embed_with(network, faces)
    rows, people = known_together(source)
    fit_to_people(network, recipe, plain[rows], people)
    with torch.inference_mode():
        embeddings = network.project(torch.from_numpy(plain)).numpy()
    reduced = principal_components(embeddings, min(size, embeddings.shape[1]))[2].astype(np.float32)
    reduced /= np.linalg.norm(reduced, axis=1, keepdims=True).clip(1e-12)
    return np.pad(reduced, ((0, 0), (0, size - reduced.shape[1])))


def _recipe_of(settings: Settings) -> Settings:
    return load_recipe(str(settings.distillation.teacher), _EMBEDDING_ALONE)
