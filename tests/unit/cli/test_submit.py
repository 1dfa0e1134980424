import time
from collections.abc import Callable

import httpx
import pytest

from ticketflow.cli.client import ApiClient, UnreachableError
from ticketflow.cli.entries import Entry
from ticketflow.cli.submit import Sending, post_all, prepare, wait_for_all, wait_for_one
from ticketflow.cli.terminal import progress_bar

GOOD = {"subject": "a", "body": "b"}


def client(answer: Callable[[httpx.Request], httpx.Response]) -> ApiClient:
    return ApiClient(httpx.Client(base_url="http://api.test", transport=httpx.MockTransport(answer)))


def accept(request: httpx.Request) -> httpx.Response:
    if request.url.path == "/healthz":
        return httpx.Response(200)
    if b"bad" in request.content:
        return httpx.Response(422, json={"title": "Wrong", "detail": "bad"})
    return httpx.Response(202, json={"id": request.headers["Idempotency-Key"], "status": "queued"})


def post(sendings: list[Sending], answer=accept) -> list[Sending]:
    with progress_bar(len(sendings)) as bar:
        post_all(client(answer), sendings, bar)
    return sendings


def test_one_bad_ticket_does_not_keep_the_others_out():
    entries = [
        Entry("line 1", GOOD),
        Entry("line 2", {"bad": 1}),
        Entry("line 3", None, "not JSON"),
        Entry("line 4", GOOD),
    ]

    sendings = post(prepare(entries, is_again=False))

    assert [(each.ticket is None, each.problem, each.has_failed) for each in sendings] == [
        (False, None, False),
        (True, "bad", True),
        (True, "not JSON", True),
        (False, None, False),
    ]


def test_a_ticket_of_half_a_character_is_its_own_problem():
    broken, good = post(prepare([Entry("line 1", {"subject": "\ud800"}), Entry("line 2", GOOD)], is_again=False))

    assert broken.problem == "not text: surrogates not allowed"
    assert good.ticket is not None


def test_again_makes_new_keys():
    entries = [Entry("line 1", GOOD)]

    first, same, new = (prepare(entries, is_again=again)[0].key for again in (False, False, True))

    assert first == same
    assert new.startswith(first)
    assert new != first


def test_an_api_that_goes_away_ends_it():
    def go_away(request: httpx.Request) -> httpx.Response:
        if b"last straw" in request.content:
            raise httpx.ConnectError("refused")
        return accept(request)

    sendings = prepare([Entry("line 1", GOOD), Entry("line 2", GOOD | {"body": "last straw"})], is_again=False)

    with pytest.raises(UnreachableError):
        post(sendings, go_away)

    assert sendings[1].ticket is None


def test_a_ticket_is_read_until_it_has_ended():
    statuses = iter(["queued", "processing", "completed"])

    def answer(request: httpx.Request) -> httpx.Response:
        assert float(request.url.params["wait"]) > 5
        return httpx.Response(200, json={"id": "1", "status": next(statuses)})

    ticket = wait_for_one(client(answer), {"id": "1", "status": "queued"}, time.monotonic() + 60)

    assert ticket["status"] == "completed"


@pytest.mark.parametrize(("status", "timeout_s"), [("awaiting_approval", 60), ("queued", 0)])
def test_waiting_ends_when_a_person_is_asked_or_time_is_up(status, timeout_s):
    answer = lambda _: httpx.Response(200, json={"id": "1", "status": status})  # noqa: E731
    sendings = [Sending("line 1", GOOD, "k", {"id": "1", "status": "queued"}), Sending("line 2", None, problem="bad")]

    with progress_bar(2) as bar:
        wait_for_all(client(answer), sendings, bar, timeout_s)

    assert sendings[0].ticket == {"id": "1", "status": status}
    assert sendings[1].problem == "bad"
