"""A checker that nothing can displease proves nothing: here each safeguard is off in turn."""

import psycopg
import pytest

from tests.chaos import bare
from tests.chaos.checker import Report, check
from tests.chaos.faults import CloseConnections, KillPoolChild, Pause, PurgeQueues
from tests.chaos.run import strike
from tests.chaos.schedule import Planned
from tests.chaos.site import LONG_QUEUES, Setup, Site
from tests.chaos.submit import submit_directly
from tests.harness.wait import wait_until

PAUSES = [Planned(1.5, Pause("one"), 10)]  # ten leases, and long enough for the other to be done with its own
PURGES = [Planned(0.7, PurgeQueues(), 0)] * 4
KILLS = [Planned(0.4, KillPoolChild(name), 0) for name in ("bare-one", "bare-two")] * 3
KILLS_AND_CLOSURES = [*KILLS, Planned(0.6, CloseConnections(), 0), *KILLS[:2], Planned(0.6, CloseConnections(), 0)]
# The ledger's key is the last of the fences: without it a second effect shows instead of failing.
DROP_KEY = "ALTER TABLE ticket_steps DROP CONSTRAINT pk_ticket_steps"
IS_SETTLED = """
    SELECT NOT EXISTS (SELECT FROM tickets WHERE status IN ('queued', 'processing')
                       AND (greatest(wake_at, lease_until) > now() - interval '3 s' OR lease_token IS NOT NULL))
"""


def ask(site: Site, question: str):
    with psycopg.connect(site.database_url.replace("+psycopg", ""), autocommit=True) as connection:
        cursor = connection.execute(question)
        return cursor.fetchone()[0] if cursor.description else None


def suffer(site: Site, schedule: list[Planned]) -> Report:
    """Let the faults come, wait until nothing moves any more, and judge."""
    for planned in schedule:
        strike(site, planned)
    wait_until(lambda: ask(site, IS_SETTLED) and site.count_waiting() == 0, 90, "nothing moves any more")
    return check(site.history_path, site.database_url)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("control", "is_safe"), [("no-fence", False), (None, True)])
def test_two_holders_of_one_ticket_take_effect_twice_only_without_fences(control, is_safe, new_site):
    with new_site(Setup(step_s=0.3, control=control)).running() as site:
        ask(site, DROP_KEY)
        submit_directly(site, 24)
        report = suffer(site, PAUSES)

    assert (report.doubled == []) is is_safe, report.problems
    assert report.figures.executions > report.figures.effects or not is_safe, "there never were two holders"


@pytest.mark.timeout(600)
def test_tickets_whose_messages_vanish_are_lost_without_redispatch(new_site):
    with new_site(Setup(step_s=0.1, control="no-redispatch", env=LONG_QUEUES)).running() as site:
        submit_directly(site, 120)
        report = suffer(site, PURGES)

    assert report.figures.purged > 0
    assert report.lost


@pytest.mark.timeout(600)
def test_a_bare_celery_chain_does_not_keep_the_promise(new_site):
    workers = dict.fromkeys(("bare-one", "bare-two"), "prefork")
    setup = Setup(workers=workers, step_s=0.3, app="tests.chaos.bare", queues="bare.")
    with new_site(setup).prepared() as site:
        ask(site, DROP_KEY)
        for name in workers:
            site.start(name)
        for name in workers:
            site.programs[name].wait_for_log("ready.")
        for ticket in submit_directly(site, 120):
            bare.publish(site.broker_url, ticket)
        report = suffer(site, KILLS_AND_CLOSURES)

    assert report.lost, report
    assert report.doubled, report
