"""Steps that take longer than the broker stays: they go on, for a lost connection is no death."""

import pytest

from tests.chaos.checker import check
from tests.chaos.history import read_history
from tests.chaos.site import API, STEPS, VHOST, Setup, Site
from tests.chaos.submit import submit_directly
from tests.harness.wait import wait_until
from ticketflow.workflow.policy import MAX_DEATHS


@pytest.mark.timeout(180)
@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_step_runs_on_and_takes_effect_however_often_the_broker_is_lost_meanwhile(pool, new_site, tmp_path):
    is_enough = tmp_path / "enough"
    env = {"CHAOS_THINK_UNTIL": str(is_enough), "TICKETFLOW_LEASE_S": "15"}
    with new_site(Setup(workers={"one": pool}, step_s=0, env=env)).prepared() as site:
        site.start(API)
        site.start("one")
        submit_directly(site, 1)
        for times in range(1, MAX_DEATHS + 1):
            wait_until(
                lambda times=times: count_deliveries(site) >= times, 60, f"the message was delivered {times} times"
            )
            site.servers.rabbitmq.close_all_connections(VHOST)
        is_enough.touch()
        site.wait_until_quiet(60)
        report = check(site.history_path, site.database_url)

    assert report.problems == []
    # Whoever had the message first, and the one that took over.
    assert count_executions(site, STEPS[0]) == 2


def count_deliveries(site: Site) -> int:
    """Count how often the first step's message led to an execution or was refused."""
    return count_executions(site, STEPS[0]) + site.programs["one"].read_log().count("step.refused")


def count_executions(site: Site, step: str) -> int:
    lines = read_history(site.history_path)
    return sum(line["what"] == "executing" and line["step"] == step for line in lines)
