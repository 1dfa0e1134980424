"""Which language a ticket is written in."""

import re
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

# What short and unclear texts are taken for: the desk's own language.
FALLBACK = "en"
LANGUAGES = (
    "en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "da", "no", "fi", "cs", "hu", "ro", "tr", "el", "ru", "uk",
    "ar", "he", "hi", "ja", "ko", "zh", "vi", "id",
)  # fmt: skip
WORDS_PATH = Path(__file__).parent / "language_words.txt"
# bitext/val, 810 short English texts with typos: 7 get another language, all below 0.35.
MIN_CONFIDENCE = 0.5
# A language none of whose common words are there: letters may say so of a word or two, but then they must be sure.
# Of a sentence they may not: names, models and Hindi in Latin letters look like Italian or Indonesian.
MIN_WITHOUT_WORDS = 0.97
MAX_WITHOUT_WORDS = 5
# An opening with so many of them speaks for the customer, whatever notice stands below it.
SURE_WORDS = 2
# A language guess needs no more than a page, and long pastes would cost.
MAX_CHARACTERS = 2000
# Most rows of the identifier's table are alike: 56,000 stretches of 16 are left of 614,000.
_STRETCH = 16
_loading = threading.Lock()
_WORD = re.compile(r"[^\W\d_]+")
# A subject and what follows, to the end of a sentence of four words or more.
_OPENING = re.compile(r"(?:\S+\s+){3,60}?\S*[.!?…](?=\s)")


def guess_language(text: str) -> str:
    """Return the ISO 639-1 code of one of ``LANGUAGES``; short or unclear text gives ``en``."""
    opening = _OPENING.match(text)
    language, words = _judge(opening[0]) if opening else (FALLBACK, 0)
    return language if words >= SURE_WORDS else _judge(text)[0]


def _judge(text: str) -> tuple[str, int]:
    """Return the likeliest language, and how many of its common words are there."""
    words = _WORD.findall(text[:MAX_CHARACTERS].lower())
    if not words:
        return FALLBACK, 0
    with _loading:
        identifier = _identifier()
    guess, confidence = identifier.classify(text[:MAX_CHARACTERS])
    counts = {language: len(common.intersection(words)) for language, common in load_words().items()}
    if guess not in counts or counts[guess]:  # told by its script, or by its words
        is_likely = confidence >= MIN_CONFIDENCE
    else:
        is_likely = confidence >= MIN_WITHOUT_WORDS and len(words) <= MAX_WITHOUT_WORDS
    if is_likely:
        return str(guess), counts.get(guess, SURE_WORDS)
    known = [language for language, count in counts.items() if count]
    return (known[0], counts[known[0]]) if len(known) == 1 else (FALLBACK, counts[FALLBACK])


@cache
def load_words() -> Mapping[str, frozenset[str]]:
    """Read the common words of languages in Latin letters; what English has, no other language keeps."""
    lines = [each for each in WORDS_PATH.read_text(encoding="utf-8").splitlines() if not each.startswith("#")]
    words = {language: frozenset(listed.split()) for language, _, listed in (line.partition(":") for line in lines)}
    return {language: own if language == FALLBACK else own - words[FALLBACK] for language, own in words.items()}


class Moves:
    """A table of numbers that keeps equal stretches once: the identifier's takes 6 MB so, instead of 39."""

    def __init__(self, numbers: Any) -> None:
        """Take the whole table; its length is a multiple of 16."""
        stretches = np.asarray(numbers, dtype=np.uint32).reshape(-1, _STRETCH)
        halves = stretches.view(np.uint64)
        marks = halves @ np.random.default_rng(0).integers(1, 2**63, halves.shape[1], dtype=np.uint64)
        _, firsts, places = np.unique(marks, return_index=True, return_inverse=True)
        self._kept = stretches[firsts].ravel().data
        self._starts = (places.ravel() * _STRETCH).astype(np.uint32).data

    def __getitem__(self, place: int) -> int:
        """Return the number at a place."""
        number: int = self._kept[self._starts[place // _STRETCH] + place % _STRETCH]
        return number


@cache
def _identifier() -> Any:  # py3langid ships no types
    from py3langid import langid, modelio  # noqa: PLC0415  # 0.5 s of tables, needed by workers only

    # Its set_languages() keeps the columns of all 142 languages besides: 28 MB that nobody reads.
    features, priors, names, moves, rows, outputs = modelio.load_model(langid.MODEL_DIR / langid.MODEL_FILE)
    kept = [place for place, name in enumerate(names) if name in LANGUAGES]
    chosen = features[:, kept], priors[kept], [names[place] for place in kept]
    return langid.LanguageIdentifier(*chosen, Moves(moves), outputs, norm_probs=True, tk_row=rows)
