"""How the customer sounds, learnt from seed sentences on the same topics in three moods."""

import re
from dataclasses import dataclass
from typing import cast

from ticketflow.engines.embedded.classify.alarms import find_alarm
from ticketflow.engines.embedded.classify.seeded import SeededModel
from ticketflow.engines.embedded.encoder.vectors import Encoder
from ticketflow.workflow.state import Sentiment

SEEDS: dict[str, tuple[str, ...]] = {
    "negative": (
        "I am furious that my parcel is late again.",
        "This is unacceptable, I want my damn money back now.",
        "Your app is useless garbage and crashes all the time.",
        "I have been ignored for weeks and I am sick of it.",
        "The worst service ever, I am very disappointed.",
        "Where the hell is my order?",
        "I want to complain about the rude agent.",
        "I can't stand this bloody login problem any more.",
        "You charged me twice, this is a scandal.",
        "I don't want your stupid subscription any longer.",
        "Sadly the product broke on the first day, I regret buying it.",
    ),
    "neutral": (
        "Where is my parcel?",
        "I would like my money back for the shirt, how do I get it?",
        "The app shows an error when I press save.",
        "Could you tell me when I will get an answer?",
        "How do I contact customer service?",
        "I need to change my order.",
        "I want to leave a review.",
        "I forgot my password, what do I do?",
        "Please send me the invoice for last month.",
        "I want to cancel my subscription.",
        "Which payment methods do you accept?",
        "The delivery address is wrong, please correct it.",
        "I'm trying to open a premium account, can you help me?",
        "Why is there an extra fee on my statement?",
        "My transfer is still pending, what does that mean?",
        "I have not received my card yet, is it on its way?",
        "Do you support other currencies, and at which exchange rate?",
        "I want to give feedback about your company.",
        "I would like to file a complaint, how does that work?",
        "I want to buy several of your products.",
        "I need to speak to an agent.",
        "What penalty is due when I leave the contract early?",
    ),
    "positive": (
        "The parcel came a day early, thank you so much!",
        "The refund was quick and easy, great job.",
        "I love the new app, it works wonderfully.",
        "Thanks for the fast and friendly answer.",
        "The best service I have ever had.",
        "I am very happy with my order.",
        "Your agent was so kind and helpful.",
        "Excellent product, I will buy it again.",
        "Everything works perfectly now, well done.",
    ),
}
# Oaths and plain words of anger, in small letters: a customer who swears is not neutral, whatever the topic.
_ANGER = re.compile(
    r"\b(?:(?:god)?damn(?:ed)?|f[u*][c*]k\w*|bloody|shit\w*|bullshit|crap(?:py)?|wtf|pissed|furious|outrageous|unacceptable|"
    r"disgusting|ridiculous|appalling|scam(?:mers?)?|ripped off|fed up|sick of|worst|unhappy|"
    r"disappointed|not (?:at all |very )?(?:happy|satisfied|pleased)|frech(?:heit)?|unverschämt|"
    r"inacceptable|inaceptable|scandaleux|vergüenza)\b|what the hell",
)
_PRAISE_NEAR = re.compile(r"\bnot (?:at all )?(?:disappointed|unhappy)\b|\bbloody (?:good|great|brilliant)\b")
# A mood is reported only when it is this likely; most tickets are plain questions.
MIN_MOOD = 0.6
# Numbers, signs and single words have no mood.
MIN_WORDS = 2
# A text of so many words of which so many letters are capitals is shouted.
SHOUTED_WORDS = 6
SHOUTED = 0.8
_WORD = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True, slots=True)
class Mood:
    """How a customer sounds.

    Attributes:
        certainty: Probability of ``sentiment``, in [0, 1].
        reason: What decided, in a few words.
    """

    sentiment: Sentiment
    certainty: float
    reason: str


class SentimentGuesser:
    """Tells negative, neutral and positive tickets apart."""

    def __init__(self, encoder: Encoder) -> None:
        """Take the encoder; the seeds are embedded on first use."""
        self._model = SeededModel(encoder, SEEDS)

    def guess(self, text: str, language: str = "en") -> Mood:
        """Return the mood and what decided it."""
        small = text.lower()
        anger = _ANGER.search(small)
        if anger and not _PRAISE_NEAR.search(small):
            return Mood("negative", 1.0, f"says: {anger[0]}")
        if found := find_alarm("anger", small, language) or find_sarcasm(small, language):
            return Mood("negative", 1.0, f"says: {found}")
        if len(_WORD.findall(text)) < MIN_WORDS:
            return Mood("neutral", 1.0, "too short to have a mood")
        probabilities = self._model.probabilities(text)
        mood = max(probabilities, key=probabilities.__getitem__)
        if mood != "negative" and is_shouted(text):
            return Mood("negative", SHOUTED, "shouted in capitals")
        if probabilities[mood] < MIN_MOOD:
            return Mood("neutral", probabilities["neutral"], "no clear mood")
        return Mood(cast("Sentiment", mood), probabilities[mood], f"sounds like: {self._model.nearest(text, mood)}")


def find_sarcasm(small: str, language: str) -> str | None:
    """Return the praise of a text that tells of what went wrong, and of nothing that was mended."""
    praise = find_alarm("praise", small, language)
    is_complaint = praise and find_alarm("complaint", small, language) and not find_alarm("settled", small, language)
    return praise if is_complaint else None


def is_shouted(text: str) -> bool:
    """Tell a text of which nearly every letter is a capital, and which is longer than a name or a code."""
    letters = [letter for letter in text if letter.isalpha()]
    capitals = sum(map(str.isupper, letters))
    return len(_WORD.findall(text)) >= SHOUTED_WORDS and capitals > SHOUTED * len(letters)
