"""Texts made to be slow, as tickets, articles and searches under a running site with the real engine."""

import json

import httpx
import pytest

from tests.chaos.ordinary import unharmed
from tests.chaos.run import IS_FULL
from tests.chaos.site import API, READY, Setup, Site
from tests.harness.wait import wait_until
from tests.hostile.shapes import SHAPES, build_text

TICKET, ARTICLE, PAGE, QUERY = 100_000, 20_000, 200_000, 1_000  # characters: the API's limits, but for articles as such
LEASES = {"TICKETFLOW_LEASE_S": "30"}  # the same for all: who grants long ones looks odd to who grants short ones
STEP = 1 if IS_FULL else 12
QUIET_S = 1800.0 if IS_FULL else 150.0
JSON = {"Content-Type": "application/json"}
# What no database can hold, pages without a word, and escapes that make a megabyte of them.
REFUSED = {httpx.codes.UNPROCESSABLE_ENTITY, httpx.codes.REQUEST_ENTITY_TOO_LARGE}
TAKEN = {httpx.codes.ACCEPTED, httpx.codes.CREATED, httpx.codes.OK}


@pytest.mark.timeout(4000 if IS_FULL else 600)
def test_ordinary_tickets_are_as_quick_after_hostile_texts_as_before(new_site):
    with new_site(Setup(app="ticketflow.tasks")).prepared() as site:
        for name in (API, *site.setup.workers):
            site.start(name, LEASES)
        for name in site.setup.workers:
            site.programs[name].wait_for_log(READY)
        with unharmed("hostile texts", site):
            statuses = attack(site, list(SHAPES)[::STEP])
            wait_until(lambda: site.count_open() == 0, QUIET_S, lambda: f"all ended; {site.count_open()} have not")
        failed = site.list_failed()

    assert statuses <= TAKEN | REFUSED
    assert statuses >= TAKEN
    assert failed == set()


def attack(site: Site, shapes: list[str]) -> set[int]:
    """Send each shape in every way there is; return how the API answered."""
    headers = {"Authorization": f"Bearer {site.key}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{site.port}", headers=headers, timeout=60) as client:
        return {status for shape in shapes for status in send_shape(client, shape)}


def send_shape(client: httpx.Client, shape: str) -> list[int]:
    """Send one shape as a ticket, as an article, as a page and as a search."""
    page = (
        {"title": "A page", "body": build_text(shape, PAGE), "format": "html"} if "<" in build_text(shape, 99) else None
    )
    posts = [
        ("/tickets", {"subject": build_text(shape, 300), "body": build_text(shape, TICKET)}),
        ("/tickets", {"subject": "Where is my parcel?", "body": build_text(shape, TICKET)}),
        ("/articles", {"title": "An article", "body": build_text(shape, ARTICLE)}),
        *([("/articles", page)] if page else []),
    ]
    return [
        *(client.post(path, content=json.dumps(body), headers=JSON).status_code for path, body in posts),
        client.get(
            "/articles/search", params={"q": build_text(shape, QUERY).encode("utf-8", "replace").decode()}
        ).status_code,
    ]
