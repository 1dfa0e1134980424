"""The dispatcher: a thread that publishes due tickets, in API processes and thread-pool workers."""

from typing import Any, NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from ticketflow.errors import BrokerUnavailableError
from ticketflow.observability.logging import get_logger
from ticketflow.services.dispatch_due import DispatchLimits, Publisher, dispatch_due
from ticketflow.services.failed_tickets import DeadLetterBox, collect_dead_letters
from ticketflow.services.liveness import Inquest
from ticketflow.services.watch_clock import ClockWatch
from ticketflow.storage.session import Sessions
from ticketflow.tasks.dead_letter_box import BrokerDeadLetters
from ticketflow.tasks.loop import AWAY_PAUSE_S, Interval, Loop, LoopStep
from ticketflow.tasks.publisher import ChainPublisher
from ticketflow.tasks.runtime import runtime
from ticketflow.workflow.graph import LINEAGE

log = get_logger(__name__)

# A full window empties at the speed of the workers: look again soon, but not so often that looking takes
# what the workers need (0.05 s cost a tenth of a worker process).
FULL_PAUSE_S = 0.2
# Dead letters are news for people, not work that waits.
COLLECT_EVERY_S = 5.0


class Watches(NamedTuple):
    """What a dispatcher keeps an eye on: who is alive, and the database's clock."""

    inquest: Inquest
    clock: ClockWatch


class Dispatcher(Loop):
    """Publishes what is due whenever it is woken, and on its own every ``poll_interval_s``.

    On the side it reads the dead letters, and keeps an eye on the clocks and on who is alive.
    """

    def __init__(
        self,
        sessions: Sessions,
        publisher: Publisher,
        letters: DeadLetterBox,
        watches: Watches,
        limits: DispatchLimits,
        poll_interval_s: float,
    ) -> None:
        """Bind what a pass needs; ``start`` begins."""
        super().__init__("dispatcher")
        self._sessions = sessions
        self._publisher = publisher
        self._letters = letters
        self._watches = watches
        self._collecting = Interval(COLLECT_EVERY_S)
        self._limits = limits
        self._poll_interval_s = poll_interval_s

    def make_pass(self) -> float:
        """Publish due tickets."""
        try:
            for watch in self._watches:
                watch.look()
            report = dispatch_due(
                self._sessions, self._publisher, self._limits, takes_back=self._watches.inquest.has_listened
            )
            if self._collecting.is_over():
                collect_dead_letters(self._sessions, self._letters)
        except (BrokerUnavailableError, SQLAlchemyError) as error:
            log.warning("dispatch.away", error=f"{type(error).__name__}: {error}")
            return AWAY_PAUSE_S
        except Exception:
            log.exception("dispatch.failed")
            return AWAY_PAUSE_S
        if report.unsent:
            return AWAY_PAUSE_S
        if report.is_batch_full:
            return 0
        return FULL_PAUSE_S if report.is_full else self._poll_interval_s


def build_dispatcher(app: Any) -> Dispatcher:
    """Build the dispatcher of this process."""
    live = runtime()
    publisher = ChainPublisher(app, LINEAGE, live.settings.publish_timeout_s)
    letters = BrokerDeadLetters(app, publisher)
    return Dispatcher(
        live.sessions,
        publisher,
        letters,
        Watches(Inquest(live.sessions, live.settings.lease_s), ClockWatch(live.sessions, live.longest_waits)),
        live.limits,
        live.settings.poll_interval_s,
    )


def dispatches(worker: Any) -> bool:
    """Tell whether a worker has a dispatcher: see ``DispatcherStep``."""
    return runtime().settings.dispatcher and "prefork" not in worker.pool_cls.__module__


class DispatcherStep(LoopStep):
    """Runs a dispatcher inside a worker whose pool does not fork.

    Each fork of a pool child shuts the broker connection its parent's threads use (kombu cleans up
    after a fork), so a prefork worker leaves dispatching to other processes.
    """

    def include_if(self, worker: Any) -> bool:
        """Tell whether this worker dispatches."""
        return dispatches(worker)

    def build(self, worker: Any) -> Dispatcher:
        """Build its dispatcher."""
        return build_dispatcher(worker.app)
