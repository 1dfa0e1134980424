"""Nobody gets in without a key, and nobody sees another tenant's tickets."""

import pytest

from tests.served import TICKET, Served
from ticketflow.services.keys import create_key, end_key
from ticketflow.settings import Settings
from ticketflow.workflow.state import DEFAULT_TENANT

WRONG = [
    None,
    "",
    "Bearer",
    "Bearer tf_000000000000_wrong",
    "Bearer tf_\x00",
    "Bearer tf_a_é",
    "Basic dGY6dGY=",
    "tf_000000000000_wrong",
]
# With a good key behind them.
SCHEMES = ["Basic", "Digest", "Token", "BearerToken", ""]


def test_missing_wrong_and_revoked_keys_are_refused_alike_and_store_nothing(api):
    revoked = create_key(api.sessions, "gone", DEFAULT_TENANT)
    end_key(api.sessions, revoked.split("_")[1], DEFAULT_TENANT)
    close = api.key[:-1] + ("A" if api.key[-1] != "A" else "B")
    with api.app.test_client() as client:
        answers = [
            client.post("/tickets", json=TICKET, headers={"Authorization": sent} if sent is not None else {})
            for sent in [*WRONG, f"Bearer {revoked}", f"Bearer {close}"]
        ]

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.data for answer in answers}) == 1
    assert {answer.headers["WWW-Authenticate"] for answer in answers} == {"Bearer"}
    assert {answer.mimetype for answer in answers} == {"application/problem+json"}
    assert api.count("tickets") == 0


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_good_key_under_another_scheme_is_refused(empty, scheme):
    answer = empty.get("/tickets", headers={"Authorization": f"{scheme} {empty.key}".strip()})

    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/tickets"),
        ("GET", "/tickets"),
        ("GET", "/tickets/018f6f2e-0000-7000-8000-000000000001"),
        ("GET", "/tickets/018f6f2e-0000-7000-8000-000000000001/events"),
        ("GET", "/tickets/018f6f2e-0000-7000-8000-000000000001/steps"),
        ("POST", "/articles"),
        ("GET", "/articles"),
        ("GET", "/articles/search?q=x"),
        ("PUT", "/articles/018f6f2e-0000-7000-8000-000000000001"),
        ("DELETE", "/articles/018f6f2e-0000-7000-8000-000000000001"),
    ],
)
def test_a_key_is_asked_for_before_anything_is_read(empty, method, path):
    answer = empty.call(method, path, headers={"Authorization": ""}, data="not json")

    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/openapi.json", "/docs", "/docs/swagger-ui.css"])
def test_no_key_is_needed_for(empty, path):
    assert empty.get(path, headers={"Authorization": ""}).status_code == 200


def test_the_scheme_is_read_in_any_case(empty):
    assert empty.get("/tickets", headers={"Authorization": f"bearer {empty.key}"}).status_code == 200


def test_without_auth_anybody_is_the_default_tenant(sessions):
    api = Served(sessions, settings=Settings(auth=False))

    answer = api.post("/tickets", json=TICKET, headers={"Authorization": ""})

    assert (answer.status_code, len(api.get("/tickets").json["tickets"])) == (202, 1)


def test_a_tenant_sees_its_own_things_only(api):
    ticket = api.submit()
    article = api.post("/articles", json={"title": "T", "body": "B"}).headers["Location"]
    other = {"Authorization": f"Bearer {create_key(api.sessions, 'other', 'acme')}"}

    paths = [f"/tickets/{ticket['id']}", f"/tickets/{ticket['id']}/events", f"/tickets/{ticket['id']}/steps", article]
    assert [api.get(path, headers=other).status_code for path in paths] == [404] * 4
    assert api.get("/tickets", headers=other).json == {"tickets": []}
    assert api.get("/articles", headers=other).json == {"articles": []}
    api.get("/articles/search?q=x", headers=other)
    assert api.searched == ["acme"]
