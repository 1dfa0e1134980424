"""How likely a passage answers a question: a logistic curve over what a search can see."""

import math
from dataclasses import dataclass

# From this on passages are quoted; TICKETFLOW_ANSWER_CONFIDENCE overrides it. What it costs and saves on questions,
# articles and wrappers held out of the fit (benchmarks/confidence.py), half the articles missing: StackFAQ, bare and in
# a story, precision 0.970, 0.67 of the answerable answered, 2.1 % of the others; tickets of four trades bare 0.969,
# 0.54, 1.2 %, under a subject that says nothing 0.980, 0.40, 0.6 %, in 200 words 0.941, 0.51, 1.6 %.
ANSWER_CONFIDENCE = 0.91
MAX_CONFIDENCE = 0.9999
# Beyond this a lead says no more: in a knowledge base of three articles every lead is wide.
MAX_LEAD = 0.25
# In the order of Evidence. Fitted by benchmarks/confidence.py.
OFFSET = -10.57
WEIGHTS = (11.1, 9.2, -5.9, 6.8, 5.2, 0.4, 1.2, -1.0, -0.2, 2.6)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a passage, and against it.

    The knowledge base itself calibrates two of these: what its titles have in common is taken off before similarity is
    measured, and words weigh by how few of its articles have them.

    Attributes:
        similarity: Cosine of the question and the article's nearest passage, without what all titles share.
        nearness: The same, with it.
        title: Cosine of the question and the article's title.
        lead: How far the passage lies above the best other article's; negative for all but the first.
        overlap_lead: The same for the share of the question's words the article has.
        rarity: How few articles have the question's words, on average: among common words likeness says less.
        sentences: How many sentences of the ticket are part of the question.
        strange_name: 1 where the title has a name, such as that of a product, and the question none of its names.
        title_words: How many words of the title carry meaning, six at most: with a short one nothing is very like.
        support: Square root of how likely the article answers by another part of the ticket alone, in [0, 1).
    """

    similarity: float
    nearness: float
    title: float
    lead: float
    overlap_lead: float
    rarity: float
    sentences: float
    strange_name: float
    title_words: float
    support: float = 0.0

    def features(self) -> tuple[float, ...]:
        """Return what the weights multiply."""
        return tuple(getattr(self, name) for name in self.__slots__)


def estimate_confidence(evidence: Evidence) -> float:
    """Map evidence to the probability of an answer, in [0, 1): nothing is certain, so 1 is never reached."""
    total = OFFSET + sum(weight * each for weight, each in zip(WEIGHTS, evidence.features(), strict=True))
    return min(round(1.0 / (1.0 + math.exp(-total)), 4), MAX_CONFIDENCE)


def bound_lead(lead: float) -> float:
    """Keep a lead within what the weights were fitted on."""
    return round(max(-MAX_LEAD, min(MAX_LEAD, lead)), 4)
