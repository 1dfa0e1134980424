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
# A few paragraphs of no more words are read at a glance: all of them answer more than the likeliest sentences, as the
# one that matters is often the last.
SHORT_PASSAGE = 80
# Of a longer one, a second place is quoted where another question is spoken to so much nearer.
NEARER = 0.1
MIN_SECOND = 0.4
# More steps than that are a page to look up.
MAX_ITEMS = 8
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
_ITEM = re.compile(r"(?:[-*\u2022]|\d{1,2}[.)])\s")
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
    """Return the sentences of a passage that answer, verbatim, in its own order.

    A short passage as a whole; of another up to three neighbours, lists with all their items, and of a second place
    what speaks to another question.

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
    each_similarity = np.round(encoder.encode(written) @ encoder.encode(questions).T, 4)
    similarities = each_similarity.max(axis=1).tolist()
    if max(each for each, may in zip(similarities, usable, strict=True) if may) < least:
        return []
    paragraphs = [len(_BLANK_LINE.findall(passage["text"], 0, start)) for start, _ in spans]
    if all(usable) and paragraphs[-1] and len(passage["text"].split()) <= SHORT_PASSAGE:
        return list(dict.fromkeys(written))
    leaning = [leans_back(each) for each in written]
    places = set(range(*best_run(similarities, usable, leaning, paragraphs)))
    for asked in each_similarity.T.tolist():
        left = [may and at not in places for at, may in enumerate(usable)]
        best = max((asked[at] for at, may in enumerate(left) if may), default=0.0)
        if best >= max(MIN_SECOND, max(asked[at] for at in places) + NEARER):
            places |= set(range(*best_run(asked, left, leaning, paragraphs)))
            break
    places |= find_items(written, places, banned)
    return list(dict.fromkeys(written[at] for at in sorted(places)))


def find_items(written: Sequence[str], places: Collection[int], banned: Collection[str]) -> set[int]:
    """Return the other items of the lists that quotes are of, and the line that leads to them."""
    found: set[int] = set()
    for at in places:
        if not _ITEM.match(written[at]):
            continue
        first = last = at
        while first and _ITEM.match(written[first - 1]):
            first -= 1
        while last + 1 < len(written) and _ITEM.match(written[last + 1]):
            last += 1
        if first and written[first - 1].endswith(":"):
            first -= 1
        items = range(first, last + 1)
        if len(items) <= MAX_ITEMS and not any(
            written[each] in banned or is_internal(written[each]) or has_personal_data(written[each]) for each in items
        ):
            found.update(items)
    return found


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


def join_quotes(quotes: Sequence[str], text: str = "") -> str:
    """Print quotes as they stand in a text: apart where a blank line is between, items and headings a line each.

    Args:
        quotes: In the order of the text.
        text: Where they are from.
    """
    joined, reached = "", 0
    for quote in quotes:
        start = max(text.find(quote, reached), reached)
        between = text[reached:start]
        if joined:
            ends = joined.endswith((".", "!", "\u2026", "\u3002", "\u201d", '"', ")"))
            is_apart = _BLANK_LINE.search(between) is not None
            joined += "\n\n" if is_apart else " " if ends and not _ITEM.match(quote) else "\n"
        joined += quote
        reached = start + len(quote)
    return joined
