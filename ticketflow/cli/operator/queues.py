"""``celery -A ticketflow.tasks queues``: what waits where."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

from ticketflow.cli.database import open_sessions
from ticketflow.cli.terminal import print_json, print_line
from ticketflow.monitoring.workers import describe_hung
from ticketflow.services.pauses import read_pauses
from ticketflow.settings import load_settings
from ticketflow.storage.models import EVERY_STEP, EVERY_TENANT, Pause
from ticketflow.storage.statistics import Backlog, measure_backlog
from ticketflow.storage.workers import list_hung
from ticketflow.tasks import app
from ticketflow.tasks.queues import QueueState, read_queues
from ticketflow.workflow.graph import LINEAGE

_COLUMNS = ("queue", "ready", "unacked", "consumers", "due", "oldest due", "parked", "paused for")
_LINE = "{:<15} {:>8} {:>8} {:>10} {:>7} {:>11} {:>7}  {}"


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def queues(as_json: bool) -> None:
    """Show what waits where: messages at the broker, due and failed tickets in the database.

    Messages are ready (nobody has fetched them) or unacknowledged (a worker holds them). Due
    tickets wait for a dispatcher: for room at the workers, or for the end of a pause.
    """
    with open_sessions() as sessions:
        pauses = read_pauses(sessions)
        with sessions() as session:
            backlogs = measure_backlog(session)
            hung = list_hung(session)
    found = read_queues(app, load_settings().publish_timeout_s)
    dead = found.pop(app.conf.dead_letter_queue.name)
    steps = [
        describe_step(step, queue, backlogs.get(step, Backlog(0, None, 0)), pauses)
        for step, queue in zip(LINEAGE.steps, found.values(), strict=True)
    ]
    failed = sum(backlog.failed for backlog in backlogs.values())
    if as_json:
        print_json(
            {"steps": steps, "dead": {"ready": dead.ready, "parked": failed}, "hung": [asdict(each) for each in hung]}
        )
        return
    print_line(_LINE.format(*_COLUMNS))
    for step in steps:
        age_s, paused_for = step["oldest_due_s"], dict.fromkeys(step["paused_for"])
        counts = (_count(step["ready"]), step["unacknowledged"], step["consumers"], step["due"])
        age = "-" if age_s is None else f"{age_s:.0f} s"
        held = "everybody" if EVERY_TENANT in paused_for else ", ".join(paused_for) or "-"
        print_line(_LINE.format(f"steps.{step['step']}", *map(str, counts), age, str(step["parked"]), held))
    print_line(f"{app.conf.dead_letter_queue.name}: {_count(dead.ready)} messages; failed tickets: {failed}")
    for each in hung:
        print_line(describe_hung(each))


def describe_step(step: str, queue: QueueState, backlog: Backlog, pauses: Sequence[Pause]) -> dict[str, Any]:
    """Gather what is known of one step."""
    return {
        "step": step,
        "ready": queue.ready,
        "unacknowledged": queue.unacknowledged,
        "consumers": queue.consumers,
        "due": backlog.due,
        "oldest_due_s": None if backlog.oldest_due_s is None else round(backlog.oldest_due_s, 3),
        "parked": backlog.failed,
        "paused_for": [pause.tenant for pause in pauses if pause.step in (EVERY_STEP, step)],
    }


def _count(messages: int | None) -> str:
    return "no queue" if messages is None else str(messages)
