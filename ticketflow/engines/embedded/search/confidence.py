"""How likely a passage answers a question: a logistic curve over what a search can see."""

import math
from dataclasses import astuple, dataclass

# From this on passages are quoted; TICKETFLOW_ANSWER_CONFIDENCE overrides it. What it costs and saves on questions,
# articles and wrappers held out of the fit (benchmarks/confidence.py), half the articles missing: StackFAQ bare
# precision 0.96, 0.77 of the answerable answered, 2.7 % of the others; in a story 0.95, 0.77, 3.1 %; tickets of four
# trades bare 0.99, 0.50, 0.3 %, in a story 0.98, 0.50, 0.7 %, under a subject that says nothing 1.00, 0.38, none.
ANSWER_CONFIDENCE = 0.925
MAX_CONFIDENCE = 0.9999
# Beyond this a lead says no more: in a knowledge base of three articles every lead is wide.
MAX_LEAD = 0.25
# In the order of Evidence. Fitted by benchmarks/confidence.py.
OFFSET = -9.40
WEIGHTS = (12.9, 6.3, 4.0, 1.1, -0.6, 0.2, 0.2, 1.4)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a passage, and against it.

    The knowledge base itself calibrates three of these: what its titles have in common is taken off before
    similarity is measured, words weigh by how few of its articles have them, and ``sibling`` tells how likely a
    question that belongs elsewhere would have gone elsewhere.

    Attributes:
        similarity: Cosine of the question and the article's nearest passage, without what all titles share.
        lead: How far the passage lies above the best other article's; negative for all but the first.
        overlap_lead: The same for the share of the question's words the article has.
        title_share: Which share of the title's words the question has; rare words weigh more.
        sibling: Cosine of the article and the nearest title of another one: a lonely article attracts every
            question that is at all like it.
        agreement: Which share of the question's parts find the same article by themselves; half for a single
            sentence, which nothing can bear out.
        subject: 1 where the ticket's subject is part of the question, else 0.
        sentences: How many sentences of the ticket are part of it.
    """

    similarity: float
    lead: float
    overlap_lead: float
    title_share: float
    sibling: float
    agreement: float
    subject: float
    sentences: float

    def features(self) -> tuple[float, ...]:
        """Return what the weights multiply."""
        return astuple(self)


def estimate_confidence(evidence: Evidence) -> float:
    """Map evidence to the probability of an answer, in [0, 1): nothing is certain, so 1 is never reached."""
    total = OFFSET + sum(weight * each for weight, each in zip(WEIGHTS, evidence.features(), strict=True))
    return min(round(1.0 / (1.0 + math.exp(-total)), 4), MAX_CONFIDENCE)


def bound_lead(lead: float) -> float:
    """Keep a lead within what the weights were fitted on."""
    return round(max(-MAX_LEAD, min(MAX_LEAD, lead)), 4)
