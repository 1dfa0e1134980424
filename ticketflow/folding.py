"""Write text in capitals and ASCII digits, whatever script or shape its letters and digits have."""

import unicodedata
from functools import lru_cache

# Unicode general categories, UAX #44 §5.7.1, of what prints nothing of its own, and letters that print nothing at all.
_UNSEEN = {"Cf", "Cn", "Co", "Cs", "Mc", "Me", "Mn"}
_FILLERS = {"\u115f", "\u1160", "\u3164", "\uffa0"}
# Letters of other scripts that print like Latin ones (Unicode TR39, confusables.txt): Cyrillic, Greek, small capitals.
_LOOK_ALIKES = dict(
    zip(
        "\u0410\u0412\u0421\u0415\u041d\u0406\u0408\u041a\u041c\u041e\u0420\u0405\u0422\u0425\u0423\u04ae\u050c\u051a\u051c\u04c0"
        "\u0500\u04ba\u0417\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03f9"
        "\u1d00\u0299\u1d04\u1d05\u1d07\ua730\u0262\u029c\u026a\u1d0a\u1d0b\u029f\u1d0d\u0274\u1d0f\u1d18\u0280\ua731\u1d1b\u1d1c"
        "\u1d20\u1d21\u1d22",
        "ABCEHIJKMOPSTXYYGQWIDH3ABEZHIKMNOPTYXCABCDEFGHIJKLMNOPRSTUVWZ",
        strict=True,
    )
)


def fold(text: str) -> str:
    """Write a text in capitals and ASCII digits, without what cannot be seen; what is seen stays in order."""
    if text.isascii():
        return text.upper()
    return text.translate({ord(each): fold_character(each) for each in set(text)})


@lru_cache(maxsize=10_000)
def fold_character(character: str) -> str:
    """Write one character so; nothing for what cannot be seen."""
    if character in _FILLERS or unicodedata.category(character) in _UNSEEN:
        return ""
    digit = unicodedata.digit(character, None)
    if digit is not None:
        return str(digit)
    base = unicodedata.normalize("NFKD", character)[:1].upper()
    folded = _LOOK_ALIKES.get(base, base)
    return folded if len(folded) == 1 and folded.isascii() and folded.isalnum() else character
