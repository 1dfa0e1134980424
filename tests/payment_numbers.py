"""Made-up card and account numbers in the many ways people write them; seeded, and known to nobody's bank."""

import random
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence

# First digits and length of the main issuers' cards, and BBANs by country as n(umber) and a (letter).
ISSUERS = [
    ("4", 13), ("4", 16), ("4", 19), ("51", 16), ("55", 16), ("2221", 16), ("2720", 16), ("34", 15), ("37", 15),
    ("6011", 16), ("644", 16), ("65", 19), ("300", 14), ("36", 14), ("38", 14), ("3528", 16), ("3589", 19),
    ("62", 16), ("62", 17), ("62", 19), ("5018", 12), ("6304", 13), ("6759", 16), ("6762", 18), ("67", 19),
]  # fmt: skip
BBANS = {
    "DE": "n18", "FR": "n23", "GB": "a4n14", "NL": "a4n10", "NO": "n11", "ES": "n20", "IT": "a1n22", "BE": "n12",
    "CH": "n17", "AT": "n16", "PL": "n24", "MT": "a4n23", "SE": "n20", "LC": "a4n24", "SA": "n20", "KZ": "n16",
}  # fmt: skip
SEPARATORS = (" ", "\u00a0", "\u2009", "-", "\u2013", ".", "/", "_", "\n", "  ", " - ", "\u200b")

UNSEEN = ("\u200b", "\u2060", "\u00ad", "\ufeff", "\u0301", "\ufe0f", "\u3164", "\u115f", "\u1160", "\uffa0", "\u034f")
_OTHER_DIGITS = ("\u0660", "\U0001d7ce", "\uff10")  # the zeros of Arabic, bold and full-width digits
LOOK_ALIKES = {
    **{str(digit): "".join(chr(ord(zero) + digit) for zero in _OTHER_DIGITS) for digit in range(4)},
    **{str(digit): chr(0x2070 + digit) + chr(0x245F + digit) for digit in range(4, 10)},  # superscripts, in circles
    **dict(zip("ABCEHIJKM", "\u0410\u0412\u0421\u0415\u041d\u0406\u0408\u041a\u041c", strict=True)),
    **dict(zip("OPSTXYNZ", "\u041e\u0420\u0405\u0422\u0425\u0423\u039d\u0396", strict=True)),
}
SEEN = {ord(shape): letter for letter, shapes in LOOK_ALIKES.items() for shape in shapes}
SEEN |= dict.fromkeys(map(ord, UNSEEN))


def make_card(rnd: random.Random, issuers: Sequence[tuple[str, int]] = ISSUERS) -> str:
    """Make digits with an issuer's beginning and length, and the right check digit."""
    first, length = rnd.choice(issuers)
    payload = first + "".join(rnd.choices("0123456789", k=length - len(first) - 1))
    doubled = sum(sum(divmod(int(digit) * 2, 10)) for digit in payload[::-2])
    return f"{payload}{-(doubled + sum(map(int, payload[-2::-2]))) % 10}"


def make_iban(rnd: random.Random) -> str:
    """Make an account number with the right check digits."""
    country, shape = rnd.choice(list(BBANS.items()))
    alphabets = {"n": "0123456789", "a": "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
    runs = re.findall(r"([na])(\d+)", shape)
    bban = "".join("".join(rnd.choices(alphabets[kind], k=int(count))) for kind, count in runs)
    number = int("".join(str(int(character, 36)) for character in f"{bban}{country}00"))
    return f"{country}{98 - number % 97:02}{bban}"


def in_groups(number: str, size: int, separator: str) -> str:
    return separator.join(number[start : start + size] for start in range(0, len(number), size))


def in_full_width(number: str) -> str:
    return "".join(chr(ord(each) + 0xFEE0) for each in number)


def in_uneven_groups(number: str, rnd: random.Random) -> str:
    """Break a number anywhere, with other separators each time, as line wraps and haste do."""
    written = number[0]
    for each in number[1:]:
        written += (rnd.choice(SEPARATORS) if rnd.random() < 0.4 else "") + each
    return written


def hidden(number: str, rnd: random.Random) -> str:
    """Put signs that print nothing between some of its characters, several at a time."""
    return "".join(each + rnd.choice(UNSEEN) * rnd.choice([0, 0, 1, 5]) for each in number[:-1]) + number[-1]


def disguised(number: str, rnd: random.Random) -> str:
    """Write letters of other scripts for Latin ones, and digits in other shapes."""
    return "".join(rnd.choice(LOOK_ALIKES.get(each, each) + each) for each in number)


def over_quoted_lines(number: str, rnd: random.Random) -> str:
    """Break it as mail programs break and quote lines."""
    place = rnd.randrange(1, len(number) - 1)
    begin = rnd.choice(["> ", "> > ", ">> > ", "    ", "| "])
    return f"{number[:place]}{rnd.choice(['', ' ', '  '])}\n{begin}{number[place:]}"


def write(number: str, rnd: random.Random) -> str:
    """Write a number in one of many ways."""
    ways: list[Callable[[], str]] = [
        lambda: number,
        lambda: in_groups(number, 4, rnd.choice(SEPARATORS)),
        lambda: in_groups(number, 4, rnd.choice(SEPARATORS)),
        lambda: in_groups(number, rnd.choice([1, 2, 3, 5, 6, 8]), rnd.choice(SEPARATORS)),
        lambda: in_full_width(number),
        lambda: in_full_width(in_groups(number, 4, " ").replace(" ", "\u3000")).replace("\u3000", " "),
        number.lower,
        lambda: "\u200b".join(number),
        lambda: f"{number[:4]} {number[4:8]}-{in_groups(number[8:], 4, '/')}",
        lambda: in_uneven_groups(number, rnd),
        lambda: hidden(number, rnd),
        lambda: disguised(number, rnd),
        lambda: over_quoted_lines(in_groups(number, 4, rnd.choice([" ", "-"])), rnd),
        lambda: "\u20e3".join(number) + "\u20e3",
        lambda: f"{make_iban(rnd)}{number}" if number[0].isalpha() else f"0.{number}",
    ]
    written = rnd.choice(ways)()
    before = rnd.choice(
        ["", " ", "card: ", "card", "#", "No. ", "IBAN:", "order ", "please take ", "(", "my number is ", "x=", "«"]
    )
    after = rnd.choice(["", " ", ".", " please", ", exp 12/29", ")", " cvv 123", "\nThanks", "?"])
    return f"{before}{written}{after}"


def generate(seed: int, count: int) -> Iterator[tuple[str, str]]:
    """Give numbers and how each is written, two cards to an account."""
    rnd = random.Random(seed)
    for index in range(count):
        number = make_iban(rnd) if index % 3 == 2 else make_card(rnd)
        yield number, write(number, rnd)


def squeeze(text: str) -> str:
    """Leave only letters and digits, in capitals and ASCII where there is such a form."""
    seen = unicodedata.normalize("NFKC", text.translate(SEEN)).upper()
    return "".join(each for each in seen if each.isalnum())


def generate_others(seed: int, count: int) -> Iterator[str]:
    """Give rows of what else people write with many digits: amounts, dates, times, places, phones, addresses."""
    rnd = random.Random(seed)
    kinds: list[Callable[[], str]] = [
        lambda: f"{rnd.randrange(100_000) / 100:,.2f}",
        lambda: f"{rnd.randrange(1_000_000) / 100:,.2f}".translate(str.maketrans(",.", ".,")),
        lambda: f"{rnd.randrange(2000, 2030)}-{rnd.randrange(1, 13):02}-{rnd.randrange(1, 29):02}",
        lambda: f"{rnd.randrange(1, 29):02}.{rnd.randrange(1, 13):02}.{rnd.randrange(2000, 2030)}",
        lambda: f"{rnd.randrange(24):02}:{rnd.randrange(60):02}:{rnd.randrange(60):02}.{rnd.randrange(10**6):06}",
        lambda: f"{rnd.uniform(-90, 90):.6f}, {rnd.uniform(-180, 180):.6f}",
        lambda: f"{rnd.randrange(200, 1000)}-{rnd.randrange(200, 1000)}-{rnd.randrange(10_000):04}",
        lambda: ".".join(str(rnd.randrange(256)) for _ in range(4)),
    ]
    for _ in range(count):
        first, second = rnd.sample(kinds, 2)
        yield rnd.choice([" ", ", ", " | ", "\n", " - "]).join(rnd.choice([first, second])() for _ in range(5))
