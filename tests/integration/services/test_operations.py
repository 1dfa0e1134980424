"""What people do to a ticket: cancel, retry, rewind, fork, pause."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select, update

from tests.fakes import fake_tools
from ticketflow.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    PermanentError,
    TransientError,
    VersionConflictError,
)
from ticketflow.services.cancel_ticket import cancel_ticket
from ticketflow.services.failed_tickets import purge_failed_tickets, read_failed_tickets, replay_failed_tickets
from ticketflow.services.fork_ticket import Overrides, fork_ticket
from ticketflow.services.pauses import pause_step, read_pauses, resume_step
from ticketflow.services.queue_wait import QueueWait
from ticketflow.services.retry_ticket import retry_ticket
from ticketflow.services.rewind_ticket import rewind_ticket
from ticketflow.services.run_step import StepRunner
from ticketflow.storage.failed_tickets import FailedFilter
from ticketflow.storage.leases import Claim
from ticketflow.storage.models import Ticket, TicketEvent, TicketStep
from ticketflow.workflow.graph import LINEAGE
from ticketflow.workflow.outcomes import Committed, Unchanged
from ticketflow.workflow.plan import ticket_plan

AN_HOUR = timedelta(hours=1)
ARRIVED = {
    "requested_priority": None,
    "timezone": "UTC",
    "masked": [],
    "parts": [{"kind": "own", "start": 0, "end": 17}],
}


@pytest.fixture
def run_on(sessions, dispatch):
    """Run every step a due ticket still has."""

    def run(runner, claim):
        outcomes = [runner.run(claim)]
        while isinstance(outcomes[-1], Committed) and outcomes[-1].next_step:
            if not outcomes[-1].is_chain_valid:
                (dispatched,) = dispatch()
                claim = replace(claim, generation=dispatched.generation)
            claim = replace(claim, step=outcomes[-1].next_step)
            outcomes.append(runner.run(claim))
        return outcomes

    return run


@pytest.fixture
def completed(new_runner, first_claim, run_on):
    """Complete a toy ticket; return its claim."""
    run_on(new_runner(), first_claim)
    return first_claim


@pytest.fixture
def failed(new_runner, first_claim, run_on):
    """Let a toy ticket fail at its second step; return its claim."""

    def fail(state, tools):
        raise PermanentError("no such model")

    run_on(new_runner(check=fail), first_claim)
    return first_claim


def read_ticket(sessions, ticket_id) -> Ticket:
    with sessions() as session:
        return session.get_one(Ticket, ticket_id)


def events_of(sessions, ticket_id) -> list[str]:
    with sessions() as session:
        query = select(TicketEvent.type).where(TicketEvent.ticket_id == ticket_id).order_by(TicketEvent.id)
        return list(session.scalars(query))


def ledger_of(sessions, ticket_id) -> list[tuple]:
    with sessions() as session:
        query = select(TicketStep).where(TicketStep.ticket_id == ticket_id).order_by(TicketStep.ticket_version)
        return [(row.step, row.round, row.superseded_at is None) for row in session.scalars(query)]


# -- Cancel -------------------------------------------------------------------------------------


def test_a_ticket_cancelled_before_a_step_never_runs_it(sessions, new_runner, first_claim):
    shown = cancel_ticket(sessions, "default", first_claim.ticket_id, reason="sent by mistake")

    assert (shown["status"], shown["current_step"]) == ("cancelled", "read")
    assert new_runner().run(first_claim) == Unchanged.SUPERSEDED
    assert events_of(sessions, first_claim.ticket_id) == ["ticket.received", "ticket.cancelled"]


def test_a_ticket_cancelled_during_a_step_keeps_nothing_of_it(sessions, new_runner, first_claim):
    def cancel(state, tools):
        cancel_ticket(sessions, "default", first_claim.ticket_id)
        return {"read": 1}

    assert new_runner(read=cancel).run(first_claim) == Unchanged.LOST
    ticket = read_ticket(sessions, first_claim.ticket_id)
    assert (ticket.status, "read" in ticket.state, ticket.wake_at) == ("cancelled", False, None)
    assert events_of(sessions, first_claim.ticket_id)[-1] == "ticket.cancelled"


def test_an_ignored_ticket_goes_through_all_steps_again_when_it_is_retried(sessions, completed):
    with sessions.begin() as session:
        ticket = session.get_one(Ticket, completed.ticket_id)
        ticket.state = {**ticket.state, "ignored": "thanks"}

    shown = retry_ticket(sessions, "default", completed.ticket_id)

    ticket = read_ticket(sessions, completed.ticket_id)
    assert (shown["status"], shown["current_step"]) == ("queued", "read")
    assert (ticket.state["is_wanted"], ticket.state["ignored"]) == (True, None)


def test_cancelling_twice_is_no_error_and_leaves_one_event(sessions, first_claim):
    cancel_ticket(sessions, "default", first_claim.ticket_id)
    cancel_ticket(sessions, "default", first_claim.ticket_id)

    assert events_of(sessions, first_claim.ticket_id).count("ticket.cancelled") == 1


def test_a_completed_ticket_cannot_be_cancelled(sessions, completed):
    with pytest.raises(ConflictError, match="completed"):
        cancel_ticket(sessions, "default", completed.ticket_id)


def test_whoever_decided_on_an_older_version_is_refused(sessions, first_claim, new_runner):
    seen = read_ticket(sessions, first_claim.ticket_id).version
    new_runner().run(first_claim)

    with pytest.raises(VersionConflictError):
        cancel_ticket(sessions, "default", first_claim.ticket_id, seen)


@pytest.mark.parametrize("tenant", ["default", "other"])
def test_nobody_cancels_what_is_not_theirs(sessions, first_claim, tenant):
    ticket_id = uuid4() if tenant == "default" else first_claim.ticket_id

    with pytest.raises(NotFoundError):
        cancel_ticket(sessions, tenant, ticket_id)


# -- Retry --------------------------------------------------------------------------------------


def test_a_failed_ticket_goes_on_at_the_failed_step(sessions, new_runner, failed, dispatch, run_on):
    shown = retry_ticket(sessions, "default", failed.ticket_id)
    (dispatched,) = dispatch()
    run_on(new_runner(), replace(failed, step=dispatched.next_step, generation=dispatched.generation))

    assert (shown["status"], shown["current_step"], shown["error"]) == ("queued", "check", None)
    assert read_ticket(sessions, failed.ticket_id).status == "completed"
    assert ledger_of(sessions, failed.ticket_id) == [("read", 1, True), ("check", 1, True), ("send", 1, True)]


def test_a_ticket_that_waits_for_its_next_attempt_can_be_tried_now(sessions, new_runner, first_claim, dispatch):
    class BusyError(TransientError):
        retry_after_s = 3600

    def fail(state, tools):
        raise BusyError("come back in an hour")

    new_runner(read=fail).run(first_claim)
    assert dispatch() == []

    retry_ticket(sessions, "default", first_claim.ticket_id)

    assert [dispatched.next_step for dispatched in dispatch()] == ["read"]


def test_a_ticket_nothing_is_wrong_with_cannot_be_retried(sessions, completed):
    with pytest.raises(ConflictError, match="no step of it failed"):
        retry_ticket(sessions, "default", completed.ticket_id)


# -- Rewind -------------------------------------------------------------------------------------


def test_a_rewound_ticket_does_again_what_came_after_and_keeps_the_old_rows(
    sessions, new_runner, completed, dispatch, run_on
):
    shown = rewind_ticket(sessions, "default", completed.ticket_id, "check")
    state = read_ticket(sessions, completed.ticket_id).state
    (dispatched,) = dispatch()
    run_on(new_runner(), replace(completed, step=dispatched.next_step, generation=dispatched.generation))

    assert (shown["status"], shown["finished_at"]) == ("queued", None)
    assert state == ARRIVED | {"read": 1}
    assert read_ticket(sessions, completed.ticket_id).state["checked"] == 1
    assert ledger_of(sessions, completed.ticket_id) == [
        ("read", 1, True),
        ("check", 1, False),
        ("send", 1, False),
        ("check", 2, True),
        ("send", 2, True),
    ]


def test_a_loop_is_rewound_to_its_first_round(sessions, new_runner, first_claim, run_on):
    run_on(new_runner(checks_wanted=3), first_claim)

    rewind_ticket(sessions, "default", first_claim.ticket_id, "check")

    assert [row for row in ledger_of(sessions, first_claim.ticket_id) if row[2]] == [("read", 1, True)]
    assert read_ticket(sessions, first_claim.ticket_id).state == ARRIVED | {"read": 1}


def test_what_was_under_way_when_a_ticket_is_rewound_changes_nothing(sessions, new_runner, first_claim):
    def rewind(state, tools):
        rewind_ticket(sessions, "default", first_claim.ticket_id, "read")
        return {"checked": 1}

    runner = new_runner(check=rewind)
    runner.run(first_claim)

    assert runner.run(replace(first_claim, step="check")) == Unchanged.LOST
    assert read_ticket(sessions, first_claim.ticket_id).next_step == "read"


@pytest.mark.parametrize("step", ["send", "nonsense"])
def test_a_ticket_goes_back_only_to_what_it_finished(sessions, failed, step):
    with pytest.raises(ConflictError, match="it can go back to: read"):
        rewind_ticket(sessions, "default", failed.ticket_id, step)


def test_a_cancelled_ticket_stays_cancelled(sessions, new_runner, first_claim):
    new_runner().run(first_claim)
    cancel_ticket(sessions, "default", first_claim.ticket_id)

    for take_up in (
        lambda: retry_ticket(sessions, "default", first_claim.ticket_id),
        lambda: rewind_ticket(sessions, "default", first_claim.ticket_id, "read"),
    ):
        with pytest.raises(ConflictError, match="cancelled"):
            take_up()


# -- Fork ---------------------------------------------------------------------------------------


@pytest.fixture
def real_runner(sessions):
    return StepRunner(sessions, ticket_plan(), fake_tools(), QueueWait(AN_HOUR))


@pytest.fixture
def answered(sessions, real_runner, submit, dispatch, run_on):
    """Complete a ticket of the real graph with fakes; return its claim."""
    ticket_id = submit(subject="Password", body="How do I reset my password? 10021")
    with sessions.begin() as session:
        session.execute(update(Ticket).values(next_step="classify"))
    (dispatched,) = dispatch(LINEAGE)
    claim = Claim(ticket_id, "classify", dispatched.generation)
    run_on(real_runner, claim)
    return claim


def test_a_fork_keeps_what_came_before_and_runs_the_rest(sessions, real_runner, answered, dispatch, run_on):
    changes = Overrides({"body": "How do I reset my password, please?"}, {"category": "billing"})
    fork = fork_ticket(sessions, "default", answered.ticket_id, "draft", changes).ticket
    (dispatched,) = dispatch(LINEAGE)
    run_on(real_runner, Claim(dispatched.ticket_id, "draft", dispatched.generation))

    new, old = (read_ticket(sessions, ticket_id) for ticket_id in (dispatched.ticket_id, answered.ticket_id))
    assert (str(new.id), str(new.forked_from), fork["current_step"]) == (fork["id"], str(old.id), "draft")
    assert (new.status, new.body, new.category) == ("completed", "How do I reset my password, please?", "billing")
    assert (old.status, old.version) == ("completed", old.version)
    assert ledger_of(sessions, new.id) == [(step, 1, True) for step in ticket_plan().order]
    assert events_of(sessions, new.id).count("step.completed") == 6
    assert events_of(sessions, new.id).count("step.started") == 3
    assert events_of(sessions, old.id)[-1] == "ticket.forked"


def test_a_fork_from_the_first_step_is_the_same_request_again(sessions, answered):
    fork = fork_ticket(sessions, "default", answered.ticket_id, "classify", Overrides()).ticket

    assert (fork["subject"], fork["status"], fork["category"]) == ("Password", "queued", None)


def test_a_failed_ticket_can_be_forked_at_the_step_it_failed_at(sessions, failed):
    fork = fork_ticket(sessions, "default", failed.ticket_id, "check", Overrides({"subject": "Clearer"})).ticket

    assert (fork["current_step"], fork["subject"]) == ("check", "Clearer")
    assert read_ticket(sessions, failed.ticket_id).status == "failed"


def test_an_override_that_the_fork_would_find_out_again_is_refused(sessions, answered):
    with pytest.raises(InvalidInputError, match=r"overrides\.category"):
        fork_ticket(sessions, "default", answered.ticket_id, "classify", Overrides(state={"category": "billing"}))


def test_a_step_not_yet_reached_cannot_be_forked_from(sessions, failed):
    with pytest.raises(ConflictError, match="has not come to step 'send'"):
        fork_ticket(sessions, "default", failed.ticket_id, "send", Overrides())


# -- Pause --------------------------------------------------------------------------------------


@pytest.fixture(params=["all", "classify"])
def paused_step(request):
    return request.param


@pytest.fixture
def due_at_classify(sessions, submit):
    ticket_id = submit()
    with sessions.begin() as session:
        session.execute(update(Ticket).values(next_step="classify"))
    return ticket_id


def test_what_is_paused_is_not_sent_and_goes_when_it_is_resumed(sessions, due_at_classify, dispatch, paused_step):
    pause_step(sessions, paused_step, reason="provider is down")
    while_paused = dispatch(LINEAGE)

    assert [(pause.step, pause.reason) for pause in read_pauses(sessions)] == [(paused_step, "provider is down")]
    assert resume_step(sessions, paused_step)
    assert (while_paused, [each.ticket_id for each in dispatch(LINEAGE)]) == ([], [due_at_classify])


def test_a_message_that_arrives_at_a_paused_step_leaves_the_ticket_ready(
    sessions, real_runner, due_at_classify, dispatch
):
    (dispatched,) = dispatch(LINEAGE)
    pause_step(sessions, "classify")

    outcome = real_runner.run(Claim(due_at_classify, "classify", dispatched.generation))

    assert outcome == Unchanged.HELD
    ticket = read_ticket(sessions, due_at_classify)
    assert (ticket.attempt, ticket.is_in_flight, ticket.status) == (0, False, "queued")
    resume_step(sessions, "classify")
    assert [each.ticket_id for each in dispatch(LINEAGE)] == [due_at_classify]


def test_a_pause_of_another_step_or_tenant_holds_nothing_back(sessions, due_at_classify, dispatch):
    pause_step(sessions, "review")
    pause_step(sessions, "all", tenant="other")

    assert len(dispatch(LINEAGE)) == 1


def test_only_a_step_of_the_graph_can_be_paused(sessions):
    with pytest.raises(InvalidInputError, match="choose all or one of classify"):
        pause_step(sessions, "clasify")


def test_resuming_what_is_not_paused_lifts_nothing(sessions):
    assert not resume_step(sessions, "draft")


# -- Failed tickets -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "is_found"),
    [
        (FailedFilter(), True),
        (FailedFilter(step="check", error_class="PermanentError"), True),
        (FailedFilter(step="read"), False),
        (FailedFilter(error_class="TransientError"), False),
        (FailedFilter(older_than=AN_HOUR), False),
        (FailedFilter(ids=[uuid4()]), False),
    ],
)
def test_failed_tickets_are_found_by(sessions, failed, wanted, is_found):
    found = read_failed_tickets(sessions, wanted)

    assert [ticket["id"] for ticket in found] == ([str(failed.ticket_id)] if is_found else [])


def test_a_replayed_ticket_completes_without_doing_anything_twice(sessions, new_runner, failed, dispatch, run_on):
    assert replay_failed_tickets(sessions, [failed.ticket_id]) == 1
    assert replay_failed_tickets(sessions, [failed.ticket_id]) == 0
    (dispatched,) = dispatch()
    run_on(new_runner(), replace(failed, step=dispatched.next_step, generation=dispatched.generation))

    assert read_ticket(sessions, failed.ticket_id).status == "completed"
    assert events_of(sessions, failed.ticket_id).count("step.completed") == 3


def test_a_purged_ticket_ends_as_cancelled(sessions, failed):
    assert purge_failed_tickets(sessions, [failed.ticket_id]) == 1

    assert read_ticket(sessions, failed.ticket_id).status == "cancelled"
    assert read_failed_tickets(sessions, FailedFilter()) == []


def test_a_failed_ticket_shows_when_and_why(sessions, failed):
    (shown,) = read_failed_tickets(sessions, FailedFilter())

    assert (shown["step"], shown["error"]["class"]) == ("check", "PermanentError")
    with sessions() as session:
        assert session.scalar(select(Ticket.finished_at <= func.now()))
