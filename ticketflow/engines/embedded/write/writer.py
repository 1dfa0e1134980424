"""The embedded ``Writer``: quotes what the team wrote, or says honestly that a person will read it."""

import re
import unicodedata
from collections.abc import Callable, Sequence

import numpy as np

from ticketflow.engines.embedded.encoder.vectors import Encoder
from ticketflow.engines.embedded.language import guess_language
from ticketflow.engines.embedded.search.asking import is_repeating, list_sentences, read_asked
from ticketflow.engines.embedded.search.confidence import ANSWER_CONFIDENCE
from ticketflow.engines.embedded.search.quotes import choose_quotes, join_quotes
from ticketflow.engines.embedded.write.letters_file import load_shipped_letters
from ticketflow.engines.embedded.write.topics import Answer, find_open, shorten
from ticketflow.mail.machine import is_department
from ticketflow.workflow.letters import Letters, Phrases
from ticketflow.workflow.ports import Brief, Reply
from ticketflow.workflow.state import Passage, cite, question_of
from ticketflow.workflow.steps.leads import find_leads, find_strange_phones, may_be_called
from ticketflow.workflow.steps.personal_data import find_emails, find_phones
from ticketflow.workflow.usage import EngineCall, record_engine_call

# Names come from the ticket: words of letters with hyphens and apostrophes, initials and titles with a dot at their
# end; anything else is not greeted.
_WORD = re.compile(r"(?:[^\W\d_]+(?:['’-][^\W\d_]+)*['’]?|(?:[^\W\d_]\.-?){1,4}|[^\W\d_]{1,5}\.),?")
# What asks for something and is hardly ever a name.
_NUMBERS = frozenset({"order_id", "invoice_id", "tracking_id"})
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
# A letter that names more than so much of what it leaves open is no answer.
MAX_OPEN = 4
_QUOTE_MARK = re.compile(r"^[>\s]+", re.MULTILINE)
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
        find_team: Callable[[str], str] | None = None,
    ) -> None:
        """Set when to answer.

        Args:
            encoder: Where vectors come from.
            min_confidence: Passages less likely to answer are not quoted; see ``confidence.py``
                for what a threshold costs and saves.
            letters: The words around a reply; ``None`` for those that ship.
            guess: Tells the language of a passage.
            find_team: Says whose a part of a ticket is that no article answers; ``None``: whose the ticket is.
        """
        self._encoder = encoder
        self._min_confidence = min_confidence
        self._letters = letters or load_shipped_letters()
        self._guess = guess
        self._find_team = find_team

    def answer(self, brief: Brief) -> Reply | None:
        """Quote for all that is asked the passages likely enough to answer it; name what none of them speaks to.

        Nothing is answered when the best passage has nothing left to quote, when the customer says that an answer
        did not help, or when what is left to a person cannot be repeated in a letter.
        """
        record_engine_call(EngineCall(engine="embedded/writer", model=self._encoder.name))
        text = question_of(brief.request)
        passages = self._list_usable(brief)
        if not passages or is_repeating(text) or needs_person(self._encoder, text):
            return None
        answers, left = self._answer_each(text, passages, brief)
        phrases = self._find_phrases(brief)
        # Without a word for what is left: an operator's own language.
        if not answers or len(left) > MAX_OPEN or (left and not phrases.handed_over):
            return None
        if not all(map(may_be_repeated, left)):
            return None
        teams = [self._find_team(each) if self._find_team else brief.team for each in left]
        team = next(iter(teams), brief.team)
        paragraphs = self._tell_language(phrases, brief)
        for place, each in enumerate(answers):
            intro = (place and phrases.answer_too) or phrases.answer
            paragraphs += [
                intro.format(title=each.passage["title"], team=team),
                join_quotes(each.quotes, each.passage["text"]),
            ]
        paragraphs += [
            phrases.handed_over.format(question=shorten(topic), team=owner)
            for topic, owner in zip(left, teams, strict=True)
        ]
        letter = _letter(phrases, brief, [*paragraphs, phrases.more.format(team=team)])
        citations = [cite(each.passage, quote) for each in answers for quote in each.quotes]
        return Reply(letter, citations, min(each.passage["confidence"] for each in answers), left, team)

    def _list_usable(self, brief: Brief) -> list[Passage]:
        """List the passages likely enough to answer that the customer can read and has not got before."""
        rejected = _list_quotes(brief, "rejected")
        return [
            each
            for each in brief.passages
            if each["confidence"] >= self._min_confidence
            and self._guess(each["text"]) == brief.language
            and not any(quote in each["text"] for quote in rejected)
            and not was_sent(each, brief.request["body"])
        ]

    def _answer_each(self, text: str, passages: Sequence[Passage], brief: Brief) -> tuple[list[Answer], list[str]]:
        """Choose quotes until nothing is left that a passage speaks to; return them, and what is left."""
        banned = _list_quotes(brief)
        answers: list[Answer] = []
        left: list[str] = []
        for passage in passages:
            spoken = passage.get("speaks_to") or [text]
            wanted = [each for each in spoken if any(each in topic for topic in left)] if answers else spoken
            quotes = choose_quotes(self._encoder, wanted, passage, banned) if wanted else []
            if quotes:
                answers.append(Answer(passage, quotes))
                left = find_open(self._encoder, text, answers, brief.passages)
            elif not answers and not any(quote in passage["text"] for quote in banned):
                break  # what the best article does not say, the next best rarely answers
        return answers, left

    def acknowledge(self, brief: Brief) -> Reply:
        """Say that the message is with the team, and which numbers were noted; promise nothing else."""
        record_engine_call(EngineCall(engine="embedded/writer"))
        phrases = self._find_phrases(brief)
        body = find_handover(phrases, self._letters, brief).format(team=brief.team)
        numbers = (each["value"] for each in brief.entities if each["type"] in _NUMBERS)
        # What a reader would dial or open is not repeated, whoever calls it an order.
        ids = [each for each in numbers if not may_be_called(each) and not find_leads(each)]
        if ids:
            noted = ", ".join(list(dict.fromkeys(ids))[:MAX_NOTED])
            body = f"{body} {phrases.kept.format(ids=noted, team=brief.team)}"
        return Reply(_letter(phrases, brief, [*self._tell_language(phrases, brief), body]), [], 0.0)

    def _tell_language(self, phrases: Phrases, brief: Brief) -> list[str]:
        """Say that we cannot write in the customer's language, where that is so."""
        is_foreign = phrases.foreign and brief.language not in self._letters.phrases
        return [phrases.foreign.format(team=brief.team)] if is_foreign else []

    def _find_phrases(self, brief: Brief) -> Phrases:
        phrases = self._letters.find(brief.language, brief.team)
        assert phrases is not None  # noqa: S101  # English ships
        return phrases


def _letter(phrases: Phrases, brief: Brief, paragraphs: list[str]) -> str:
    name = greeting_name(brief.request["customer_name"])
    hello = phrases.hello_name.format(name=name, team=brief.team) if name else phrases.hello.format(team=brief.team)
    sorry = [phrases.sorry.format(team=brief.team)] if brief.sentiment == "negative" else []
    return "\n\n".join([hello, *sorry, *paragraphs, phrases.bye.format(team=brief.team)])


def find_handover(phrases: Phrases, letters: Letters, brief: Brief) -> str:
    """Return what is said of who has the ticket now; a language without words for danger says them in English."""
    if brief.handover is None:
        return phrases.routed
    english = letters.phrases["en"]
    return (phrases.danger or english.danger) if brief.handover == "danger" else (phrases.person or english.person)


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


def was_sent(passage: Passage, body: str) -> bool:
    """Tell whether a message quotes the answer that a passage gave before: it did not help, or it would not be back."""
    words = " ".join(_QUOTE_MARK.sub("", body).split())
    return passage["title"] in words and any(
        lead in words
        for phrases in load_shipped_letters().phrases.values()
        for lead in [phrases.answer.partition("{")[0]]
    )


def may_be_repeated(question: str) -> bool:
    """Tell whether a letter may name a customer's question in their words: whoever wrote it may want it sent."""
    return (
        not find_leads(question)
        and not find_emails(question)
        and not find_phones(question)
        and not find_strange_phones(question, known="")
    )


def needs_person(encoder: Encoder, text: str) -> bool:
    """Tell whether a ticket, or one of its sentences, says what only a person should answer.

    Args:
        encoder: Where vectors come from.
        text: From ``question_text``.
    """
    texts = [text, *read_asked(text).parts, *list_sentences(text)]
    nearest = np.round((encoder.encode(texts) @ encoder.encode(PERSON_SEEDS).T).max(axis=1), 4)
    return bool(nearest[0] >= MIN_WHOLE or nearest[1:].max(initial=0.0) >= MIN_SENTENCE)
