"""``ticketflow submit``: tickets into the API, each of them once."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import click

from ticketflow.cli.client import ApiClient, open_client
from ticketflow.cli.each_ticket import print_ticket
from ticketflow.cli.entries import Entry
from ticketflow.cli.errors import FAILED
from ticketflow.cli.parallel import map_parallel
from ticketflow.cli.terminal import Bar, progress_bar, results, say
from ticketflow.cli.ticket_files import build_keys, takes_tickets
from ticketflow.cli.ticket_view import render_ticket
from ticketflow.errors import ConflictError, InvalidInputError, NotFoundError
from ticketflow.workflow.transitions import RUNNABLE, Status

PATIENCE_S = 60
POST_THREADS = 8
# Each holds a thread of the API for up to LONG_POLL_S.
WAIT_THREADS = 4
LONG_POLL_S = 10
SHORTEST_PAUSE_S = 0.2


@dataclass(frozen=True, slots=True)
class Sending:
    """A ticket on its way in.

    Attributes:
        place: Where it stands in the input.
        content: What to post; ``None`` when the input has no ticket there.
        key: Its idempotency key.
        ticket: What the API has of it.
        problem: Why the API has none.
        is_replay: Whether it was sent before.
    """

    place: str
    content: dict[str, Any] | None
    key: str = ""
    ticket: dict[str, Any] | None = None
    problem: str | None = None
    is_replay: bool = False

    @property
    def has_failed(self) -> bool:
        """Whether it was not taken, or did not come through."""
        return self.ticket is None or self.ticket["status"] in (Status.FAILED, Status.CANCELLED)


@click.command()
@takes_tickets
@click.option("--again", is_flag=True, help="Open new tickets even for those that were sent before.")
@click.option("--wait", is_flag=True, help="Stay until every ticket has ended or waits for a person.")
@click.option(
    "--timeout", "timeout_s", type=click.FloatRange(0), default=300, show_default=True, help="Seconds to stay at most."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a ticket.")
def submit(entries: list[Entry], again: bool, wait: bool, timeout_s: float, as_json: bool) -> None:
    """Send tickets: JSON, JSON lines, CSV, .eml, .mbox, HTML or plain text, and exports of other desks.

    Running the same command again sends nothing twice: each ticket carries an Idempotency-Key made
    of its content, so after an interruption only what is missing is sent (by the same API key).
    Exit code 1 if a ticket was not taken, or failed, or had not ended in time with --wait.
    """
    sendings = prepare(entries, is_again=again)
    try:
        with open_client(PATIENCE_S) as client, progress_bar(len(sendings), is_wanted=wait or len(sendings) > 1) as bar:
            post_all(client, sendings, bar)
            if wait:
                wait_for_all(client, sendings, bar, timeout_s)
    finally:
        report(sendings, as_json=as_json, in_full=wait and len(sendings) == 1)
    is_late = wait and any(is_under_way(each.ticket) for each in sendings)
    if is_late:
        say(f"not all tickets had ended after {timeout_s:g} s; `ticketflow watch ID` follows one")
    if is_late or any(each.has_failed for each in sendings):
        raise click.exceptions.Exit(FAILED)


def prepare(entries: Sequence[Entry], *, is_again: bool) -> list[Sending]:
    """Give each ticket its key."""
    salt = f"-{uuid4().hex[:12]}" if is_again else ""
    keys = iter(build_keys([entry.content for entry in entries if entry.content is not None]))
    return [
        Sending(entry.place, None, problem=entry.problem)
        if entry.content is None
        else Sending(entry.place, entry.content, next(keys) + salt)
        for entry in entries
    ]


def post_all(client: ApiClient, sendings: list[Sending], bar: Bar) -> None:
    """Post what can be posted and put the answers in its place.

    An API that is away, or refuses the key, ends it: the other tickets would fare no better.
    """
    client.require_reachable()
    bar.start("sending")
    update_all(sendings, lambda each: post(client, each), POST_THREADS, bar)


def post(client: ApiClient, sending: Sending) -> Sending:
    """Post one ticket; what is wrong with it alone is noted on it."""
    if sending.content is None:
        return sending
    try:
        ticket, is_replay = client.open_ticket(sending.content, sending.key)
        # The replayed answer is as old as the ticket.
        current = client.get_ticket(ticket["id"]) if is_replay else ticket
        return replace(sending, ticket=current, is_replay=is_replay)
    except (InvalidInputError, ConflictError, NotFoundError) as error:
        return replace(sending, problem=str(error))
    except UnicodeEncodeError as error:
        return replace(sending, problem=f"not text: {error.reason}")


def wait_for_all(client: ApiClient, sendings: list[Sending], bar: Bar, timeout_s: float) -> None:
    """Read each ticket until it has ended; what has not when time is up is left as it stands."""
    bar.start("waiting")
    deadline = time.monotonic() + timeout_s

    def wait(sending: Sending) -> Sending:
        return replace(sending, ticket=sending.ticket and wait_for_one(client, sending.ticket, deadline))

    update_all(sendings, wait, WAIT_THREADS, bar)


def wait_for_one(client: ApiClient, ticket: dict[str, Any], deadline: float) -> dict[str, Any]:
    """Read one ticket until it has ended or waits for a person, or the deadline (monotonic) is past."""
    while True:
        asked_at = time.monotonic()
        ticket = client.get_ticket(ticket["id"], wait_s=min(LONG_POLL_S, max(0.0, deadline - asked_at)))
        now = time.monotonic()
        if not is_under_way(ticket) or now >= deadline:
            return ticket
        time.sleep(max(0.0, asked_at + SHORTEST_PAUSE_S - now))


def is_under_way(ticket: dict[str, Any] | None) -> bool:
    """Tell whether a ticket may still move on without a person."""
    return ticket is not None and ticket["status"] in RUNNABLE


def update_all(sendings: list[Sending], work: Callable[[Sending], Sending], threads: int, bar: Bar) -> None:
    """Replace each sending by its next state, in place: what is done stays done if the rest is interrupted."""
    for position, sending in map_parallel(work, tuple(sendings), threads):
        sendings[position] = sending
        bar.advance()


def report(sendings: Sequence[Sending], *, as_json: bool, in_full: bool) -> None:
    """Print each ticket in the order of the input, and what went wrong where."""
    for each in sendings:
        if each.problem is not None:
            say(f"error: {each.place}: {each.problem}")
        elif each.ticket is not None and in_full and not as_json:
            results().print(render_ticket(each.ticket))
        elif each.ticket is not None:
            print_ticket(each.ticket, as_json=as_json)
    taken = sum(each.ticket is not None for each in sendings)
    if taken and len(sendings) > 1:
        before = sum(each.is_replay for each in sendings)
        say(f"{taken} of {len(sendings)} tickets sent" + (f", {before} of them before this" if before else ""))
