from pathlib import Path

import httpx
import pytest

from ticketflow.cli.client import ApiClient, BusyError, UnreachableError, find_base_url, find_key
from ticketflow.errors import ConfigurationError, ConflictError, InvalidInputError, NotFoundError, TicketFlowError
from ticketflow.settings import Settings

TICKET = {"subject": "a", "body": "b"}


class FakeApi:
    """Gives the answers it was told, in order, the last one for ever; an exception is raised instead."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, patience_s: float = 0) -> ApiClient:
        """Return a client whose pauses are noted instead of waited for."""
        self.pauses: list[float] = []
        http = httpx.Client(base_url="http://api.test", transport=httpx.MockTransport(self))
        return ApiClient(http, patience_s, self.pauses.append)


def problem(status: int, headers: dict[str, str] | None = None, **members) -> httpx.Response:
    media_type = {"Content-Type": "application/problem+json"}
    return httpx.Response(
        status, json={"title": "Wrong", "status": status, **members}, headers=media_type | (headers or {})
    )


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, InvalidInputError),
        (401, ConfigurationError),
        (404, NotFoundError),
        (409, ConflictError),
        (422, InvalidInputError),
        (429, BusyError),
        (500, TicketFlowError),
        (503, BusyError),
    ],
)
def test_a_problem_becomes_an_error_of_ours(status, expected):
    api = FakeApi(problem(status, detail="what is wrong"))

    with pytest.raises(expected, match="what is wrong") as caught:
        api.client().get_ticket("1")

    assert type(caught.value) is expected


def test_a_problem_names_each_field():
    fields = [{"field": "subject", "message": "too long"}, {"field": "$", "message": "odd"}]
    api = FakeApi(problem(422, detail="subject: too long", errors=fields))

    with pytest.raises(InvalidInputError, match=r"^subject: too long; \$: odd$"):
        api.client().open_ticket(TICKET, "k")


def test_an_error_that_is_no_problem_is_told_by_its_status():
    api = FakeApi(httpx.Response(500, text="<h1>Oops</h1>"))

    with pytest.raises(TicketFlowError, match="the API answered 500 Internal Server Error"):
        api.client().get_ticket("1")


def test_something_else_at_the_address_is_told():
    api = FakeApi(httpx.Response(200, text="<h1>It works</h1>"))

    with pytest.raises(ConfigurationError, match=r"http://api\.test/tickets/1 is not a Ticket Flow API"):
        api.client().get_ticket("1")


def test_an_api_that_is_not_there_is_told_at_once():
    api = FakeApi(httpx.ConnectError("refused"))

    with pytest.raises(UnreachableError, match=r"cannot reach http://api\.test; is `ticketflow up` running\?"):
        api.client(patience_s=60).require_reachable()

    assert len(api.requests) == 1


def test_patience_outlasts_an_api_that_is_away_then_busy():
    busy = problem(429, {"Retry-After": "7"})
    api = FakeApi(httpx.ConnectError("refused"), busy, problem(503), httpx.Response(202, json={"id": "1"}))

    answer = api.client(patience_s=60).open_ticket(TICKET, "k")

    assert answer == ({"id": "1"}, False)
    assert len(api.requests) == 4
    assert {request.headers["Idempotency-Key"] for request in api.requests} == {'"k"'}
    assert api.pauses[1] == 7


def test_a_first_request_still_running_is_waited_for():
    api = FakeApi(problem(409, {"Retry-After": "1"}), httpx.Response(202, json={"id": "1"}))

    assert api.client(patience_s=60).open_ticket(TICKET, "k") == ({"id": "1"}, False)


def test_patience_ends():
    api = FakeApi(problem(503, {"Retry-After": "61"}, detail="the database does not answer"))

    with pytest.raises(BusyError, match="the database does not answer"):
        api.client(patience_s=60).open_ticket(TICKET, "k")

    assert api.pauses == []


def test_a_replayed_answer_is_told_apart():
    api = FakeApi(httpx.Response(202, json={"id": "1"}, headers={"Idempotency-Replayed": "true"}))

    assert api.client().open_ticket(TICKET, "k") == ({"id": "1"}, True)


def test_all_pages_of_a_trail_are_read():
    pages = [{"events": [{"id": 3}, {"id": 5}]}, {"events": [{"id": 9}]}, {"events": []}]
    api = FakeApi(*(httpx.Response(200, json=page) for page in pages))

    events = api.client().list_events("1")

    assert [event["id"] for event in events] == [3, 5, 9]
    assert [request.url.params["after"] for request in api.requests] == ["0", "5", "9"]


def test_a_stream_gives_events_and_skips_comments():
    stream = 'retry: 500\n\n: still there\n\nid: 7\nevent: step.started\ndata: {"id": 7}\n\nid: 8\ndata: {"id": 8}\n\n'
    api = FakeApi(httpx.Response(200, text=stream))

    assert list(api.client().stream_events("1", after=6)) == [{"id": 7}, {"id": 8}]
    assert api.requests[0].headers["Last-Event-ID"] == "6"


def test_a_stream_that_breaks_ends():
    api = FakeApi(httpx.ReadError("reset"))

    assert list(api.client().stream_events("1")) == []


def test_a_stream_of_no_ticket_is_an_error():
    api = FakeApi(problem(404, detail="no ticket 1"))

    with pytest.raises(NotFoundError, match="no ticket 1"):
        list(api.client().stream_events("1"))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "http://127.0.0.1:8080"),
        ({"host": "0.0.0.0", "port": 81}, "http://127.0.0.1:81"),  # noqa: S104
        ({"host": "::1"}, "http://[::1]:8080"),
        ({"api_url": "https://tickets.example/"}, "https://tickets.example"),
    ],
)
def test_the_api_is_where_settings_say(settings, expected):
    assert find_base_url(Settings(**settings)) == expected


def test_an_address_without_a_scheme_is_refused():
    with pytest.raises(ConfigurationError, match="TICKETFLOW_API_URL"):
        find_base_url(Settings(api_url="tickets.example"))


def test_the_key_kept_on_this_machine_is_not_shown_elsewhere(tmp_path: Path):
    (tmp_path / "cli.key").write_text("tf_a_b\n")

    assert find_key(Settings(data_dir=tmp_path)) == "tf_a_b"
    assert find_key(Settings(data_dir=tmp_path, api_url="http://127.0.0.1:8080/")) == "tf_a_b"
    assert find_key(Settings(data_dir=tmp_path, api_url="https://tickets.example")) is None
    assert find_key(Settings(data_dir=tmp_path / "none")) is None
    assert find_key(Settings(data_dir=tmp_path, api_key="tf_c_d", api_url="https://tickets.example")) == "tf_c_d"
