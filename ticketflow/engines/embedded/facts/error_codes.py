"""Error codes: what a system said went wrong, as a search for it would be typed."""

import re

from ticketflow.engines.embedded.facts.found import Found

_WORD = "(?:errors?|err|fehler|erreur|errore|erro|fout|exception|failure|fault)"
# These mean an error only together with "code".
_OTHER_WORD = "(?:stop|status|exit|return|reason|bug ?check)"
_CODE_WORD = r"(?:codes?|c[oó]digo(?: de)?|codice|nummer|number|num[ée]ro|n[°º.]|no\.?|nr\.?)"
_LINK = r"[ :#=(\[\"'“„«-]{1,3}(?:(?:is|was|ist|lautet|est|es|says|of) )?[#\"'“„«]?"
# Counts and dates after "error" are no codes: "error 3 times", "error 2 days ago".
_NOT_A_COUNT = (
    r"(?!\ ?(?:times?|x\b|mal\b|fois|veces|volte|keer|days?|weeks?|months?|hours?|hrs?|minutes?|mins?|seconds?|tage|"
    r"stunden|minuten|jours|heures|d[ií]as|horas|%|of\b|out\b|st\b|nd\b|rd\b|th\b))"
)
_FAILED = (
    "ERR|FAIL|FAULT|EXCEPTION|DENIED|TIMEOUT|TIMED_OUT|INVALID|VIOLATION|REFUSED|RESET|EXPIRED|DECLINED|NXDOMAIN"
    "|NOT_FOUND"
)
_SHAPES = (
    r"\b0x[0-9A-Fa-f]{2,16}\b",
    # ERR_CONNECTION_RESET, SSL_ERROR_BAD_CERT: capitals joined by underscores, one of them saying that it failed.
    rf"\b(?=[A-Z0-9_]*(?:{_FAILED}))[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b",
    r"\bE(?:CONN[A-Z]+|TIMEDOUT|NOTFOUND|ACCES|PERM|NOENT|PIPE|HOSTUNREACH|NETUNREACH|ADDRINUSE|NOSPC)\b",
    r"\b(?:ORA|PLS|TNS|SQLSTATE|MSB|CS|TS|KB)-?\d{4,7}\b",
    r"(?<![\w-])E-?\d{3,6}(?![\w-])",
    r"\b[A-Z][a-z]\w*(?:Exception|Error)\b",
)
_SHAPED = re.compile("|".join(f"(?:{shape})" for shape in _SHAPES))
_HTTP = re.compile(
    r"\bHTTPS?(?:/\d(?:\.\d)?)?(?: (?:status|error|response))?(?: code)?[ :-]{1,2}(?P<status>[1-5]\d\d)\b",
    re.IGNORECASE,
)
_REASON = re.compile(
    r"\b(?P<status>[45]\d\d)(?= (?:bad gateway|not found|forbidden|unauthori[sz]ed|internal server error"
    r"|service unavailable|gateway time-?out|too many requests|bad request))",
    re.IGNORECASE,
)
_ANNOUNCED = re.compile(
    rf"\b(?:{_WORD}(?:[ (]{{0,2}}{_CODE_WORD})?|{_OTHER_WORD} ?{_CODE_WORD}|{_CODE_WORD} (?:d['’]|de |di )?{_WORD})"
    rf"{_LINK}"
    r"(?P<code>[A-Z]{0,5}[-_.]?\d{1,10}(?:[-_.][A-Z0-9]{1,6}){0,3}[A-Z]?)(?![\w@/]|[.,]\d)"
    rf"{_NOT_A_COUNT}",
    re.IGNORECASE,
)


def find_error_codes(text: str) -> list[Found]:
    """Find error codes, known by their shape or by the word before them; an HTTP status reads ``HTTP 502``."""
    statuses = [_found(match, "status", "HTTP ") for pattern in (_HTTP, _REASON) for match in pattern.finditer(text)]
    announced = [_found(match, "code") for match in _ANNOUNCED.finditer(text)]
    shaped = [_found(match, 0) for match in _SHAPED.finditer(text)]
    return [*statuses, *shaped, *announced]


def _found(match: re.Match[str], group: str | int, before: str = "") -> Found:
    written = match[group]
    return Found("error_code", before + written, written, match.start(group), match.end(group))
