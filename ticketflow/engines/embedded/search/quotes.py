"""Choose the sentences of a passage that answer a question and may be read by a customer."""

import re
from collections.abc import Collection, Sequence

import numpy as np

from ticketflow.engines.embedded.encoder.vectors import Encoder
from ticketflow.engines.embedded.sentences import find_sentences, split_sentences
from ticketflow.masking import find_cards, find_ibans
from ticketflow.workflow.state import Passage
from ticketflow.workflow.steps.personal_data import find_emails, find_phones

MAX_QUOTES = 3
MIN_WORDS = 4
MAX_WORDS = 60
# Below this no sentence of the passage speaks to the question, however well the title fits.
MIN_SIMILARITY = 0.25
# A neighbour less similar to the question than this costs more than it adds.
WORTH = 0.15
# What it costs an answer to begin in the middle of a thought: about half of what its best sentence is worth.
TORN = 0.2
# What it costs to begin in the middle of a paragraph: a sentence that says little about the question is read first.
WITHIN = 0.1
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")
# These patterns read small letters: to look for both takes up to six times as long.
_LEANING = re.compile(
    r"\W*(?:it|its|this|that|these|those|they|them|their|he|she|such|also|too|then|however|but|so|and|or|otherwise"
    r"|instead|alternatively|besides|still|therefore|thus|yet|both|neither"
    r"|in (?:this|that|such) case|an alternative|another)\b",
)
# Written for staff, not for customers: they are spoken of, buttons are named in brackets (links are not buttons).
_INTERNAL = re.compile(
    r"\b(?:the|each|a|an|tell|ask|give|help|if|inform|this|gold|silver|bronze|guest) (?:customer|client|caller)s?\b"
    # What customers themselves go to or are given: the customer area, a customer number.
    r"(?![ -](?:area|account|portal|zone|centre|center|service|support|care|number|id|card|login|app|page|desk)s?\b)"
    r"|\bcustomers?['’]s?\b"
    r"|\bcustomers? (?:is|are|has|have|wants?|did|does|can|cannot|will|may|should|needs?|says?|asks?|thinks?|chose)\b"
    r"|\b(?:ask|tell|inform|remind|let|offer|give|explain to|provide|check)(?: also)?(?: for)? (?:them|him|her|their)\b"
    r"|\b(?:get|need|confirm|validate|verify|enter|pull up) their\b"
    r"|\btheir (?:membership|full name|username|credit card)\b"
    r"|\benter th(?:is|e) (?:address|value|info|details|username)\b"
    r"|\b(?:wrap up|sub-?flow|in this flow|kb query|(?:mark|end|ending) the conversation|may have gotten)\b"
    r"|\bescalate (?:to|the)\b"
    r"|\bnatural language\b|\[[a-z][\w /-]+\](?!\()",
)
# A passage with more of such sentences than this is a procedure for staff: of it only policies are for customers.
MAX_INTERNAL_SHARE = 0.2
# A policy, price or duration that needs nothing around it: a subject of its own, a verb that states.
# Not "you can": in a procedure that is said to staff.
_POLICY = re.compile(
    r"\A(?:(?:the|our|all|most|every|any|an?|valid|standard|free|regular) (?:[\w'’-]+ ){0,5}?"
    r"|(?!(?:there|here|this|that|these|those|it|they|if|when|once|then)\b)\w+s (?:[\w'’-]+ ){0,3}?|we )"
    r"(?:is|are|costs?|takes?|lasts?|expires?|starts? at|qualif(?:y|ies)|can|accept|offer|ship|deliver|refund)\b",
)
# What only makes sense to staff, or only after the sentence before.
_CONTEXT = re.compile(
    r"\b(?:they|them|their|he|she|him|her|it|this|that|these|those|then|next|above|below|also|instead|however|namely"
    r"|step|flow|oracle|system|button|form|field|box|click|enter|survey|agent|options?|subscription status"
    r"|conversation|chat|reason|actions?|apologi[sz]e|in this case|for example|such as|i\.?e)\b|[<>\[\]/]",
)
# In a procedure the title says what staff do, so the sentence itself has to answer.
MIN_POLICY_SIMILARITY = 0.55


def choose_quotes(encoder: Encoder, questions: Sequence[str], passage: Passage, banned: Collection[str]) -> list[str]:
    """Return up to three sentences of the passage, verbatim, in its own order.

    Args:
        encoder: Where vectors come from.
        questions: What the ticket asks: those of its sentences the passage speaks to.
        passage: Where to quote from.
        banned: Quotes a review objected to.
    """
    spans = find_sentences(passage["text"])
    written = [passage["text"][slice(*span)] for span in spans]
    may_quote, least = (
        (is_policy, MIN_POLICY_SIMILARITY) if is_procedure(passage["text"]) else (is_quotable, MIN_SIMILARITY)
    )
    allowed = [each not in banned and may_quote(each) for each in written]
    impersonal = [may and not has_personal_data(each) for each, may in zip(written, allowed, strict=True)]
    usable = impersonal if any(impersonal) else allowed
    if not any(usable):
        return []
    similarities = np.round((encoder.encode(written) @ encoder.encode(questions).T).max(axis=1), 4).tolist()
    if max(each for each, may in zip(similarities, usable, strict=True) if may) < least:
        return []
    paragraphs = [len(_BLANK_LINE.findall(passage["text"], 0, start)) for start, _ in spans]
    start, end = best_run(similarities, usable, [leans_back(each) for each in written], paragraphs)
    return list(dict.fromkeys(written[start:end]))


def is_procedure(text: str) -> bool:
    """Tell whether a passage is a procedure for staff, of which a customer should read policies only."""
    return _are_for_staff(split_sentences(text))


def best_run(
    similarities: Sequence[float],
    usable: Sequence[bool],
    leaning: Sequence[bool] = (),
    paragraphs: Sequence[int] = (),
) -> tuple[int, int]:
    """Return the run of up to three neighbouring sentences that says most about the question.

    Neighbours read as one thought; three scattered best sentences do not.

    Args:
        similarities: Cosine of each sentence and the question.
        usable: Which sentences may be quoted; one at least.
        leaning: Which of them make sense only after the one before; an answer begins with another if it can.
        paragraphs: In which paragraph each stands: an answer stays in that of the sentence which says most, and
            begins where it does if that costs little.
    """
    best = max(range(len(usable)), key=lambda at: (usable[at], similarities[at]))
    spoken = [may and paragraphs[at] == paragraphs[best] for at, may in enumerate(usable)] if paragraphs else usable
    runs = [
        (start, end)
        for start in range(len(usable))
        for end in range(start + 1, min(start + MAX_QUOTES, len(usable)) + 1)
        if all(spoken[start:end])
    ]

    def worth(run: tuple[int, int]) -> float:
        is_torn = run[0] > 0 and leaning[run[0] : run[0] + 1] == [True]
        is_within = run[0] > 0 and bool(paragraphs) and paragraphs[run[0] - 1] == paragraphs[run[0]]
        gain = sum(each - WORTH for each in similarities[slice(*run)])
        return round(gain - TORN * is_torn - WITHIN * (is_within and not is_torn), 4)

    return max(runs, key=lambda run: (worth(run), -run[0]))


def leans_back(sentence: str) -> bool:
    """Tell whether a sentence takes up the one before, so that it reads oddly as the first."""
    return bool(_LEANING.match(sentence.lower()))


def is_quotable(sentence: str) -> bool:
    """Tell a sentence a customer may read from a heading, a fragment or an instruction to staff."""
    words = len(sentence.split())
    return MIN_WORDS <= words <= MAX_WORDS and not sentence.endswith((":", "?")) and not is_internal(sentence)


def is_policy(sentence: str) -> bool:
    """Tell a sentence of a procedure that stands on its own: a policy, a price, what a customer can do."""
    small = sentence.lower()
    return is_quotable(sentence) and bool(_POLICY.match(small)) and not _CONTEXT.search(small)


def find_policies(sentences: Sequence[str]) -> list[str]:
    """List those of a staff procedure that a customer may read; empty for the sentences of any other text."""
    return [each for each in sentences if is_policy(each)] if _are_for_staff(sentences) else []


def is_internal(sentence: str) -> bool:
    """Tell whether a sentence instructs staff: it speaks of customers, or names buttons in brackets."""
    return bool(_INTERNAL.search(sentence.lower()))


def _are_for_staff(written: Sequence[str]) -> bool:
    return sum(map(is_internal, written)) > MAX_INTERNAL_SHARE * len(written)


def has_personal_data(sentence: str) -> bool:
    """Tell whether a sentence shows an e-mail address, a phone, a card or an account number."""
    return any(find(sentence) for find in (find_emails, find_phones, find_cards, find_ibans))


def join_quotes(quotes: list[str]) -> str:
    """Print quotes as a paragraph, or one a line when some are not full sentences."""
    if all(quote.endswith((".", "!", "…", "。", "”", '"', ")")) for quote in quotes):
        return " ".join(quotes)
    return "\n".join(quotes)
