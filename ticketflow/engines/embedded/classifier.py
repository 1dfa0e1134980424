"""The embedded ``Classifier``: taxonomy examples and sentence vectors, nothing to train or fetch."""

from ticketflow.engines.embedded.language import guess_language
from ticketflow.engines.embedded.priority import PriorityGuesser
from ticketflow.engines.embedded.seeded import SeededModel
from ticketflow.engines.embedded.sentiment import SentimentGuesser
from ticketflow.engines.embedded.taxonomy import Taxonomy
from ticketflow.engines.embedded.vectors import Encoder
from ticketflow.workflow.ports import Label
from ticketflow.workflow.state import Guess, question_text
from ticketflow.workflow.usage import Spoken, record_spoken

ALTERNATIVES = 3
TRAINED_ON = "en"


class EmbeddedClassifier:
    """Sorts by calibrated softmax regression over the taxonomy's names, descriptions and examples."""

    def __init__(
        self, encoder: Encoder, taxonomy: Taxonomy, min_confidence: float = 0.3, min_confidence_foreign: float = 0.8
    ) -> None:
        """Take the taxonomy; the model is fitted on the first ticket (under a second).

        Args:
            encoder: Where vectors come from.
            taxonomy: The operator's categories.
            min_confidence: Below this probability a ticket goes to the taxonomy's fallback.
            min_confidence_foreign: The same for tickets that are not in English: the encoder was
                trained on English, so its probabilities are no measure there.
        """
        self._encoder = encoder
        self._taxonomy = taxonomy
        self._min_confidence = min_confidence
        self._min_confidence_foreign = min_confidence_foreign
        self._model = SeededModel(encoder, build_seeds(taxonomy))
        self._sentiment = SentimentGuesser(encoder)
        self._priority = PriorityGuesser(encoder)

    @property
    def categories(self) -> frozenset[str]:
        """Names a label may carry."""
        return frozenset(category.name for category in self._taxonomy.categories)

    def classify(self, subject: str, body: str) -> Label:
        """Label one ticket; unclear ones get the fallback category, best guesses as alternatives."""
        text = question_text(subject, body)
        ranked = self._ranked(text)
        language = guess_language(text)
        needed = self._min_confidence if language == TRAINED_ON else self._min_confidence_foreign
        chosen = ranked[0] if ranked[0]["confidence"] >= needed else self._fallback(ranked)
        sentiment, certainty = self._sentiment.guess(text)
        record_spoken(Spoken(engine="embedded/classifier", model=self._encoder.name))
        return Label(
            category=chosen["category"],
            team=self._taxonomy.team_of(chosen["category"]),
            confidence=chosen["confidence"],
            alternatives=[guess for guess in ranked if guess is not chosen][:ALTERNATIVES],
            language=language,
            sentiment=sentiment,
            priority=self._priority.guess(text, sentiment, certainty),
        )

    def _ranked(self, text: str) -> list[Guess]:
        probabilities = self._model.probabilities(text)
        guesses = [Guess(category=name, confidence=round(p, 4)) for name, p in probabilities.items()]
        return sorted(guesses, key=lambda guess: (-guess["confidence"], guess["category"]))

    def _fallback(self, ranked: list[Guess]) -> Guess:
        return next(guess for guess in ranked if guess["category"] == self._taxonomy.fallback)


def build_seeds(taxonomy: Taxonomy) -> dict[str, tuple[str, ...]]:
    """Gather what each category is learnt from: its name in words, its description, its examples."""
    return {
        category.name: (category.name.replace("_", " "), category.description, *category.examples)
        for category in taxonomy.categories
    }
