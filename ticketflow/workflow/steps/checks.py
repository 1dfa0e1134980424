"""What must hold of a draft whoever wrote it; needs no judgement."""

from collections.abc import Callable

from ticketflow.workflow.state import Citation, Problem
from ticketflow.workflow.steps.draft import Draft, DraftInput
from ticketflow.workflow.steps.personal_data import Span, find_cards, find_emails, find_ibans, find_links, find_phones

Finder = Callable[[str], list[Span]]


class ReviewInput(DraftInput, Draft):  # type: ignore[misc]  # draft's keys are all there by now
    """Keys ``review`` reads."""


def find_problems(state: ReviewInput) -> list[Problem]:
    """List what must change in the draft whoever wrote it."""
    if not state["draft"].strip():
        return [Problem(code="empty", detail="the draft has no text")]
    if state["resolution"] == "answered" and not state["citations"]:
        return [Problem(code="ungrounded", detail="the draft answers but cites no article")]
    quotes = [problem for citation in state["citations"] if (problem := check_quote(citation, state))]
    return quotes + check_origins(state) + check_payment_numbers(state)


def check_quote(citation: Citation, state: ReviewInput) -> Problem | None:
    """Check that a citation is verbatim in a passage of its article and in the draft."""
    quote = citation["quote"]
    sources = [each["text"] for each in state["passages"] if each["article_id"] == citation["article_id"]]
    if not quote.strip() or not any(quote in text for text in sources):
        return Problem(code="ungrounded", detail="a quote is not in the article it cites", quote=quote)
    if quote not in state["draft"]:
        return Problem(code="ungrounded", detail="a cited sentence does not appear in the draft", quote=quote)
    return None


def check_origins(state: ReviewInput) -> list[Problem]:
    """Check that links, e-mail addresses and phone numbers come from this ticket or a cited article."""
    known = known_text(state)
    return [
        *_strangers(state, known, find_links, "ungrounded", "a link"),
        *_strangers(state, known, find_emails, "personal_data", "an e-mail address"),
        *_strangers(state, known, find_phones, "personal_data", "a phone number"),
    ]


def check_payment_numbers(state: ReviewInput) -> list[Problem]:
    """Check that no full card or account number goes out, not even the customer's own."""
    return [
        *_strangers(state, "", find_cards, "personal_data", "a card number"),
        *_strangers(state, "", find_ibans, "personal_data", "a bank account number"),
    ]


def known_text(state: ReviewInput) -> str:
    """Join all text a reply may take links and addresses from, folded for comparison."""
    cited = {citation["article_id"] for citation in state["citations"]}
    passages = [passage["text"] for passage in state["passages"] if passage["article_id"] in cited]
    titles = [citation["title"] for citation in state["citations"]]
    return _folded("\n".join([state["subject"], state["body"], state["customer_email"] or "", *passages, *titles]))


def _strangers(state: ReviewInput, known: str, find: Finder, code: str, what: str) -> list[Problem]:
    """Name each find in the draft that is not in the known text, without repeating it."""
    draft = state["draft"]
    written = dict.fromkeys(draft[start:end] for start, end in find(draft))
    strange = [text for text in written if _folded(text) not in known]
    return [_blame(Problem(code=code, detail=f"{what} in the draft may not go out"), text, state) for text in strange]


def _blame(problem: Problem, text: str, state: ReviewInput) -> Problem:
    """Add the quote that brought the text in, where one did."""
    quote = next((citation["quote"] for citation in state["citations"] if text in citation["quote"]), None)
    if quote is not None:
        problem["quote"] = quote
    return problem


def _folded(text: str) -> str:
    """Drop what writing the same address differently changes: case, blanks and separators."""
    return "".join(character for character in text.lower() if character not in " \t\n()-")
