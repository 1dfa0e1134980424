"""Machines are lost under load, and nothing else is. The name keeps it out of `make test`; `make ha` names it."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.exc import OperationalError

from tests.chaos.checker import check
from tests.chaos.run import SEED, TICKETS, Run, pace, publish_figures, run
from tests.chaos.schedule import Planned
from tests.chaos.site import Servers, Setup, Site
from tests.chaos.submit import submit_directly
from tests.ha.faults import LoseNode, LosePrimary, Loss
from tests.ha.pauses import publish_pauses
from tests.harness.postgres import Postgres, PostgresPair
from tests.harness.rabbitmq import RabbitMQ, RabbitMQCluster
from tests.harness.wait import wait_until

# How long nodes wait for one that is silent. RabbitMQ's own 60 s would only make the drill longer.
QUICK = "net_ticktime = 8"
PAUSE_S = 6
LASTS_S = 30
WAITS_FOR_STANDBY = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


def judge(site: Site, name: str, schedule: list[Planned]) -> Run:
    """Run it, publish what it cost, and return what came of it."""
    with site.running():
        done = run(site, schedule)
    publish_figures(name, done, SEED)
    publish_pauses(name, site.history_path)
    return done


@pytest.mark.timeout(1200)
def test_nothing_is_lost_and_nothing_is_done_twice_while_nodes_of_the_broker_are_lost(machines, folder, tmp_path):
    with RabbitMQCluster(folder / "mq", machines[:3], QUICK) as cluster, Postgres(folder / "db") as postgres:
        servers = Servers(postgres, cluster)
        servers.prepare()
        schedule = [Planned(PAUSE_S, LoseNode(cluster, how), LASTS_S) for how in Loss]
        done = judge(Site(servers, tmp_path, set_up(schedule)), "broker nodes", schedule)

    assert done.report.problems == []
    assert done.report.figures.accepted == TICKETS
    assert not done.stray_letters


@pytest.mark.timeout(1200)
def test_nothing_is_lost_and_nothing_is_done_twice_while_the_database_changes_over(machines, folder, tmp_path):
    with RabbitMQ(folder / "mq") as rabbitmq, PostgresPair(folder / "db", machines[3:]) as pair:
        servers = Servers(pair, rabbitmq)
        servers.prepare()
        schedule = [Planned(PAUSE_S, LosePrimary(pair, how), LASTS_S) for how in Loss]
        done = judge(Site(servers, tmp_path, set_up(schedule)), "database", schedule)

    assert done.report.problems == []
    assert done.report.figures.accepted == TICKETS


@pytest.mark.timeout(300)
@pytest.mark.parametrize("is_synchronous", [True, False])
def test_a_standby_that_was_behind_has_every_accepted_ticket_only_if_commits_waited_for_it(
    is_synchronous, machines, folder, tmp_path
):
    """Without waiting, what the standby has not heard of is lost with the primary: this is the control."""
    with (
        RabbitMQ(folder / "mq") as rabbitmq,
        PostgresPair(folder / "db", machines[3:], is_synchronous=is_synchronous) as pair,
    ):
        servers = Servers(pair, rabbitmq)
        servers.prepare()
        with Site(servers, tmp_path, Setup(step_s=0)).prepared() as site:
            submit_directly(site, 10)
            lose_with_a_standby_that_is_behind(site, pair, is_synchronous=is_synchronous)
            site.start("one")
            site.wait_until_quiet(90)
            report = check(site.history_path, site.database_url)

    assert len(report.lost) == (0 if is_synchronous else 10)
    assert report.doubled == []
    assert report.figures.accepted == (10 if is_synchronous else 20)


def lose_with_a_standby_that_is_behind(site: Site, pair: PostgresPair, *, is_synchronous: bool) -> None:
    """Cut the standby off, let tickets come in, lose the primary, and promote the standby."""
    pair.standby.machine.unplug()
    with ThreadPoolExecutor(1) as caller:
        submitting = caller.submit(submit_directly, site, 10)
        if is_synchronous:
            wait_until(lambda: pair.primary.ask(WAITS_FOR_STANDBY), 30, "a commit waits for the standby")
        else:
            submitting.result(60)
        pair.primary.kill()
        if is_synchronous:
            with pytest.raises(OperationalError):
                submitting.result(60)
    pair.standby.machine.plug()
    pair.promote()


def set_up(schedule: list[Planned]) -> Setup:
    return Setup(step_s=pace(schedule, TICKETS, 8))
