"""Workers whose steps run in child processes."""

from collections import Counter

import psutil
from sqlalchemy import make_url

from tests.harness.wait import wait_until


def test_every_child_has_connections_of_its_own(fleet):
    fleet.start_dispatcher()
    fleet.start("one", concurrency=2, pool="prefork", CHAOS_STEP_S=0.2)
    fleet.submit(10)
    fleet.wait_for_completed(10)

    sockets = [find_database_sockets(fleet, pid) for pid in set(fleet.list_pids("executing"))]

    assert len(sockets) == 2
    assert all(sockets)
    assert sockets[0].isdisjoint(sockets[1])
    wait_until(lambda: fleet.list_workers() == {"one": 2}, describe="the worker is known")


def test_a_child_is_replaced_after_its_share_of_tasks_and_nothing_is_lost(fleet):
    fleet.start_dispatcher()
    fleet.start("one", concurrency=2, pool="prefork", TICKETFLOW_MAX_TASKS_PER_CHILD=5)
    fleet.submit(10)
    fleet.wait_for_completed(10)

    done = Counter(fleet.list_pids("executing"))

    assert max(done.values()) <= 5
    assert len(done) >= 60 / 5


def find_database_sockets(fleet, pid: int) -> set[int]:
    """Return the ports from which a process has connections to the database."""
    port = make_url(fleet.env["TICKETFLOW_DATABASE_URL"]).port
    connections = psutil.Process(pid).net_connections("tcp")
    return {connection.laddr.port for connection in connections if connection.raddr and connection.raddr.port == port}
