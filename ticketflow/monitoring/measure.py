"""Measure the whole system in its database: what no single process can count."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from ticketflow.storage.clocks import count_jumps
from ticketflow.storage.measures import (
    Fleet,
    LiveTickets,
    count_parked,
    count_pauses,
    measure_fleet,
    measure_live,
    measure_size,
)
from ticketflow.storage.migrate import USABLE, find_schema_age
from ticketflow.storage.webhook_deliveries import WebhookMeasure, measure_webhooks
from ticketflow.storage.workers import list_hung


@dataclass(frozen=True, slots=True)
class Measures:
    """The whole system at one moment.

    Attributes:
        live: Tickets that have not ended, by status and priority.
        parked: Tickets that failed.
        pauses: Pauses in force by step.
        clock_jumps: Times the database's clock jumped in the last month.
        hung: Steps that do not come back, by their name.
        size_bytes: Room the database takes.
    """

    live: Sequence[LiveTickets]
    parked: int
    pauses: Mapping[str, int]
    fleet: Fleet
    webhooks: WebhookMeasure
    hung: Mapping[str, int]
    clock_jumps: int
    size_bytes: int


def measure_system(engine: Engine, alive_for: timedelta) -> Measures | None:
    """Measure, with a few queries whose cost does not grow with the tickets that have ended.

    Args:
        alive_for: How long a worker counts after it was last seen.

    Returns:
        The measures, or ``None`` while the database lacks migrations that they need.
    """
    if find_schema_age(engine) not in USABLE:
        return None
    with Session(engine) as session:
        return Measures(
            live=measure_live(session),
            parked=count_parked(session),
            pauses=count_pauses(session),
            fleet=measure_fleet(session, alive_for),
            webhooks=measure_webhooks(session),
            hung=Counter(each.step for each in list_hung(session)),
            clock_jumps=count_jumps(session),
            size_bytes=measure_size(session),
        )
