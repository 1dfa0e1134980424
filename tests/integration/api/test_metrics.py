"""``/metrics`` of the API, and what requests add to it."""

from datetime import timedelta

from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import func, update

from tests.numbers import read
from tests.publishers import FakePublisher
from ticketflow.services.dispatch_due import DispatchLimits, dispatch_due
from ticketflow.storage.models import Ticket
from ticketflow.workflow.plan import ticket_plan

BY_ROUTE = "flask_http_request_duration_seconds_count"


def test_anybody_who_can_reach_it_may_read_the_numbers(empty):
    answer = empty.call("GET", "/metrics", headers={"Authorization": ""})

    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain")
    for step in ticket_plan().order:
        assert f'ticketflow_stale_commits_total{{step="{step}"}}' in answer.text


def test_it_is_no_part_of_the_api_that_callers_are_shown(empty):
    assert "/metrics" not in empty.get("/openapi.json").json["paths"]


def test_requests_are_counted_by_route_and_refusals_too(api):
    ticket = api.submit()
    api.get(f"/tickets/{ticket['id']}")
    api.call("GET", "/tickets", headers={"Authorization": "Bearer nonsense"})

    found = list_routes(api)

    assert found["POST", "/tickets", "202"] == 1
    assert found["GET", "/tickets/<uuid:ticket_id>", "200"] == 1
    assert found["GET", "/tickets", "401"] == 1


def test_nothing_a_stranger_sends_becomes_a_series(api):
    before = set(list_routes(api))
    for number in range(5):
        api.call(f"ODD{number}", "/tickets")
        api.get(f"/nowhere/{number}")

    assert set(list_routes(api)) - before == {("GET", "None", "404")}


def test_a_repeated_submission_is_counted_once(api):
    before = read("ticketflow_tickets_submitted_total", priority="urgent")
    ticket = {"subject": "Fire", "body": "It burns.", "priority": "urgent"}

    for _ in range(2):
        assert api.post("/tickets", json=ticket, headers=with_key(api, "once")).status_code == 202

    assert read("ticketflow_tickets_submitted_total", priority="urgent") == before + 1


def test_a_cancelled_ticket_is_counted_once(api):
    before = read("ticketflow_tickets_finished_total", outcome="cancelled")
    ticket = api.submit()

    for _ in range(2):
        assert api.post(f"/tickets/{ticket['id']}/cancel").status_code == 202

    assert read("ticketflow_tickets_finished_total", outcome="cancelled") == before + 1


def test_a_decision_is_counted_with_the_time_it_took(api, sessions):
    before = read("ticketflow_approval_wait_seconds_count", action="accept")
    took_before = read("ticketflow_approval_wait_seconds_sum", action="accept")
    ticket = api.submit()
    api.propose(ticket["id"])
    shift_clock(sessions, 600)
    etag = api.get(f"/tickets/{ticket['id']}").headers["ETag"]

    answer = api.post(
        f"/tickets/{ticket['id']}/approval", json={"action": "accept"}, headers=with_key(api, "a") | {"If-Match": etag}
    )

    assert answer.status_code == 202, answer.text
    assert read("ticketflow_approval_wait_seconds_count", action="accept") == before + 1
    assert 600 <= read("ticketflow_approval_wait_seconds_sum", action="accept") - took_before < 660


def test_time_that_runs_out_is_counted_as_a_decision_of_its_own(api, sessions):
    before = read("ticketflow_approval_wait_seconds_count", action="expired")
    took_before = read("ticketflow_approval_wait_seconds_sum", action="expired")
    ticket = api.submit()
    api.propose(ticket["id"])
    shift_clock(sessions, 2 * 86_400)

    dispatch_due(sessions, FakePublisher(ticket_plan().lineage), DispatchLimits(100, timedelta(hours=1)))

    assert read("ticketflow_approval_wait_seconds_count", action="expired") == before + 1
    assert 2 * 86_400 <= read("ticketflow_approval_wait_seconds_sum", action="expired") - took_before < 2 * 86_400 + 60


def shift_clock(sessions, seconds: int) -> None:
    """Let a person have been asked that much longer ago."""
    with sessions.begin() as session:
        past = func.make_interval(0, 0, 0, 0, 0, 0, seconds)
        session.execute(update(Ticket).where(Ticket.wake_at.is_not(None)).values(wake_at=Ticket.wake_at - past))


def with_key(api, key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {api.key}", "Idempotency-Key": f'"{key}"'}


def list_routes(api) -> dict[tuple[str, str, str], float]:
    """Return how often each route was asked, by method, rule and status."""
    families = text_string_to_metric_families(api.get("/metrics").text)
    samples = [sample for family in families for sample in family.samples if sample.name == BY_ROUTE]
    return {(each.labels["method"], each.labels["url_rule"], each.labels["status"]): each.value for each in samples}
