"""What a ticket asks, found in what is written around it: each part is judged as if it had come by itself."""

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ticketflow.engines.embedded.encoder.vectors import Vectors
from ticketflow.engines.embedded.search.words import find_content_words, stem
from ticketflow.engines.embedded.sentences import split_sentences
from ticketflow.shipped import read_shipped

WORDS_PATH = Path(__file__).parent / "asking.yaml"
QUESTION_MARKS = ("?", "\N{FULLWIDTH QUESTION MARK}", "\N{ARABIC QUESTION MARK}")
MAX_QUESTIONS = 4
MIN_WORDS = 3
MAX_SENTENCES = 8
# So many sentences that ask may be parts of one question.
MAX_TOGETHER = 4
# What is searched with: nobody's story is read to its end, but who asks is heard first.
MAX_SEARCHED = 14
# A question with fewer words that carry meaning goes on with the one before; so does one with a pronoun for that and
# one word more ("How long will that take?").
MIN_OWN_WORDS = 2
# Numbers of orders, codes, amounts, times and shares are one customer's own.
_PARTICULAR = re.compile(
    r"\s*(?:#?\b(?:[A-Z]{1,4}[-_]?)?\d{4,}\b|\b[A-Z]{3,12}-?\d{2,8}\b|\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b"
    r"|[€$£]?\b\d{1,3}(?:[.,’']\d{3}){0,3}(?:[.,:]\d\d\b|\s?[%€$£])(?:\s?[A-Z]{3}\b)?)"
)
# The place of the subject, before all sentences.
SUBJECT = -1


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a ticket that may be all it asks.

    Attributes:
        text: Its words.
        places: Which of ``Asked.parts`` it is made of.
        has_subject: Whether the ticket's subject is one of them.
        judges: The part that an article has to do with if this window finds it: itself, or, of a sentence that says
            "it", with the one before.
    """

    text: str
    places: tuple[int, ...]
    has_subject: bool
    judges: int | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A ticket taken apart.

    Attributes:
        parts: The subject, where there is one, and the sentences worth searching with; one at least.
        windows: What to search with.
    """

    parts: Sequence[str]
    windows: Sequence[Window]

    @property
    def texts(self) -> list[str]:
        """The parts as they are searched with: without numbers of their own, which vectors stumble over."""
        return [_PARTICULAR.sub("", part) for part in self.parts]

    def build_vectors(self, parts: Vectors) -> Vectors:
        """Return a unit vector for each window, made of the vectors of its parts' ``texts``."""
        means = np.stack([parts[list(window.places)].mean(axis=0) for window in self.windows])
        unit: Vectors = means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
        return unit.astype(np.float32)


def read_asked(text: str) -> Asked:
    """Take a ticket apart into what may be asked: sentences, with the one before and the subject.

    What stands further away says nothing of a question, so that greeting, story and sign-off do not change how sure
    an answer is.

    Args:
        text: From ``question_text``; a subject, where there is one, is the first line.
    """
    subject, _, body = text.rpartition("\n")
    sentences = [each for each in split_sentences(body) if len(each.split()) >= MIN_WORDS] or [body]
    asking = [is_asking(each) for each in sentences]
    searched = sorted(sorted(range(len(sentences)), key=lambda at: not asking[at])[:MAX_SEARCHED])
    windows: list[tuple[int, ...]] = [(at,) for at in searched]
    for at in searched:
        if asking[at] or not any(asking):
            before = [(at - 1, at)] if at else []
            after = [(at, at + 1)] if at + 1 < len(sentences) and not asking[at + 1] else []
            near = [*before, *after]
            windows += near
            windows += [(SUBJECT, *each) for each in [(at,), *near]] if subject else []
    together = tuple(at for at in searched if asking[at])
    if 1 < len(together) <= MAX_TOGETHER:
        windows += [together, (SUBJECT, *together)] if subject else [together]
    windows += [(SUBJECT,)] if subject else []
    windows = list(dict.fromkeys(windows))
    used = sorted({place for window in windows for place in window})
    leaning = {at for at in searched if at and is_leaning(sentences[at])}
    return Asked(
        [subject if place == SUBJECT else sentences[place] for place in used],
        [
            Window(
                text="\n".join(subject if place == SUBJECT else sentences[place] for place in window),
                places=tuple(used.index(place) for place in window),
                has_subject=SUBJECT in window,
                judges=used.index(window[-1]) if is_whole(window, leaning) else None,
            )
            for window in windows
        ],
    )


def is_whole(window: tuple[int, ...], leaning: set[int]) -> bool:
    """Tell whether a window is a sentence, with the one before if it leans on that, and nothing more."""
    return window[-1] != SUBJECT and (
        window == (window[-1] - 1, window[-1]) if window[-1] in leaning else len(window) == 1
    )


def list_questions(text: str) -> list[str]:
    """List the questions that each want an answer, without those that only go on with another ("How long is that?").

    Args:
        text: From ``question_text``.
    """
    _, _, body = text.rpartition("\n")
    sentences = [each for each in split_sentences(body) if len(each.split()) >= MIN_WORDS]
    asked = [each for each in sentences if is_question(each)]
    follow = {after for before, after in itertools.pairwise(sentences) if is_question(before)}
    own = [each for each in asked if is_own_question(each, goes_on=each in follow)]
    return list(dict.fromkeys(own))[:MAX_QUESTIONS]


def is_own_question(sentence: str, *, goes_on: bool) -> bool:
    """Tell a question that wants an answer of its own from one that goes on with another ("How long is that?")."""
    return count_own_words(sentence) >= (MIN_OWN_WORDS + is_leaning(sentence) if goes_on else 1)


def count_own_words(sentence: str) -> int:
    """Count the words that carry meaning, without courtesies."""
    return len(set(find_content_words(sentence)) - _list_courtesies())


def list_sentences(text: str) -> list[str]:
    """List the first sentences that are long enough to say something."""
    return [each for each in split_sentences(text) if len(each.split()) >= MIN_WORDS][:MAX_SENTENCES]


def asked_sentences(text: str) -> list[str]:
    """List what has to be addressed: the questions, else what asks for something, else every sentence."""
    sentences = [each for each in split_sentences(text) if len(each.split()) >= MIN_WORDS]
    questions = [each for each in sentences if is_question(each)]
    return (questions or [each for each in sentences if is_asking(each)] or sentences)[:MAX_SENTENCES]


def list_contexts(text: str, asked: Sequence[str]) -> list[str]:
    """Return each sentence together with what is said before it, unless that is another question."""
    sentences = split_sentences(text.rpartition("\n")[2])
    before = {after: f"{each} {after}" for each, after in itertools.pairwise(sentences) if not is_question(each)}
    return [before.get(each, each) for each in asked]


def is_question(sentence: str) -> bool:
    """Tell whether a sentence wants an answer: it ends like a question, or asks for something."""
    return sentence.endswith(QUESTION_MARKS) or bool(_pattern("requests").search(sentence.lower()))


def is_asking(sentence: str) -> bool:
    """Tell whether a sentence may be what a ticket is about: a question, a request, a complaint."""
    small = sentence.lower()
    return is_question(sentence) or bool(_pattern("complaints").search(small) or _pattern("openers").match(small))


def is_repeating(text: str) -> bool:
    """Tell whether somebody says that an answer did not help them."""
    return bool(_pattern("repeats").search(" ".join(text.lower().split())))


def is_leaning(sentence: str) -> bool:
    """Tell whether a sentence says "it" for what it is about."""
    return bool(_pattern("pronouns").search(sentence.lower()))


@cache
def _list_courtesies() -> frozenset[str]:
    languages = read_shipped(WORDS_PATH).values()
    return frozenset(stem(word) for language in languages for word in language["courtesies"])


@cache
def _pattern(kind: str) -> re.Pattern[str]:
    """Make one pattern of the words of all languages: a ticket is often too short to tell its own."""
    languages = read_shipped(WORDS_PATH).values()
    words: Iterable[str] = {word for language in languages for word in language[kind]}
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")
