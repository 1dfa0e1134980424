"""Machines are lost under load, and nothing else is. The name keeps it out of `make test`; `make ha` names it."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.exc import OperationalError

from tests.chaos.checker import check
from tests.chaos.run import SEED, TICKETS, Run, pace, publish_figures, run
from tests.chaos.schedule import Planned
from tests.chaos.site import Servers, Setup, Site
from tests.chaos.submit import submit_directly
from tests.ha.faults import COUNT_WAITING, LoseNode, LosePrimary, Loss
from tests.ha.pauses import publish_pauses
from tests.harness.postgres import Postgres, PostgresPair
from tests.harness.rabbitmq import RabbitMQ, RabbitMQCluster
from tests.harness.wait import wait_until

# As docs/how-to/high-availability.md has it.
QUICK = "net_ticktime = 8"
PAUSE_S = 6
LASTS_S = 30
COUNT_BACKUPS = "SELECT count(*) FROM pg_stat_replication WHERE application_name = 'pg_basebackup'"
IS_CAUGHT_UP = "SELECT bool_and(replay_lsn = pg_current_wal_lsn()) FROM pg_stat_replication"


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


@pytest.mark.timeout(600)
@pytest.mark.parametrize("is_synchronous", [True, False])
@pytest.mark.parametrize("is_frozen", [True, False], ids=["primary-comes-back", "standby-is-behind"])
def test_accepted_tickets_are_lost_with_the_primary_only_if_commits_did_not_wait_for_the_standby(
    is_frozen, is_synchronous, machines, folder, tmp_path
):
    """Without waiting, what the standby has not heard of is lost: this is the control."""
    with (
        RabbitMQ(folder / "mq") as rabbitmq,
        PostgresPair(folder / "db", machines[3:], is_synchronous=is_synchronous) as pair,
    ):
        servers = Servers(pair, rabbitmq)
        servers.prepare()
        with Site(servers, tmp_path, Setup(step_s=0)).prepared() as site:
            submit_directly(site, 10)
            wait_until(lambda: pair.primary.ask(IS_CAUGHT_UP), 30, "the standby has them")
            lose = lose_and_find_again if is_frozen else lose_with_a_standby_that_is_behind
            lose(site, pair, is_synchronous=is_synchronous)
            site.start("one")
            site.wait_until_quiet(90)
            report = check(site.history_path, site.database_url)

    assert len(report.lost) == (0 if is_synchronous else 10)
    assert report.doubled == []
    assert report.figures.accepted == (10 if is_synchronous else 20)


def lose_with_a_standby_that_is_behind(site: Site, pair: PostgresPair, *, is_synchronous: bool) -> None:
    """Cut the standby off, let tickets come in, lose the primary, and promote the standby."""
    pair.standby.machine.unplug()
    submit_and_kill(site, pair.primary, is_synchronous=is_synchronous)
    pair.standby.machine.plug()
    pair.promote()


def lose_and_find_again(site: Site, pair: PostgresPair, *, is_synchronous: bool) -> None:
    """Freeze the primary, promote the standby, and let tickets come in where the old one goes on as if in charge."""
    pair.primary.program.pause()
    pair.promote()
    pair.standby.program.resume()
    submit_and_kill(site, pair.standby, is_synchronous=is_synchronous)


def submit_and_kill(site: Site, server: Postgres, *, is_synchronous: bool) -> None:
    """Submit tickets to a server that no standby follows, and kill it when they are in, or one of them waits."""
    with ThreadPoolExecutor(1) as caller:
        submitting = caller.submit(submit_directly, site, 10, database_url=server.build_url(site.database))
        if is_synchronous:
            wait_until(lambda: server.ask(COUNT_WAITING), 30, "a commit waits for the standby")
        else:
            submitting.result(60)
        server.kill()
        if is_synchronous:
            with pytest.raises(OperationalError):
                submitting.result(60)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("is_named", [True, False])
def test_a_base_backup_under_way_stands_in_for_the_standby_only_if_any_name_will_do(is_named, machines, folder):
    """It says what it has written at the end of each segment of the log: to ``*`` that is as good as a standby."""
    with PostgresPair(folder / "db", machines[3:]) as pair, ThreadPoolExecutor(1) as caller:
        pair.execute("CREATE TABLE notes (at timestamptz)")
        pair.wait_for("db2" if is_named else "*")
        pair.standby.machine.unplug()
        with Postgres(folder / "backup").start_copy(pair.primary, "-X", "stream", "-r", "32k", "-s", "1"):
            wait_until(lambda: pair.primary.ask(COUNT_BACKUPS), 30, "the backup takes the log along")
            writing = caller.submit(pair.execute, "INSERT INTO notes VALUES (now())")
            wait_until(lambda: pair.primary.ask(COUNT_WAITING), 30, "the commit waits")
            end_segment(pair.primary)
            if not is_named:
                writing.result(30)
            is_waiting = pair.primary.ask(COUNT_WAITING) == 1
            pair.primary.kill()
        pair.standby.machine.plug()

    assert is_waiting is is_named


def end_segment(primary: Postgres) -> None:
    """End the segment of the log, as ``archive_timeout`` does, and wait until a base backup says that it has it."""
    end = primary.ask("SELECT pg_switch_wal()")
    wait_until(lambda: primary.ask(COUNT_BACKUPS + " AND flush_lsn >= %s", end), 30, "the backup has the segment")


def set_up(schedule: list[Planned]) -> Setup:
    return Setup(step_s=pace(schedule, TICKETS, 8))
