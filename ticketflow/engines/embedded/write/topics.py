"""What a ticket brings up, and what of it an answer leaves open: nothing somebody asks or tells us of goes under."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ticketflow.engines.embedded.encoder.vectors import Encoder
from ticketflow.engines.embedded.search.asking import (
    MIN_WORDS,
    QUESTION_MARKS,
    count_own_words,
    is_asking,
    is_leaning,
    is_own_question,
    is_question,
)
from ticketflow.engines.embedded.sentences import split_sentences
from ticketflow.workflow.state import Passage

# Measured on tests/contract/two_topics.jsonl and on the tickets with one topic in benchmarks/data/trade_tickets.jsonl.
# A question that no sentence of an article comes nearer to than this is another one's.
FOREIGN = 0.25
# This near to a sentence of the article it is about the same, whatever a search made of it.
SAME = 0.45
# So much nearer to the title of another article, it is that one's.
ELSEWHERE = 0.1
# A statement that an article comes no nearer to than this was not spoken to, whatever its search says; nor was one
# that is as near to another article's title.
UNSAID = 0.3
NEARLY = 0.05
# What is told behind a question is a matter of its own if it is more than a remark.
MIN_TOLD_WORDS = 6
MIN_OWN_WORDS = 3
SHOWN_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """A passage that answers a part of a ticket, and what is quoted of it."""

    passage: Passage
    quotes: Sequence[str]


def list_topics(text: str) -> list[str]:
    """List the sentences of a ticket that may bring something up; first a subject that asks, where none of them does.

    Args:
        text: From ``question_text``.
    """
    subject, _, body = text.rpartition("\n")
    told = [each for each in split_sentences(body) if len(each.split()) >= MIN_WORDS]
    asks_above = subject.endswith(QUESTION_MARKS) and is_own_question(subject, goes_on=True)
    return [subject, *told] if asks_above and not any(map(is_question, told)) else told


def find_open(encoder: Encoder, text: str, answers: Sequence[Answer], passages: Sequence[Passage]) -> list[str]:
    """List what a ticket brings up and no quote speaks to, in the customer's words and order.

    Args:
        encoder: Where vectors come from.
        text: From ``question_text``.
        answers: What is quoted; one at least.
        passages: All that research found.
    """
    topics = list_topics(text)
    levels = _measure(encoder, topics, answers, passages)
    first = next((at for at, each in enumerate(topics) if is_question(each)), len(topics))
    groups: list[list[str]] = []
    was_open = False
    for at, topic in enumerate(topics):
        if is_question(topic) and not is_own_question(topic, goes_on=at > 0):
            is_open = was_open  # "How long is that?" goes on with what stands before
        elif is_question(topic):
            is_open = levels.is_asked_elsewhere(at)
        else:
            is_open = is_matter(topic, is_behind=at > first) and levels.is_unsaid(at)
        if is_open and was_open:
            groups[-1].append(topic)
        elif is_open:
            groups.append([topic])
        was_open = is_open
    return [" ".join(group) for group in groups]


def is_matter(sentence: str, *, is_behind: bool) -> bool:
    """Tell a statement somebody wants something done about from the story around a question.

    Args:
        sentence: No question.
        is_behind: Whether a question stands before it: what is told behind one seldom leads to it.
    """
    if count_own_words(sentence) < MIN_OWN_WORDS:
        return False
    return is_asking(sentence) or (is_behind and len(sentence.split()) >= MIN_TOLD_WORDS)


@dataclass(frozen=True, slots=True)
class _Levels:
    """How near each sentence of a ticket comes to what is said.

    Attributes:
        spoken: Whether an article that is quoted has to do with it, as its search found.
        said: To the sentences and titles of those articles.
        quoted: To the quotes and titles.
        elsewhere: To the titles of the other articles.
    """

    spoken: Sequence[bool]
    said: NDArray[np.float32]
    quoted: NDArray[np.float32]
    elsewhere: NDArray[np.float32]

    def is_asked_elsewhere(self, at: int) -> bool:
        """Tell whether what is quoted does not answer a question."""
        if self.said[at] >= SAME:
            return False
        return not self.spoken[at] or bool(self.said[at] < FOREIGN or self.elsewhere[at] > self.said[at] + ELSEWHERE)

    def is_unsaid(self, at: int) -> bool:
        """Tell whether what is quoted does not speak to a statement."""
        if self.elsewhere[at] >= SAME and self.elsewhere[at] > self.quoted[at] - NEARLY:
            return True
        return bool(self.said[at] < UNSAID if self.spoken[at] else self.quoted[at] < SAME)


def _measure(
    encoder: Encoder, topics: Sequence[str], answers: Sequence[Answer], passages: Sequence[Passage]
) -> _Levels:
    used = {each.passage["article_id"] for each in answers}
    spoken = {each for answer in answers for each in answer.passage.get("speaks_to", topics)}
    titles = [each.passage["title"] for each in answers]
    written = [each for answer in answers for each in split_sentences(answer.passage["text"])]
    others = [each["title"] for each in passages if each["article_id"] not in used]
    quotes = [quote for answer in answers for quote in answer.quotes]
    # "How do I undo that?" is about what the sentence before says.
    joined = [
        f"{before} {topic}" if before and is_leaning(topic) and count_own_words(topic) <= MIN_OWN_WORDS else topic
        for before, topic in itertools.pairwise(["", *topics])
    ]
    near = _build_nearness(encoder, topics, joined)
    return _Levels(
        [each in spoken for each in topics], near([*titles, *written]), near([*titles, *quotes]), near(others)
    )


def _build_nearness(
    encoder: Encoder, topics: Sequence[str], joined: Sequence[str]
) -> Callable[[Sequence[str]], NDArray[np.float32]]:
    """Build a function that gives each sentence's cosine with the nearest of some texts; 0 for none."""
    alone, together = encoder.encode(topics), encoder.encode(joined)

    def measure(texts: Sequence[str]) -> NDArray[np.float32]:
        if not texts:
            return np.zeros(len(topics), dtype=np.float32)
        vectors = encoder.encode(texts).T
        nearest: NDArray[np.float32] = np.round(np.maximum(alone @ vectors, together @ vectors).max(axis=1), 4)
        return nearest

    return measure


def shorten(topic: str) -> str:
    """Return a topic as a letter repeats it: its beginning, where it is long."""
    if len(topic) <= SHOWN_CHARACTERS:
        return topic
    return f"{topic[:SHOWN_CHARACTERS].rsplit(' ', 1)[0]} \N{HORIZONTAL ELLIPSIS}"
