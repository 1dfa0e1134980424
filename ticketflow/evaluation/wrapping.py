"""Rows as people write mails: the same question with greeting, story, signature, quoted mail and more around it."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ticketflow.evaluation.rows import Gold, Row, rewrite
from ticketflow.shipped import read_shipped

SHIPPED_PATH = Path(__file__).parent / "wrappers.yaml"

Mail = tuple[str, str]
"""Subject and body."""

Texts = Mapping[str, Sequence[str]]
"""What is written around a question, by what it is."""

BARE = "bare"
TWO_QUESTIONS = "two questions"
QUOTE_HEAD = "On Mon, 12 Jan 2026 at 10:14, Support <support@example.com> wrote:"
OUTLOOK_HEAD = (
    "-----Original Message-----\nFrom: Support <support@example.com>\nSent: Monday, January 12, 2026 10:14 AM\n"
    "To: Customer\nSubject: Your message"
)
JOINTS = (" ", "\n\n", " And another thing: ", "\n\nSecond question: ", "\n\nBesides, ")


@cache
def read_wrappers(path: Path = SHIPPED_PATH) -> Texts:
    """Read what is written around questions."""
    texts: Texts = read_shipped(path)
    return texts


@dataclass(frozen=True, slots=True)
class _Wrapper:
    """Puts one mail around another; what it takes is drawn by chance."""

    texts: Texts
    chance: random.Random

    def pick(self, what: str) -> str:
        return self.chance.choice(self.texts[what])

    def bare(self, mail: Mail) -> Mail:
        return mail

    def generic_subject(self, mail: Mail) -> Mail:
        return self.pick("subjects"), mail[1]

    def story(self, mail: Mail) -> Mail:
        joint = self.chance.choice((" ", "\n\n"))
        return self._letter(mail, f"{self.pick('stories')}{joint}{mail[1]}")

    def signature(self, mail: Mail) -> Mail:
        subject, body = self._letter(mail, mail[1])
        return subject, "\n\n".join([body, self.pick("signatures"), self.pick("disclaimers")])

    def quoted(self, mail: Mail) -> Mail:
        quote = "\n".join(f"> {line}" for line in self.pick("quotes").splitlines())
        return self._subject(mail), f"{mail[1]}\n\n{QUOTE_HEAD}\n{quote}"

    def outlook(self, mail: Mail) -> Mail:
        subject, body = self._letter(mail, mail[1])
        return subject, f"{body}\n\n{OUTLOOK_HEAD}\n\n{self.pick('quotes')}"

    def long(self, mail: Mail) -> Mail:
        return self._letter(mail, f"{self.pick('fillers')}\n\n{mail[1]}")

    def two_questions(self, mail: Mail, other: Mail) -> Mail:
        _, body = self._letter(mail, f"{mail[1]}{self.chance.choice(JOINTS)}{other[1]}")
        return self.pick("subjects"), body

    def _letter(self, mail: Mail, body: str) -> Mail:
        return self._subject(mail), f"{self.pick('greetings')}\n\n{body}\n\n{self.pick('closings')}"

    def _subject(self, mail: Mail) -> str:
        return mail[0] or self.pick("subjects")


_FORMS: Mapping[str, Callable[[_Wrapper, Mail], Mail]] = {
    BARE: _Wrapper.bare,
    "generic subject": _Wrapper.generic_subject,
    "story": _Wrapper.story,
    "signature": _Wrapper.signature,
    "quoted": _Wrapper.quoted,
    "Outlook": _Wrapper.outlook,
    "200 words": _Wrapper.long,
}
FORMS = (*_FORMS, TWO_QUESTIONS)
"""Every way to wrap a row, the bare one first."""


def wrap_mails(form: str, mails: Sequence[Mail], texts: Texts, seed: int, others: Sequence[int] = ()) -> list[Mail]:
    """Write mails in a form; the same seed draws the same texts.

    Args:
        form: One of ``FORMS``.
        mails: Bare questions.
        texts: From ``read_wrappers``.
        seed: Of all that is drawn.
        others: For two questions: the place of each mail's second one.
    """
    wrapper = _Wrapper(texts, random.Random(f"{form} {seed}"))  # noqa: S311  # which text is drawn is no secret
    if form == TWO_QUESTIONS:
        return [wrapper.two_questions(mail, mails[other]) for mail, other in zip(mails, others, strict=True)]
    return [_FORMS[form](wrapper, mail) for mail in mails]


def draw_others(count: int, seed: int) -> list[int]:
    """Draw for each of so many places another one; itself only where there is but one."""
    chance = random.Random(f"others {seed}")  # noqa: S311  # see wrap_mails
    return [(place + chance.randrange(1, max(count, 2))) % count for place in range(count)]


def wrap_rows(form: str, rows: Sequence[Row], seed: int) -> list[Row]:
    """Write rows in a form.

    Only what wrapping leaves true is known of them: label, language and articles; of two questions those of both.
    """
    if form == BARE:
        return list(rows)
    mails = [(row.request["subject"], row.request["body"]) for row in rows]
    others = draw_others(len(rows), seed)
    wrapped = wrap_mails(form, mails, read_wrappers(), seed, others)
    known = [Gold(label=row.gold.label, language=row.gold.language, articles=row.gold.articles) for row in rows]
    if form == TWO_QUESTIONS:
        known = []
        for one, two in ((row.gold, rows[other].gold) for row, other in zip(rows, others, strict=True)):
            both = None if one.articles is None or two.articles is None else one.articles | two.articles
            known.append(Gold(label=one.label if one.label == two.label else None, articles=both))
    return [rewrite(row, *mail, gold) for row, mail, gold in zip(rows, wrapped, known, strict=True)]
