"""Webhooks, from the move of a ticket to a receiver on loopback."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import IntegrityError

from tests.numbers import read
from tests.receiver import receiving
from tests.served import Served, serve_one_database
from ticketflow.adapters.webhook_post import Answer, UndeliveredError, WebhookPost
from ticketflow.services.cancel_ticket import cancel_ticket
from ticketflow.services.deliver_webhook import (
    DeliveryLimits,
    claim_webhooks,
    deliver_webhook,
    prune_deliveries,
    sign,
)
from ticketflow.services.keys import create_key
from ticketflow.settings import Settings
from ticketflow.storage.models import Ticket
from ticketflow.storage.models.webhooks import WebhookDelivery, WebhookEndpoint
from ticketflow.storage.webhook_deliveries import DELETE_AT_ONCE, FAILING, RetryPolicy, measure_webhooks
from ticketflow.workflow.state import DEFAULT_TENANT

DAYS = timedelta(days=1)
LIMITS = DeliveryLimits(timedelta(seconds=5), RetryPolicy(3 * DAYS, 5 * DAYS), 30 * DAYS)
POST = WebhookPost(5, allow_private=True)


@pytest.fixture
def receiver():
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def served(new_database):
    with serve_one_database(new_database, settings=Settings(dispatcher=False, webhook_allow_private=True)) as served:
        yield served


@pytest.fixture
def api(served) -> Served:
    """Serve the module's database, without what earlier tests registered."""
    with served.sessions.begin() as session:
        session.execute(delete(WebhookDelivery))
        session.execute(delete(WebhookEndpoint))
    return served


@pytest.fixture
def sessions(api):
    return api.sessions


@pytest.fixture
def webhook(api, receiver) -> dict:
    """Register the receiver for everything."""
    answer = api.post("/webhooks", json={"url": receiver.url})
    assert answer.status_code == 201, answer.text
    return answer.json


@pytest.fixture
def tell(api, webhook):
    """Make something happen that the receiver is told of; return the delivery's id."""

    def happen() -> str:
        return api.post(f"/webhooks/{webhook['id']}/test").json["id"]

    return happen


@pytest.fixture
def work(sessions):
    """Send what is due; return how many there were."""

    def send(post=POST, limits=LIMITS, room=16, busy=None) -> int:
        claimed = claim_webhooks(sessions, limits, room, busy or {})
        for delivery in claimed:
            deliver_webhook(sessions, post, limits.policy, delivery)
        return len(claimed)

    return send


@pytest.fixture
def let_pass(sessions):
    """Let time pass as far as webhooks can tell."""

    def age(by=timedelta(hours=12)) -> None:
        with sessions.begin() as session:
            columns = ("next_attempt_at", "requested_at", "finished_at")
            moved = {name: getattr(WebhookDelivery, name) - by for name in columns}
            session.execute(update(WebhookDelivery).values(moved))
            columns = ("failing_since", "rests_until", "previous_secret_until")
            moved = {name: getattr(WebhookEndpoint, name) - by for name in columns}
            session.execute(update(WebhookEndpoint).values(moved))

    return age


def copy_deliveries(sessions, times: int) -> None:
    """Have each delivery so many times more."""
    columns = "tenant, endpoint_id, type, payload, status, next_attempt_at, finished_at"
    statement = f"""
        INSERT INTO webhook_deliveries (id, {columns})
        SELECT gen_random_uuid(), {columns} FROM webhook_deliveries, generate_series(1, :times)
    """
    with sessions.begin() as session:
        session.execute(text(statement), {"times": times})


def deliveries(api, webhook) -> list[dict]:
    return api.get(f"/webhooks/{webhook['id']}/deliveries").json["deliveries"]


def complete(api, ticket_id):
    api.finish(ticket_id)


def fail(api, ticket_id):
    api.fail(ticket_id)


def cancel(api, ticket_id):
    cancel_ticket(api.sessions, DEFAULT_TENANT, UUID(ticket_id))


def ask(api, ticket_id):
    api.propose(ticket_id)


MOVES = [
    (complete, "ticket.completed", "completed"),
    (fail, "ticket.failed", "failed"),
    (cancel, "ticket.cancelled", "cancelled"),
    (ask, "ticket.awaiting_approval", "awaiting_approval"),
]


@pytest.mark.parametrize(("move", "event", "status"), MOVES, ids=[event for _, event, _ in MOVES])
def test_a_move_writes_one_delivery_for_each_endpoint_that_wants_to_know(api, move, event, status):
    other = next(known for _, known, _ in MOVES if known != event)
    wanting = [api.post("/webhooks", json={"url": f"http://127.0.0.1/{n}", "events": [event]}).json for n in range(2)]
    deaf = api.post("/webhooks", json={"url": "http://127.0.0.1/deaf", "events": [other]}).json
    disabled, deleted = (api.post("/webhooks", json={"url": f"http://127.0.0.1/{n}"}).json for n in ("off", "gone"))
    api.patch(f"/webhooks/{disabled['id']}", json={"enabled": False})
    api.delete(f"/webhooks/{deleted['id']}")
    ticket = api.submit(external_id="T-1")

    move(api, ticket["id"])

    written = [delivery for each in wanting for delivery in deliveries(api, each)]
    assert [(each["type"], each["ticket_id"], each["status"]) for each in written] == [
        (event, ticket["id"], "pending")
    ] * 2
    assert written[0]["id"] != written[1]["id"]
    assert deliveries(api, deaf) == deliveries(api, disabled) == []
    assert api.count("webhook_deliveries") == 2
    with api.sessions() as session:
        payload = session.scalars(select(WebhookDelivery.payload)).first()
    now = api.get(f"/tickets/{ticket['id']}").json
    assert payload == {
        "ticket_id": ticket["id"],
        "external_id": "T-1",
        "status": status,
        "version": now["version"],
        "resolution": now["result"]["resolution"] if status == "completed" else None,
    }


def test_another_tenant_s_tickets_are_none_of_its_business(api, webhook):
    with api.sessions.begin() as session:
        session.execute(update(WebhookEndpoint).values(tenant="other"))

    api.finish(api.submit()["id"])

    assert api.count("webhook_deliveries") == 0


def test_a_ticket_that_ends_twice_is_told_of_twice_and_steps_are_not_told_of(api, webhook):
    ticket_id = api.submit()["id"]
    api.finish(ticket_id)
    api.post(f"/tickets/{ticket_id}/rewind", json={"step": "finalize"})
    api.finish(ticket_id)

    told = deliveries(api, webhook)

    assert [each["type"] for each in told] == ["ticket.completed"] * 2
    assert told[0]["id"] > told[1]["id"]


@pytest.mark.parametrize(("move", "status"), [(complete, "processing"), (cancel, "queued")])
def test_a_ticket_does_not_end_unless_its_delivery_is_written(api, webhook, move, status):
    ticket_id = api.submit()["id"]
    with api.sessions.begin() as session:
        session.execute(text("ALTER TABLE webhook_deliveries ADD CONSTRAINT never CHECK (type = 'never')"))

    with pytest.raises(IntegrityError):
        move(api, ticket_id)

    with api.sessions.begin() as session:
        session.execute(text("ALTER TABLE webhook_deliveries DROP CONSTRAINT never"))
    assert api.get(f"/tickets/{ticket_id}").json["status"] == status


def test_a_receiver_can_verify_what_it_gets_and_finds_the_request_in_it(api, webhook, receiver, work):
    ticket_id = api.submit(external_id="T-1")["id"]
    with api.sessions.begin() as session:
        session.execute(update(Ticket).where(Ticket.id == UUID(ticket_id)).values(request_id="req-7"))
    api.finish(ticket_id)

    work()

    (received,) = receiver.received
    (told,) = deliveries(api, webhook)
    assert received.is_signed_with(webhook["secret"])
    assert not received.is_signed_with("whsec_" + "A" * 44)
    assert (received.path, received.id) == ("/hooks", told["id"])
    assert received.headers["x-request-id"] == "req-7"
    assert received.headers["content-type"] == "application/json"
    assert received.message["type"] == "ticket.completed"
    assert received.message["timestamp"] == told["occurred_at"]
    assert received.message["data"] == {
        "ticket_id": ticket_id,
        "external_id": "T-1",
        "status": "completed",
        "resolution": "answered",
        "version": api.get(f"/tickets/{ticket_id}").json["version"],
        "links": {"ticket": f"/tickets/{ticket_id}", "events": f"/tickets/{ticket_id}/events"},
    }
    assert "password" not in received.body.decode().lower()
    assert (told["status"], told["attempts"], told["response_status"], told["error"]) == ("delivered", 1, 204, None)


def test_signatures_are_those_of_the_standard():
    # The example of the reference libraries.
    secret, message_id, body = (
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        b'{"test": 2432232314}',
    )

    assert sign(secret, message_id, 1614265330, body) == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_after_a_change_of_secret_both_are_good_for_a_day(api, webhook, receiver, tell, work, let_pass):
    changed = api.post(f"/webhooks/{webhook['id']}/rotate-secret").json
    tell()
    work()
    let_pass(DAYS)
    tell()
    work()

    first, second = receiver.received
    assert [each.is_signed_with(webhook["secret"]) for each in (first, second)] == [True, False]
    assert [each.is_signed_with(changed["secret"]) for each in (first, second)] == [True, True]


class Killed(BaseException):
    """Ends the sender between sending and writing it down, as a kill would."""


def test_what_was_sent_and_not_written_down_is_sent_again_under_the_same_id(
    api, webhook, receiver, tell, work, let_pass
):
    def die_after_sending(*request):
        POST(*request)
        raise Killed

    delivery_id = tell()
    with pytest.raises(Killed):
        work(post=die_after_sending)
    meanwhile = work()
    let_pass()
    again = work()

    assert (meanwhile, again) == (0, 1)
    assert [each.id for each in receiver.received] == [delivery_id] * 2
    assert receiver.received[0].body == receiver.received[1].body
    assert [(each["status"], each["attempts"]) for each in deliveries(api, webhook)] == [("delivered", 2)]


@pytest.mark.parametrize(
    ("status", "becomes"), [(199, "pending"), (200, "delivered"), (299, "delivered"), (300, "pending")]
)
def test_only_an_answer_of_the_two_hundreds_is_a_delivery(api, webhook, tell, work, status, becomes):
    tell()

    work(post=lambda *_: Answer(status))

    assert [(each["status"], each["response_status"]) for each in deliveries(api, webhook)] == [(becomes, status)]


def test_what_nobody_got_is_sent_again(api, webhook, tell, work):
    def refuse(*_):
        raise UndeliveredError("nobody there")

    tell()
    work(post=refuse)

    assert [(each["status"], each["error"]) for each in deliveries(api, webhook)] == [("pending", "nobody there")]


def test_who_reports_back_too_late_changes_nothing(api, webhook, sessions, tell, work, let_pass):
    tell()
    (slow,) = claim_webhooks(sessions, LIMITS, 16, {})
    let_pass()
    assert work() == 1

    def refuse(*_):
        raise UndeliveredError("too late")

    before = read("ticketflow_webhook_deliveries_total", outcome="delivered")
    deliver_webhook(sessions, refuse, LIMITS.policy, slow)
    deliver_webhook(sessions, lambda *_: Answer(204), LIMITS.policy, slow)

    assert [(each["status"], each["error"]) for each in deliveries(api, webhook)] == [("delivered", None)]
    assert read("ticketflow_webhook_deliveries_total", outcome="delivered") == before
    assert api.get(f"/webhooks/{webhook['id']}").json["failures"] == 0


def test_no_two_deliverers_ever_hold_the_same_delivery(api, webhook, sessions, tell):
    ids = {tell() for _ in range(24)}
    limits = DeliveryLimits(LIMITS.timeout, LIMITS.policy, LIMITS.keep_for, seats=5, share=5)
    start = threading.Barrier(4)

    def claim_all() -> list[UUID]:
        start.wait()
        claimed = []
        while found := claim_webhooks(sessions, limits, 5, {}):
            claimed += [each.id for each in found]
        return claimed

    with ThreadPoolExecutor(4) as pool:
        claimed = [each for done in [pool.submit(claim_all) for _ in range(4)] for each in done.result()]

    # One that met only rows the others were at has left early; what it left is still due.
    claimed += [each.id for _ in range(12) for each in claim_webhooks(sessions, limits, 5, {})]
    assert len(claimed) == len(set(claimed))
    assert {str(each) for each in claimed} == ids


def test_an_endpoint_that_is_down_and_up_again_gets_everything(api, webhook, receiver, tell, work, let_pass):
    receiver.answers = [500, 503, 500]
    ids = {tell(), tell(), tell()}

    sent = [work()]
    down = api.get(f"/webhooks/{webhook['id']}").json
    let_pass(timedelta(minutes=1))
    sent += [work(), work()]
    up = api.get(f"/webhooks/{webhook['id']}").json

    assert sent == [3, 1, 2]
    assert (down["failures"], down["failing_since"] is None) == (3, False)
    assert (up["failures"], up["failing_since"]) == (0, None)
    assert {each["id"]: each["status"] for each in deliveries(api, webhook)} == dict.fromkeys(ids, "delivered")
    assert {each.id for each in receiver.received} == ids


def test_an_endpoint_that_fails_is_tried_with_one_delivery_at_a_time_after_a_rest(
    webhook, receiver, tell, work, let_pass
):
    receiver.answers = [500] * 9
    for _ in range(5):
        tell()

    at_first, resting = work(room=2), work()
    let_pass(timedelta(minutes=10))
    rested = work()

    assert (at_first, resting, rested) == (2, 0, 1)


def test_an_endpoint_that_is_slow_leaves_seats_to_the_others(api, webhook, sessions, tell):
    other = api.post("/webhooks", json={"url": "http://127.0.0.1/other"}).json
    for _ in range(20):
        tell()
    api.post(f"/webhooks/{other['id']}/test")

    claimed = claim_webhooks(sessions, LIMITS, 16, {UUID(webhook["id"]): 3})

    assert [str(each.endpoint_id) for each in claimed].count(webhook["id"]) == LIMITS.share - 3
    assert [str(each.endpoint_id) for each in claimed].count(other["id"]) == 1


def test_the_wait_before_the_next_attempt_doubles_up_to_six_hours(sessions, receiver, tell, work, let_pass):
    tell()
    waits = []
    for _ in range(13):
        receiver.answers = [500]
        assert work() == 1
        with sessions() as session:
            waits.append(session.scalar(select(WebhookDelivery.next_attempt_at - func.now())).total_seconds())
        let_pass(timedelta(seconds=waits[-1] + 300))

    assert 4 <= waits[0] <= 6
    assert all(0.8 <= wait / (6 * 3600) <= 1.2 for wait in waits[-3:])
    assert waits[0] < waits[4] < waits[8]


def test_an_endpoint_may_ask_for_time(sessions, receiver, tell, work):
    receiver.answers = [(429, {"Retry-After": "900"})]
    tell()

    work()

    with sessions() as session:
        wait = session.scalar(select(WebhookDelivery.next_attempt_at - func.now()))
    assert timedelta(minutes=14) < wait <= timedelta(minutes=15)


def test_a_delivery_is_given_up_after_three_days_and_can_be_sent_again(api, webhook, receiver, tell, work, let_pass):
    receiver.answers = [500] * 2
    tell()
    before = count("failed"), count("retrying"), count("delivered")
    work()
    let_pass(3 * DAYS)
    work()
    (given_up,) = deliveries(api, webhook)
    again = api.post(f"/webhooks/{webhook['id']}/deliveries/{given_up['id']}/redeliver")
    work()

    assert (given_up["status"], given_up["response_status"]) == ("failed", 500)
    assert given_up["error"] == "the answer was 500, an error"
    assert (again.status_code, again.json["status"]) == (202, "pending")
    assert [each["status"] for each in deliveries(api, webhook)] == ["delivered"]
    assert len({each.id for each in receiver.received}) == 1
    assert (count("failed"), count("retrying"), count("delivered")) == tuple(n + 1 for n in before)


def test_what_is_being_sent_is_not_sent_at_the_same_time_again(api, webhook, sessions, tell):
    delivery_id = tell()
    claim_webhooks(sessions, LIMITS, 16, {})

    assert api.post(f"/webhooks/{webhook['id']}/deliveries/{delivery_id}/redeliver").status_code == 409


def test_an_endpoint_that_says_gone_is_disabled_at_once(api, webhook, receiver, tell, work):
    receiver.answers = [410]
    tell()

    work()
    api.finish(api.submit()["id"])

    shown = api.get(f"/webhooks/{webhook['id']}").json
    assert (shown["enabled"], shown["disabled_reason"], shown["version"]) == (False, "gone", 2)
    assert [(each["status"], each["response_status"]) for each in deliveries(api, webhook)] == [("failed", 410)]
    assert api.post(f"/webhooks/{webhook['id']}/test").status_code == 409


def test_an_endpoint_that_fails_for_days_is_disabled_and_loses_nothing_when_it_is_enabled(
    api, webhook, receiver, tell, work, let_pass
):
    receiver.answers = [500] * 2
    first = tell()
    work()
    let_pass(5 * DAYS)
    second = tell()
    work(room=1)
    disabled = api.get(f"/webhooks/{webhook['id']}").json
    let_pass()
    while_disabled = work()
    enabled = api.patch(f"/webhooks/{webhook['id']}", json={"enabled": True}).json
    work()

    assert (disabled["enabled"], disabled["disabled_reason"], while_disabled) == (False, "failing", 0)
    assert (enabled["enabled"], enabled["disabled_reason"], enabled["failures"]) == (True, None, 0)
    assert {each["id"]: each["status"] for each in deliveries(api, webhook)} == {first: "failed", second: "delivered"}


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_nothing_is_sent_into_our_own_network_unless_it_is_allowed(receiver, name):
    guarded = WebhookPost(5, allow_private=False)

    with pytest.raises(UndeliveredError, match=r"not a public address"):
        guarded(f"http://{name}:{receiver.server_port}/", {}, b"{}")

    assert receiver.received == []


@pytest.mark.parametrize(
    "url", ["http://xn--a.com/", "http://[::1", "http://a:b/", "http://shop.example/4111111111111111"]
)
def test_an_address_that_cannot_be_kept_is_refused_by_post_and_patch(api, webhook, url):
    added = api.post("/webhooks", json={"url": url})
    changed = api.patch(f"/webhooks/{webhook['id']}", json={"url": url})

    assert [answer.status_code for answer in (added, changed)] == [422, 422]
    assert added.content_type == "application/problem+json"
    assert "4111111111111111" not in added.text + changed.text


def test_a_card_number_in_a_description_is_starred(api):
    webhook = api.post("/webhooks", json={"url": "http://127.0.0.1/d", "description": "card 4111 1111 1111 1111"}).json
    changed = api.patch(f"/webhooks/{webhook['id']}", json={"description": "now 5500 0000 0000 0004"}).json

    assert webhook["description"] == "card **** **** **** 1111"
    assert changed["description"] == "now **** **** **** 0004"


def test_a_redirect_is_a_failure(api, webhook, receiver, tell, work):
    receiver.answers = [(302, {"Location": "/elsewhere"})]
    tell()

    work()

    assert len(receiver.received) == 1
    assert deliveries(api, webhook)[0]["error"] == "the answer was 302, a redirect, which is not followed"


def test_an_endpoint_that_does_not_answer_in_time_has_not_answered(receiver):
    silence = threading.Event()
    receiver.before_answer = silence.wait

    with pytest.raises(UndeliveredError, match=r"no answer within 0\.2 s"):
        WebhookPost(0.2, allow_private=True)(receiver.url, {}, b"{}")

    silence.set()


def test_nobody_there_is_said_in_one_line():
    with pytest.raises(UndeliveredError, match="Connection refused"):
        POST("http://127.0.0.1:1/", {}, b"{}")


def test_what_waits_and_what_fails_is_measured(api, webhook, receiver, tell, work, let_pass):
    receiver.answers = [500] * FAILING
    quiet = api.post("/webhooks", json={"url": "http://127.0.0.1:1/"}).json
    tell()
    let_pass(timedelta(minutes=2))
    late = measure(api)
    for _ in range(FAILING):
        assert work() == 1
        let_pass()
    failing = measure(api)
    api.patch(f"/webhooks/{webhook['id']}", json={"enabled": False})
    disabled = measure(api)

    assert quiet["enabled"]
    assert (late.pending, late.failing_endpoints, 115 < late.oldest_due_age_s < 200) == (1, 0, True)
    assert (failing.pending, failing.failing_endpoints, failing.oldest_due_age_s) == (1, 1, 0)
    assert (disabled.pending, disabled.failing_endpoints, disabled.oldest_due_age_s) == (0, 0, 0)


def test_old_deliveries_are_forgotten(api, webhook, sessions, tell, work, let_pass):
    tell()
    work()
    copy_deliveries(sessions, DELETE_AT_ONCE)
    let_pass(31 * DAYS)
    tell()
    work()
    waiting = tell()

    prune_deliveries(sessions, LIMITS.keep_for)

    assert [each["status"] for each in deliveries(api, webhook)] == ["pending", "delivered"]
    assert deliveries(api, webhook)[0]["id"] == waiting


def test_finished_deliveries_are_never_visited_to_find_due_ones(api, webhook, sessions):
    with sessions.begin() as session:
        session.execute(
            text("""
                INSERT INTO webhook_deliveries
                    (id, endpoint_id, type, payload, status, next_attempt_at, finished_at)
                SELECT gen_random_uuid(), :id, 'webhook.test', '{}', 'delivered', NULL, now()
                FROM generate_series(1, 5000)
            """),
            {"id": webhook["id"]},
        )
    with sessions.begin() as session:
        session.execute(text("ANALYZE webhook_deliveries"))
        due = "SELECT id FROM webhook_deliveries WHERE endpoint_id = :id AND next_attempt_at <= now() LIMIT 8"
        plan = json.dumps(session.execute(text(f"EXPLAIN (FORMAT JSON) {due}"), {"id": webhook["id"]}).scalar_one())
    assert "ix_webhook_deliveries_due" in plan


def test_a_key_of_another_tenant_finds_no_webhook(api, webhook, sessions):
    other = {"Authorization": f"Bearer {create_key(sessions, 'other', tenant='other')}"}

    assert api.get("/webhooks", headers=other).json == {"webhooks": []}
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/test"), ("GET", "/deliveries")):
        assert api.call(method, f"/webhooks/{webhook['id']}{path}", headers=other).status_code == 404


def measure(api):
    with api.sessions() as session:
        return measure_webhooks(session)


def count(outcome: str) -> float:
    return REGISTRY.get_sample_value("ticketflow_webhook_deliveries_total", {"outcome": outcome}) or 0.0
