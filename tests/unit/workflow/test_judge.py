"""What becomes of messages whose claims were not granted."""

from dataclasses import replace
from uuid import UUID

import pytest

from tests.toy import MAX_ATTEMPTS, TOY_LINEAGE, toy_plan
from ticketflow.workflow.judge import Standing, judge
from ticketflow.workflow.outcomes import Unchanged
from ticketflow.workflow.policy import MAX_DEATHS

HELD_BY_SOMEBODY = UUID(int=1)
# A ticket at the second of three steps that nobody holds and nothing stands in the way of.
FREE = Standing(
    status="processing",
    generation=3,
    graph_version=TOY_LINEAGE.version,
    next_step="check",
    token=None,
    attempt=0,
    deaths=0,
    is_paused=False,
)
OTHER_GRAPH = FREE.graph_version + 1


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        # the message is of another time
        ({"generation": 2}, Unchanged.SUPERSEDED),
        ({"generation": 4}, Unchanged.SUPERSEDED),
        ({"status": "awaiting_approval"}, Unchanged.SUPERSEDED),
        ({"status": "completed", "next_step": None}, Unchanged.SUPERSEDED),
        ({"status": "failed"}, Unchanged.SUPERSEDED),
        ({"status": "cancelled"}, Unchanged.SUPERSEDED),
        ({"next_step": None}, Unchanged.SUPERSEDED),
        ({"next_step": "read"}, Unchanged.SUPERSEDED),
        ({"next_step": "send"}, Unchanged.ALREADY_DONE),
        ({"next_step": "send", "token": HELD_BY_SOMEBODY}, Unchanged.ALREADY_DONE),
        # the ticket is on another graph, where steps may have any name
        ({"graph_version": OTHER_GRAPH}, Unchanged.OTHER_GRAPH),
        ({"graph_version": OTHER_GRAPH, "next_step": "weigh"}, Unchanged.OTHER_GRAPH),
        ({"graph_version": OTHER_GRAPH, "token": HELD_BY_SOMEBODY}, Unchanged.BUSY),
        ({"graph_version": OTHER_GRAPH, "generation": 4}, Unchanged.SUPERSEDED),
        # somebody holds it, whatever else is true
        ({"token": HELD_BY_SOMEBODY}, Unchanged.BUSY),
        ({"token": HELD_BY_SOMEBODY, "deaths": MAX_DEATHS}, Unchanged.BUSY),
        ({"token": HELD_BY_SOMEBODY, "is_paused": True}, Unchanged.BUSY),
        # nobody will finish it
        ({"deaths": MAX_DEATHS - 1}, Unchanged.BUSY),
        ({"deaths": MAX_DEATHS}, None),
        ({"attempt": MAX_ATTEMPTS - 1}, Unchanged.BUSY),
        ({"attempt": MAX_ATTEMPTS}, None),
        ({"deaths": MAX_DEATHS, "is_paused": True}, None),
        # it waits
        ({"is_paused": True}, Unchanged.HELD),
        ({"is_paused": True, "status": "queued"}, Unchanged.HELD),
        ({"status": "queued"}, Unchanged.BUSY),
    ],
    ids=str,
)
def test_a_refused_message_is_judged_by_where_its_ticket_stands(change, verdict):
    assert judge(toy_plan(), "check", 3, replace(FREE, **change)) is verdict


def test_a_message_without_a_ticket_is_worth_nothing():
    assert judge(toy_plan(), "check", 3, None) is Unchanged.SUPERSEDED
