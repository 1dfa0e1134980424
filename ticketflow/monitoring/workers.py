"""Whether anybody works: what the broker and the database know of the workers, put together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from ticketflow.monitoring.finding import Finding, Severity, build_finding
from ticketflow.settings import Settings
from ticketflow.storage.workers import HungStep, SeenWorker, list_hung

# A worker proves every ten seconds that it consumes, and ends itself after a minute in which it could not.
SILENT_S = 60.0


@dataclass(frozen=True, slots=True)
class BrokerReading:
    """What the broker says.

    Attributes:
        alarm: Why it takes no messages; ``None`` when it does.
        answering: The workers that answer over it.
        consumers: How many fetch from each step queue; ``None`` where there is no such queue.
        dead: Messages in the dead-letter queue.
    """

    alarm: str | None = None
    answering: frozenset[str] = frozenset()
    consumers: Mapping[str, int | None] = field(default_factory=dict)
    dead: int = 0


def judge_broker(broker: BrokerReading) -> Iterator[Finding]:
    """Tell whether the broker takes messages, and whether somebody reads the dead ones."""
    if broker.alarm is not None:
        yield build_finding(Severity.CRITICAL, "BrokerAlarm", f"the broker takes no messages: {broker.alarm}")
    if broker.dead:
        yield build_finding(
            Severity.NOTE,
            "DeadLetters",
            f"messages that no dispatcher has read from ticketflow.dead yet: {broker.dead}",
            "celery -A ticketflow.tasks queues",
        )


def judge_workers(broker: BrokerReading, seen: Sequence[SeenWorker], settings: Settings) -> Iterator[Finding]:
    """Tell which workers are gone, and which are there and do nothing."""
    answering = broker.answering
    if broker.alarm is not None:
        return  # questions get through to nobody
    if not answering and not any(broker.consumers.values()):
        command = "ticketflow up" if settings.is_broker_embedded else None
        last = min(seen, key=lambda worker: worker.silent_s, default=None)
        when = "" if last is None else f"; the last one, {last.name}, was seen {last.silent_s:.0f} s ago"
        yield build_finding(Severity.CRITICAL, "WorkerGone", f"no worker is alive{when}", command)
        return
    for worker in seen:
        if worker.silent_s <= SILENT_S:
            continue
        if worker.name in answering:
            summary = f"the worker {worker.name} answers, and has consumed nothing for {worker.silent_s:.0f} s"
            yield build_finding(Severity.CRITICAL, "ConnectedNotConsuming", summary)
        else:
            summary = f"the worker {worker.name} is gone: it was last seen {worker.silent_s:.0f} s ago"
            yield build_finding(Severity.WARNING, "WorkerGone", summary)
    for queue, consumers in broker.consumers.items():
        if not consumers:
            what = "there is no queue" if consumers is None else "nobody consumes the queue"
            summary = f"{what} {queue}, though {len(answering)} workers are connected"
            yield build_finding(Severity.CRITICAL, "ConnectedNotConsuming", summary)


def diagnose_hung(session: Session) -> Iterator[Finding]:
    """Tell of steps that do not come back, one by one: worker and host, step, ticket, and for how long."""
    for hung in list_hung(session):
        yield build_finding(Severity.WARNING, "StepHangs", describe_hung(hung))


def describe_hung(hung: HungStep) -> str:
    """Say which step hangs, where, and since when."""
    what = f"the worker {hung.worker} does not come back from {hung.step} of ticket {hung.ticket_id}"
    return f"{what}, whose time was up {hung.over_s:.0f} s ago; it ends itself, to be started again"
