"""Which language a ticket is written in."""

import threading
from functools import cache
from typing import Any

import numpy as np

FALLBACK = "en"
LANGUAGES = (
    "en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "da", "no", "fi", "cs", "hu", "ro", "tr", "el", "ru", "uk",
    "ar", "he", "hi", "ja", "ko", "zh", "vi", "id",
)  # fmt: skip
# bitext/val, 810 short English texts with typos: 7 get another language, all below 0.35.
MIN_CONFIDENCE = 0.5
# A language guess needs no more than a page, and long pastes would cost.
MAX_CHARACTERS = 2000
# Most rows of the identifier's table are alike: 56,000 stretches of 16 are left of 614,000.
_STRETCH = 16
_loading = threading.Lock()


def guess_language(text: str) -> str:
    """Return the ISO 639-1 code of one of ``LANGUAGES``; short or unclear text gives ``en``."""
    if not any(character.isalpha() for character in text):
        return FALLBACK
    with _loading:
        identifier = _identifier()
    language, confidence = identifier.classify(text[:MAX_CHARACTERS])
    return str(language) if confidence >= MIN_CONFIDENCE else FALLBACK


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
