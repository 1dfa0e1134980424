"""A person stands before the last step: asked once, heard once, and not missed when they say nothing."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from tests.fakes import fake_passage, fake_tools
from ticketflow.errors import ConflictError, InvalidInputError, NotFoundError, VersionConflictError
from ticketflow.services.cancel_ticket import cancel_ticket
from ticketflow.services.decide_approval import Judgement, decide_approval
from ticketflow.services.fork_ticket import Overrides, fork_ticket
from ticketflow.services.pauses import pause_step
from ticketflow.services.queue_wait import QueueWait
from ticketflow.services.read_tickets import read_ticket
from ticketflow.services.retry_ticket import retry_ticket
from ticketflow.services.rewind_ticket import rewind_ticket
from ticketflow.services.run_step import StepRunner
from ticketflow.services.submit_ticket import submit_ticket
from ticketflow.storage.due import claim_due, expire_approvals, wake_in_flight
from ticketflow.storage.idempotency import RepeatableRequest
from ticketflow.storage.leases import Claim
from ticketflow.storage.models import ResolvedTicket, Ticket, TicketCorrection, TicketEvent, TicketStep
from ticketflow.storage.tickets import NewTicket, build_request
from ticketflow.workflow.approval import ApprovalPolicy
from ticketflow.workflow.graph import build_graph
from ticketflow.workflow.outcomes import Committed, Unchanged
from ticketflow.workflow.plan import ticket_plan

AN_HOUR = timedelta(hours=1)
PASSAGE = fake_passage()
OTHER = fake_passage(article_id="018f6f2e-0000-7000-8000-00000000000b", text="Call us to reset your password.")
ALWAYS = ApprovalPolicy("always", timeout_s=3600)


def tools_asking(policy=ALWAYS, **changes):
    return fake_tools(passages=[PASSAGE, OTHER], approval=policy, **changes)


@pytest.fixture
def work(sessions):
    """Run a due ticket as far as it goes by itself; return the outcomes."""

    def run(tools=None):
        runner = StepRunner(sessions, ticket_plan(), tools or tools_asking(), QueueWait(AN_HOUR))
        outcomes = []
        while dispatched := _take_due(sessions):
            (dispatched,) = dispatched
            for step in ticket_plan().lineage.remaining(dispatched.next_step):
                outcomes.append(runner.run(Claim(dispatched.ticket_id, step, dispatched.generation)))
                if not (isinstance(outcomes[-1], Committed) and outcomes[-1].is_chain_valid):
                    break
        return outcomes

    return run


@pytest.fixture
def ticket_id(sessions):
    new = NewTicket("Password", "How do I reset my password? 10021")
    return submit_ticket(sessions, "default", new, "classify").ticket_id


@pytest.fixture
def awaiting(work, ticket_id):
    """Bring a ticket to where a person is asked; return its id."""
    work()
    return ticket_id


@pytest.fixture
def decide(sessions, awaiting):
    """Decide about the awaiting ticket as it stands."""

    def say(action, seen=None, request=None, **more):
        seen = seen or row_of(sessions, awaiting).version
        return decide_approval(sessions, "default", awaiting, Judgement(action, "key-1", **more), seen, request)

    return say


def _take_due(sessions):
    with sessions.begin() as session:
        return claim_due(session, 100, AN_HOUR, ticket_plan().lineage)


def row_of(sessions, ticket_id) -> Ticket:
    with sessions() as session:
        return session.get_one(Ticket, ticket_id)


def trail_of(sessions, ticket_id) -> list[tuple]:
    with sessions() as session:
        query = select(TicketEvent).where(TicketEvent.ticket_id == ticket_id).order_by(TicketEvent.id)
        return [(event.type, event.detail) for event in session.scalars(query)]


def types_of(sessions, ticket_id) -> list[str]:
    return [name for name, _ in trail_of(sessions, ticket_id)]


def effects_of(sessions, ticket_id) -> list[str]:
    with sessions() as session:
        query = select(TicketStep).where(TicketStep.ticket_id == ticket_id).order_by(TicketStep.ticket_version)
        return [f"{row.step}#{row.round}" for row in session.scalars(query)]


def corrections_of(sessions, ticket_id) -> list[tuple]:
    with sessions() as session:
        query = select(TicketCorrection).where(TicketCorrection.ticket_id == ticket_id)
        return [(row.field, row.before, row.after, row.corrected_by) for row in session.scalars(query)]


def let_time_pass(sessions, past=timedelta(hours=2)) -> None:
    with sessions.begin() as session:
        session.execute(update(Ticket).where(Ticket.wake_at.is_not(None)).values(wake_at=Ticket.wake_at - past))


def expire(sessions) -> int:
    with sessions.begin() as session:
        return len(expire_approvals(session, 100))


# -- Asking -------------------------------------------------------------------------------------


def test_a_draft_that_a_person_must_see_waits_and_says_until_when(sessions, work, ticket_id):
    outcomes = work()

    ticket, shown = row_of(sessions, ticket_id), read_ticket(sessions, "default", ticket_id)
    assert outcomes[-1] == Committed("finalize", is_chain_valid=False)
    assert (ticket.status, ticket.next_step, ticket.is_in_flight) == ("awaiting_approval", "finalize", False)
    assert (ticket.lease_token, ticket.attempt) == (None, 0)
    assert shown["draft"].startswith("Hello")
    assert shown["final_response"] is None
    assert shown["approval"]["reasons"] == ["always"]
    assert shown["approval"]["default_action"] == "route"
    assert shown["review"]["verdict"] == "approve"
    event, detail = trail_of(sessions, ticket_id)[-1]
    assert (event, detail["reasons"], detail["default_action"]) == ("approval.requested", ["always"], "route")
    assert detail["expires_at"] == shown["approval"]["expires_at"]
    with sessions() as session:
        assert session.scalar(select(Ticket.wake_at - func.now() > timedelta(minutes=59)))


def test_whatever_wakes_others_lets_a_waiting_ticket_sleep(sessions, awaiting, work):
    with sessions.begin() as session:
        assert wake_in_flight(session) == 0
    let_time_pass(sessions)

    assert work() == []
    assert row_of(sessions, awaiting).status == "awaiting_approval"


def test_a_message_that_is_late_does_not_run_what_waits_for_a_person(sessions, awaiting):
    runner = StepRunner(sessions, ticket_plan(), tools_asking(), QueueWait(AN_HOUR))
    generation = row_of(sessions, awaiting).generation

    for old in (generation, generation - 1):
        assert runner.run(Claim(awaiting, "finalize", old, is_redelivered=True)) == Unchanged.SUPERSEDED
    assert effects_of(sessions, awaiting)[-1] == "review#1"


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (ApprovalPolicy("never"), "completed"),
        (ApprovalPolicy("unsure", sure_from=0.5), "completed"),
        (ApprovalPolicy("unsure", sure_from=0.99), "awaiting_approval"),
        (ApprovalPolicy("always"), "awaiting_approval"),
    ],
)
def test_the_policy_says_whether_anybody_is_asked(sessions, work, ticket_id, policy, expected):
    work(tools_asking(policy))

    assert row_of(sessions, ticket_id).status == expected


# -- Deciding -----------------------------------------------------------------------------------


def test_an_accepted_draft_is_sent_as_it_is_and_kept_as_such(sessions, awaiting, decide, work):
    draft = read_ticket(sessions, "default", awaiting)["draft"]

    accepted = decide("accept").ticket
    outcomes = work()

    shown = read_ticket(sessions, "default", awaiting)
    assert (accepted["status"], accepted["current_step"], accepted["approval"]) == ("queued", "finalize", None)
    assert outcomes == [Committed(None, is_chain_valid=False)]
    assert (shown["status"], shown["final_response"], shown["result"]["decided_by"]) == ("completed", draft, "person")
    assert (shown["result"]["resolution"], shown["result"]["edited"], len(shown["citations"])) == ("answered", False, 1)
    assert corrections_of(sessions, awaiting) == [("final_response", draft, draft, "key-1")]
    with sessions() as session:
        assert session.scalars(select(ResolvedTicket.ticket_id)).all() == [awaiting]
    assert trail_of(sessions, awaiting)[-4] == ("approval.given", {"action": "accept", "by": "key-1"})


def test_an_edited_draft_is_sent_as_edited_without_the_quotes_it_lost(sessions, awaiting, decide, work):
    draft = read_ticket(sessions, "default", awaiting)["draft"]

    decide("edit", final_response="Please call us.", note="shorter")
    work()

    shown = read_ticket(sessions, "default", awaiting)
    assert (shown["final_response"], shown["citations"], shown["result"]["edited"]) == ("Please call us.", [], True)
    assert corrections_of(sessions, awaiting) == [("final_response", draft, "Please call us.", "key-1")]


def test_an_edit_that_keeps_a_quote_keeps_its_citation(sessions, awaiting, decide, work):
    (citation,) = read_ticket(sessions, "default", awaiting)["citations"]

    decide("edit", final_response=f"Hi! {citation['quote']}")
    work()

    assert read_ticket(sessions, "default", awaiting)["citations"] == [citation]


def test_an_ignored_ticket_ends_without_a_reply(sessions, awaiting, decide, work):
    decide("ignore")
    work()

    shown = read_ticket(sessions, "default", awaiting)
    assert (shown["status"], shown["final_response"], shown["citations"]) == ("completed", None, [])
    assert (shown["result"]["resolution"], shown["result"]["decided_by"]) == ("ignored", "person")
    assert corrections_of(sessions, awaiting) == []


def test_a_rejected_draft_is_written_again_without_what_it_quoted_and_seen_again(sessions, awaiting, decide, work):
    (first,) = read_ticket(sessions, "default", awaiting)["citations"]

    rejected = decide("reject", note="wrong link").ticket
    work(tools_asking(ApprovalPolicy("never")))

    shown = read_ticket(sessions, "default", awaiting)
    assert (rejected["status"], rejected["current_step"]) == ("queued", "draft")
    assert rejected["review"]["problems"][0] == {"code": "rejected", "detail": "wrong link"}
    assert (shown["status"], shown["approval"]["reasons"]) == ("awaiting_approval", ["rejected"])
    assert first["quote"] not in shown["draft"]
    assert effects_of(sessions, awaiting)[-2:] == ["draft#2", "review#2"]


def test_what_was_rejected_once_does_not_come_back_the_time_after(sessions, awaiting, decide, work):
    drafts = [read_ticket(sessions, "default", awaiting)["draft"]]
    for _ in range(3):
        decide("reject")
        work()
        drafts.append(read_ticket(sessions, "default", awaiting)["draft"])

    assert len(set(drafts)) == len(drafts)
    decide("accept")
    work()
    assert read_ticket(sessions, "default", awaiting)["final_response"] == drafts[-1]


def test_a_person_may_send_what_review_would_not(sessions, work, ticket_id):
    class Critic:
        def review(self, brief, reply):
            return replace(fake_tools().reviewer.review(brief, reply), problems=[{"code": "style", "detail": "no"}])

    tools = tools_asking(ApprovalPolicy("unsure"), reviewer=Critic())
    work(tools)
    waiting = read_ticket(sessions, "default", ticket_id)
    decide_approval(sessions, "default", ticket_id, Judgement("accept", "key-1"), waiting["version"])
    work(tools)

    shown = read_ticket(sessions, "default", ticket_id)
    assert (waiting["approval"]["reasons"], waiting["review"]["verdict"]) == (["escalated"], "escalate")
    assert (shown["final_response"], shown["result"]["verdict"]) == (waiting["draft"], "escalate")


def test_the_graph_in_process_and_the_chain_agree_once_a_person_accepts(sessions, awaiting, decide, work):
    decide("accept")
    work()

    row = row_of(sessions, awaiting)
    stored = {**build_request(row), **row.state}
    asked = stored.pop("approval_request")
    given = {**build_request(row), "decision": {"action": "accept", "by": "key-1"}}
    assert asked["rejected_to"] == "draft"
    assert build_graph().invoke(given, context=tools_asking()) == stored


def test_in_process_nobody_can_be_asked_and_the_draft_counts_as_accepted(sessions, ticket_id):
    state = build_graph().invoke(build_request(row_of(sessions, ticket_id)), context=tools_asking())

    assert (state["approval"], state["final_response"]) == ("wanted", state["draft"])
    assert state["result"]["decided_by"] is None


@pytest.mark.parametrize("number", ["4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00"])
def test_no_reply_with_a_payment_number_is_taken_from_anybody(sessions, awaiting, decide, number):
    with pytest.raises(InvalidInputError, match="final_response") as caught:
        decide("edit", final_response=f"We charged {number}.")

    assert number not in str(caught.value)
    assert row_of(sessions, awaiting).status == "awaiting_approval"


def test_a_note_is_kept_without_the_payment_numbers_in_it(sessions, awaiting, decide):
    decide("reject", note="leave out 4111 1111 1111 1111")

    assert "4111" not in str([trail_of(sessions, awaiting), row_of(sessions, awaiting).state])


def test_nobody_decides_what_is_not_theirs_or_not_asked(sessions, awaiting, decide):
    with pytest.raises(NotFoundError):
        decide_approval(sessions, "other", awaiting, Judgement("accept", "key-1"), 1)
    decide("ignore")
    with pytest.raises(ConflictError, match="queued"):
        decide("accept")


# -- Once ---------------------------------------------------------------------------------------


def test_of_two_people_who_decide_at_once_one_is_heard(sessions, awaiting, decide, work):
    seen, said, barrier = row_of(sessions, awaiting).version, [], threading.Barrier(8)

    def say(action):
        barrier.wait()
        try:
            said.append(decide(action, seen).ticket["status"])
        except VersionConflictError:
            said.append("stale")

    threads = [threading.Thread(target=say, args=[action]) for action in ("accept", "ignore") * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    work()

    assert sorted(said) == ["queued"] + ["stale"] * 7
    assert types_of(sessions, awaiting).count("approval.given") == 1
    assert types_of(sessions, awaiting).count("ticket.completed") == 1


def test_a_decision_and_the_end_of_its_time_do_not_both_count(sessions, awaiting, decide, work):
    seen, said, barrier = row_of(sessions, awaiting).version, [], threading.Barrier(2)
    let_time_pass(sessions)

    def say():
        barrier.wait()
        try:
            decide("accept", seen)
            said.append("approval.given")
        except VersionConflictError:
            said.append("stale")

    thread = threading.Thread(target=say)
    thread.start()
    barrier.wait()
    expired = expire(sessions)
    thread.join()
    work()

    winner = "approval.expired" if expired else "approval.given"
    assert (said == ["stale"]) == bool(expired)
    told = [name for name in types_of(sessions, awaiting) if name in ("approval.given", "approval.expired")]
    assert told == [winner]
    assert row_of(sessions, awaiting).status == "completed"


def test_a_decision_sent_again_with_its_key_is_answered_again(awaiting, decide, work):
    request = RepeatableRequest("key-1", "k", b"payload")
    first = decide("accept", request=request)
    work()

    again = decide("accept", seen=1, request=request)

    assert (again.is_replay, again.ticket) == (True, first.ticket)


def test_a_decision_survives_a_lost_message_and_a_step_that_was_taken_over(sessions, awaiting, decide, work):
    decide("accept")
    _take_due(sessions)  # published and lost
    let_time_pass(sessions)
    runner = StepRunner(sessions, ticket_plan(), tools_asking(), QueueWait(AN_HOUR))
    (dispatched,) = _take_due(sessions)
    claim = Claim(awaiting, "finalize", dispatched.generation)

    first = runner.run(claim)
    second = runner.run(replace(claim, is_redelivered=True))

    assert (first, second) == (Committed(None, is_chain_valid=False), Unchanged.SUPERSEDED)
    assert effects_of(sessions, awaiting).count("finalize#1") == 1


# -- Saying nothing -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("default", "resolution", "is_draft_sent"), [("route", "routed", False), ("accept", "answered", True)]
)
def test_when_nobody_says_anything_the_default_is_done(sessions, work, ticket_id, default, resolution, is_draft_sent):
    work(tools_asking(replace(ALWAYS, default_action=default)))
    let_time_pass(sessions)

    assert (expire(sessions), expire(sessions)) == (1, 0)
    work()

    shown = read_ticket(sessions, "default", ticket_id)
    assert (shown["status"], shown["result"]["resolution"]) == ("completed", resolution)
    assert shown["result"]["decided_by"] == "timeout"
    assert (shown["final_response"] == shown["draft"]) == is_draft_sent
    assert ("approval.expired", {"action": default}) in trail_of(sessions, ticket_id)
    assert corrections_of(sessions, ticket_id) == []


def test_nothing_expires_before_its_time(sessions, awaiting):
    assert expire(sessions) == 0
    assert row_of(sessions, awaiting).status == "awaiting_approval"


def test_a_pause_holds_the_last_step_back_but_not_the_end_of_the_wait(sessions, awaiting, work):
    pause_step(sessions, "finalize")
    let_time_pass(sessions)

    assert (expire(sessions), work()) == (1, [])
    assert row_of(sessions, awaiting).status == "queued"


# -- Everything else people do ------------------------------------------------------------------


def test_a_waiting_ticket_can_be_cancelled_and_not_retried(sessions, awaiting, decide):
    with pytest.raises(ConflictError, match="no step of it failed"):
        retry_ticket(sessions, "default", awaiting)
    cancel_ticket(sessions, "default", awaiting)
    let_time_pass(sessions)

    assert expire(sessions) == 0
    with pytest.raises(ConflictError, match="cancelled"):
        decide("accept")


@pytest.mark.parametrize("step", ["draft", "review"])
def test_a_waiting_ticket_that_is_rewound_asks_again(sessions, awaiting, work, step):
    rewind_ticket(sessions, "default", awaiting, step)
    work()

    assert row_of(sessions, awaiting).status == "awaiting_approval"
    assert types_of(sessions, awaiting).count("approval.requested") == 2


def test_a_decision_is_not_kept_over_a_rewind(sessions, awaiting, decide, work):
    decide("accept")
    work()
    rewind_ticket(sessions, "default", awaiting, "finalize")
    outcomes = work()

    ticket = row_of(sessions, awaiting)
    assert outcomes == [Unchanged.ASKED]
    assert (ticket.status, ticket.next_step, ticket.attempt) == ("awaiting_approval", "finalize", 0)
    assert "decision" not in ticket.state
    assert trail_of(sessions, awaiting)[-1][0] == "approval.requested"
    with sessions() as session:
        assert session.get(ResolvedTicket, awaiting) is None

    decide("ignore")
    work()
    assert row_of(sessions, awaiting).state["result"]["resolution"] == "ignored"


def test_a_fork_of_a_waiting_or_decided_ticket_asks_for_itself(sessions, awaiting, decide, work):
    decide("accept")
    fork = fork_ticket(sessions, "default", awaiting, "finalize", Overrides()).ticket_id
    with sessions.begin() as session:
        session.execute(update(Ticket).where(Ticket.id == awaiting).values(wake_at=func.now() + AN_HOUR))

    assert work() == [Unchanged.ASKED]
    assert row_of(sessions, fork).status == "awaiting_approval"
    assert row_of(sessions, awaiting).state["decision"]["action"] == "accept"


def test_whoever_is_taken_over_while_asking_asks_nobody(sessions, awaiting, monkeypatch):
    rewind_ticket(sessions, "default", awaiting, "review")
    runner = StepRunner(sessions, ticket_plan(), tools_asking(), QueueWait(AN_HOUR))
    (dispatched,) = _take_due(sessions)
    claim = Claim(awaiting, "review", dispatched.generation)

    class Interrupted:
        def review(self, brief, reply):
            cancel_ticket(sessions, "default", awaiting)
            return fake_tools().reviewer.review(brief, reply)

    runner = StepRunner(sessions, ticket_plan(), tools_asking(reviewer=Interrupted()), QueueWait(AN_HOUR))

    assert runner.run(claim) == Unchanged.LOST
    assert types_of(sessions, awaiting).count("approval.requested") == 1
