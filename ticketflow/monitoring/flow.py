"""Whether tickets flow: what waits, what fails, what a person or a model keeps waiting."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from ticketflow.monitoring.finding import Finding, Severity, build_finding
from ticketflow.services.dispatch_due import DispatchLimits
from ticketflow.storage.due import count_in_flight
from ticketflow.storage.models import EVERY_STEP, EVERY_TENANT
from ticketflow.storage.pauses import list_pauses
from ticketflow.storage.statistics import (
    MOST,
    Due,
    FailureKind,
    Place,
    StepTries,
    count_ended,
    count_expiring_approvals,
    count_failed_by_error,
    count_fallbacks,
    count_left_behind,
    count_tries,
    count_unclaimed,
    list_blocked_providers,
    measure_due,
)
from ticketflow.storage.workers import Capacity, measure_capacity
from ticketflow.workflow.graph import LINEAGE

LATELY = timedelta(minutes=10)
SOON = timedelta(hours=1)
# A dispatcher looks every second; what is due longer than this though there is room was not looked at.
IDLE_S = 10.0
# As the alerts of the same names have it (deploy/prometheus/rules/alerts.yml).
TOO_OLD_S = 300.0
COMPLETED_WITHIN = timedelta(minutes=5)
BURNING_FAST = 0.144
BURNING_SLOWLY = 0.06
FEWEST_ENDED = 10
FAILING_SHARE = 0.1
FEWEST_FAILED = 5
_KINDS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Flow:
    """How much waits, and how much of it may go.

    Attributes:
        in_flight: Tickets that are out as messages or at work.
        unclaimed: Of those, the ones that no worker took when they were published.
        window: How many may be out at one time.
    """

    due: Due
    in_flight: int
    unclaimed: int
    capacity: Capacity
    window: int

    @property
    def has_room(self) -> bool:
        """Whether a dispatcher may publish more."""
        return self.in_flight < self.window


def read_flow(session: Session, limits: DispatchLimits) -> Flow:
    """Measure the flow of tickets: due, on their way and unclaimed ones, and what the workers can take."""
    capacity = measure_capacity(session, limits.alive_for)
    return Flow(
        measure_due(session), count_in_flight(session), count_unclaimed(session), capacity, limits.window(capacity)
    )


def judge_flow(flow: Flow) -> Iterator[Finding]:
    """Tell whether due tickets are published, and whether workers keep up."""
    due = flow.due
    waiting = (
        f"{_count(due.count, 'ticket')} {'has' if due.count == 1 else 'have'} been due for up to {_span(due.oldest_s)}"
    )
    if flow.unclaimed:
        was = "was" if flow.unclaimed == 1 else "were"
        published = f"{_count(flow.unclaimed, 'ticket')} {was} published again and again"
        yield build_finding(Severity.CRITICAL, "TicketsNotFlowing", f"{published}, and no worker takes them")
    if due.count and due.oldest_s > IDLE_S and flow.has_room:
        yield build_finding(
            Severity.CRITICAL, "DispatcherLag", f"{waiting} and nobody publishes: no dispatcher runs, or it cannot"
        )
    if due.count and due.oldest_s > TOO_OLD_S:
        yield build_finding(
            Severity.WARNING, "OldestDueTooOld", f"{waiting}; {flow.capacity.slots} slots of workers are too few for it"
        )


def diagnose_pauses(session: Session) -> Iterator[Finding]:
    """Tell which steps are paused."""
    for pause in list_pauses(session):
        is_all = pause.step == EVERY_STEP and pause.tenant == EVERY_TENANT
        what = "every step" if pause.step == EVERY_STEP else pause.step
        whom = "every tenant" if pause.tenant == EVERY_TENANT else f"tenant {pause.tenant}"
        why = f" ({pause.reason})" if pause.reason else ""
        arguments = "" if pause.step == EVERY_STEP else f" {pause.step}"
        arguments += "" if pause.tenant == EVERY_TENANT else f" --tenant {pause.tenant}"
        yield build_finding(
            Severity.CRITICAL if is_all else Severity.WARNING,
            "PauseForgotten",
            f"{what} is paused for {whom} since {pause.created_at:%Y-%m-%d %H:%M} UTC{why}",
            f"celery -A ticketflow.tasks tickets resume{arguments}",
        )


def diagnose_failed(session: Session) -> Iterator[Finding]:
    """Tell which tickets failed for good, and why most of them did."""
    if kinds := count_failed_by_error(session):
        yield judge_failed(kinds)


def judge_failed(kinds: list[FailureKind]) -> Finding:
    """Tell how many tickets failed, the commonest error first."""
    total = sum(kind.count for kind in kinds)
    shown = ", ".join(f"{kind.error} at {kind.step} ({kind.count})" for kind in kinds[:_KINDS_SHOWN])
    more = f" and {len(kinds) - _KINDS_SHOWN} more kinds" if len(kinds) > _KINDS_SHOWN else ""
    return build_finding(
        Severity.WARNING,
        "DeadLetters",
        f"{_count(total, 'ticket')} failed: {shown}{more}; `celery -A ticketflow.tasks dead list` names them,"
        " repair the cause first",
    )


def diagnose_left_behind(session: Session) -> Iterator[Finding]:
    """Tell of tickets that no process of this version takes further."""
    if places := count_left_behind(session, LINEAGE):
        yield judge_left_behind(places, LINEAGE.steps[0])


def judge_left_behind(places: list[Place], first_step: str) -> Finding:
    """Tell at which steps tickets stand that this version does not know, most of them first."""
    total = sum(place.count for place in places)
    shown = ", ".join(
        f"{place.step} of graph version {place.graph_version} ({place.count})" for place in places[:_KINDS_SHOWN]
    )
    more = f" and {len(places) - _KINDS_SHOWN} more" if len(places) > _KINDS_SHOWN else ""
    stand = "stands" if total == 1 else "stand"
    return Finding(
        Severity.WARNING,
        f"{_count(total, 'ticket')} {stand} at steps that this version does not know: {shown}{more}; a worker of the"
        " version that does takes them further, or this one begins again with them",
        f"celery -A ticketflow.tasks tickets rewind --left-behind {first_step}",
        "docs/how-to/upgrade.md#roll-back",
    )


def diagnose_tries(session: Session) -> Iterator[Finding]:
    """Tell which steps fail."""
    for tries in count_tries(session, LATELY):
        if is_failing(tries):
            yield build_finding(
                Severity.WARNING,
                "StepFailureRate",
                f"{tries.step} failed in {tries.failed} of its last {tries.done + tries.failed} tries",
                f"celery -A ticketflow.tasks tickets pause {tries.step}",
            )


def is_failing(tries: StepTries) -> bool:
    """Tell whether a step fails often enough to say so."""
    return tries.failed >= FEWEST_FAILED and tries.failed > FAILING_SHARE * (tries.done + tries.failed)


def diagnose_ended(session: Session) -> Iterator[Finding]:
    """Tell whether tickets end well and in time, as the service level asks."""
    ended = count_ended(session, LATELY, COMPLETED_WITHIN)
    if ended.count < FEWEST_ENDED or ended.spoilt <= BURNING_SLOWLY * ended.count:
        return
    limit = _span(COMPLETED_WITHIN.total_seconds())
    yield build_finding(
        Severity.WARNING,
        "CompletionBudgetBurnFast" if ended.spoilt > BURNING_FAST * ended.count else "CompletionBudgetBurnSlow",
        f"{ended.spoilt} of the last {ended.count} tickets failed or took longer than {limit}",
    )


def diagnose_models(session: Session) -> Iterator[Finding]:
    """Tell whether the chat model answers."""
    for name, seconds in list_blocked_providers(session).items():
        yield build_finding(
            Severity.WARNING, "FallbackInUse", f"the provider {name} asked not to be called for {_span(seconds)}"
        )
    for each in count_fallbacks(session, LATELY)[:_KINDS_SHOWN]:
        yield build_finding(
            Severity.WARNING,
            "FallbackInUse",
            f"the embedded engine spoke instead of {each.engine} {each.count} times lately: {each.failure}",
        )


def diagnose_approvals(session: Session) -> Iterator[Finding]:
    """Tell of drafts whose time for a person's decision runs out."""
    if count := count_expiring_approvals(session, SOON):
        yield Finding(
            Severity.WARNING,
            f"the time for a decision about {_count(count, 'draft')} runs out within an hour",
            "ticketflow approvals",
            "docs/how-to/approve.md",
        )


def _count(number: int, thing: str) -> str:
    many = f"more than {MOST:,}" if number >= MOST else f"{number:,}"
    return f"{many} {thing}{'' if number == 1 else 's'}"


def _span(seconds: float) -> str:
    """Write a span as people say it."""
    if seconds < 120:  # noqa: PLR2004  # two minutes
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"  # noqa: PLR2004
