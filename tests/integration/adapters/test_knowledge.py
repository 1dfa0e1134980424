import threading

import numpy as np
import pytest

from ticketflow.adapters.knowledge import StoredKnowledge
from ticketflow.engines.embedded.encoder.vectors import DIMENSIONS
from ticketflow.services.articles import create_article, delete_article, update_article
from ticketflow.storage.articles import NewArticle

RETURNS = NewArticle("Returns", "You can return any unused item within 30 days of delivery.")


class CountingEncoder:
    """Gives every text the same vector, and counts the texts."""

    name = "counting"

    def __init__(self, barrier=None):
        self.texts = 0
        self.barrier = barrier

    def encode(self, texts):
        if self.barrier is not None:
            self.barrier.wait()
        self.texts += len(texts)
        return np.full((len(texts), DIMENSIONS), DIMENSIONS**-0.5, dtype=np.float32)


@pytest.fixture
def article(sessions):
    return create_article(sessions, "default", RETURNS)


def titles(knowledge, tenant="default"):
    return [passage["title"] for passage in knowledge.search("how long can I return it", 5, tenant)]


def test_a_change_is_found_by_the_next_search_of_every_process(sessions, article):
    here, there = (StoredKnowledge(sessions, CountingEncoder()) for _ in range(2))
    assert titles(here) == titles(there) == ["Returns"]

    update_article(sessions, "default", article.id, None, NewArticle("Sending back", RETURNS.body))
    assert titles(here) == titles(there) == ["Sending back"]

    delete_article(sessions, "default", article.id)
    assert titles(here) == titles(there) == []


def test_vectors_are_computed_once_and_stored(sessions, article):
    first, second = CountingEncoder(), CountingEncoder()
    StoredKnowledge(sessions, first).refresh()

    StoredKnowledge(sessions, second).refresh()

    assert (first.texts > 0, second.texts) == (True, 0)


def test_another_tenants_articles_are_not_found(sessions, article):
    knowledge = StoredKnowledge(sessions, CountingEncoder())
    create_article(sessions, "other", NewArticle("Their returns", RETURNS.body))

    assert (titles(knowledge), titles(knowledge, "other")) == (["Returns"], ["Their returns"])
    assert titles(knowledge, "third") == []


def test_processes_that_meet_a_new_article_at_the_same_time_both_find_it(sessions, article):
    encoder = CountingEncoder(threading.Barrier(2))
    both = [StoredKnowledge(sessions, encoder) for _ in range(2)]
    threads = [threading.Thread(target=knowledge.refresh) for knowledge in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    encoder.barrier = None
    assert [titles(knowledge) for knowledge in both] == [["Returns"], ["Returns"]]
