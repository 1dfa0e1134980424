"""Which words of a question an article shares: what vectors blur, such as PayPal for payment."""

import math
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

_WORD = re.compile(r"\w{2,}")
# A word with capitals within a sentence: behind a small letter or a comma, and one blank.
_CAPITAL = re.compile(r"(?<=[a-zß-ÿ,] )(?=\w*[A-ZÀ-Þ])[^\W\d_]{2,}")
_ENDINGS = ("ing", "ed", "es", "s")
MIN_STEM = 3
_LITTLE = (
    "an and are as at be been but by can could did do does for from had has have hello hi how if in is it its me my no"
    " not of on or our please so than that the their them then there they this to up us was we were what when where"
    " which who why will with would you your just get got any am all also now more about"
)
STOP_WORDS = frozenset(_LITTLE.split())


def tokenize(text: str) -> list[str]:
    """List the words of a text in small letters."""
    return _WORD.findall(text.lower())


def find_content_words(text: str) -> list[str]:
    """List the stems that carry a question's meaning, each once: no numbers, no little words."""
    words = (stem(word) for word in tokenize(text) if word not in STOP_WORDS)
    return [word for word in dict.fromkeys(words) if not any(character.isdigit() for character in word)]


def stem(word: str) -> str:
    """Cut an English ending; too much or too little does no harm as long as it is the same everywhere."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= MIN_STEM:
            return word[: -len(ending)]
    return word


def count_articles(articles: Collection[Collection[str]]) -> Counter[str]:
    """Count in how many articles each stem occurs."""
    return Counter(word for words in articles for word in words)


def find_names(articles: Collection[str]) -> frozenset[str]:
    """Return the stems of what more articles write with capitals within a sentence than without: names of things."""
    large: Counter[str] = Counter()
    small: Counter[str] = Counter()
    for text in articles:
        plain = {stem(word) for word in _WORD.findall(text) if word.islower()}
        large.update({stem(word.lower()) for word in _CAPITAL.findall(text)} - plain)
        small.update(plain)
    return frozenset(word for word, count in large.items() if count > small[word] and word not in STOP_WORDS)


def weigh_words(words: Sequence[str], known: Mapping[str, int], total: int) -> dict[str, float]:
    """Weigh words by how few articles have them.

    Args:
        words: From ``find_content_words``.
        known: In how many articles each stem occurs.
        total: How many articles there are.
    """
    return {word: math.log(1 + total / (1 + known.get(word, 0))) for word in words}


def measure_overlap(weights: Mapping[str, float], words: Collection[str]) -> float:
    """Return the share of weighed words that are among the given ones, in [0, 1]."""
    whole = sum(weights.values())
    return sum(weight for word, weight in weights.items() if word in words) / whole if whole else 0.0
