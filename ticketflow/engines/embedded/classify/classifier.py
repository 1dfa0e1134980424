"""The embedded ``Classifier``: a fitted taxonomy, language, mood and haste."""

import threading
from typing import Protocol

from ticketflow.engines.embedded.classify.priority import PriorityGuesser
from ticketflow.engines.embedded.classify.sentiment import SentimentGuesser
from ticketflow.engines.embedded.classify.training import FittedClassifier, Guesses, fit_classifier
from ticketflow.engines.embedded.encoder.vectors import Encoder
from ticketflow.engines.embedded.language import guess_language
from ticketflow.engines.embedded.taxonomy import Category, Taxonomy
from ticketflow.workflow.ports import Label
from ticketflow.workflow.state import Guess, Sla, question_text
from ticketflow.workflow.usage import EngineCall, record_engine_call

ALTERNATIVES = 3
TRAINED_ON = "en"
# The encoder was trained on English: elsewhere only what looks certain is believed.
MIN_CONFIDENCE_FOREIGN = 0.8


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


class EmbeddedClassifier:
    """Sorts by calibrated softmax regression over the taxonomy's names, descriptions and examples."""

    def __init__(self, encoder: Encoder, source: Taxonomy | ModelSource) -> None:
        """Take a taxonomy, fitted on the first ticket, or where fitted ones come from."""
        self._encoder = encoder
        self._source = FitOnFirstUse(encoder, source) if isinstance(source, Taxonomy) else source
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
        ranked, chosen = choose(fitted.guess(text), fitted.taxonomy.fallback, language)
        category = fitted.taxonomy.by_name[chosen["category"]]
        mood = self._sentiment.guess(text)
        haste = self._priority.guess(text, mood)
        record_engine_call(EngineCall(engine="embedded/classifier", model=self._encoder.name))
        return Label(
            category=category.name,
            team=category.team,
            confidence=chosen["confidence"],
            alternatives=[guess for guess in ranked if guess is not chosen][:ALTERNATIVES],
            language=language,
            sentiment=mood.sentiment,
            priority=haste.priority,
            reasons={"sentiment": mood.reason, "priority": haste.reason},
            sla=describe_sla(category),
        )


def choose(guesses: Guesses, fallback: str, language: str) -> tuple[list[Guess], Guess]:
    """Rank all categories, and choose the first, or the fallback when the first is not to be believed."""
    found = [Guess(category=name, confidence=round(p, 4)) for name, p in guesses.probabilities.items()]
    ranked = sorted(found, key=lambda guess: (-guess["confidence"], guess["category"]))
    first = ranked[0]
    is_believed = guesses.is_familiar and (language == TRAINED_ON or first["confidence"] >= MIN_CONFIDENCE_FOREIGN)
    return ranked, first if is_believed else next(guess for guess in ranked if guess["category"] == fallback)


def describe_sla(category: Category) -> Sla | None:
    """Say what is promised for tickets of a category."""
    if category.sla is None:
        return None
    return Sla(first_response_h=category.sla.first_response_h, resolution_h=category.sla.resolution_h)
