"""Comments in Markdown, in the languages of all that is mixed with it, and what they mark as internal."""

import re
from collections import Counter

from ticketflow.markup.blocks import is_internal_name, read_marker
from ticketflow.markup.fences import FENCE

# A comment in the languages of templates; or code, in which there is none.
_OPENER = re.compile(
    r"(?P<comment><!--|\{/\*|\{\{[<%]?-?\s{0,3}/\*|\{%-?\s{0,3}comment\b[^%\n]{0,99}%\}|\{#\s|<%--|(?:(?<=\s)|\A)%%(?!%))"
    r"|`[^`\n]{1,500}`|``[^\n]{1,500}?``"
)
_CLOSERS = {"<!": "-->", "{/": "*/}", "{{": "*/", "{%": "endcomment", "{#": "#}", "<%": "--%>", "%%": "%%"}
_AFTER = re.compile(r"\s{0,3}-?[>%]?\}\}|\s{0,3}-?%\}")
ALERT = re.compile(
    r"^(?P<bar>[ \t]{0,40}(?:>[ \t]?){1,5})\[!(?P<kind>[^\]\n]{1,60})\](?P<fold>[-+]?)[ \t]*(?P<title>[^\n]*)",
    re.MULTILINE,
)
_BAR = re.compile(r"[ \t]{0,40}>")


class _Comments:
    """Takes out comments, what stands between two that mark it as internal, and alerts to colleagues."""

    def __init__(self, left_out: Counter[str]) -> None:
        self._left_out = left_out
        self._closer = ""
        self._said: list[str] = []
        self._is_internal = False
        self._in_alert = False

    def read(self, line: str) -> str:
        """Return what of a line is no comment."""
        kept: list[str] = []
        at = 0
        while at <= len(line):
            if self._closer:
                end = line.find(self._closer, at)
                self._said.append(line[at : end if end >= 0 else len(line)])
                if end < 0:
                    break
                at = self._close(line, end + len(self._closer))
            else:
                found = next((each for each in _OPENER.finditer(line, at) if each["comment"]), None)
                self.keep(kept, line[at : found.start() if found else len(line)])
                if not found:
                    break
                at = found.end()
                self._closer, self._said = _CLOSERS[found[0][:2]], []
        return "".join(kept)

    @property
    def is_open(self) -> bool:
        """Tell whether a comment goes on in the next line."""
        return bool(self._closer)

    def is_for_colleagues(self, line: str) -> bool:
        """Tell the lines of an alert or callout of that kind."""
        alert = ALERT.match(line)
        if alert:
            self._in_alert = any(is_internal_name(alert[part]) for part in ("kind", "title"))
            self._left_out["internal notes"] += self._in_alert
        self._in_alert = self._in_alert and bool(_BAR.match(line))
        return self._in_alert

    def keep(self, kept: list[str], words: str) -> None:
        """Keep words, unless a comment marked them as internal."""
        if not self._is_internal:
            kept.append(words)

    def _close(self, line: str, at: int) -> int:
        marker = read_marker(" ".join(self._said))
        self._is_internal = marker == "begin" if marker else self._is_internal
        self._left_out["internal sections" if marker == "begin" else "comments"] += marker != "end"
        after = _AFTER.match(line, at) if self._closer in {"*/", "endcomment"} else None
        self._closer = ""
        return after.end() if after else at


def drop_comments(text: str, left_out: Counter[str]) -> str:
    """Take the comments out of a text, and what is for colleagues; code is left alone."""
    comments = _Comments(left_out)
    lines: list[str] = []
    mark = ""
    for line in text.split("\n"):
        fence = None if comments.is_open else FENCE.match(line)
        if mark:
            mark = "" if fence and fence["mark"].startswith(mark) and not fence["rest"].strip() else mark
            comments.keep(lines, line)
        elif fence and "`" not in fence["rest"]:
            mark = fence["mark"]
            comments.keep(lines, line)
        elif not comments.is_for_colleagues(line):
            was_open = comments.is_open
            rest = comments.read(line)
            if rest or not (was_open and comments.is_open):
                lines.append(rest)
    return "\n".join(lines)
