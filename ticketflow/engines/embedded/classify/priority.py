"""How soon a ticket asks to be dealt with: seed sentences, plain words of haste, and mood."""

import re
from dataclasses import dataclass
from typing import cast

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
# Words no seed sentence should have to outweigh: somebody is hurt, or the law is called in. All patterns here read
# small letters: to look for both takes four times as long.
_HARM = re.compile(
    r"\b(?:injur(?:y|ed|ies)|(?:am|was|is|got|been) hurt|bleeding|hospital|caught fire|on fire|electric shock|"
    r"burn(?:ed|t) my|broke my (?:\w+ )?(?:wrist|arm|leg|nose)|verletzt|krankenhaus|blessée?|hôpital|herid[oa])\b",
)
_LAW = re.compile(r"\b(?:lawyer|attorney|solicitor|legal action|sue you|police|anwalt|polizei|avocat|abogado)\b")
# What somebody is losing while we read.
_THEFT = re.compile(
    r"\b(?:(?:was|were|is|been|got|has) (?:hacked|stolen)|hacked into|stole my|identity theft|gehackt|gestohlen|"
    r"piraté|volée?|hackead[oa]|robad[oa])\b",
)
# Words of ease: they outweigh haste, which they may even name ("not urgent").
_EASE = re.compile(
    r"\b(?:no (?:rush|hurry)|not (?:at all )?urgent|nothing urgent|(?:just|only) curious|take your time|"
    r"whenever you (?:can|have time)|(?:do not|don't) need (?:an answer|a reply)|keine eile|nicht dringend|"
    r"pas urgent|no es urgente|sin prisa)\b",
)
_LEVELS: tuple[Priority, ...] = ("low", "normal", "high", "urgent")
_HASTE = re.compile(
    r"\b(?:urgent(?:ly|e)?|asap|a\.s\.a\.p|emergency|immediately|right away|at once|"
    r"as (?:soon|quickly) as possible|hurry|dringend|sofort|eilt|notfall|imm[ée]diatement|d[èe]s que possible|urgence|"
    r"urgencia|inmediatamente|cuanto antes)\b",
)
# A level other than normal is reported only when it is this likely.
MIN_LEVEL = 0.6
# Mood alone makes a normal ticket high only when there is no doubt about it.
SURE_ANGER = 0.9


@dataclass(frozen=True, slots=True)
class Haste:
    """How soon a ticket asks to be dealt with, and what decided, in a few words."""

    priority: Priority
    reason: str


class PriorityGuesser:
    """Judges haste on the four levels of the API."""

    def __init__(self, encoder: Encoder) -> None:
        """Take the encoder; the seeds are embedded on first use."""
        self._model = SeededModel(encoder, SEEDS)

    def guess(self, text: str, mood: Mood) -> Haste:
        """Return the level and what decided it; plain words go before what a sentence is like."""
        small = text.lower()
        if harm := _HARM.search(small) or _THEFT.search(small):
            return Haste("urgent", f"says: {harm[0]}")
        if ease := _EASE.search(small):
            return Haste("low", f"says: {ease[0]}")
        likely = self._guess_by_seeds(text)
        if pressing := _HASTE.search(small) or _LAW.search(small):
            level = raise_level(likely.priority, at_least="high")
            return likely if level == likely.priority else Haste(level, f"says: {pressing[0]}")
        return likely if likely.priority != "normal" else guess_by_mood(mood) or likely

    def _guess_by_seeds(self, text: str) -> Haste:
        probabilities = self._model.probabilities(text)
        level = cast("Priority", max(probabilities, key=probabilities.__getitem__))
        if probabilities[level] < MIN_LEVEL:
            return Haste("normal", "nothing presses")
        return Haste(level, f"sounds like: {self._model.nearest(text, level)}")


def guess_by_mood(mood: Mood) -> Haste | None:
    """Judge a ticket whose words say nothing of haste; ``None`` leaves it as it is."""
    if mood.sentiment == "negative" and mood.certainty >= SURE_ANGER:
        return Haste("high", f"angry, {mood.reason}")
    if mood.sentiment == "positive":
        return Haste("low", f"content, {mood.reason}")
    return None


def raise_level(level: Priority, at_least: Priority) -> Priority:
    """Return the more pressing of two levels."""
    return _LEVELS[max(_LEVELS.index(level), _LEVELS.index(at_least))]
