"""What a draft may not say in an engine's own words: promises nobody gave it, and a tone nobody wants."""

import re
from collections.abc import Iterable
from functools import cache

from ticketflow.workflow.state import Problem

MAX_LENGTH = 6_000
MAX_EXCLAMATIONS = 3
# Said about a promise, not as one: "you asked whether you will get a refund".
_NOT_SAID = re.compile(r"\b(?:whether|asked if|cannot|can['’]t|not|ob|nicht|kein\w*|ne|pas|no)\b", re.IGNORECASE)

_CLAUSE = re.compile(r"[,;:()]|\s[-\u2013\u2014]\s")

# "~" stands for up to four words.
_PROMISES = {
    "money": (
        r"(?:we|i)(?:['’]ll| will| have|['’]ve| are going to) ~ (?:refund|reimburs|compensat|credit)\w*",
        r"you(?:['’]ll| will) (?:get|receive|have|be) ~ (?:refund\w*|money back|compensat\w+|reimburs\w+|voucher)",
        r"(?:refund|compensation) (?:has been|was|is being|will be) (?:issued|made|sent|processed|paid|credited)",
        r"wir (?:werden|haben) ~ (?:zurück)?(?:erstatte\w+|entschädig\w+|gutgeschrieben|gutschreiben)",
        r"(?:sie|du) (?:erhalten|bekommen|erhältst|bekommst) ~ (?:\w*erstattung|entschädigung|gutschein|geld zurück)",
        r"nous (?:vous )?(?:rembourserons|indemniserons|dédommagerons|allons ~ rembourser|avons ~ remboursé)",
        r"vous (?:recevrez|serez|aurez) ~ (?:rembours\w+|indemni\w+|dédommag\w+)",
        r"(?:le|les|te|la) (?:reembolsaremos|devolveremos|compensaremos|indemnizaremos|vamos a reembolsar)",
        r"(?:recibirá|recibirás|tendrá) ~ (?:reembolso|compensación|indemnización)",
    ),
    "a delivery date": (
        r"(?:will|['’]ll) ~ (?:arrive|ship|deliver\w*|reach you|be with you) ~ (?:\w+day|tomorrow|by|in|within)",
        r"you(?:['’]ll| will) (?:receive|get|have) (?:it|them|your \w+) (?:\w+day|tomorrow|by|within|in|before|next)",
        r"(?:wird|werden) ~ (?:am|bis|morgen|heute|innerhalb|in) ~ (?:geliefert|zugestellt|ankommen|eintreffen)",
        r"(?:arrivera|sera livrée?|recevrez votre \w+) ~ (?:demain|avant|le|dans|sous|d['’]ici)",
        r"(?:llegará|será entregad[oa]|recibirá su \w+) ~ (?:mañana|hoy|antes|el|en|dentro)",
    ),
    "a legal admission": (
        r"(?:we|our company) (?:are|were|is|was|have been) ~ (?:liable|negligent|at fault|to blame|responsible for)",
        r"(?:we|i) (?:admit|accept (?:full |all |any )?(?:liability|responsibility|blame))",
        r"(?:it|this|that) (?:is|was) ~ our (?:fault|mistake|negligence)",
        r"wir (?:haften|sind ~ (?:schuld|haftbar|verantwortlich)|übernehmen die (?:haftung|verantwortung))",
        r"(?:das|es) (?:ist|war) unser(?:e schuld| fehler| verschulden)",
        r"(?:nous sommes ~ (?:responsables|fautifs|en tort)|c['’]est (?:de )?notre faute)",
        r"(?:somos ~ (?:responsables|culpables)|es (?:nuestra culpa|culpa nuestra))",
    ),
    "a guarantee": (
        r"(?:we|i) (?:can )?(?:guarantee|promise|assure you)",
        r"(?:wir|ich) (?:garantiere\w?|verspreche\w?|versichere\w? ihnen)",
        r"(?:nous (?:vous )?(?:garantissons|promettons|assurons)|je vous (?:garantis|promets|assure))",
        r"(?:le|les|te) (?:garantiz(?:amos|o)|promet(?:emos|o)|asegur(?:amos|o))",
    ),
}

_FLOOD = "a flood of exclamation marks"
_FAULTS = {
    "an insult": re.compile(
        r"\b(?:idiots?|stupid|dumb|morons?|liars?|ridiculous|pathetic|dumm\w*|blöd\w*|lügner\w*|trottel|stupide|imbéciles?"
        r"|menteu(?:r|se)s?|idiotas?|estúpid[oa]s?|tont[oa]s?|mentiros[oa]s?)\b",
        re.IGNORECASE,
    ),
    "blame": re.compile(
        r"\byour own (?:fault|mistake)|\b(?:is|was|it['’]s) your fault|\bcalm down|\bobviously you|\byou obviously"
        r"|\byou should have (?:known|read|checked|listened)|\bas (?:i|we) (?:have )?already (?:told|explained)"
        r"|\b(?:ihre|deine) (?:eigene )?schuld|\bselbst schuld|\bc['’]est (?:de )?votre faute|\bes (?:su|tu) culpa"
        r"|\bculpa suya",
        re.IGNORECASE,
    ),
    "shouting": re.compile(r"(?:\b[A-ZÀ-Þ]{3,}\b[\s,]*){4,}"),
    _FLOOD: re.compile(r"[!?]{3,}|!{2,}"),
}


def find_promises(sentences: list[str]) -> list[Problem]:
    """Find promises of money, dates, guilt and guarantees, at most one problem of a kind."""
    return [
        Problem(code="promise", detail=f"the draft promises {what} in words that no article says")
        for what, pattern in _compile_promises().items()
        # Not from its denial or mention in the same clause.
        if any(
            not _NOT_SAID.search(_CLAUSE.split(sentence[: found.start()])[-1] + found[0])
            for sentence in sentences
            for found in pattern.finditer(sentence)
        )
    ]


def find_tone_faults(sentences: list[str]) -> list[Problem]:
    """Find what no customer should read, at most one problem of a kind; a draft without end is one too."""
    faults = {what for what, pattern in _FAULTS.items() if any(map(pattern.search, sentences))}
    if sum(sentence.count("!") for sentence in sentences) > MAX_EXCLAMATIONS:
        faults.add(_FLOOD)
    if sum(map(len, sentences)) > MAX_LENGTH:
        faults.add("more words than anybody reads")
    return [Problem(code="tone", detail=f"the draft has {what}") for what in sorted(faults)]


def find_forbidden(text: str, words: Iterable[str]) -> list[Problem]:
    """Find the operator's forbidden words, whoever wrote them."""
    return [
        Problem(code="forbidden", detail=f"the draft says {word!r}, which is on the list of forbidden words")
        for word in words
        if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE)
    ]


@cache
def _compile_promises() -> dict[str, re.Pattern[str]]:
    """Compile them on first use: it takes a fifth of a second, and most processes never review."""
    return {
        what: re.compile("|".join(rf"\b{each}\b".replace(" ~ ", r"(?: \w+){0,4} ") for each in patterns), re.IGNORECASE)
        for what, patterns in _PROMISES.items()
    }
