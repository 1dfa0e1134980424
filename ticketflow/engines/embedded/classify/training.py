"""Fit the classifier on a taxonomy: what it learns from, how it judges, how good it is."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ticketflow.engines.embedded.classify.calibration import (
    find_share,
    find_temperature,
    hold_out,
    measure_energy,
)
from ticketflow.engines.embedded.classify.features import GRAMS, build_features
from ticketflow.engines.embedded.classify.neighbours import Neighbours, build_neighbours, vote_all
from ticketflow.engines.embedded.classify.regression import Floats, Labels, SoftmaxModel, fit_softmax, softmax
from ticketflow.engines.embedded.encoder.vectors import Encoder
from ticketflow.engines.embedded.taxonomy import Category, Taxonomy, dump_taxonomy

# Part of the fingerprint: count it up when the same taxonomy would be fitted differently.
RECIPE = 1
# What a category without examples is learnt from: said in three ways instead of one, names sort bitext/train 0.753
# right instead of 0.736. Beside examples the plain name does better.
NAME_TEMPLATES = ("{}", "{} help", "How do I {}?")
# Names alone, 0.03 against 0.01 and 0.1: bitext/train 0.753, 0.751, 0.747; banking77/train 0.617, 0.617, 0.618.
L2_NAMES = 0.03
# Divided by the mean number of examples a category. Ten a class: 1e-6 to 3e-5 are the same within 0.002.
L2_EXAMPLES = 4e-4
L2_LEAST = 5e-6
# Names alone leave nothing to calibrate on. Divided by the number of categories; measured on banking77/train,
# bitext/train and clinc150/val, where it leaves an ECE of 0.06, 0.06 and 0.05.
TEMPERATURE_NAMES = 1.6
FOLDS = 5
# With this many examples, three in ten of them are judged, a tenth at a time: models fitted on nine tenths are as sure
# of themselves as the one fitted on all, and 15,000 examples are fitted four times instead of eleven.
MANY_EXAMPLES = 5000
FOLDS_MANY = 3
TENTHS = 10
# Share of known tickets that may look unfamiliar. All of clinc150/train without its texts out of scope, tested on val:
# accuracy in scope and recall of what is out of it are 0.961 and 0.71 at 0.005, 0.955 and 0.82 at 0.01, 0.949 and
# 0.87 at 0.015, 0.939 and 0.91 at 0.02. Examples of the fallback raise the recall at no cost.
UNFAMILIAR_SHARE = 0.01
# A handful of examples a category hardly shows what its tickets look like, so that fewer are turned away. Ten each,
# accuracy with the whole share and with a fifth of it: banking77 0.858 and 0.860, bitext 0.940 and 0.950.
ENOUGH_EXAMPLES = 50

Examples = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Guesses:
    """What a model makes of a text.

    Attributes:
        probabilities: Calibrated, by category in the order of the taxonomy.
        is_familiar: Whether the text looks like anything the model was fitted on.
    """

    probabilities: dict[str, float]
    is_familiar: bool


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a fitted model's logits mean.

    Attributes:
        temperature: What logits are divided by before the softmax.
        vote_share: How much the votes of similar examples count beside that, in [0, 1].
        least_energy: Texts below it look like no category.
    """

    temperature: float
    vote_share: float
    least_energy: float


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Examples judged by models fitted without them.

    Attributes:
        texts: The examples.
        labels: Class index of each.
        logits: One row each.
        votes: Those of similar examples, one row each.
        counts: How many examples each class has, judged or not.
    """

    texts: tuple[str, ...]
    labels: Labels
    logits: Floats
    votes: Floats
    counts: Labels

    def probabilities(self, calibration: Calibration) -> Floats:
        """Return calibrated probabilities, one row each."""
        return mix(self.logits, self.votes, calibration)


@dataclass(frozen=True)
class FittedClassifier:
    """A model that sorts texts into a taxonomy; immutable, safe to share between threads."""

    encoder: Encoder
    taxonomy: Taxonomy
    model: SoftmaxModel
    neighbours: Neighbours
    calibration: Calibration

    def fitted(self) -> "FittedClassifier":
        """Return itself: it is its own ``ModelSource``."""
        return self

    def probabilities(self, text: str) -> dict[str, float]:
        """Return the calibrated probability of every category, in the order of the taxonomy."""
        return self.guess(text).probabilities

    def guess(self, text: str) -> Guesses:
        """Judge one text."""
        features = build_features(self.encoder, [text])
        logits = self.model.logits(features)
        votes = self.neighbours.vote(features, logits)
        row = mix(logits, votes, self.calibration)[0]
        names = (category.name for category in self.taxonomy.categories)
        energy = float(measure_energy(logits[:, list_known(self.taxonomy)])[0])
        return Guesses(
            probabilities={name: float(value) for name, value in zip(names, row, strict=True)},
            is_familiar=energy >= self.calibration.least_energy,
        )


@dataclass(frozen=True, slots=True)
class Material:
    """What a model is fitted on.

    Attributes:
        texts: Names, descriptions and examples.
        labels: Class index of each.
        is_example: Which of them are sentences customers write.
    """

    texts: tuple[str, ...]
    labels: Labels
    is_example: NDArray[np.bool_]


def fit_classifier(encoder: Encoder, taxonomy: Taxonomy, *, by_words: bool = True) -> FittedClassifier:
    """Fit and calibrate a classifier on what a taxonomy says of its categories; see ``fit_and_judge``."""
    return fit_and_judge(encoder, taxonomy, by_words=by_words)[0]


def fit_and_judge(
    encoder: Encoder, taxonomy: Taxonomy, more_examples: Examples = (), *, by_words: bool = True
) -> tuple[FittedClassifier, HeldOut]:
    """Fit a classifier and show how the examples fare with models fitted without them.

    Args:
        encoder: Where vectors come from.
        taxonomy: Categories with what each is learnt from.
        more_examples: Further (text, category name) pairs, such as people's corrections; those of
            categories the taxonomy does not have are left out.
        by_words: Whether words count besides vectors; those of other languages say nothing.
    """
    material = gather_material(taxonomy, more_examples)
    features = build_features(encoder, material.texts)
    if not by_words or not material.is_example.any():
        features[:, -GRAMS:] = 0.0  # names share too few words with tickets: bitext/train 0.753 without, 0.745 with
    held_out = judge_examples(material, features, len(taxonomy.categories))
    fitted = FittedClassifier(
        encoder=encoder,
        taxonomy=taxonomy,
        model=fit_softmax(features, material.labels, len(taxonomy.categories), choose_l2(material)),
        neighbours=build_neighbours(features, material.labels, len(taxonomy.categories)),
        calibration=calibrate(taxonomy, held_out),
    )
    return fitted, held_out


def judge_examples(material: Material, features: Floats, classes: int) -> HeldOut:
    """Judge each example by what was learnt from the others."""
    labels, held, l2 = material.labels, material.is_example, choose_l2(material)
    folds = FOLDS
    if held.sum() >= MANY_EXAMPLES:
        folds, held = FOLDS_MANY, held & (np.arange(len(held)) % TENTHS < FOLDS_MANY)

    def judge(left_out: NDArray[np.bool_]) -> Floats:
        known, asked = features[~left_out], features[left_out]
        logits = fit_softmax(known, labels[~left_out], classes, l2).logits(asked)
        return np.hstack([logits, vote_all(asked, logits, known, labels[~left_out])])

    judged = hold_out(judge, labels, held, folds) if held.any() else np.zeros((0, 2 * classes), dtype=np.float32)
    return HeldOut(
        texts=tuple(text for text, is_held in zip(material.texts, held, strict=True) if is_held),
        labels=labels[held],
        logits=judged[:, :classes],
        votes=judged[:, classes:],
        counts=np.bincount(labels[material.is_example], minlength=classes),
    )


def mix(logits: Floats, votes: Floats, calibration: Calibration) -> Floats:
    """Return probabilities from logits and votes, one row each."""
    share = np.float32(calibration.vote_share)
    return (1 - share) * softmax(logits / np.float32(calibration.temperature)) + share * votes


def gather_material(taxonomy: Taxonomy, more_examples: Examples = ()) -> Material:
    """List what each category is learnt from: its name in words, its description, its examples."""
    more: dict[str, list[str]] = {}
    for text, name in more_examples:
        more.setdefault(name, []).append(text)
    rows: list[tuple[str, int, bool]] = []
    for label, category in enumerate(taxonomy.categories):
        examples = dict.fromkeys([*category.examples, *more.get(category.name, ())])
        is_fallback = category.name == taxonomy.fallback
        told = dict.fromkeys(list_told(category, is_fallback=is_fallback, has_examples=bool(examples)))
        rows.extend((text, label, False) for text in told if text not in examples)
        rows.extend((text, label, True) for text in examples)
    texts, labels, is_example = zip(*rows, strict=True)
    return Material(texts, np.array(labels, dtype=np.int64), np.array(is_example, dtype=np.bool_))


def list_told(category: Category, *, is_fallback: bool, has_examples: bool) -> list[str]:
    """List what the operator says of a category; the fallback's name says nothing about its tickets."""
    name = category.name.replace("_", " ").replace("-", " ").lower()
    templates = () if is_fallback else NAME_TEMPLATES[:1] if has_examples else NAME_TEMPLATES
    told = [template.format(name) for template in templates]
    return [*told, category.description] if category.description else told


def choose_l2(material: Material) -> float:
    """Choose how much weights are held back: the less there is to learn from, the more."""
    counts = np.bincount(material.labels[material.is_example], minlength=int(material.labels.max()) + 1)
    typical = float(np.median(counts))
    return max(L2_EXAMPLES / typical, L2_LEAST) if typical else L2_NAMES


def calibrate(taxonomy: Taxonomy, held_out: HeldOut) -> Calibration:
    """Find what logits mean from held-out examples; names alone get what was measured elsewhere."""
    known = list_known(taxonomy)
    is_known = np.isin(held_out.labels, known)
    if is_known.sum() < len(known):
        return Calibration(TEMPERATURE_NAMES / len(taxonomy.categories), vote_share=0.0, least_energy=-np.inf)
    temperature = find_temperature(held_out.logits, held_out.labels)
    probabilities = softmax(held_out.logits / np.float32(temperature))
    energy = measure_energy(held_out.logits[is_known][:, known])
    share = UNFAMILIAR_SHARE * min(1.0, float(np.median(held_out.counts[known])) / ENOUGH_EXAMPLES)
    return Calibration(
        temperature=temperature,
        vote_share=find_share(probabilities, held_out.votes, held_out.labels),
        least_energy=float(np.quantile(energy, share)),
    )


def list_known(taxonomy: Taxonomy) -> list[int]:
    """List the positions of the categories that are not the fallback."""
    return [index for index, category in enumerate(taxonomy.categories) if category.name != taxonomy.fallback]


def build_fingerprint(encoder_name: str, taxonomy: Taxonomy, more_examples: Examples = ()) -> str:
    """Build the SHA-256 of all that a fit depends on."""
    facts = [RECIPE, encoder_name, dump_taxonomy(taxonomy), sorted(more_examples)]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
