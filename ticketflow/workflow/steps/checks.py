"""What must hold of a draft whoever wrote it; needs no judgement."""

import re
from collections.abc import Callable, Container
from typing import NamedTuple

from ticketflow.masking import find_cards, find_ibans
from ticketflow.workflow.letters import Letters
from ticketflow.workflow.state import Citation, Problem, own_text_in_place
from ticketflow.workflow.steps.grounding import Drafted, list_own_sentences, measure_grounding
from ticketflow.workflow.steps.leads import find_leads, find_strange_leads, find_strange_phones
from ticketflow.workflow.steps.personal_data import Span, find_references
from ticketflow.workflow.steps.wording import find_forbidden, find_promises, find_tone_faults

Finder = Callable[[str], list[Span]]

_GREETING = re.compile(
    r"\A\s*(?:hello|hi|hey|dear|good (?:morning|afternoon|evening|day)|guten (?:tag|morgen|abend)|hallo|liebe[r]?"
    r"|sehr geehrte[r]?|bonjour|bonsoir|ch[eè]re?|hola|estimad[oa]|buenos d[ií]as|buongiorno|gentile|ciao|ol[áa]"
    r"|car[oa]|goedendag|beste|geachte)[ ,]+(?P<name>[^\n,:!.]{1,80})",
    re.IGNORECASE,
)
_NAME = re.compile(r"\b[A-ZÀ-Þ][^\W\d_]+")
# Capitalised in a greeting, and nobody's name.
_NOBODY = re.compile(
    r"customers?|client|sir|madam|m[rs]s?|dr|there|all|team|everybody|herr|frau|damen|und|herren|kund(?:e|in)"
    r"|monsieur|madame|cliente|señora?|signora?|senhora?|klant|heer|mevrouw",
    re.IGNORECASE,
)


class ReviewInput(Drafted):
    """Keys ``review`` reads."""


class Findings(NamedTuple):
    """What fixed checks say of a draft.

    Attributes:
        problems: What must change.
        grounding: Share of the draft that is quoted or a phrase of a letter, in [0, 1].
        tone: 1 for a draft nobody could take offence at, 0 for one with a fault.
    """

    problems: list[Problem]
    grounding: float
    tone: float


def check_draft(state: ReviewInput, letters: Letters) -> Findings:
    """Find what must change in the draft whoever wrote it, and how well it rests on what was written before."""
    if not state["draft"].strip():
        return Findings([Problem(code="empty", detail="the draft has no text")], 0.0, 1.0)
    own = list_own_sentences(state, letters)
    tone = find_tone_faults(own)
    problems = [
        *check_citations(state),
        *check_origins(state, letters),
        *check_payment_numbers(state),
        *find_promises(own),
        *tone,
        *find_forbidden(state["draft"], letters.forbidden),
    ]
    return Findings(problems, measure_grounding(state, own), 0.0 if tone else 1.0)


def check_citations(state: ReviewInput) -> list[Problem]:
    """Check that an answer cites, and that every citation is verbatim."""
    if state["resolution"] == "answered" and not state["citations"]:
        return [Problem(code="ungrounded", detail="the draft answers but cites no article")]
    return [problem for citation in state["citations"] if (problem := check_quote(citation, state))]


def check_quote(citation: Citation, state: ReviewInput) -> Problem | None:
    """Check that a citation is verbatim in a passage of its article and in the draft."""
    quote = citation["quote"]
    sources = [each["text"] for each in state["passages"] if each["article_id"] == citation["article_id"]]
    if not quote.strip() or not any(quote in text for text in sources):
        return Problem(code="ungrounded", detail="a quote is not in the article it cites", quote=quote)
    if quote not in state["draft"]:
        return Problem(code="ungrounded", detail="a cited sentence does not appear in the draft", quote=quote)
    return None


def check_origins(state: ReviewInput, letters: Letters) -> list[Problem]:
    """Check that links, addresses, numbers and names come from where each may come from.

    Links and addresses come from cited articles and letters; of the ticket only the customer's own address will do,
    because whoever wrote it may want the others sent. Numbers and names may be the ticket's.
    """
    ours = list_our_texts(state, letters)
    reachable = "\n".join([*ours, state["customer_email"] or ""])
    known = _folded("\n".join([*ours, *list_ticket_texts(state)]))
    return [
        *check_leads(state, reachable),
        *_strangers(state, known, find_references, "personal_data", "an order or customer number"),
        *_strangers(state, known, find_greeted_names, "personal_data", "a name"),
    ]


def check_leads(state: ReviewInput, reachable: str) -> list[Problem]:
    """Check that a draft leads nowhere but where the reachable text does."""
    problems = []
    for lead in find_strange_leads(state["draft"], reachable):
        is_mail = "@" in lead and "/" not in lead
        code, what = ("personal_data", "an e-mail address") if is_mail else ("ungrounded", "a link")
        problem = Problem(code=code, detail=f"{what} in the draft may not go out")
        problems.append(_blame(problem, lead, state, find_leads))
    for phone in find_strange_phones(state["draft"], reachable):
        problem = Problem(code="personal_data", detail="a phone number in the draft may not go out")
        problems.append(_blame(problem, phone, state))
    return problems


def find_greeted_names(text: str) -> list[Span]:
    """Locate the names a letter greets; names further down cannot be told from other words without a model."""
    greeting = _GREETING.match(text)
    if not greeting:
        return []
    names = _NAME.finditer(text, *greeting.span("name"))
    return [name.span() for name in names if not _NOBODY.fullmatch(name[0])]


def check_payment_numbers(state: ReviewInput) -> list[Problem]:
    """Check that no full card or account number goes out, not even the customer's own."""
    return [
        *_strangers(state, "", find_cards, "personal_data", "a card number"),
        *_strangers(state, "", find_ibans, "personal_data", "a bank account number"),
    ]


def list_our_texts(state: ReviewInput, letters: Letters) -> list[str]:
    """List what the team wrote and a reply may repeat: cited articles and the letters."""
    cited = {citation["article_id"] for citation in state["citations"]}
    passages = [passage["text"] for passage in state["passages"] if passage["article_id"] in cited]
    titles = [citation["title"] for citation in state["citations"]]
    phrases = letters.find(state["language"], state["team"])
    return [*passages, *titles, state["team"], *(phrases.list_texts() if phrases else [])]


def list_ticket_texts(state: ReviewInput) -> list[str]:
    """List what the customer wrote, and what was found in it."""
    ids = [entity["value"] for entity in state["entities"]]
    sender = [state["customer_name"] or "", state["customer_email"] or ""]
    return [state["subject"], own_text_in_place(state), *sender, *ids]


def _strangers(state: ReviewInput, known: str, find: Finder, code: str, what: str) -> list[Problem]:
    """Name each find in the draft that is not in the known text, without repeating it."""
    draft = state["draft"]
    written = dict.fromkeys(draft[start:end] for start, end in find(draft))
    strange = [text for text in written if _folded(text) not in known]
    problem = f"{what} in the draft may not go out"
    return [_blame(Problem(code=code, detail=problem), text, state) for text in strange]


def _blame(problem: Problem, text: str, state: ReviewInput, find: Callable[[str], Container[str]] = str) -> Problem:
    """Add the quote that brought a text in, where one did: it is in what is found there, or in the quote itself."""
    quotes = (citation["quote"] for citation in state["citations"])
    quote = next((quote for quote in quotes if text in find(quote)), None)
    if quote is not None:
        problem["quote"] = quote
    return problem


def _folded(text: str) -> str:
    """Drop what writing the same address differently changes: case, blanks and separators."""
    return "".join(character for character in text.lower() if character not in " \t\n()-")
