"""Votes of the most similar examples: what a linear model cannot see once there are many of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ticketflow.engines.embedded.classify.features import GRAMS
from ticketflow.engines.embedded.classify.regression import Floats, Labels, softmax

# Only examples of the classes a model holds most likely may vote: the right one is among them, and 15,000
# examples of 150 classes become 800.
SHORTLIST = 8
# Similarities are divided by this before they weigh a vote. banking77/train, 5,000 texts held out in folds, beside
# the regression alone with 0.926: 0.936 at 0.03, 0.934 at 0.05, 0.933 at 0.08.
SHARPNESS = 0.03
# Rows judged at a time: their similarities to 15,000 examples take 15 MB.
BATCH = 256


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Examples, sorted by class, with their grams as lists of filled buckets: small enough for every worker.

    Attributes:
        vectors: Shape (n, d).
        classes: Where the examples of each class begin, shape (classes + 1,).
        examples: Where the buckets of each example begin, shape (n + 1,).
        buckets: Filled buckets, example by example.
        counts: What is in them.
    """

    vectors: Floats
    classes: NDArray[np.int64]
    examples: NDArray[np.int64]
    buckets: NDArray[np.int16]
    counts: Floats

    def vote(self, features: Floats, logits: Floats) -> Floats:
        """Return the votes for each class on one text, shape (1, classes)."""
        votes = np.zeros_like(logits)
        shortlist = np.flatnonzero(choose_shortlist(logits)[0])
        asked = features[0]
        similarity: list[Floats] = []  # of the examples of each class
        for label in map(int, shortlist):
            first, last = self.classes[label], self.classes[label + 1]
            filled = self.examples[first : last + 1]
            products = self.counts[filled[0] : filled[-1]] * asked[-GRAMS:][self.buckets[filled[0] : filled[-1]]]
            sums = np.concatenate([[0.0], np.cumsum(products)])
            near = self.vectors[first:last] @ asked[:-GRAMS] + np.diff(sums[filled - filled[0]])
            similarity.append(near.astype(np.float32))
        weights = softmax(np.concatenate(similarity)[None] / np.float32(SHARPNESS))[0]
        ends = np.cumsum([len(each) for each in similarity])
        votes[0, shortlist] = [part.sum() for part in np.split(weights, ends[:-1])]
        return votes


def build_neighbours(features: Floats, labels: Labels, classes: int) -> Neighbours:
    """Index examples; they must be sorted by class."""
    rows, buckets = np.nonzero(features[:, -GRAMS:])
    return Neighbours(
        vectors=features[:, :-GRAMS].copy(),
        classes=np.searchsorted(labels, np.arange(classes + 1)),
        examples=np.searchsorted(rows, np.arange(len(features) + 1)),
        buckets=buckets.astype(np.int16),
        counts=features[:, -GRAMS:][rows, buckets],
    )


def vote_all(asked: Floats, logits: Floats, features: Floats, labels: Labels) -> Floats:
    """Return the votes of examples, sorted by class, on many texts, as ``Neighbours.vote`` would."""
    votes = np.zeros_like(logits)
    voting, firsts = np.unique(labels, return_index=True)
    for start in range(0, len(asked), BATCH):
        rows = slice(start, start + BATCH)
        similarity = asked[rows] @ features.T / np.float32(SHARPNESS)
        similarity[~choose_shortlist(logits[rows])[:, labels]] = -np.inf
        votes[rows, voting] = np.add.reduceat(softmax(similarity), firsts, axis=1)
    return votes


def choose_shortlist(logits: Floats) -> NDArray[np.bool_]:
    """Mark the likeliest classes of each text."""
    if logits.shape[1] <= SHORTLIST:
        return np.ones(logits.shape, dtype=np.bool_)
    marked = np.zeros(logits.shape, dtype=np.bool_)
    np.put_along_axis(marked, np.argpartition(-logits, SHORTLIST, axis=1)[:, :SHORTLIST], values=True, axis=1)
    return marked
