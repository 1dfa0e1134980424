"""How likely a passage answers a question: a logistic curve over what a search can see."""

import math
from dataclasses import astuple, dataclass

from ticketflow.engines.embedded.sentences import split_sentences

# From this on passages are quoted; TICKETFLOW_ANSWER_CONFIDENCE overrides it. What it costs and saves
# on questions held out of the fit (benchmarks/engine.py): StackFAQ with half the articles missing,
# precision 0.966, 0.66 of the answerable answered, 2.0 % of the others; the shop's 43 tickets,
# 19 of 24 answered, all rightly, none of the 19 others. At 0.9: 0.956, 0.71, 2.8 %; the same tickets.
ANSWER_CONFIDENCE = 0.93
MAX_CONFIDENCE = 0.9999
# Beyond this a lead says no more: in a knowledge base of three articles every lead is wide.
MAX_LEAD = 0.25
# A bare question is one sentence; from three on (subject and body) a ticket tells a story.
STORY_SENTENCES = 2
# In the order of Evidence, one more for similarity times story. Fitted by benchmarks/confidence.py.
OFFSET = -11.8
WEIGHTS = (16.5, 9.6, 6.5, -1.6, 12.5)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a passage.

    Attributes:
        similarity: Cosine of passage and question, halfway between the nearest asking unit and their mean.
        lead: How far that lies above the best other article's; negative for all but the first.
        overlap_lead: The same for the share of the question's words the article has.
        story: 0 for a bare question, 1 for a ticket of three sentences or more: the longer the
            story, the lower the cosine of an answer, and the less a high one comes by chance.
    """

    similarity: float
    lead: float
    overlap_lead: float
    story: float

    def features(self) -> tuple[float, ...]:
        """Return what the weights multiply."""
        return (*astuple(self), self.similarity * self.story)


def estimate_confidence(evidence: Evidence) -> float:
    """Map evidence to the probability of an answer, in [0, 1): nothing is certain, so 1 is never reached."""
    total = OFFSET + sum(weight * each for weight, each in zip(WEIGHTS, evidence.features(), strict=True))
    return min(round(1.0 / (1.0 + math.exp(-total)), 4), MAX_CONFIDENCE)


def bound_lead(lead: float) -> float:
    """Keep a lead within what the weights were fitted on."""
    return round(max(-MAX_LEAD, min(MAX_LEAD, lead)), 4)


def measure_story(text: str) -> float:
    """Tell a bare question (0) from a ticket that tells a story (1).

    Args:
        text: From ``question_text``; a subject, where there is one, is the first line.
    """
    subject, _, body = text.rpartition("\n")
    sentences = len(split_sentences(body)) + bool(subject)
    return min(max((sentences - 1) / STORY_SENTENCES, 0.0), 1.0)
