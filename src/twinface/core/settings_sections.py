"""The sections of the settings of a training run."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from twinface.core.fields import LARGEST, Fraction, PositiveInt, RegionSetting, Strict
from twinface.core.registry import Component


class DataSettings(Strict):
    """Which faces are used for training, and which people are kept out of it.

    Attributes:
        supervision: "people" uses the names of the training people (LFW's unrestricted protocol). "pairs" uses only the
            official labelled pairs (image-restricted).
        validation_people: people who are kept out of training, to choose the best epoch, the threshold and the
            calibration: a number of people, or a fraction below 1. With "pairs" it is always a fraction of the pairs.
        validation_part: which of several sets of validation people, as `test_part`. Official pairs have one set.
        test_people: people who are kept out of everything, for data sets without official test lists: a number of
            people, or a fraction below 1. Who they are depends on `split_seed` and `test_part` only, so that runs with
            other seeds have the same test people.
        test_part: which of several sets of test people. No person is in two parts of one `split_seed`, so that runs
            with the parts 0, 1, 2 … are a cross-validation.
        split_seed: seed of both splits.
        stratified: keep out the same share of the people with several pictures as of all people, but at least two where
            there are four. Otherwise the number of pictures does not count; where most people have one, there may then
            be no genuine pair to validate or to test on. It changes nothing where everybody has several.
        split: how official labelled pairs are split. "people": no person is in training and in validation. "pairs": at
            random over pairs, and "pairs-by-label": at random over the genuine and over the impostor pairs. With these
            two, people are in both parts, so that validation figures are too good. They are there to repeat published
            experiments; log, page, model and every evaluation say so.
        cross_fitting: 0 keeps validation people out of training. From 2 on, all people are trained on, and the
            threshold and the calibration come from scores in which nobody is scored by a model that has seen them: the
            people are dealt into so many groups, and each group is scored by what was fitted to the other groups. It
            needs a network that is not trained by steps. With 1, all people are validated on as one group; this needs
            a model in which nothing is fitted to people.
    """

    supervision: Literal["people", "pairs"] = "people"
    validation_people: Annotated[float | int, Field(gt=0, le=1_000_000_000)] = 0.1
    validation_part: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    test_people: Annotated[float | int, Field(ge=0, le=1_000_000_000)] = 0
    test_part: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    split_seed: Annotated[int, Field(ge=0, lt=1 << 63)] = 0
    stratified: bool = False
    split: Literal["people", "pairs", "pairs-by-label"] = "people"
    cross_fitting: Annotated[int, Field(ge=0, le=1000)] = 0


class ImagingSettings(Strict):
    """How a picture becomes the input of the network.

    Attributes:
        region: "face" for the data set's own tight crop, "frame" for the whole picture, "arcface" for the place that
            ArcFace and many other networks expect (aligned pictures only), or [top, left, height, width] as fractions
            of the picture.
        height, width: of the input, in pixels.
        color: "gray" or "rgb".
        resize: "area" averages (and enlarges by cubic interpolation); "bicubic" is Pillow's default filter, which
            averages too; "bilinear" interpolates between the four nearest pixels, as TensorFlow does, and aliases.
    """

    region: Literal["face", "frame", "arcface"] | RegionSetting = "face"
    height: Annotated[int, Field(ge=16, le=1024)] = 64
    width: Annotated[int, Field(ge=16, le=1024)] = 64
    color: Literal["gray", "rgb"] = "gray"
    resize: Literal["area", "bicubic", "bilinear"] = "area"


class AugmentSettings(Strict):
    """Random changes to the training pictures, drawn for each picture independently.

    Attributes:
        probability: of each of the five warps (rotation, shear, scale, zoom, shift).
        rotation: up to this many degrees, to the left or the right.
        shear: up to this horizontal shear, to the left or the right (0.3 moves a row by 0.3 of its distance to the
            centre).
        scale: up to this fraction larger or smaller, in width and height independently (Koch et al. 2015).
        zoom: up to this fraction larger or smaller, the same in width and height, so that faces keep their proportions.
        shift: up to this many pixels, horizontally and vertically.
        flip: probability of mirroring the picture.
        brightness, contrast: up to this fraction of the gray range, or of the contrast, more or less.
        erase: probability of painting a random rectangle gray (Zhong et al. 2020).
        copies: of each training picture under simulated conditions (size, blur, light, noise, compression). Projection
            and score normalisation are fitted to them too, after training, so that such differences count less.
    """

    probability: Annotated[float, Field(ge=0, le=1)] = 0.0
    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0
    shear: Annotated[float, Field(ge=0, le=1)] = 0.0
    scale: Fraction = 0.0
    zoom: Fraction = 0.0
    shift: Annotated[float, Field(ge=0, le=1024)] = 0.0
    flip: Annotated[float, Field(ge=0, le=1)] = 0.0
    brightness: Fraction = 0.0
    contrast: Fraction = 0.0
    erase: Annotated[float, Field(ge=0, le=1)] = 0.0
    copies: Annotated[int, Field(ge=0, le=10)] = 0


class NetworkSettings(Strict):
    """The network: one backbone used twice, and the distance between its two embeddings.

    Attributes:
        backbone: an entry of `networks.backbones.BACKBONES`, with its settings.
        distance: an entry of `models.distances.DISTANCES`.
        initialisation: an entry of `networks.initial_weights.INITIALISATIONS`.
        normalisation: of the input pixels: "none" leaves grey values from 0 to 255, "unit" divides by 255, "per-image"
            makes each picture's mean 0 and standard deviation 1.
        flip_average: embed a picture and its mirror image and average the two, when the model is used.
        difference_dropout: share of the elements of |a - b| that a training step leaves out of the comparison of two
            embeddings a and b.
    """

    backbone: Component = Component(name="residual")
    distance: str = "cosine"
    initialisation: str = "he"
    normalisation: Literal["none", "unit", "per-image"] = "per-image"
    flip_average: bool = True
    difference_dropout: Fraction = 0.0


class ScoreNormalisationSettings(Strict):
    """Per-face score normalisation: what is subtracted from a face's scores; see `networks.score_normalisation`.

    Attributes:
        spread: weight of the root mean square of the face's cosines to training people.
        clarity: weight of the logarithm of the clarity of its picture, where the projection is PLDA.
    """

    spread: Annotated[float, Field(ge=0, le=LARGEST)] = 0.0
    clarity: Annotated[float, Field(ge=0, le=LARGEST)] = 0.0

    @property
    def wanted(self) -> bool:
        """Whether anything is subtracted."""
        return self.spread > 0 or self.clarity > 0


class DistillationSettings(Strict):
    """A teacher, whose embeddings the network learns to copy beside its own loss; see `training.teacher`.

    Attributes:
        teacher: a recipe that comes with Twinface and has no gradient steps; it is fitted to the same training people
            first. None for no teacher.
        weight: of the mean distance (1 - cosine) to the teacher's embeddings, which is added to the loss.
    """

    teacher: str | None = None
    weight: Annotated[float, Field(gt=0, le=LARGEST)] = 20.0


class ValidationSettings(Strict):
    """How the best epoch is chosen, on validation people.

    Attributes:
        metric: "accuracy" of pairs (with a cross-validated threshold), "loss" (cross-entropy of those pairs),
            "penalised-loss" (the same and the L2 penalty on the weights, which Keras calls validation loss), or
            "one-shot" (fraction of right answers in N-way trials, as in Koch et al. 2015).
        pairs: the most validation pairs, half of them genuine.
        per_person: the most genuine pairs of one person.
        trials, ways: number of one-shot trials, and of candidates in each.
        patience: epochs without improvement before training stops; None never stops early.
        every: epochs between validations; the last epoch is always validated.
        keep: the weights of the "best" epoch, or of the "last" one.
        threshold: "fitted" to the validation pairs, or "even": where the network's own probability is one half. The
            latter needs loss.name = "bce".
        conditions: how many collections of photos under other conditions are simulated, for a threshold that holds
            there too; 0 for none.
    """

    metric: Literal["accuracy", "loss", "penalised-loss", "one-shot"] = "accuracy"
    pairs: Annotated[int, Field(ge=20, le=1_000_000_000)] = 4000
    per_person: PositiveInt = 30
    trials: PositiveInt = 320
    ways: Annotated[int, Field(ge=2, le=1_000_000)] = 20
    patience: PositiveInt | None = None
    every: PositiveInt = 1
    keep: Literal["best", "last"] = "best"
    threshold: Literal["fitted", "even"] = "fitted"
    conditions: Annotated[int, Field(ge=0, le=1000)] = 60


def _is_device(name: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?", name):
        raise ValueError('need "auto", "cpu", "cuda", or "cuda:1" and so on')
    return name


class TrainerSettings(Strict):
    """The training loop.

    Attributes:
        epochs: the most epochs; 0 for networks without weights to train.
        precision: "auto" takes bfloat16 where the hardware multiplies it fast, and float32 elsewhere.
        gradient_clip: the largest Euclidean norm of all gradients together; None does not clip.
        averaging: decay a step of the exponential average of the weights, which is validated and kept; 0 turns it off.
            The average starts as the plain mean, so that it follows the weights closely in early epochs.
        save_every: seconds between saves of the state within an epoch.
        keep_state: keep the training state of a finished run: the weights of the last and of the best epoch, and those
            of the optimiser. It takes several times the space of the model, and nothing but a comparison needs it.
        device: "auto", "cpu", "cuda" or "cuda:1".
        threads: processor threads; None takes all cores.
        compiled: run the network through torch.compile, on a GPU as a captured graph. It needs a C++ compiler and a
            minute or two at the start, and is for GPUs: on processors it is no faster.
        sides: whether batch normalisation sees the two pictures of each pair "together", as one batch, or "apart", as
            if all left ones went through the network first and then all right ones.
    """

    epochs: Annotated[int, Field(ge=0, le=1_000_000)] = 30
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    gradient_clip: Annotated[float, Field(gt=0, le=LARGEST)] | None = None
    averaging: Fraction = 0.0
    save_every: Annotated[float, Field(ge=0, le=LARGEST)] = 60.0
    keep_state: bool = False
    device: Annotated[str, AfterValidator(_is_device)] = "auto"
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    compiled: bool = False
    sides: Literal["together", "apart"] = "together"
