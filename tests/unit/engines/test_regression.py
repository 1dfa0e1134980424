"""Softmax regression separates what is separable and knows what it does not know."""

import numpy as np
import pytest

from ticketflow.engines.embedded.regression import fit_softmax, softmax


@pytest.fixture(scope="module")
def clusters():
    rng = np.random.default_rng(7)
    centres = np.eye(8)[:3]
    points = np.concatenate([centre + rng.normal(0, 0.2, (8, 8)) for centre in centres])
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32), np.repeat(np.arange(3), 8)


def test_clusters_are_told_apart(clusters):
    vectors, labels = clusters

    model = fit_softmax(vectors, labels, 3)

    assert model.probabilities(vectors).argmax(axis=1).tolist() == labels.tolist()


def test_probabilities_add_up_and_doubt_shows(clusters):
    vectors, labels = clusters
    between = np.array([[0.58, 0.58, 0.58, 0, 0, 0, 0, 0]], dtype=np.float32)

    model = fit_softmax(vectors, labels, 3)

    assert model.probabilities(vectors).sum(axis=1) == pytest.approx(np.ones(len(vectors)))
    assert model.probabilities(between).max() < model.probabilities(vectors).max(axis=1).mean()


def test_fitting_twice_gives_the_same_model(clusters):
    one, other = (fit_softmax(*clusters, 3) for _ in range(2))

    assert np.array_equal(one.weights, other.weights)
    assert one.temperature == other.temperature


def test_softmax_survives_large_logits():
    assert softmax(np.array([[1000.0, 0.0]])).tolist() == [[1.0, 0.0]]
