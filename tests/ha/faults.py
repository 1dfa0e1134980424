"""How a machine of a cluster is lost, and what is done about it."""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

import psutil

from tests.chaos.site import Site
from tests.harness.network import Machine
from tests.harness.postgres import PostgresPair
from tests.harness.processes import RunningProgram
from tests.harness.rabbitmq import RabbitMQ, RabbitMQCluster
from tests.harness.wait import wait_until

COUNT_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


class Loss(StrEnum):
    """A way to lose a machine."""

    KILLED = "killed"
    FROZEN = "frozen"
    CUT_OFF = "cut off"


class LoseNode:
    """Lose the broker's node that most clients use, and get it back; nobody does anything about it meanwhile."""

    def __init__(self, cluster: RabbitMQCluster, how: Loss) -> None:
        self._cluster = cluster
        self._how = how
        self._node = cluster.nodes[0]

    def __repr__(self) -> str:
        return f"LoseNode({self._how})"

    def apply(self, site: Site) -> None:
        self._node = find_busiest(self._cluster.nodes)
        lose(self._how, self._node.program, self._node.machine)

    def heal(self, site: Site) -> None:
        if self._how is Loss.KILLED:
            self._node.start()
        else:
            # A frozen node does not know that it was gone, and "pause_minority" leaves it to the operator; one that was
            # cut off stops itself, and on RabbitMQ 3.10 with Erlang 25 it often hangs (in ``global``) on its way back.
            self._node.program.resume()
            self._node.machine.plug()
            self._node.restart()
        self._cluster.wait_until_whole()


class LosePrimary:
    """Lose the database that takes writes, promote its standby, and only later end the old one for certain.

    One that was frozen or cut off comes back before it is ended: it believes that it is in charge, and so do clients
    that never left it.
    """

    def __init__(self, pair: PostgresPair, how: Loss) -> None:
        self._pair = pair
        self._how = how

    def __repr__(self) -> str:
        return f"LosePrimary({self._how})"

    def apply(self, site: Site) -> None:
        lose(self._how, self._pair.primary.program, self._pair.primary.machine)
        self._pair.promote()

    def heal(self, site: Site) -> None:
        old = self._pair.standby
        old.machine.plug()
        if self._how is Loss.FROZEN:
            old.program.resume()
            wait_until(lambda: old.ask(COUNT_WAITING), 60, "somebody wants to commit on the old primary")
        self._pair.fence()
        self._pair.follow()


def lose(how: Loss, program: RunningProgram, machine: Machine) -> None:
    """Lose a machine with what runs on it."""
    match how:
        case Loss.KILLED:
            program.kill()
        case Loss.FROZEN:
            program.pause()
        case Loss.CUT_OFF:
            machine.unplug()


def find_busiest(nodes: Sequence[RabbitMQ]) -> RabbitMQ:
    """Return the node that most programs of this machine are connected to."""
    connections = Counter(link.raddr.ip for link in psutil.net_connections("tcp") if link.raddr)
    return max(nodes, key=lambda node: connections[node.machine.address])
