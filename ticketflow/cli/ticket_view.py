"""A ticket, its trail and its ledger as people read them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ticketflow.cli.terminal import printable

STATUS_STYLES = {
    "queued": "cyan",
    "processing": "blue",
    "awaiting_approval": "yellow",
    "completed": "green",
    "failed": "red",
    "cancelled": "magenta",
}
REASONS = {
    "always": "every draft is looked at",
    "escalated": "review is not content",
    "unsure": "the writer is not sure",
    "rejected": "the draft before was rejected",
}
DEFAULTS = {"route": "an acknowledgement is sent instead", "accept": "it is sent", "ignore": "nothing is sent"}
SUBJECT_WIDTH = 60
COLUMN_WIDTH = 24


def render_ticket(ticket: Mapping[str, Any]) -> RenderableType:
    """Show a ticket: facts, what was asked, what was found, what was answered."""
    parts: list[RenderableType] = [
        Panel(_facts(ticket), title=_text(f"ticket {ticket['id']}"), border_style=_style(ticket)),
        Panel(_text(ticket["body"]), title=_text(ticket["subject"]), title_align="left"),
    ]
    if ticket["entities"]:
        facts = [(each["type"], each["value"], each["text"], each["field"]) for each in ticket["entities"]]
        parts.append(build_table("found in the ticket", ("type", "value", "as written", "in"), facts))
    answer = ticket["final_response"] or ticket["draft"]
    if answer:
        title = "final response" if ticket["final_response"] else "draft, not sent"
        parts.append(Panel(_text(answer), title=title, title_align="left", border_style=_style(ticket)))
    if (ticket.get("review") or {}).get("problems"):
        problems = [(each["code"], each.get("quote", ""), each["detail"]) for each in ticket["review"]["problems"]]
        parts.append(build_table("what is wrong with the draft", ("what", "quote", "detail"), problems))
    if ticket["citations"]:
        quotes = [(f"{each['title']} (v{each['article_version']})", each["quote"]) for each in ticket["citations"]]
        parts.append(build_table("citations", ("article", "quote"), quotes))
    if suggestions := (ticket["result"] or {}).get("suggestions"):
        articles = [
            (f"{each['confidence']:.0%}", f"{each['title']} (v{each['article_version']})") for each in suggestions
        ]
        parts.append(build_table("articles that may help", ("likely", "article"), articles))
    return Group(*parts)


def render_events(events: Iterable[Mapping[str, Any]]) -> RenderableType:
    """Show a trail, oldest first."""
    rows = [(_clock(each["created_at"]), each["type"], _step(each), _detail(each["detail"])) for each in events]
    return build_table("trail", ("at (UTC)", "event", "step", "detail"), rows)


def render_steps(steps: Iterable[Mapping[str, Any]]) -> RenderableType:
    """Show a ledger: which engine did what, how long it took."""
    rows = [
        (
            _step(each) + (", superseded" if each["superseded_at"] else ""),
            str(each["attempts"]),
            f"{each['duration_s']:.3f} s",
            ", ".join(
                f"{call['engine']} {(call.get('model') or '').partition('@')[0]}".rstrip() for call in each["engines"]
            ),
            ", ".join(each["output"]),
        )
        for each in steps
    ]
    return build_table("steps", ("step", "attempts", "took", "engines", "added"), rows)


def describe_event_line(event: Mapping[str, Any]) -> str:
    """Say one event in one line."""
    parts = (_clock(event["created_at"]), f"{event['type']:<21}", f"{_step(event):<10}", _detail(event["detail"]))
    return "  ".join(parts).rstrip()


def describe_ticket_line(ticket: Mapping[str, Any]) -> str:
    """Say one ticket in one line."""
    outcome = ticket["status"]
    if ticket["result"]:
        outcome += f" ({ticket['result']['resolution']})"
    subject = " ".join(ticket["subject"].split())
    short = subject if len(subject) <= SUBJECT_WIDTH else subject[: SUBJECT_WIDTH - 1] + "…"
    return f"{ticket['id']}  {outcome:<20}  {ticket['category'] or '-':<20}  {short}"


def describe_reasons(approval: Mapping[str, Any]) -> str:
    """Say why a person is asked."""
    return ", ".join(REASONS.get(reason, reason) for reason in approval["reasons"])


def build_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Lay text out in columns; the last one, where the sentences are, takes what space is left."""
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, expand=True)
    for column in columns[:-1]:
        table.add_column(column, overflow="fold", max_width=COLUMN_WIDTH)
    table.add_column(columns[-1], overflow="fold", ratio=1, min_width=COLUMN_WIDTH)
    for row in rows:
        table.add_row(*(_text(cell) for cell in row))
    return table


def _facts(ticket: Mapping[str, Any]) -> Table:
    result, error = ticket["result"] or {}, ticket["error"] or {}
    name, email = ticket["customer"]["name"], ticket["customer"]["email"]
    approval = ticket.get("approval")
    default = approval and DEFAULTS.get(approval["default_action"], approval["default_action"])
    is_under_way = ticket["current_step"] and ticket["status"] not in ("completed", "cancelled")
    place = f" at {ticket['current_step']}" if is_under_way else ""
    certainty = "" if ticket["confidence"] is None else f" ({ticket['confidence']:.0%} sure)"
    facts = {
        "status": Text(ticket["status"] + place, style=_style(ticket)),
        "category": ticket["category"] and ticket["category"] + certainty,
        "team": result.get("team") or ticket["team"],
        "priority": ticket["priority"],
        "sentiment": ticket["sentiment"],
        "language": ticket["language"],
        "customer": " ".join(filter(None, [name, email and f"<{email}>"])),
        "result": _describe_result(result),
        "to approve": approval
        and f"until {approval['expires_at']}, then {default}; because {describe_reasons(approval)}",
        "error": f"{error.get('step')}: {error.get('message')}" if error else None,
        "forked from": ticket["forked_from"],
        "request": ticket.get("request_id"),
        "received": ticket["created_at"],
        "finished": ticket["finished_at"],
    }
    grid = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        if value:
            grid.add_row(Text(name, style="dim"), value if isinstance(value, Text) else _text(value))
    return grid


def _describe_result(result: Mapping[str, Any]) -> str | None:
    if not result:
        return None
    drafts = "1 draft" if result["revisions"] == 1 else f"{result['revisions']} drafts"
    if result.get("reason"):
        at_once = " to a person at once" if result["resolution"] == "routed" else ""
        return f"{result['resolution']}{at_once}: {result['reason']}"
    shown = f"{result['resolution']}, {drafts}, {result['completeness']:.0%} of the question addressed"
    if handed_over := result.get("handed_over"):
        shown += f"; {result['team']} has to answer: {' '.join(handed_over)}"
    decided = {"person": "a person decided", "timeout": "nobody decided in time"}.get(result.get("decided_by", ""))
    return f"{shown}; {decided}" if decided else shown


def _step(row: Mapping[str, Any]) -> str:
    name, number = row["step"] or "", row["round"] or 1
    return f"{name}#{number}" if number > 1 else name


def _detail(detail: Mapping[str, Any]) -> str:
    shown = []
    for key, value in detail.items():
        told = value.get("message", dict(value)) if isinstance(value, Mapping) else value
        shown.append(f"{key} {' '.join(map(str, told)) if isinstance(told, list) else told}")
    return ", ".join(shown)


def _clock(moment: str) -> str:
    return datetime.fromisoformat(moment).strftime("%H:%M:%S.%f")[:-3]


def _style(ticket: Mapping[str, Any]) -> str:
    return STATUS_STYLES.get(ticket["status"], "")


def _text(value: object) -> Text:
    return Text(printable(str(value)))
