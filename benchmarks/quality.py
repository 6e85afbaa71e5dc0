"""What the words "good", "usable" and "poor" mean, and what discarding the worst pictures does to FNMR.

    python benchmarks/quality.py --lfw FOLDER [--plot docs/figures/quality.png]

The people are those of LFW's DevTest; the limits of the words were chosen on people of DevTrain. The threshold is that
of a false match rate of .001 among all pairs of different people, all pictures as they are, and stays. Then

* the false non-match rate (FNMR) of pictures with each word is printed, and
* the pictures with the lowest quality are discarded, with all their pairs (error versus discard, ISO/IEC 29794-1).

Both are measured for the pictures as they are, and for pictures of which one in each pair is degraded: reduced,
blurred, moved, saved as a small JPEG, darkened, overexposed or noisy. Intervals come from resampled people.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from twinface.core.threads import map_in_order
from twinface.core.types import BoolArray, ByteArray, FaceSet, FloatArray, IntArray
from twinface.datasets.lfw.dataset import Lfw
from twinface.faces.align import align
from twinface.faces.choose import central_face
from twinface.faces.crop import prepare
from twinface.faces.detect import FaceDetector
from twinface.faces.picture import load_picture
from twinface.faces.quality import Quality, measure_quality
from twinface.models.embedder import Embedder
from twinface.models.load import load_model

FMR = 1e-3
DISCARDED = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2)
REPLICATES, SEED = 2000, 0
Change = Callable[[ByteArray, np.random.Generator], ByteArray]


def _reduced(side: int) -> Change:
    return lambda pixels, rng: np.asarray(
        cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA), np.uint8
    )


def _blurred(sigma: float) -> Change:
    return lambda pixels, rng: np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma), np.uint8)


def _moved(length: int) -> Change:
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1 / length
    return lambda pixels, rng: np.asarray(cv2.filter2D(pixels, -1, kernel), np.uint8)


def _as_jpeg(quality: int) -> Change:
    def change(pixels: ByteArray, rng: np.random.Generator) -> ByteArray:
        data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)

    return change


def _exposed(gain: float, offset: float, noise: float) -> Change:
    def change(pixels: ByteArray, rng: np.random.Generator) -> ByteArray:
        light = pixels * gain + offset + rng.normal(0, noise, pixels.shape)
        return np.asarray(np.clip(light, 0, 255), np.uint8)

    return change


# As strong as a good share of real bad photos; LFW's frames are 250 × 250 with 46 pixels between the eyes.
CHANGES: dict[str, Change] = {
    "reduced to 11 pixels between the eyes": _reduced(64),
    "reduced to 8 pixels between the eyes": _reduced(48),
    "reduced to 6 pixels between the eyes": _reduced(36),
    "blurred, sigma 2 pixels": _blurred(2),
    "blurred, sigma 4 pixels": _blurred(4),
    "moved by 15 pixels": _moved(15),
    "JPEG of quality 10": _as_jpeg(10),
    "JPEG of quality 5": _as_jpeg(5),
    "a quarter of the light": _exposed(0.25, 0, 4),
    "a tenth of the light": _exposed(0.1, 0, 4),
    "overexposed": _exposed(1.5, 60, 0),
    "noise of 30": _exposed(1, 0, 30),
}


@dataclass(frozen=True)
class Measured:
    """N pictures: embeddings of unit length, their lengths before, and quality; None where no face was found."""

    embeddings: FloatArray
    lengths: FloatArray
    quality: list[Quality | None]

    @property
    def values(self) -> FloatArray:
        """[N] the quality's number, 0 where no face was found."""
        return np.array([0.0 if each is None else each.value for each in self.quality])

    @property
    def found(self) -> BoolArray:
        """[N] whether a face was found."""
        return np.array([each is not None for each in self.quality])


def measure(faces: FaceSet, model: Embedder, changes: list[Change | None]) -> Measured:
    """Finds, measures and embeds the face of each picture, changed or as it is."""
    detector = FaceDetector()
    work = partial(_measure_one, faces=faces, model=model, detector=detector, changes=changes)
    rows = []
    for row in map_in_order(work, range(len(faces))):
        rows.append(row)
        if len(rows) % 500 == 0:
            print(f"  {len(rows):,} of {len(faces):,} pictures", flush=True)
    embeddings = np.stack([embedding for embedding, _ in rows])
    lengths = np.linalg.norm(embeddings, axis=1)
    return Measured(
        embeddings / np.maximum(lengths, 1e-9)[:, np.newaxis], lengths, [quality for _, quality in rows]
    )


def _measure_one(
    row: int, faces: FaceSet, model: Embedder, detector: FaceDetector, changes: list[Change | None]
) -> tuple[FloatArray, Quality | None]:
    pixels = load_picture(faces.root / faces.paths[row], "rgb")
    change = changes[row]
    if change is not None:
        pixels = change(pixels, np.random.default_rng([SEED, row]))
    face = central_face(detector.find(pixels), *pixels.shape[:2])
    if face is None:
        return np.zeros(model.record.embedding_size), None
    prepared = prepare(align(pixels, face.landmarks), model.record.preparation)
    return model(prepared[np.newaxis])[0].astype(np.float64), measure_quality(face, pixels)


@dataclass(frozen=True)
class Comparisons:
    """Genuine comparisons: a probe (degraded or not) with another picture of the same person as it is."""

    probe: IntArray
    mate: IntArray
    person: IntArray
    rejected: BoolArray

    def fnmr(self, kept: BoolArray) -> tuple[float, float, float]:
        """The FNMR of some comparisons, and its 95 % interval, with people resampled."""
        if not kept.any():
            return float("nan"), float("nan"), float("nan")
        _, person = np.unique(self.person[kept], return_inverse=True)
        pairs = np.bincount(person)
        rejected = np.bincount(person, self.rejected[kept])
        weights = np.random.default_rng(SEED).standard_exponential((REPLICATES, len(pairs)))
        low, high = np.quantile((weights @ rejected) / (weights @ pairs), [0.025, 0.975])
        return float(self.rejected[kept].mean()), float(low), float(high)


def compare(probes: Measured, mates: Measured, people: IntArray, threshold: float) -> Comparisons:
    """All genuine comparisons. A picture without a face is rejected."""
    scores = probes.embeddings @ mates.embeddings.T
    genuine = people[:, np.newaxis] == people
    if probes is mates:
        genuine = np.triu(genuine, 1)
    else:
        np.fill_diagonal(genuine, False)
    probe, mate = np.nonzero(genuine)
    return Comparisons(probe, mate, people[probe], scores[probe, mate] < threshold)


def curve(
    comparisons: Comparisons, probes: FloatArray, mates: FloatArray
) -> list[tuple[float, float, float]]:
    """FNMR and its interval after discarding each share of `DISCARDED` of the pictures, the worst first.

    Args:
        comparisons: genuine.
        probes: [N] quality of the probes; `mates` the same array if both sides are the same pictures. Otherwise the
            probes alone are discarded.
    """
    rows = []
    for share in DISCARDED:
        # Ties are broken by chance, not by the order of names.
        order = np.lexsort([np.random.default_rng(SEED).random(len(probes)), probes])
        keep = np.ones(len(probes), np.bool_)
        keep[order[: round(share * len(probes))]] = False
        kept = keep[comparisons.probe]
        rows.append(comparisons.fnmr(kept & keep[comparisons.mate] if mates is probes else kept))
    return rows


def report_words(name: str, comparisons: Comparisons, probes: Measured) -> None:
    """The FNMR of probes with each word."""
    words = np.array(["none" if each is None else each.word for each in probes.quality])
    parts = []
    for word in ("good", "usable", "poor", "none"):
        share = float((words == word).mean())
        rate, low, high = comparisons.fnmr(words[comparisons.probe] == word)
        parts.append(f"{word} {share:.1%}: {rate:.4f} [{low:.4f}, {high:.4f}]" if share else f"{word} 0 %")
    print(f"| {name} | {' | '.join(parts)} |")


def report_curve(name: str, rows: list[tuple[float, float, float]]) -> None:
    """One line of the error-versus-discard table."""
    print(
        f"| {name} | " + " | ".join(f"{rate:.4f} [{low:.4f}, {high:.4f}]" for rate, low, high in rows) + " |"
    )


def draw(file: Path, curves: dict[str, list[tuple[float, float, float]]]) -> None:
    """Both error-versus-discard curves as a picture."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), constrained_layout=True)
    for axis, kind in zip(axes, ("as they are", "degraded"), strict=True):
        for name, rows in curves.items():
            if name.startswith(kind):
                rates = np.array(rows)
                x = 100 * np.array(DISCARDED)
                (line,) = axis.plot(x, 100 * rates[:, 0], marker="o", label=name.removeprefix(f"{kind}, "))
                axis.fill_between(
                    x, 100 * rates[:, 1], 100 * rates[:, 2], color=line.get_color(), alpha=0.15, linewidth=0
                )
        axis.set(title=f"Pictures {kind}", xlabel="discarded pictures (%)", ylim=(0, None))
        axis.legend(frameon=False)
    axes[0].set_ylabel(f"FNMR (%) at FMR {FMR:g}")
    figure.savefig(file, dpi=110)


def main() -> None:  # noqa: D103
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lfw", type=Path, required=True)
    parser.add_argument("--model", default="sface")
    parser.add_argument("--list", default="peopleDevTest.txt", help="the official list of the people")
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    model = load_model(arguments.model)
    faces = Lfw(arguments.lfw).listed_faces(arguments.list, f"LFW, {arguments.list}")
    print(f"{model.record.name}, {faces.name}, {len(faces):,} pictures of {len(faces.names):,} people")
    print(f"{platform.machine()}, OpenCV {cv2.__version__}, {datetime.now(UTC):%Y-%m-%d}")
    plain = measure(faces, model, [None] * len(faces))
    impostor = (
        np.triu(faces.people[:, np.newaxis] != faces.people, 1) & plain.found & plain.found[:, np.newaxis]
    )
    threshold = float(np.quantile((plain.embeddings @ plain.embeddings.T)[impostor], 1 - FMR))
    print(f"threshold {threshold:.4f} at FMR {FMR:g}, {impostor.sum():,} impostor pairs")
    names = list(CHANGES)
    drawn = np.random.default_rng(SEED).integers(0, len(names), len(faces))
    degraded = measure(faces, model, [CHANGES[names[number]] for number in drawn])
    as_is = compare(plain, plain, faces.people, threshold)
    worse = compare(degraded, plain, faces.people, threshold)
    print("\n| probes | FNMR by word |")
    # Each comparison counts for both of its pictures.
    both = compare(plain, Measured(plain.embeddings, plain.lengths, plain.quality), faces.people, threshold)
    report_words("as they are", both, plain)
    report_words("degraded, all", worse, degraded)
    for number, name in enumerate(names):
        chosen = drawn == number
        part = Measured(
            degraded.embeddings,
            degraded.lengths,
            [q if c else None for q, c in zip(degraded.quality, chosen, strict=True)],
        )
        kept = chosen[worse.probe]
        alone = Comparisons(worse.probe[kept], worse.mate[kept], worse.person[kept], worse.rejected[kept])
        rate, low, high = alone.fnmr(np.ones(len(alone.probe), np.bool_))
        words = [each.word for each in part.quality if each is not None]
        shares = ", ".join(
            f"{word} {words.count(word) / max(1, chosen.sum()):.0%}" for word in ("good", "usable", "poor")
        )
        print(f"| {name} | FNMR {rate:.4f} [{low:.4f}, {high:.4f}]; {shares} |")
    print(f"\n| discarded | {' | '.join(f'{share:.0%}' for share in DISCARDED)} |")
    chance = np.random.default_rng(SEED + 1).random(len(faces))
    curves = {
        "as they are, quality": curve(as_is, plain.values, plain.values),
        "as they are, length of the embedding": curve(as_is, plain.lengths, plain.lengths),
        "as they are, by chance": curve(as_is, chance, chance),
        "degraded, quality": curve(worse, degraded.values, plain.values),
        "degraded, length of the embedding": curve(worse, degraded.lengths, plain.lengths),
        "degraded, by chance": curve(worse, chance, plain.values),
    }
    for name, rows in curves.items():
        report_curve(name, rows)
    if arguments.plot:
        draw(arguments.plot, curves)


if __name__ == "__main__":
    main()
