"""The embedded ``Classifier``: a fitted taxonomy, language, mood and haste."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from ticketflow.engines.embedded.classify.priority import Haste, PriorityGuesser, raise_level
from ticketflow.engines.embedded.classify.sentiment import Mood, SentimentGuesser
from ticketflow.engines.embedded.classify.training import FittedClassifier, Guesses, fit_classifier, gather_material
from ticketflow.engines.embedded.encoder.multilingual import find_multilingual
from ticketflow.engines.embedded.encoder.vectors import ENCODED_LANGUAGE, Encoder, Vectors
from ticketflow.engines.embedded.language import guess_language
from ticketflow.engines.embedded.search.asking import asked_sentences
from ticketflow.engines.embedded.taxonomy import Category, Taxonomy
from ticketflow.workflow.ports import Label
from ticketflow.workflow.state import Guess, Sla, question_text
from ticketflow.workflow.usage import EngineCall, record_engine_call

ALTERNATIVES = 3
# The first encoder was trained on English: elsewhere only what looks certain is believed.
MIN_CONFIDENCE_FOREIGN = 0.8
# Examples of a category learnt from: the first ticket in another language embeds them all, some 15 ms each.
MAX_FOREIGN_EXAMPLES = 20
# Of a longer ticket what it asks is sorted by, not its story: the encoder reads some 190 words.
MAX_WORDS_READ = 120


class ModelSource(Protocol):
    """Where a classifier gets the model in force; it may change between two tickets."""

    @property
    def taxonomy(self) -> Taxonomy:
        """The taxonomy in force."""
        ...

    def fitted(self) -> FittedClassifier:
        """Return the model in force, fitting it if need be."""
        ...


class FitOnFirstUse:
    """A model of one taxonomy, kept in memory only."""

    def __init__(self, encoder: Encoder, taxonomy: Taxonomy) -> None:
        """Take the taxonomy; the model is fitted when first asked for."""
        self._encoder = encoder
        self._taxonomy = taxonomy
        self._lock = threading.Lock()
        self._fitted: FittedClassifier | None = None

    @property
    def taxonomy(self) -> Taxonomy:
        """The taxonomy."""
        return self._taxonomy

    def fitted(self) -> FittedClassifier:
        """Return the model; others wait while one thread fits it."""
        with self._lock:
            if self._fitted is None:
                self._fitted = fit_classifier(self._encoder, self._taxonomy)
            return self._fitted


class CentredEncoder:
    """Takes off what all texts have in common: the vectors of this model lie close together, at 0.8 and more."""

    def __init__(self, encoder: Encoder, texts: Sequence[str]) -> None:
        """Measure it on some texts."""
        self._encoder = encoder
        self._common = encoder.encode(texts).mean(axis=0)

    @property
    def name(self) -> str:
        """Model name and version."""
        return self._encoder.name

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors, shape (n, d)."""
        apart = self._encoder.encode(texts) - self._common
        unit: Vectors = apart / np.maximum(np.linalg.norm(apart, axis=1, keepdims=True), 1e-9)
        return unit.astype(np.float32)


class ForeignFit:
    """The last taxonomy asked for, fitted over vectors of many languages by the first ticket that needs it."""

    def __init__(self) -> None:
        """Start without a model."""
        self._lock = threading.Lock()
        self._fitted: FittedClassifier | None = None

    def fit(self, encoder: Encoder, taxonomy: Taxonomy) -> FittedClassifier:
        """Return the model for a taxonomy; others wait while one thread fits it."""
        with self._lock:
            if self._fitted is None or self._fitted.taxonomy != taxonomy:
                few = [replace(each, examples=each.examples[:MAX_FOREIGN_EXAMPLES]) for each in taxonomy.categories]
                small = replace(taxonomy, categories=tuple(few))
                centred = CentredEncoder(encoder, gather_material(small).texts)
                self._fitted = replace(fit_classifier(centred, small, by_words=False), taxonomy=taxonomy)
            return self._fitted


class EmbeddedClassifier:
    """Sorts by calibrated softmax regression over the taxonomy's names, descriptions and examples."""

    def __init__(self, encoder: Encoder, source: Taxonomy | ModelSource) -> None:
        """Take a taxonomy, fitted on the first ticket, or where fitted ones come from."""
        self._encoder = encoder
        self._source = FitOnFirstUse(encoder, source) if isinstance(source, Taxonomy) else source
        self._foreign = ForeignFit()
        self._sentiment = SentimentGuesser(encoder)
        self._priority = PriorityGuesser(encoder)

    @property
    def taxonomy(self) -> Taxonomy:
        """The taxonomy in force."""
        return self._source.taxonomy

    @property
    def categories(self) -> frozenset[str]:
        """Names a label may carry."""
        return frozenset(self.taxonomy.by_name)

    def classify(self, subject: str, body: str) -> Label:
        """Label one ticket; what looks like no category gets the fallback, best guesses as alternatives."""
        text = question_text(subject, body)
        fitted = self._source.fitted()
        language = guess_language(text)
        guesses, least = self._guess(find_focus(text), language, fitted)
        ranked, chosen = choose(guesses, fitted.taxonomy.fallback, least)
        category = fitted.taxonomy.by_name[chosen["category"]]
        mood = self._sentiment.guess(text, language)
        haste = self._priority.guess(text, mood, language)
        record_engine_call(EngineCall(engine="embedded/classifier", model=self._encoder.name))
        return Label(
            category=category.name,
            team=category.team,
            confidence=chosen["confidence"],
            alternatives=[guess for guess in ranked if guess is not chosen][:ALTERNATIVES],
            language=language,
            sentiment=mood.sentiment,
            priority=raise_level(haste.priority, category.priority) if category.priority else haste.priority,
            reasons=describe_reasons(mood, haste, category),
            sla=describe_sla(category),
        )

    def find_team(self, text: str) -> str:
        """Name the team that a part of a ticket would go to if it had come by itself."""
        fitted = self._source.fitted()
        guesses, least = self._guess(text, guess_language(text), fitted)
        _, chosen = choose(guesses, fitted.taxonomy.fallback, least)
        return fitted.taxonomy.by_name[chosen["category"]].team

    def _guess(self, text: str, language: str, fitted: FittedClassifier) -> tuple[Guesses, float]:
        """Judge a text by vectors of its language, and say how likely the first guess must be to be believed."""
        if language == ENCODED_LANGUAGE:
            return fitted.guess(text), 0.0
        if (foreign := find_multilingual()) is None:
            return fitted.guess(text), MIN_CONFIDENCE_FOREIGN
        return self._foreign.fit(foreign, fitted.taxonomy).guess(text), 0.0


def find_focus(text: str) -> str:
    """Return what sorts a ticket: of a long one the subject and what it asks, which may stand where nobody reads on."""
    subject, _, body = text.rpartition("\n")
    if len(body.split()) <= MAX_WORDS_READ:
        return text
    return "\n".join(filter(None, [subject, *asked_sentences(text)]))


def describe_reasons(mood: Mood, haste: Haste, category: Category) -> dict[str, str]:
    """Say what decided, and what makes the ticket one for a person."""
    is_raised = category.priority and raise_level(haste.priority, category.priority) != haste.priority
    priority = f"category {category.name}: {category.priority}" if is_raised else haste.reason
    person = {"danger": haste.danger, "person": haste.person}
    return {"sentiment": mood.reason, "priority": priority} | {name: said for name, said in person.items() if said}


def choose(guesses: Guesses, fallback: str, least: float = 0.0) -> tuple[list[Guess], Guess]:
    """Rank all categories, and choose the first, or the fallback when the first is not to be believed."""
    found = [Guess(category=name, confidence=round(p, 4)) for name, p in guesses.probabilities.items()]
    ranked = sorted(found, key=lambda guess: (-guess["confidence"], guess["category"]))
    first = ranked[0]
    is_believed = guesses.is_familiar and first["confidence"] >= least
    return ranked, first if is_believed else next(guess for guess in ranked if guess["category"] == fallback)


def describe_sla(category: Category) -> Sla | None:
    """Say what is promised for tickets of a category."""
    if category.sla is None:
        return None
    return Sla(first_response_h=category.sla.first_response_h, resolution_h=category.sla.resolution_h)
