"""When a person is asked, and what becomes of the draft once they have answered."""

import pytest

from tests.fakes import fake_request, fake_tools
from ticketflow.workflow.approval import ApprovalPolicy, awaits_decision
from ticketflow.workflow.plan import ticket_plan
from ticketflow.workflow.steps.finalize import finalize


def reviewed(tools=None, **changes):
    tools = tools or fake_tools(approval=ApprovalPolicy("always"))
    state = dict(fake_request())
    for step in ticket_plan().order[:-1]:
        state |= ticket_plan().run(step, state, tools)
    return state | changes


def decided(**decision):
    return finalize(reviewed(decision=decision), fake_tools())


@pytest.mark.parametrize(
    ("mode", "verdict", "resolution", "confidence", "reasons"),
    [
        ("never", "escalate", "answered", 0.1, []),
        ("unsure", "approve", "answered", 0.9, []),
        ("unsure", "approve", "answered", 0.89, ["unsure"]),
        ("unsure", "approve", "routed", 0.0, []),
        ("unsure", "escalate", "routed", 0.0, ["escalated"]),
        ("always", "approve", "routed", 0.0, ["always"]),
        ("always", "escalate", "answered", 0.1, ["always", "escalated", "unsure"]),
    ],
)
def test_the_policy_says_why_a_person_is_asked(mode, verdict, resolution, confidence, reasons):
    assert ApprovalPolicy(mode, sure_from=0.9).list_reasons(verdict, resolution, confidence) == reasons


def test_the_last_step_waits_only_while_a_decision_is_wanted_and_missing():
    wanted = reviewed()
    tools = fake_tools(approval=ApprovalPolicy("always", timeout_s=60))
    request = ticket_plan().find_request("finalize", wanted, tools)

    assert request == {
        "reasons": ["always"],
        "timeout_s": 60,
        "default_action": "route",
        "rejected_to": "draft",
    }
    assert not awaits_decision(wanted | {"decision": {"action": "accept", "by": None}})
    assert not awaits_decision(reviewed(fake_tools()))
    assert ticket_plan().find_request("review", wanted, tools) is None


def test_a_draft_sent_back_for_revision_is_shown_to_nobody():
    class Critic:
        def review(self, brief, reply):
            opinion = fake_tools().reviewer.review(brief, reply)
            return type(opinion)(opinion.completeness, [{"code": "style", "detail": "no"}])

    state = reviewed(fake_tools(reviewer=Critic(), approval=ApprovalPolicy("always")))

    assert (state["verdict"], state["approval"], state["approval_reasons"]) == ("revise", "not_needed", [])


def test_whoever_rejected_a_draft_sees_the_next_one_whatever_the_policy():
    state = reviewed(fake_tools())
    state |= {"rejection": {"by": "key-1", "problems": []}, "revision": 2}

    again = ticket_plan().run("review", state, fake_tools())

    assert (again["approval"], again["approval_reasons"]) == ("wanted", ["rejected"])


@pytest.mark.parametrize(
    ("decision", "response", "resolution", "decided_by"),
    [
        ({"action": "accept", "by": "key-1"}, reviewed()["draft"], "answered", "person"),
        ({"action": "accept", "by": None}, reviewed()["draft"], "answered", "timeout"),
        ({"action": "edit", "final_response": "Call us.", "by": "key-1"}, "Call us.", "answered", "person"),
        ({"action": "ignore", "by": "key-1"}, None, "ignored", "person"),
        ({"action": "ignore", "by": None}, None, "ignored", "timeout"),
    ],
)
def test_what_was_decided_is_final(decision, response, resolution, decided_by):
    final = decided(**decision)

    assert final["final_response"] == response
    assert (final["result"]["resolution"], final["result"]["decided_by"]) == (resolution, decided_by)


def test_a_draft_nobody_looked_at_becomes_an_acknowledgement():
    final = decided(action="route", by=None)

    assert "Accounts team" in final["final_response"]
    assert (final["citations"], final["result"]["resolution"]) == ([], "routed")


@pytest.mark.parametrize(("by", "resolution"), [(None, "routed"), ("key-1", "answered")])
def test_a_draft_that_review_found_unfit_goes_out_only_if_a_person_says_so(by, resolution):
    unfit = reviewed(verdict="escalate", decision={"action": "accept", "by": by})

    assert finalize(unfit, fake_tools())["result"]["resolution"] == resolution


def test_a_ticket_reviewed_before_there_was_approval_is_finished_as_it_was_then():
    old = reviewed(fake_tools())
    del old["approval"], old["approval_reasons"]

    assert finalize(old, fake_tools())["final_response"] == old["draft"]
    assert not awaits_decision(old)
