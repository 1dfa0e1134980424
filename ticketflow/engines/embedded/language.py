"""Which language a ticket is written in."""

import mmap
import tempfile
from functools import cache
from typing import Any

FALLBACK = "en"
LANGUAGES = (
    "en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "da", "no", "fi", "cs", "hu", "ro", "tr", "el", "ru", "uk",
    "ar", "he", "hi", "ja", "ko", "zh", "vi", "id",
)  # fmt: skip
# bitext/val, 810 short English texts with typos: 7 get another language, all below 0.35.
MIN_CONFIDENCE = 0.5
# A language guess needs no more than a page, and long pastes would cost.
MAX_CHARACTERS = 2000


def guess_language(text: str) -> str:
    """Return the ISO 639-1 code of one of ``LANGUAGES``; short or unclear text gives ``en``."""
    if not any(character.isalpha() for character in text):
        return FALLBACK
    language, confidence = _identifier().classify(text[:MAX_CHARACTERS])
    return str(language) if confidence >= MIN_CONFIDENCE else FALLBACK


@cache
def _identifier() -> Any:  # py3langid ships no types
    from py3langid import langid, modelio  # noqa: PLC0415  # 0.7 s of tables, needed by workers only

    # Its set_languages() keeps the columns of all 142 languages besides: 28 MB that nobody reads.
    features, priors, names, moves, rows, outputs = modelio.load_model(langid.MODEL_DIR / langid.MODEL_FILE)
    kept = [place for place, name in enumerate(names) if name in LANGUAGES]
    chosen = features[:, kept], priors[kept], [names[place] for place in kept]
    return langid.LanguageIdentifier(*chosen, _keep_on_disk(moves), outputs, norm_probs=True, tk_row=rows)


def _keep_on_disk(numbers: Any) -> memoryview:
    """Put a table into a nameless file, of which the system keeps in memory what is read: 1 MB of 39."""
    with tempfile.TemporaryFile() as file:
        numbers.tofile(file)
        file.flush()
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)).cast(numbers.typecode)
