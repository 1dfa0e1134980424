"""The deliverer: a thread that sends due webhooks, beside the dispatcher and never in its way."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from ticketflow.adapters.webhook_post import WebhookPost
from ticketflow.observability.logging import get_logger
from ticketflow.services.deliver_webhook import (
    DeliveryLimits,
    Post,
    claim_webhooks,
    deliver_webhook,
    prune_deliveries,
)
from ticketflow.storage.session import Sessions
from ticketflow.storage.webhook_deliveries import ClaimedDelivery
from ticketflow.tasks.dispatcher import dispatches
from ticketflow.tasks.loop import AWAY_PAUSE_S, Interval, Loop, LoopStep
from ticketflow.tasks.runtime import runtime

log = get_logger(__name__)

PRUNE_EVERY_S = 600.0


class Deliverer(Loop):
    """Sends what is due, looking every ``poll_interval_s`` and whenever a seat becomes free while there is more."""

    def __init__(self, sessions: Sessions, post: Post, limits: DeliveryLimits, poll_interval_s: float) -> None:
        """Bind what a pass needs; ``start`` begins."""
        super().__init__("deliverer")
        self._sessions = sessions
        self._post = post
        self._limits = limits
        self._poll_interval_s = poll_interval_s
        self._pruning = Interval(PRUNE_EVERY_S)
        self._lock = threading.Lock()
        self._busy: Counter[UUID] = Counter()
        self._seats = ThreadPoolExecutor(limits.seats, thread_name_prefix="webhook")

    def stop(self) -> None:
        """Claim nothing more, and end when what is under way has been reported back."""
        super().stop()
        self._seats.shutdown()

    def make_pass(self) -> float:
        """Send what is due; the pause is over when a seat becomes free."""
        try:
            with self._lock:
                busy = dict(self._busy)
            room = self._limits.seats - sum(busy.values())
            for delivery in claim_webhooks(self._sessions, self._limits, room, busy) if room else ():
                with self._lock:
                    self._busy[delivery.endpoint_id] += 1
                self._seats.submit(self._deliver, delivery)
            if self._pruning.is_over():
                prune_deliveries(self._sessions, self._limits.keep_for)
        except SQLAlchemyError as error:
            log.warning("webhook.away", error=f"{type(error).__name__}: {error}")
            return AWAY_PAUSE_S
        except Exception:
            log.exception("webhook.pass_failed")
            return AWAY_PAUSE_S
        return self._poll_interval_s

    def _deliver(self, delivery: ClaimedDelivery) -> None:
        try:
            deliver_webhook(self._sessions, self._post, self._limits.policy, delivery)
        except SQLAlchemyError as error:
            # What came of it is not known to the database: it is sent again when its clock rings.
            log.warning("webhook.away", delivery_id=str(delivery.id), error=f"{type(error).__name__}: {error}")
        except Exception:
            log.exception("webhook.delivery_failed", delivery_id=str(delivery.id))
        finally:
            with self._lock:
                self._busy[delivery.endpoint_id] -= 1
                self._busy += Counter()  # drops the zeros
            self.wake()


def build_deliverer() -> Deliverer:
    """Build the deliverer of this process."""
    live = runtime()
    settings = live.settings
    post = WebhookPost(settings.webhook_timeout_s, allow_private=settings.webhook_allow_private)
    return Deliverer(live.sessions, post, live.delivery_limits, settings.poll_interval_s)


class DelivererStep(LoopStep):
    """Runs a deliverer inside a worker that has a dispatcher."""

    def include_if(self, worker: Any) -> bool:
        """Tell whether this worker delivers."""
        return dispatches(worker)

    def build(self, worker: Any) -> Deliverer:  # noqa: ARG002  # the step's signature
        """Build its deliverer."""
        return build_deliverer()
