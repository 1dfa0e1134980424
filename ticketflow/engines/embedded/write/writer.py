"""The embedded ``Writer``: quotes what the team wrote, or says honestly that a person will read it."""

import re
import unicodedata
from collections.abc import Callable

import numpy as np

from ticketflow.engines.embedded.encoder.vectors import Encoder
from ticketflow.engines.embedded.language import guess_language
from ticketflow.engines.embedded.search.asking import asking_units, list_sentences
from ticketflow.engines.embedded.search.confidence import ANSWER_CONFIDENCE
from ticketflow.engines.embedded.search.quotes import choose_quotes, join_quotes
from ticketflow.engines.embedded.write.letters_file import load_shipped_letters
from ticketflow.mail.machine import is_department
from ticketflow.workflow.letters import Letters, Phrases
from ticketflow.workflow.ports import Brief, Reply
from ticketflow.workflow.state import cite, question_of
from ticketflow.workflow.steps.leads import find_leads, may_be_called
from ticketflow.workflow.usage import EngineCall, record_engine_call

# Names come from the ticket: words of letters with hyphens and apostrophes, initials and titles with a dot at their
# end; anything else is not greeted.
_WORD = re.compile(r"(?:[^\W\d_]+(?:['’-][^\W\d_]+)*['’]?|(?:[^\W\d_]\.-?){1,4}|[^\W\d_]{1,5}\.),?")
# What asks for something and is hardly ever a name.
_ORDERS = frozenset(
    """
    click tap press visit open follow download install buy order pay send call phone text reply answer write
    contact verify confirm update login log sign password claim win won winner prize free urgent now here today
    immediately http https www dot com ignore disregard forget system prompt instructions admin administrator
    support klick klicke klicken besuche besuchen öffne öffnen zahle zahlen sende rufe anrufen jetzt hier sofort
    gewinn gratis kostenlos passwort cliquez clique visitez ouvrez payez appelez ici maintenant gratuit gagnez
    haz haga clic visite visita abra abre pague llame llama aquí ahora gana clicca visitate apri paga chiama qui
    ora subito clica ligue aqui agora grátis klik bezoek betaal bel nu
    """.split()  # noqa: SIM905  # one word a line would be three pages
)
MAX_NAME_WORDS = 6
MAX_NAME_LENGTH = 60
# More than a handful of numbers is a list somebody pasted, not what the ticket is about.
MAX_NOTED = 5
# Which tickets are for a person whatever the articles say: injuries, complaints, disputes, offers.
# Seeds that ordinary questions come near to (a payment made twice, a promo code forgotten) are left out: of the
# answerable tickets in benchmarks/data none reaches 0.45 as a whole or 0.6 in one sentence now.
MIN_WHOLE = 0.55
MIN_SENTENCE = 0.65
PERSON_SEEDS = (
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


class EmbeddedWriter:
    """Never writes a fact of its own: every sentence is a quote or a fixed phrase."""

    def __init__(
        self,
        encoder: Encoder,
        min_confidence: float = ANSWER_CONFIDENCE,
        letters: Letters | None = None,
        guess: Callable[[str], str] = guess_language,
    ) -> None:
        """Set when to answer.

        Args:
            encoder: Where vectors come from.
            min_confidence: Passages less likely to answer are not quoted; see ``confidence.py``
                for what a threshold costs and saves.
            letters: The words around a reply; ``None`` for those that ship.
            guess: Tells the language of a passage.
        """
        self._encoder = encoder
        self._min_confidence = min_confidence
        self._letters = letters or load_shipped_letters()
        self._guess = guess

    def answer(self, brief: Brief) -> Reply | None:
        """Quote the best passage that is likely enough to answer and has something left to quote."""
        record_engine_call(EngineCall(engine="embedded/writer", model=self._encoder.name))
        text = question_of(brief.request)
        rejected = _list_quotes(brief, "rejected")
        passages = [
            each
            for each in brief.passages
            if each["confidence"] >= self._min_confidence
            and self._guess(each["text"]) == brief.language
            and not any(quote in each["text"] for quote in rejected)
        ]
        if not passages or needs_person(self._encoder, text):
            return None
        questions = asking_units(text)
        banned = _list_quotes(brief)
        for passage in passages:
            quotes = choose_quotes(self._encoder, questions, passage, banned)
            if quotes:
                phrases = self._find_phrases(brief)
                intro = phrases.answer.format(title=passage["title"], team=brief.team)
                letter = _letter(phrases, brief, [intro, join_quotes(quotes), phrases.more.format(team=brief.team)])
                return Reply(letter, [cite(passage, quote) for quote in quotes], passage["confidence"])
            if not any(quote in passage["text"] for quote in banned):
                return None  # what the best article does not say, the next best rarely answers
        return None

    def acknowledge(self, brief: Brief) -> Reply:
        """Say that the message is with the team, and which numbers were noted; promise nothing else."""
        record_engine_call(EngineCall(engine="embedded/writer"))
        phrases = self._find_phrases(brief)
        body = phrases.routed.format(team=brief.team)
        if ids := _noted_ids(brief):
            body = f"{body} {phrases.kept.format(ids=ids, team=brief.team)}"
        return Reply(_letter(phrases, brief, [body]), [], 0.0)

    def _find_phrases(self, brief: Brief) -> Phrases:
        phrases = self._letters.find(brief.language, brief.team)
        assert phrases is not None  # noqa: S101  # English ships
        return phrases


def _letter(phrases: Phrases, brief: Brief, paragraphs: list[str]) -> str:
    name = greeting_name(brief.request["customer_name"])
    hello = phrases.hello_name.format(name=name, team=brief.team) if name else phrases.hello.format(team=brief.team)
    sorry = [phrases.sorry.format(team=brief.team)] if brief.sentiment == "negative" else []
    return "\n\n".join([hello, *sorry, *paragraphs, phrases.bye.format(team=brief.team)])


def greeting_name(name: str | None) -> str | None:
    """Return a name fit for a greeting, or ``None``: names are input, and may be anything."""
    words = unicodedata.normalize("NFKC", name or "").split()
    tidy = " ".join(words)
    # Marks on a letter belong to it, in scripts that write vowels so.
    bare = ("".join(each for each in word if not unicodedata.category(each).startswith("M")) for word in words)
    is_name = all(
        _WORD.fullmatch(word) and word.strip(".,").lower() not in _ORDERS for word in bare
    ) and not is_department(tidy)
    is_short = len(tidy) <= MAX_NAME_LENGTH and len(words) <= MAX_NAME_WORDS
    return " ".join((name or "").split()) if words and is_name and is_short and not find_leads(tidy) else None


def _list_quotes(brief: Brief, code: str | None = None) -> set[str]:
    """List the quotes that must not come again, all or those objected to for one reason."""
    return {problem["quote"] for problem in brief.problems if "quote" in problem and code in {None, problem["code"]}}


def _noted_ids(brief: Brief) -> str:
    """List the first order and invoice numbers of the ticket as the customer wrote them."""
    ids = [entity["value"] for entity in brief.entities if entity["type"] in {"order_id", "invoice_id", "tracking_id"}]
    # What a reader would dial or open is not repeated, whoever calls it an order.
    ids = [each for each in ids if not may_be_called(each) and not find_leads(each)]
    return ", ".join(list(dict.fromkeys(ids))[:MAX_NOTED])


def needs_person(encoder: Encoder, text: str) -> bool:
    """Tell whether a ticket, or one of its sentences, says what only a person should answer.

    Args:
        encoder: Where vectors come from.
        text: From ``question_text``.
    """
    texts = [text, *asking_units(text)[1:], *list_sentences(text)]
    nearest = np.round((encoder.encode(texts) @ encoder.encode(PERSON_SEEDS).T).max(axis=1), 4)
    return bool(nearest[0] >= MIN_WHOLE or nearest[1:].max(initial=0.0) >= MIN_SENTENCE)
