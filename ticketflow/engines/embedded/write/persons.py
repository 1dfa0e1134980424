"""Which tickets are for a person whatever the articles say: injuries, complaints, disputes, offers."""

import numpy as np

from ticketflow.engines.embedded.encoder.vectors import Encoder
from ticketflow.engines.embedded.search.asking import asking_units, list_sentences

# Seeds that ordinary questions come near to (a payment made twice, a promo code forgotten) are left out: of the
# answerable tickets in benchmarks/data none reaches 0.45 as a whole or 0.6 in one sentence now.
MIN_WHOLE = 0.55
MIN_SENTENCE = 0.65
SEEDS = (
    "I want to complain about the behaviour of one of your employees.",
    "Your colleague on the phone was rude and hung up on me.",
    "The driver who brought the parcel insulted me.",
    "I was injured because your product failed.",
    "There has been an accident and somebody got hurt.",
    "My lawyer will contact you if you do not pay.",
    "We demand damages and will go to court.",
    "I will report you to the police and the consumer protection agency.",
    "I expect compensation for all the trouble.",
    "Please have a manager call me back.",
    "I want to talk to a person on the phone.",
    "I am the victim of identity theft and fraud.",
    "I received a suspicious message in your name and clicked on the link.",
    "A relative has died and I am settling the estate.",
    "I would like to apply for a job with you.",
    "Would you sponsor our event?",
    "We would like to become your supplier and work together.",
    "I am a journalist and would like an interview.",
    "I would like to promote your products on my social media channel.",
    "You removed the review I wrote.",
)


def needs_person(encoder: Encoder, text: str) -> bool:
    """Tell whether a ticket, or one of its sentences, says what only a person should answer.

    Args:
        encoder: Where vectors come from.
        text: From ``question_text``.
    """
    texts = [text, *asking_units(text)[1:], *list_sentences(text)]
    nearest = np.round((encoder.encode(texts) @ encoder.encode(SEEDS).T).max(axis=1), 4)
    return bool(nearest[0] >= MIN_WHOLE or nearest[1:].max(initial=0.0) >= MIN_SENTENCE)
