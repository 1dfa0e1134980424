"""What a process needs to work, made once, on first use, after any fork."""

import threading
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from ticketflow.adapters.knowledge import StoredKnowledge
from ticketflow.adapters.tools import build_knowledge, build_tools
from ticketflow.services.deliver_webhook import DeliveryLimits
from ticketflow.services.dispatch_due import DispatchLimits
from ticketflow.services.liveness import describe_process
from ticketflow.services.queue_wait import QueueWait
from ticketflow.services.watch_clock import build_longest_waits
from ticketflow.settings import Settings, load_settings
from ticketflow.storage.clocks import LongestWaits
from ticketflow.storage.embedded import embedded_url
from ticketflow.storage.holders import Process
from ticketflow.storage.session import Sessions, build_engine, build_session_factory, build_statement_sessions
from ticketflow.storage.webhook_deliveries import RetryPolicy
from ticketflow.workflow.graph import LONGEST_STEP_S
from ticketflow.workflow.ports import Tools

if TYPE_CHECKING:
    from ticketflow.services.run_step import StepRunner

# What a canary may take on top of the longest step it has to wait for.
PATIENCE_MARGIN_S = 30.0


class Runtime:
    """Database sessions, engines' tools and the step runner of one process."""

    def __init__(self, settings: Settings) -> None:
        """Bind to settings; nothing is opened or loaded yet."""
        self.settings = settings
        self.queue_wait = QueueWait(timedelta(seconds=settings.redispatch_after_s))
        self._lock = threading.Lock()

    @cached_property
    def engine(self) -> Engine:
        """The process's database engine."""
        url = self.settings.database_url or embedded_url(self.settings.data_dir)
        return build_engine(url, pool_size=max(10, self.settings.worker_threads + 2))

    @cached_property
    def sessions(self) -> Sessions:
        """Where use cases get their one transaction from."""
        return build_session_factory(self.engine)

    @cached_property
    def process(self) -> Process:
        """This process, as holder of leases."""
        return describe_process()

    @property
    def limits(self) -> DispatchLimits:
        """How much a dispatcher of this process may do."""
        return DispatchLimits(
            max_in_flight=self.settings.max_in_flight,
            redispatch_after=timedelta(seconds=self.settings.redispatch_after_s),
            alive_for=timedelta(seconds=self.patience_s),
            changes_over=self.settings.change_over,
        )

    @property
    def longest_waits(self) -> LongestWaits:
        """How far ahead a clock in the database may lie."""
        settings = self.settings
        spans = (settings.lease_s, settings.redispatch_after_s, settings.webhook_timeout_s)
        return build_longest_waits(*(timedelta(seconds=span) for span in spans))

    @property
    def delivery_limits(self) -> DeliveryLimits:
        """How much a deliverer of this process may do, and for how long."""
        settings = self.settings
        policy = RetryPolicy(
            retry_for=timedelta(seconds=settings.webhook_retry_for_s),
            disable_after=timedelta(seconds=settings.webhook_disable_after_s),
        )
        timeout, keep_for = timedelta(seconds=settings.webhook_timeout_s), timedelta(days=settings.webhook_keep_days)
        return DeliveryLimits(timeout, policy, keep_for)

    @property
    def patience_s(self) -> float:
        """How long a worker may be silent while all its slots are busy, in seconds: no step may think that long."""
        return max(self.settings.canary_timeout_s, LONGEST_STEP_S + PATIENCE_MARGIN_S)

    @property
    def knowledge(self) -> StoredKnowledge:
        """The knowledge base, loading its encoder on first use."""
        with self._lock:
            return self._knowledge

    @property
    def tools(self) -> Tools:
        """Everything a step may use."""
        with self._lock:
            return self._tools

    @property
    def runner(self) -> "StepRunner":
        """Runs steps for this process's tasks."""
        with self._lock:
            return self._runner

    @cached_property
    def _knowledge(self) -> StoredKnowledge:
        return build_knowledge(self.settings, self.sessions)

    @cached_property
    def _tools(self) -> Tools:
        return build_tools(self.settings, self._knowledge, self.sessions)

    @cached_property
    def _runner(self) -> "StepRunner":
        # LangGraph comes with them; of the many processes that have a runtime only workers run steps.
        from ticketflow.services.run_step import StepRunner  # noqa: PLC0415
        from ticketflow.workflow.plan import ticket_plan  # noqa: PLC0415

        sessions = build_statement_sessions(self.engine)  # begin, claim and commit are one statement each
        lease_for = timedelta(seconds=self.settings.lease_s)
        return StepRunner(sessions, ticket_plan(), self._tools, self.queue_wait, lease_for, self.process)


_lock = threading.Lock()
_runtime: Runtime | None = None


def runtime() -> Runtime:
    """Return this process's runtime."""
    global _runtime  # noqa: PLW0603  # one per process is the point
    with _lock:
        if _runtime is None:
            _runtime = Runtime(load_settings())
        return _runtime


def drop_runtime() -> None:
    """Drop what a parent process left behind, without touching its sockets."""
    global _runtime  # noqa: PLW0603
    if _runtime is not None and "engine" in vars(_runtime):
        _runtime.engine.dispose(close=False)
    _runtime = None
