"""How soon a ticket asks to be dealt with: seed sentences, plain words of haste, and mood."""

import re
from typing import cast

from ticketflow.engines.embedded.seeded import SeededModel
from ticketflow.engines.embedded.vectors import Encoder
from ticketflow.workflow.state import Priority, Sentiment

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
# Words no seed sentence should have to outweigh: somebody is hurt, or the law is called in.
_HARM = re.compile(
    r"\b(?:injur(?:y|ed|ies)|(?:am|was|is|got|been) hurt|bleeding|hospital|caught fire|on fire|electric shock|"
    r"burn(?:ed|t) my|broke my (?:\w+ )?(?:wrist|arm|leg|nose)|verletzt|krankenhaus|blessée?|hôpital|herid[oa])\b",
    re.IGNORECASE,
)
_LAW = re.compile(
    r"\b(?:lawyer|attorney|solicitor|legal action|sue you|police|anwalt|polizei|avocat|abogado)\b", re.IGNORECASE
)
_LEVELS: tuple[Priority, ...] = ("low", "normal", "high", "urgent")
_HASTE = re.compile(
    r"\b(?:urgent(?:ly|e)?|asap|a\.s\.a\.p|emergency|immediately|right away|at once|"
    r"as soon as possible|dringend|sofort|eilt|notfall|imm[ée]diatement|d[èe]s que possible|urgence|"
    r"urgencia|inmediatamente|cuanto antes)\b",
    re.IGNORECASE,
)
# A level other than normal is reported only when it is this likely.
MIN_LEVEL = 0.6
# Mood alone makes a normal ticket high only when there is no doubt about it.
SURE_ANGER = 0.9


class PriorityGuesser:
    """Judges haste on the four levels of the API."""

    def __init__(self, encoder: Encoder) -> None:
        """Take the encoder; the seeds are embedded on first use."""
        self._model = SeededModel(encoder, SEEDS)

    def guess(self, text: str, sentiment: Sentiment, certainty: float) -> Priority:
        """Return the level.

        Args:
            text: The ticket's own words.
            sentiment: How the customer sounds.
            certainty: Probability of that sentiment.
        """
        probabilities = self._model.probabilities(text)
        likeliest = max(probabilities, key=probabilities.__getitem__)
        level = cast("Priority", likeliest) if probabilities[likeliest] >= MIN_LEVEL else "normal"
        if _HARM.search(text):
            return "urgent"
        if _HASTE.search(text) or _LAW.search(text):
            return raise_level(level, at_least="high")
        if sentiment == "negative" and certainty >= SURE_ANGER and level == "normal":
            return "high"
        if sentiment == "positive" and level == "normal":
            return "low"
        return level


def raise_level(level: Priority, at_least: Priority) -> Priority:
    """Return the more pressing of two levels."""
    return _LEVELS[max(_LEVELS.index(level), _LEVELS.index(at_least))]
