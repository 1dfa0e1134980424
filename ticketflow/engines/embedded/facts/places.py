"""Where a customer most likely is: what decides the country of a phone number, a currency and the order of a date."""

from functools import lru_cache

from babel.core import get_global
from babel.numbers import get_territory_currencies

# Where who writes a language most likely is, when no time zone says more; a guess that only formats, never dials.
_COUNTRIES = {
    "en": "US", "de": "DE", "fr": "FR", "es": "ES", "it": "IT", "pt": "PT", "nl": "NL", "pl": "PL", "sv": "SE",
    "da": "DK", "no": "NO", "fi": "FI", "cs": "CZ", "hu": "HU", "ro": "RO", "tr": "TR", "el": "GR", "ru": "RU",
    "uk": "UA", "ja": "JP", "ko": "KR", "zh": "CN", "hi": "IN", "he": "IL", "id": "ID", "vi": "VN", "ar": "SA",
}  # fmt: skip


def find_country(language: str, timezone: str) -> str | None:
    """Name the country (ISO 3166) of a time zone, or of a language where the zone has none, as ``UTC`` has not."""
    aliases, territories = get_global("zone_aliases"), get_global("zone_territories")
    country = territories.get(aliases.get(timezone, timezone), "001")
    return _COUNTRIES.get(language) if country in {"001", "ZZ"} else str(country)


@lru_cache(maxsize=300)
def find_currency(country: str | None) -> str | None:
    """Name the currency (ISO 4217) of a country."""
    return next(iter(get_territory_currencies(country)), None) if country else None
