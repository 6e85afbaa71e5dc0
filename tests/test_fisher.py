"""Fisher vectors: descriptors, mixture and gradient against plain loops; fitting, exporting and using one."""

import math

import numpy as np
import pytest
import torch

from conftest import train_tiny
from toy_pictures import SHAPE, pictures
from twinface.core.errors import SettingsError
from twinface.models.load import load_model
from twinface.networks.backbones import Fisher, Member, committee, fisher
from twinface.networks.backbones.descriptors import (
    CLIP,
    FLOOR,
    ORIENTATIONS,
    PARTS,
    Patches,
)
from twinface.networks.backbones.mirror_symmetry import symmetric_components
from twinface.networks.backbones.mixture import fit_mixture
from twinface.reports import write_report
from twinface.training.checkpoint import load_checkpoint
from twinface.training.run_folder import RunFolder

SMALL = {"gaussians": 4, "dimensions": 5, "scales": (1.0, 0.8), "steps": (4, 3), "cell": 4}


@pytest.fixture(autouse=True)
def few_patches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fits to fewer patches, which takes less time and changes nothing else."""
    monkeypatch.setattr(fisher, "PATCHES_TO_FIT", 20_000)


def fitted(**changes) -> Fisher:
    network = Fisher(SHAPE, **SMALL, **changes).eval()
    network.fit(pictures(30), seed=1)
    return network


def grid(side: int, step: int, cell: int) -> list[float]:
    """Where the first cell of each patch has its middle."""
    room = side - 2 * (cell - 1) - 3 * cell - 1
    count = room // step + 1
    return [cell - 1 + (room - (count - 1) * step) / 2 + step * number for number in range(count)]


@pytest.mark.parametrize(("step", "cell"), [(4, 4), (3, 4), (1, 3), (5, 2)])
def test_descriptors_against_plain_loops(step: int, cell: int) -> None:
    image = pictures(1)[0, 0].double().numpy()
    patches = Patches(*SHAPE[1:], scale=1.0, step=step, cell=cell)
    found = patches(pictures(1))[0].numpy()
    height, width = image.shape
    padded = np.pad(image, 1, mode="edge")
    edges = np.zeros((ORIENTATIONS, height, width))
    for y in range(height):
        for x in range(width):
            across = padded[y + 1, x + 2] - padded[y + 1, x]
            down = padded[y + 2, x + 1] - padded[y, x + 1]
            for k in range(ORIENTATIONS):
                turn = math.atan2(down, across) - 2 * math.pi * k / ORIENTATIONS
                edges[k, y, x] = max(math.cos(turn), 0) ** 9 * math.hypot(across, down)
    # As many patches as fit, and as much room on one side of them as on the other.
    rows, columns = (grid(side, step, cell) for side in (height, width))
    assert found.shape == (len(rows) * len(columns), ORIENTATIONS * PARTS * PARTS)
    for place in (0, 1, len(columns), len(found) - 1):
        top, left = rows[place // len(columns)], columns[place % len(columns)]
        histograms = []
        for i in range(PARTS):
            for j in range(PARTS):
                cy, cx = top + i * cell, left + j * cell
                weights = {
                    (y, x): (cell - abs(y - cy)) * (cell - abs(x - cx))
                    for y in range(height)
                    for x in range(width)
                    if abs(y - cy) < cell and abs(x - cx) < cell
                }
                total = sum(weights.values())
                histograms.append(
                    [
                        sum(edges[k, y, x] * weight for (y, x), weight in weights.items()) / total
                        for k in range(ORIENTATIONS)
                    ]
                )
        plain = np.array(histograms).T.flatten()
        plain = np.minimum(plain / (np.linalg.norm(plain) + FLOOR), CLIP)
        plain = np.sqrt(plain / plain.sum())
        np.testing.assert_allclose(found[place], plain, atol=1e-4)
        middle = [(top + 1.5 * cell + 0.5) / height, (left + 1.5 * cell + 0.5) / width]
        np.testing.assert_allclose(patches.places[place].numpy(), np.array(middle) - 0.5, atol=1e-6)


def plain_vector(network: Fisher, image: torch.Tensor) -> torch.Tensor:
    """By automatic differentiation, scaled by the information matrix's diagonal (Perronnin et al. 2010)."""
    values = torch.cat([network._reduced(scale, image)[0] for scale in network._scales]).double()
    means, variances, shares = (value.double() for value in network._mixture())
    means.requires_grad_()
    deviations = variances.sqrt().requires_grad_()
    per_gaussian = torch.distributions.Normal(means, deviations).log_prob(values[:, None]).sum(2)
    likelihood = torch.logsumexp(per_gaussian + shares.log(), dim=1).mean()
    of_means, of_deviations = torch.autograd.grad(likelihood, [means, deviations])
    sigma = deviations.detach()
    of_means = of_means * sigma / shares.sqrt()[:, None]
    of_deviations = of_deviations * sigma / (2 * shares).sqrt()[:, None]
    plain = torch.cat([of_means, of_deviations][: network.orders], dim=1)
    plain = plain.sign() * plain.abs().sqrt()
    return plain / plain.norm()


@pytest.mark.parametrize("orders", [1, 2])
def test_the_vector_is_the_mean_of_the_gradients_of_both_log_likelihoods(orders: int) -> None:
    """Half of them: what is left out are the same numbers in another order, and some with the other sign."""
    network = fitted(orders=orders)
    assert network.embedding_size == 2 * 7 * orders
    image = pictures(1, seed=5)
    mean = (plain_vector(network, image) + plain_vector(network, image.flip(3))) / 2
    kept, other = mean.chunk(2)
    torch.testing.assert_close(network(image)[0].double(), kept.flatten(), atol=2e-3, rtol=0)
    assert (network.signs < 0).sum() > 1
    torch.testing.assert_close(other.abs(), kept.abs(), atol=1e-3, rtol=0)


@pytest.mark.parametrize("width", [36, 37])
@pytest.mark.parametrize("steps", [(4, 3), (3, 2), (1, 5)])
def test_mirror_images_have_the_same_vector_and_others_do_not(width: int, steps: tuple[int, int]) -> None:
    """Whether or not the patches fill the width."""
    network = Fisher((1, 40, width), **{**SMALL, "steps": steps}).eval()
    images = torch.nn.functional.pad(pictures(30), (0, width - 36, 0, 0), mode="replicate")
    network.fit(images, seed=1)
    found = network(images)
    torch.testing.assert_close(network(images.flip(3)), found, atol=1e-4, rtol=0)
    assert (network(images.flip(2)) - found).abs().max() > 0.05


def test_components_are_those_of_pictures_and_mirror_images_together() -> None:
    described = pictures(12)
    patches = Patches(*SHAPE[1:], scale=1.0, step=4, cell=4)
    values, mirrored = (patches(each).flatten(0, 1).double() for each in (described, described.flip(3)))
    both = torch.cat([values, mirrored])
    both = both - both.mean(0)
    variances, axes = torch.linalg.eigh(both.T @ both / len(both))
    found, signs, largest = symmetric_components(both[: len(values)], 12)
    assert float(largest) == pytest.approx(float(variances[-1]), rel=1e-6)
    torch.testing.assert_close(found.T @ found, torch.eye(12, dtype=torch.double), atol=1e-9, rtol=0)
    kept = axes.flip(1)[:, :12]
    torch.testing.assert_close(found @ found.T, kept @ kept.T, atol=1e-6, rtol=0)
    # Patches lie on the grid from left to right: those of the mirror image are there in the other order.
    count = patches.counts
    turned = (mirrored @ found).reshape(12, *count, 12).flip(2).flatten(0, 2)
    torch.testing.assert_close(turned, values @ found * signs, atol=1e-5, rtol=0)


@pytest.mark.parametrize("odd", [False, True])
def test_a_mixture_is_found_again(odd: bool) -> None:
    """Also where only its mirror image, with the second number's sign changed, was seen of half of it."""
    random = torch.Generator().manual_seed(0)
    means = torch.tensor([[0.0, 3.0], [6.0, 1.0], [-5.0, 4.0]])
    spreads = torch.tensor([[1.0, 0.5], [0.4, 0.3], [0.8, 0.8]])
    shares = torch.tensor([0.5, 0.3, 0.2])
    which = torch.multinomial(shares, 30_000, replacement=True, generator=random)
    values = means[which] + spreads[which] * torch.randn(30_000, 2, generator=random)
    signs = torch.tensor([1.0, -1.0 if odd else 1.0])
    values[::2] = values[::2] * signs
    found = fit_mixture(values, 3, torch.Generator().manual_seed(2), signs)
    order = found[0][:, 0].argsort()
    true_order = means[:, 0].argsort()
    middles = found[0][order]
    if odd:
        middles[:, 1] = middles[:, 1].abs()
    torch.testing.assert_close(middles, means[true_order], atol=0.05, rtol=0)
    torch.testing.assert_close(found[1][order].sqrt(), spreads[true_order], atol=0.03, rtol=0)
    torch.testing.assert_close(2 * found[2][order], shares[true_order], atol=0.01, rtol=0)


def test_more_gaussians_than_different_values_stay_finite() -> None:
    values = torch.zeros(50, 2)
    values[25:, 0] = 1.0
    for part in fit_mixture(values, 8, torch.Generator().manual_seed(0), torch.tensor([1.0, -1.0])):
        assert torch.isfinite(part).all()


def test_fitting_is_a_function_of_the_seed_and_the_pictures() -> None:
    first, second = fitted(), fitted()
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name
    other = Fisher(SHAPE, **SMALL)
    other.fit(pictures(30), seed=2)
    assert not torch.equal(first.means, other.means)


def test_batches_and_flat_pictures() -> None:
    network = fitted()
    images = torch.cat([pictures(2, seed=3), torch.zeros(1, *SHAPE)])
    together = network(images)
    assert together.shape == (3, network.embedding_size)
    assert torch.isfinite(together).all()
    assert (together.norm(dim=1) <= 1).all()
    for image, embedding in zip(images, together, strict=True):
        torch.testing.assert_close(network(image[None])[0], embedding, atol=1e-4, rtol=0)


def test_a_committee_fits_its_members_to_their_own_views() -> None:
    options = {name: list(value) if isinstance(value, tuple) else value for name, value in SMALL.items()}
    inner = Member(name="fisher", region=(0.0, 0.0, 1.0, 1.0), **options)
    other = Member(name="fisher", region=(0.1, 0.1, 0.8, 0.8), height=36, width=36, **options)
    network = committee(SHAPE, members=[inner, other]).eval()
    network.fit(pictures(30), seed=1)
    torch.testing.assert_close(network(pictures(2))[:, : fitted().embedding_size], fitted()(pictures(2)))
    assert not any(network.learning)


def test_a_committee_runs_a_member_twice_where_its_view_is_not_symmetric() -> None:
    options = {name: list(value) if isinstance(value, tuple) else value for name, value in SMALL.items()}
    middle = Member(name="fisher", region=(0.1, 0.1, 0.8, 0.8), height=36, width=36, **options)
    aside = Member(name="fisher", region=(0.1, 0.0, 0.8, 0.8), height=36, width=36, weight=0.5, **options)
    network = committee(SHAPE, members=[middle, aside]).eval()
    network.fit(pictures(30), seed=1)
    images = pictures(3, seed=7)
    one, other = network(images), network(images.flip(3))
    size = network.parts[0]
    torch.testing.assert_close(one[:, :size], other[:, :size], atol=1e-4, rtol=0)
    assert (one[:, size:] - other[:, size:]).abs().max() > 0.01
    units = [torch.nn.functional.normalize(each[:, size:], dim=1) for each in (one, other)]
    expected = torch.cat([one[:, :size], 0.5 * (units[0] + units[1]) / 2], dim=1)
    torch.testing.assert_close(network.embed_flip_averaged(images), expected, atol=1e-4, rtol=0)


@pytest.mark.slow
def test_a_run_fits_exports_and_goes_on_from_its_state(tmp_path) -> None:
    options = [
        "imaging.height=40",
        "imaging.width=36",
        "trainer.epochs=0",
        "trainer.keep_state=true",
        'network.backbone={name="fisher", orders=1, gaussians=4, scales=[1.0, 0.8], steps=[4, 3], cell=4}',
        "projection.size=30",
    ]
    first, second = (
        train_tiny(tmp_path / name, *options, tiny=False, model=name == "one") for name in ("one", "two")
    )
    assert first.best.read_bytes() == second.best.read_bytes()
    network, _ = load_checkpoint(first.path)
    faces = np.random.default_rng(0).integers(0, 256, (5, 40, 36, 1), np.uint8)
    with torch.inference_mode():
        expected = network.embed(torch.from_numpy(faces)).numpy()
    np.testing.assert_allclose(load_model(first.path)(faces), expected, atol=2e-3)
    info = RunFolder(first.path).info()
    assert info.validation is not None
    assert info.costs is not None
    assert info.validation.auc > 0.75
    assert info.costs.numbers == sum(tensor.numel() for tensor in network.state_dict().values())
    assert f"{info.costs.numbers:,}" in write_report(first).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("shape", "changes", "message"),
    [
        ((3, 40, 36), {}, "found 3 channels, need 1"),
        (SHAPE, {"steps": (4,)}, "found 2 scales and 1 steps"),
        (SHAPE, {"gaussians": 5}, "found 5 Gaussians, need an even number"),
        (SHAPE, {"cell": 12}, "a patch of 60 pixels does not fit into 40x36"),
        (SHAPE, {"scales": (0.01,), "steps": (4,)}, "does not fit into 0x0, which is 40x36 at scale 0.01"),
    ],
)
def test_what_does_not_fit_is_refused(shape, changes, message) -> None:
    with pytest.raises(SettingsError, match=message):
        Fisher(shape, **{**SMALL, **changes})


def test_one_patch_has_no_spread_and_a_finite_vector() -> None:
    shape = (1, 30, 30)  # of one patch of 30 pixels
    network = Fisher(shape, gaussians=2, dimensions=4, steps=(4,), scales=(1.0,), cell=6)
    images = torch.rand(40, *shape, generator=torch.Generator().manual_seed(0))
    network.fit(images, seed=1)
    assert torch.isfinite(network(images)).all()
