"""Made-up card and account numbers in the many ways people write them; seeded, and known to nobody's bank."""

import random
import re
import unicodedata
from collections.abc import Callable, Iterator

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


def make_card(rnd: random.Random) -> str:
    """Make digits with an issuer's beginning and length, and the right check digit."""
    first, length = rnd.choice(ISSUERS)
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
    ]
    written = rnd.choice(ways)()
    before = rnd.choice(["", " ", "card: ", "card", "#", "No. ", "IBAN:", "order ", "(", "my number is ", "x=", "«"])
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
    return "".join(each for each in unicodedata.normalize("NFKC", text).upper() if each.isalnum())
