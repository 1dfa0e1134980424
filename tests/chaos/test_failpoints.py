import json
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import get_args

import httpx
import psycopg
import pytest

from tests.chaos.checker import check
from tests.chaos.feeder import send
from tests.chaos.site import API, Setup, Site
from tests.chaos.submit import submit_directly
from tests.harness.processes import RunningProgram
from tests.harness.wait import wait_until
from tests.receiver import receiving
from ticketflow.services.webhooks import create_webhook
from ticketflow.settings import Failpoint
from ticketflow.storage.session import build_engine, build_session_factory
from ticketflow.storage.webhooks import NewEndpoint
from ticketflow.workflow.state import DEFAULT_TENANT

TICKETS = 6
NEW = {"subject": "Password", "body": "How do I reset my password?"}


def killing(point: str) -> dict[str, str]:
    return {"TICKETFLOW_FAILPOINTS": json.dumps({point: "kill"})}


@contextmanager
def successor(site: Site, env: Mapping[str, str] | None = None) -> Iterator[None]:
    """Load a worker that begins to work after the block."""
    gate = site.folder / "gate"
    site.start("clean", {"CHAOS_GATE": str(gate), **(env or {})})
    yield
    gate.touch()


def wait_until_killed(site: Site, doomed: RunningProgram) -> None:
    wait_until(lambda: not doomed.is_running(), 40, "the worker is dead")
    assert doomed.popen.returncode == -signal.SIGKILL, doomed.read_log()[-2000:]
    site.record_killed([doomed.pid])


def die_at_work(site: Site, point: str) -> None:
    submit_directly(site, TICKETS)
    with successor(site):
        wait_until_killed(site, site.start("doomed", killing(point)))


def die_without_a_broker_that_listens(site: Site, point: str) -> None:
    doomed = site.start("doomed", killing(point))
    doomed.wait_for_log("ready.")
    with successor(site):
        site.servers.rabbitmq.set_memory_alarm(is_on=True)
        try:
            submit_directly(site, TICKETS)
            wait_until_killed(site, doomed)
        finally:
            site.servers.rabbitmq.set_memory_alarm(is_on=False)


def die_before_the_answer(site: Site, point: str) -> None:
    api = site.start(API, killing(point))
    headers = {"Authorization": f"Bearer {site.key}"}
    url = f"http://127.0.0.1:{site.port}"
    with successor(site), httpx.Client(base_url=url, headers=headers, timeout=30) as client:
        assert send(client, NEW, "the-same") is None
        api.wait_for_log("SIGKILL")
        api.kill()
        site.start(API)
        ticket = send(client, NEW, "the-same")
    assert ticket
    site.history.record("accepted", ticket=ticket)
    with psycopg.connect(site.database_url.replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT array_agg(id::text) FROM tickets").fetchone() == ([ticket],)


def die_after_a_decision(site: Site, point: str) -> None:
    site.start("clean", {"CHAOS_APPROVAL": "always"})
    api = site.start(API, killing(point))
    headers = {"Authorization": f"Bearer {site.key}"}
    url = f"http://127.0.0.1:{site.port}"
    with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
        for number, ticket in enumerate(submit_directly(site, TICKETS)):
            path = f"/tickets/{ticket}"
            wait_until(lambda path=path: client.get(path).json()["status"] == "awaiting_approval", 60, "it waits")
            seen = {"If-Match": client.get(path).headers["ETag"], "Idempotency-Key": ticket}
            decision = {"json": {"action": "accept"}, "headers": seen}
            if number == 0:
                with pytest.raises(httpx.TransportError):
                    client.post(f"{path}/approval", **decision)
                api.wait_for_log("SIGKILL")
                api.kill()
                site.start(API)
            assert client.post(f"{path}/approval", **decision).status_code == 202


def die_after_a_webhook(site: Site, point: str) -> None:
    env = {"TICKETFLOW_WEBHOOK_ALLOW_PRIVATE": "true", "TICKETFLOW_WEBHOOK_TIMEOUT_S": "1"}
    with receiving() as receiver:
        register(site, receiver.url)
        submit_directly(site, TICKETS)
        with successor(site, env):
            wait_until_killed(site, site.start("doomed", killing(point) | env))
            doubtful = {each.id for each in receiver.received}
        wait_until(lambda: len(receiver.received) >= TICKETS + len(doubtful), 60, "the rest is told, and this again")
    ids = [each.id for each in receiver.received]
    assert doubtful
    assert len(set(ids)) == TICKETS
    assert all(ids.count(each) == 2 for each in doubtful)


def register(site: Site, url: str) -> None:
    """Have a receiver told of tickets that are completed."""
    engine = build_engine(site.database_url)
    new = NewEndpoint(url, ["ticket.completed"])
    create_webhook(build_session_factory(engine), DEFAULT_TENANT, new, allow_private=True)
    engine.dispose()


SCENARIOS = {
    "decide.after": die_after_a_decision,
    "release.before": die_without_a_broker_that_listens,
    "submit.after": die_before_the_answer,
    "webhook.after": die_after_a_webhook,
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("point", get_args(Failpoint))
def test_nothing_is_lost_and_nothing_happens_twice_when_a_process_is_killed_at(point, new_site):
    with new_site(Setup(workers={}, step_s=0)).prepared() as site:
        SCENARIOS.get(point, die_at_work)(site, point)
        site.wait_until_quiet(90)
        report = check(site.history_path, site.database_url)

    assert report.problems == []
    assert report.figures.effects == report.figures.accepted * 6
