"""Softmax regression separates what is separable and knows what it does not know."""

import numpy as np
import pytest

from ticketflow.engines.embedded.classify.regression import fit_softmax, softmax

L2 = 1e-3


@pytest.fixture(scope="module")
def clusters():
    rng = np.random.default_rng(7)
    centres = np.eye(8)[:3]
    points = np.concatenate([centre + rng.normal(0, 0.2, (8, 8)) for centre in centres])
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32), np.repeat(np.arange(3), 8)


def test_clusters_are_told_apart(clusters):
    vectors, labels = clusters

    model = fit_softmax(vectors, labels, 3, L2)

    assert model.logits(vectors).argmax(axis=1).tolist() == labels.tolist()


def test_what_lies_between_is_doubted(clusters):
    vectors, labels = clusters
    between = np.array([[0.58, 0.58, 0.58, 0, 0, 0, 0, 0]], dtype=np.float32)

    model = fit_softmax(vectors, labels, 3, L2)

    sure = softmax(model.logits(vectors)).max(axis=1).mean()
    assert softmax(model.logits(between)).max() < sure


def test_the_fit_is_the_minimum_of_the_loss(clusters):
    vectors, labels = clusters

    model = fit_softmax(vectors, labels, 3, L2)

    target = np.eye(3)[labels]
    slope = vectors.T @ ((softmax(model.logits(vectors)) - target) / len(labels)) + L2 * model.weights
    assert np.abs(slope).max() < 1e-3


def test_a_class_without_examples_is_never_chosen(clusters):
    vectors, labels = clusters

    model = fit_softmax(vectors, labels, 4, L2)

    assert softmax(model.logits(vectors))[:, 3].max() < 0.1


def test_classes_weigh_the_same_however_many_examples_they_have(clusters):
    vectors, labels = clusters
    more = np.concatenate([np.repeat(vectors[:8], 5, axis=0), vectors[8:]])

    plain = fit_softmax(vectors, labels, 3, L2)
    lopsided = fit_softmax(more, np.concatenate([np.repeat(labels[:8], 5), labels[8:]]), 3, L2)

    assert lopsided.logits(vectors) == pytest.approx(plain.logits(vectors), abs=0.1)


def test_fitting_twice_gives_the_same_model(clusters):
    one, other = (fit_softmax(*clusters, 3, L2) for _ in range(2))

    assert np.array_equal(one.weights, other.weights)


def test_softmax_survives_large_logits():
    assert softmax(np.array([[1000.0, 0.0]])).tolist() == [[1.0, 0.0]]
