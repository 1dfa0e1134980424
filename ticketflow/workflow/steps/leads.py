"""Where a text leads a reader: addresses, hosts and phone numbers, as whole tokens, however they are written.

A draft may lead only where a cited article or a letter does. Compared are whole tokens, never pieces: half of a
known address is another address. Signs that look like a dot are one, and international names are compared in the
form people read, whichever of the two forms a text has.
"""

import re
import unicodedata
from urllib.parse import unquote

from ticketflow.masking import mask_text

_UNSEEN = {"Cc", "Cf", "Cn", "Co", "Cs", "Me", "Mn"}  # Unicode general categories, UAX #44 §5.7.1
# What IDNA takes for a dot (RFC 3490 §3.1), and what a reader does.
_DOTS = str.maketrans(dict.fromkeys("\u3002\uff0e\uff61\u2024\ufe52\u06d4\ua4f8\u0701\u0702", "."))
_AT = str.maketrans(dict.fromkeys("\uff20\ufe6b", "@"))
# Endings that make a word before a stray dot or blank an address; the others need their dot.
_ENDINGS = (
    r"(?:com|net|org|info|biz|example|invalid|test|io|co|app|dev|shop|xyz|online|site|top|de|fr|eu|uk|ru|cn|ch|ws)"
)
_SPELLED = (
    (re.compile(r"\s{0,3}[\[({<]\s{0,3}(?:\.|dot|punkt|point|punto|ponto|punt)\s{0,3}[\])}>]\s{0,3}"), "."),
    (re.compile(r"\s{0,3}[\[({<]\s{0,3}(?:@|at|ät|arroba|arobase|chiocciola)\s{0,3}[\])}>]\s{0,3}"), "@"),
    (re.compile(rf"(?<=\w)\s{{1,3}}(?:dot|punkt|punto|ponto)\s{{1,3}}(?={_ENDINGS}(?!\w))"), "."),
    (re.compile(rf"(?<=\w)(?:[ \t]{{1,3}}\.[ \t]{{0,3}}|[ \t]{{0,3}}\.[ \t]{{1,3}})(?={_ENDINGS}(?![\w']))"), "."),
    (re.compile(r"\bh[tx]{2}p(s?)\b(?=\s{0,3}:)"), r"http\1"),
    (re.compile(r"(?<=[a-z])\s{0,3}:\s{0,3}/\s{0,3}/\s{0,3}"), "://"),
    (re.compile(r"\\"), "/"),
)
# Letter by letter, as in "e v i l . c o m".
_SPACED = re.compile(r"(?<!\w)[^\W\d_](?: [^\W\d_]){1,40}(?: \.(?: [^\W\d_]){2,40}){1,4}(?!\w)")
_WRAPPING = "\"'`\u00b4<>()[]{}\u00ab\u00bb\u201c\u201d\u201e\u2018\u2019\u201a\u2039\u203a\u2026,;:!?.*_~|="
# Everything up to a blank: who reads it as one address reads it whole.
_CHUNK = re.compile(r"[^\s<>\"“”„«»|]+")
_SECURE = re.compile(r"\Ahttps?://")
_QUOTED_MAIL = re.compile(r"\"[^\"\n]{0,64}\"@[^\s<>\"]+")
_SCHEME = re.compile(
    r"(?:[a-z][a-z0-9+.-]{1,20}://|(?:mailto|tel|sms|smsto|callto|skype|whatsapp|data|javascript|vbscript|file|blob|urn|geo"
    r"|market|intent|bitcoin|facetime|xmpp|sip|sips|magnet|about):\S|www\.)"
)
_HOST = re.compile(r"(?<![\w.-])(?:[\w-]{1,63}\.)+(?:xn--[\w-]+|[^\W\d_]{2,63})(?![\w-])")
_ADDRESS_V4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\w)|(?<!\w)0x[0-9a-f]{2,8}(?!\w)")
_ADDRESS_V6 = re.compile(
    r"(?<![\w:])(?:[0-9a-f]{1,4}:){2,7}(?:[0-9a-f]{1,4})?(?::[0-9a-f]{1,4})*(?![\w:])|::[0-9a-f]{1,4}"
)
_ENDED = re.compile(rf"[^\s.]\.{_ENDINGS}(?!\w)")
_ABBREVIATIONS = {"p.ex"}
_PHONE = re.compile(r"(?<![\w,])(?<!\d\.)[+(#-]{0,3}\d(?:[\s()./\u2010-\u2015-]{0,3}\d){6,14}(?![\w]|[.,]\d)")
_SEPARATED = re.compile(r"\d[\s()./\u2010-\u2015-]+(?=\d)")
_DATE = re.compile(r"\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./ ]\d{1,2}[-./ ]\d{4}")
_TIME = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?(?:[-\u2013]\d{1,2}:\d{2})?")
_BREAK = re.compile(r"(?<![/.])\.{2,}(?!/)|\u2026|(?<=[^\W\d_])[,;](?=\w)|\]\(|\)\[")
_POSSESSIVE = re.compile(r"['\u2019]s\Z")
# Neither a mail address, nor one with a user in it.
_WEB_ADDRESS = re.compile(r"(?:https?://)?([\w.-]+)(?::\d+)?(?:[/?#].*)?")
_EDGES = re.compile(r"(?<![^\W_])[-_.]+|[-_]+(?![^\W_])")


def find_leads(text: str) -> set[str]:
    """Find the addresses of a text, each written one way."""
    plain = _plain(text)
    found = {_readable(each[0].strip(_WRAPPING)) for each in _QUOTED_MAIL.finditer(plain)}
    for chunk in _CHUNK.finditer(plain):
        for part in _BREAK.split(chunk[0]):
            token = _POSSESSIVE.sub("", part.strip(_WRAPPING)).rstrip("/")
            if token not in _ABBREVIATIONS and _leads(_readable(token), part.strip("\"'()[]<>,;:!?")):
                found.add(_readable(token))
    return found


def find_strange_leads(text: str, known: str) -> list[str]:
    """List the addresses of a text that are not in the known one as a whole; a known address's bare host will do."""
    allowed = find_leads(known)
    hosts = {found[1] for lead in allowed if (found := _WEB_ADDRESS.fullmatch(lead))}
    return sorted(lead for lead in find_leads(text) if lead not in allowed and _SECURE.sub("", lead) not in hosts)


def find_strange_phones(text: str, known: str) -> list[str]:
    """List what reads like a phone number in a text and is not in the known one, however its digits are grouped."""
    allowed = {_digits(found[0]) for found in _PHONE.finditer(_plain(known))}
    # Cards and accounts are told of by who looks for them.
    found = (match[0] for match in _PHONE.finditer(_plain(mask_text(text))) if may_be_called(match[0]))
    return [written for written in found if _digits(written) not in allowed]


def may_be_called(number: str) -> bool:
    """Tell what a reader would dial from a plain number: an area code's beginning, or groups like a phone number's."""
    bare = number.strip("#-( ")
    if not re.fullmatch(r"[+\d\s()./\u2010-\u2015-]+", bare) or _DATE.fullmatch(bare):
        return False
    is_long = 7 <= len(_digits(bare)) <= 15  # noqa: PLR2004  # ITU-T E.164, without and with a country
    return is_long and (number.strip("#-").startswith(("+", "0", "(")) or len(_SEPARATED.findall(bare)) > 1)


def _plain(text: str) -> str:
    """Write a text in small letters, with one sign for all that look like a dot, and nothing that cannot be seen."""
    seen: dict[int, str] = {}
    for each in set(text):
        dotted = each.translate(_DOTS)
        is_seen = dotted in "\n\t." or unicodedata.category(dotted) not in _UNSEEN
        seen[ord(each)] = str(unicodedata.decimal(each)) if each.isdecimal() else dotted if is_seen else ""
    plain = unicodedata.normalize("NFKC", text.translate(seen)).translate(_DOTS).translate(_AT).lower()
    if "%" in plain:
        plain = unquote(plain).lower()
    plain = _SPACED.sub(lambda found: found[0].replace(" ", ""), plain)
    for pattern, written in _SPELLED:
        plain = pattern.sub(written, plain)
    return plain


def _leads(token: str, part: str) -> bool:
    """Tell an address from a word: it has a scheme, a host, an ``@``, or the numbers of a machine."""
    if _SCHEME.search(token) or "@" in part[:-1] or _ENDED.search(token):
        return True
    letters = "".join(each for each in token if not unicodedata.category(each).startswith("M"))
    if _HOST.search(letters) or _HOST.search(_EDGES.sub(" ", letters)):
        return True
    has_colons = ":" in part and not _TIME.fullmatch(part)
    return bool(_ADDRESS_V4.search(token) or (has_colons and _ADDRESS_V6.search(part)))


def _readable(token: str) -> str:
    """Write a token's international names the way people read them; what cannot be read stays as it is."""
    return re.sub(r"xn--([\w-]+)", _decode_label, token) if "xn--" in token else token


def _decode_label(label: re.Match[str]) -> str:
    try:
        return unicodedata.normalize("NFKC", label[1].encode("ascii").decode("punycode")).lower()
    except (UnicodeError, ValueError):
        return label[0]


def _digits(number: str) -> str:
    return re.sub(r"\D", "", number)
