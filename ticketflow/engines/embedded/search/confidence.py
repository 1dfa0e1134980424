"""How likely a passage answers a question: a logistic curve over what a search can see."""

import math
from dataclasses import astuple, dataclass

from ticketflow.engines.embedded.sentences import split_sentences

# From this on passages are quoted; TICKETFLOW_ANSWER_CONFIDENCE overrides it. What it costs and saves
# on questions held out of the fit (benchmarks/confidence.py, 30 draws): StackFAQ with half the articles missing,
# precision 0.984, 0.63 of the answerable answered, 1.0 % of the others; the shop's 43 tickets held out,
# 0.75 of the answerable answered, all rightly, none of the others.
ANSWER_CONFIDENCE = 0.925
MAX_CONFIDENCE = 0.9999
# Beyond this a lead says no more: in a knowledge base of three articles every lead is wide.
MAX_LEAD = 0.25
# A bare question is one sentence; from three on (subject and body) a ticket tells a story.
STORY_SENTENCES = 2
# In the order of Evidence, one more for similarity times story. Fitted by benchmarks/confidence.py.
OFFSET = -11.54
WEIGHTS = (11.3, 11.0, 2.4, 2.2, 5.6, 1.3, 8.1)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a passage, and against it.

    The knowledge base itself calibrates three of these: what its titles have in common is taken off before
    similarity is measured, words weigh by how few of its articles have them, and ``sibling`` tells how likely a
    question that belongs elsewhere would have gone elsewhere.

    Attributes:
        similarity: Cosine of the whole question and the article's nearest passage, without what all titles share.
        lead: How far the passage lies above the best other article's, by the question's parts; negative for
            all but the first.
        overlap_lead: The same for the share of the question's words the article has.
        title_share: Which share of the title's words the question has; rare words weigh more.
        sibling: Cosine of the article and the nearest title of another one: a lonely article attracts every
            question that is at all like it.
        story: 0 for a bare question, 1 for a ticket of three sentences or more: the longer the
            story, the lower the cosine of an answer, and the less a high one comes by chance.
    """

    similarity: float
    lead: float
    overlap_lead: float
    title_share: float
    sibling: float
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
