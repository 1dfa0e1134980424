"""What can be done to a site, and undone."""

import contextlib
import os
import signal
from dataclasses import dataclass
from typing import Protocol

import psutil

from tests.chaos.site import API, VHOST, Site
from tests.harness.proxy import Mode
from tests.harness.wait import wait_until


class Fault(Protocol):
    """Something that goes wrong for a while."""

    def apply(self, site: Site) -> None:
        """Make it go wrong."""

    def heal(self, site: Site) -> None:
        """Put right what would not come right by itself."""


class Passing:
    """A fault that is over at once."""

    def heal(self, site: Site) -> None:
        """Nothing is left to put right."""


@dataclass(frozen=True)
class StopPostgres:
    """Kill the database server, or stop it in order."""

    is_killed: bool

    def apply(self, site: Site) -> None:
        if self.is_killed:
            site.servers.postgres.kill()
        else:
            site.servers.postgres.stop()

    def heal(self, site: Site) -> None:
        site.servers.postgres.start()


@dataclass(frozen=True)
class KillRabbitMQ:
    """Kill the broker; it starts again where it was."""

    def apply(self, site: Site) -> None:
        site.servers.rabbitmq.flush_definitions()
        site.servers.rabbitmq.kill()

    def heal(self, site: Site) -> None:
        site.servers.rabbitmq.start()


@dataclass(frozen=True)
class Kill:
    """Kill a worker or the API: the process that was started alone, or its whole group."""

    name: str
    is_whole: bool = True

    def apply(self, site: Site) -> None:
        family = site.kill(self.name, is_whole=self.is_whole)
        if not self.is_whole and self.name == API:
            # Whoever starts it again finds the port taken as long as its children live.
            for member in family[1:]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.kill()

    def heal(self, site: Site) -> None:
        site.start_again(self.name)


@dataclass(frozen=True)
class KillPoolChild(Passing):
    """Kill one child of a prefork worker, the way the kernel does when memory runs out."""

    name: str

    def apply(self, site: Site) -> None:
        children = psutil.Process(site.programs[self.name].pid).children()
        busiest = max(children, key=lambda child: sum(child.cpu_times()[:2]), default=None)
        if busiest is not None:
            os.kill(busiest.pid, signal.SIGKILL)
            site.record_killed([busiest.pid])


@dataclass(frozen=True)
class Pause:
    """Freeze a worker or the API: its connections stay open, and it goes on later as if nothing had been."""

    name: str

    def apply(self, site: Site) -> None:
        site.programs[self.name].pause()

    def heal(self, site: Site) -> None:
        site.programs[self.name].resume()


@dataclass(frozen=True)
class Partition:
    """Let the network between one side and one server misbehave."""

    proxy: str
    mode: Mode

    def apply(self, site: Site) -> None:
        site.proxies[self.proxy].apply(self.mode)

    def heal(self, site: Site) -> None:
        site.proxies[self.proxy].heal()


@dataclass(frozen=True)
class Latency:
    """Make one side's way to one server long."""

    proxy: str
    latency_s: float

    def apply(self, site: Site) -> None:
        site.proxies[self.proxy].delay(self.latency_s)

    def heal(self, site: Site) -> None:
        site.proxies[self.proxy].delay(0)


@dataclass(frozen=True)
class Alarm:
    """Make the broker believe that its memory or its disk is full."""

    resource: str

    def apply(self, site: Site) -> None:
        self._set(site, is_on=True)

    def heal(self, site: Site) -> None:
        self._set(site, is_on=False)

    def _set(self, site: Site, *, is_on: bool) -> None:
        if self.resource == "memory":
            site.servers.rabbitmq.set_memory_alarm(is_on=is_on)
        else:
            site.servers.rabbitmq.set_disk_alarm(is_on=is_on)


@dataclass(frozen=True)
class DeleteQueue(Passing):
    """Delete a step's queue: what is published to it has nowhere to go."""

    step: str

    def apply(self, site: Site) -> None:
        site.delete_queue(self.step)


@dataclass(frozen=True)
class PurgeQueues(Passing):
    """Drop every message that waits in a step queue, while the named workers leave some there."""

    held: tuple[str, ...] = ()

    def apply(self, site: Site) -> None:
        held = [site.programs[name] for name in self.held]
        for program in held:
            program.pause()
        try:
            dropped = wait_until(site.purge, 30, "there is something to purge") if held else site.purge()
        finally:
            for program in held:
                program.resume()
        site.history.record("purged", messages=dropped)


@dataclass(frozen=True)
class CloseConnections(Passing):
    """End every connection to the broker."""

    def apply(self, site: Site) -> None:
        site.servers.rabbitmq.close_all_connections(VHOST)


@dataclass(frozen=True)
class TerminateBackends(Passing):
    """End every connection to the database."""

    def apply(self, site: Site) -> None:
        site.servers.postgres.terminate_backends(site.database)


@dataclass(frozen=True)
class JumpClock:
    """Set the wall clock of the workers' machine off, and right again."""

    offset_s: int

    def apply(self, site: Site) -> None:
        site.jump_clock(self.offset_s)

    def heal(self, site: Site) -> None:
        site.jump_clock(0)
