"""How soon a ticket asks to be dealt with: words of alarm by language, seed sentences, and mood."""

from dataclasses import dataclass
from typing import cast

from ticketflow.engines.embedded.classify.alarms import DANGERS, find_alarm
from ticketflow.engines.embedded.classify.seeded import SeededModel
from ticketflow.engines.embedded.classify.sentiment import Mood
from ticketflow.engines.embedded.encoder.vectors import Encoder
from ticketflow.workflow.state import Priority

SEEDS: dict[str, tuple[str, ...]] = {
    "low": (
        "Just a suggestion for your website.",
        "Thank you, everything is fine now.",
        "I would like to leave a review.",
        "How do I subscribe to the newsletter?",
        "I am only curious whether you plan a new colour.",
        "No hurry, answer whenever you have time.",
    ),
    "normal": (
        "Where is my order?",
        "How do I reset my password?",
        "I would like to return a shirt.",
        "Which payment methods do you accept?",
        "Please send me last month's invoice.",
        "I want to cancel my order.",
        "Can I change my delivery address?",
        "How long does delivery take?",
        "The app shows an error when I save.",
        "What is the status of my refund?",
        "I need help to create an account.",
        "I want to talk to an agent.",
        "Why was I charged an extra pound?",
        "My transfer is still pending, what does that mean?",
        "My new card has not arrived yet, is it on the way?",
        "What do you charge for ending a contract early?",
        "Which currencies do you support?",
        "How do I link my new card?",
        "I would like to buy two of your products.",
        "I want to file a complaint.",
        "My card payment was declined, why?",
        "I do not use my account any more, please remove it.",
    ),
    "high": (
        "I have been waiting for three weeks and nobody answers.",
        "I was charged twice, that is a lot of money and I need it back soon.",
        "This is the third time I am writing about it.",
        "I cannot get into my account and need it for work.",
        "My payment failed but the money is gone.",
        "The parcel was a birthday present for tomorrow.",
        "I will go to a lawyer if this is not solved.",
    ),
    "urgent": (
        "Somebody hacked my account and is spending my money right now.",
        "My card was stolen, block it at once.",
        "This is an emergency, please help immediately.",
        "Our whole production is down and nobody can work.",
        "The device caught fire and somebody got hurt.",
        "Urgent: my flight leaves in two hours and I have no ticket.",
        "I see payments I did not make, stop them now.",
    ),
}
_LEVELS: tuple[Priority, ...] = ("low", "normal", "high", "urgent")
# A level other than normal is reported only when it is this likely.
MIN_LEVEL = 0.6
# Mood alone makes a normal ticket high only when there is no doubt about it.
SURE_ANGER = 0.9


@dataclass(frozen=True, slots=True)
class Haste:
    """How soon a ticket asks to be dealt with, and what decided, in a few words.

    Attributes:
        danger: Harm to somebody or a threat of it, in the ticket's words; ``None`` for none.
        person: What only a person may answer, in the ticket's words: theft and the law; ``None`` for none.
    """

    priority: Priority
    reason: str
    danger: str | None = None
    person: str | None = None


class PriorityGuesser:
    """Judges haste on the four levels of the API."""

    def __init__(self, encoder: Encoder) -> None:
        """Take the encoder; the seeds are embedded on first use."""
        self._model = SeededModel(encoder, SEEDS)

    def guess(self, text: str, mood: Mood, language: str = "en") -> Haste:
        """Return the level and what decided it; plain words go before what a sentence is like."""
        small = text.lower()
        if found := next(filter(None, (find_alarm(kind, small, language) for kind in DANGERS)), None):
            return Haste("urgent", f"says: {found}", danger=found)
        if theft := find_alarm("theft", small, language):
            return Haste("urgent", f"says: {theft}", person=theft)
        law = find_alarm("law", small, language)
        is_late = find_alarm("complaint", small, language) is not None
        if not law and (ease := find_alarm("ease", small, language)):
            # "No rush, it has only been six weeks" is meant the other way round.
            return Haste("normal" if is_late else "low", f"says: {ease}")
        probabilities = self._model.probabilities(text)
        nearest = cast("Priority", max(probabilities, key=probabilities.__getitem__))
        likely = Haste("normal", "nothing presses")
        if probabilities[nearest] >= MIN_LEVEL:
            likely = Haste(nearest, f"sounds like: {self._model.nearest(text, nearest)}")
        if pressing := law or find_alarm("deadline", small, language) or find_alarm("haste", small, language):
            level = raise_level(likely.priority, at_least="high")
            reason = likely.reason if level == likely.priority else f"says: {pressing}"
            return Haste(level, reason, person=law)
        by_mood = guess_by_mood(mood)
        if by_mood is None or (likely.priority != "normal" and by_mood.priority != "high"):
            return likely
        return by_mood if likely.priority == "normal" else raise_haste(likely, by_mood)


def guess_by_mood(mood: Mood) -> Haste | None:
    """Judge a ticket whose words say nothing of haste; ``None`` leaves it as it is."""
    if mood.sentiment == "negative" and mood.certainty >= SURE_ANGER:
        return Haste("high", f"angry, {mood.reason}")
    if mood.sentiment == "positive":
        return Haste("low", f"content, {mood.reason}")
    return None


def raise_haste(likely: Haste, by_mood: Haste) -> Haste:
    """Return what mood says, or the words where they press more."""
    return likely if raise_level(by_mood.priority, likely.priority) != by_mood.priority else by_mood


def raise_level(level: Priority, at_least: Priority) -> Priority:
    """Return the more pressing of two levels."""
    return _LEVELS[max(_LEVELS.index(level), _LEVELS.index(at_least))]
