"""How likely a passage answers a question: a logistic curve over their similarity."""

import math

# Fitted on StackFAQ (Karan & Snajder 2018), dev part: 520 questions, 52 articles, random halves of
# the articles removed, so that every second question has no answer. At 0.85 there: precision 0.965,
# 0.70 of the answerable questions answered, 2.4 % of the unanswerable (benchmarks/engine.py).
# Tried as well, and no better: the lead over the next article, the best sentence's similarity, the
# distance to the crowd, and a middle taken from the knowledge base with each article left out in
# turn (its level swings between 0.59 and 0.75 for halves of one and the same knowledge base).
SLOPE = 19.0
OFFSET = -11.6


def estimate_confidence(similarity: float) -> float:
    """Map the cosine of question and titled passage to the probability of an answer, in [0, 1]."""
    return round(1.0 / (1.0 + math.exp(-(SLOPE * similarity + OFFSET))), 4)
