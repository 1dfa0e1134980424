"""Which language a ticket is written in."""

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
    from py3langid import langid  # noqa: PLC0415  # 0.7 s of tables, needed by workers only

    identifier = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
    identifier.set_languages(LANGUAGES)
    return identifier
