"""Steps that take longer than their servers stay: nobody dies of it."""

import json
import threading

import psycopg
import pytest

from tests.chaos.checker import check
from tests.chaos.history import read_history
from tests.chaos.run import IS_FULL
from tests.chaos.site import STEPS, VHOST, Setup, Site
from tests.chaos.submit import submit_directly
from tests.harness.wait import wait_until
from ticketflow.workflow.policy import MAX_DEATHS

# All six steps and as many outages in `make chaos`; one is what the test suite has time for.
SLOW = {} if IS_FULL else {"CHAOS_SLOW_STEPS": "1"}
OUTAGES = MAX_DEATHS if IS_FULL else 1
CLOSED_EVERY_S = 2.5 if IS_FULL else 1.5


def count_executions(site: Site, step: str) -> int:
    return sum(line["what"] == "executing" and line["step"] == step for line in read_history(site.history_path))


def read_deaths(site: Site) -> int:
    """Count the deaths that any ticket was ever said to have had."""
    with psycopg.connect(site.database_url.replace("+psycopg", ""), autocommit=True) as connection:
        errors = connection.execute("SELECT error FROM tickets WHERE error IS NOT NULL").fetchall()
        deaths = connection.execute("SELECT coalesce(max(deaths), 0) FROM tickets").fetchone()
    return sum("WorkerDied" in json.dumps(error) for (error,) in errors) + deaths[0]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_lost_broker_connection_is_nobodys_death(pool, new_site):
    setup = Setup(workers={"one": pool, "two": pool}, step_s=8, env={"TICKETFLOW_LEASE_S": "3", **SLOW})
    with new_site(setup).running() as site:
        submit_directly(site, 8)
        wait_until(lambda: count_executions(site, STEPS[0]) >= 8, 60, "all are being thought about")
        for _ in range(MAX_DEATHS + 1):
            site.servers.rabbitmq.close_all_connections(VHOST)
            threading.Event().wait(CLOSED_EVERY_S)  # a fault lasts
        site.wait_until_quiet(200)
        report = check(site.history_path, site.database_url)
        deaths = read_deaths(site)

    assert report.problems == []
    assert deaths == 0


@pytest.mark.timeout(600)
def test_an_outage_of_the_database_is_nobodys_death(new_site):
    with new_site(Setup(step_s=5, env={"TICKETFLOW_LEASE_S": "6", **SLOW})).running() as site:
        submit_directly(site, 1)
        for step in STEPS[:OUTAGES]:
            wait_until(lambda step=step: count_executions(site, step), 90, f"{step} has begun")
            site.servers.postgres.kill()
            threading.Event().wait(11)  # longer than the step thinks, and than its lease lasts
            site.servers.postgres.start()
        site.wait_until_quiet(200)
        report = check(site.history_path, site.database_url)
        deaths, begun = read_deaths(site), [count_executions(site, step) for step in STEPS[:OUTAGES]]

    assert report.problems == []
    assert (deaths, begun) == (0, [1] * OUTAGES)  # the outages cost nothing but time
