"""What the API works with: made from this process's runtime, or handed in by a test."""

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from flask import current_app

from ticketflow.adapters.knowledge import SearchableArticles
from ticketflow.api.seats import Seats
from ticketflow.observability.context import name_process, process_name
from ticketflow.observability.logging import configure_logging
from ticketflow.observability.tracing import start_tracing
from ticketflow.settings import Settings
from ticketflow.storage.session import Sessions
from ticketflow.tasks import app as celery_app
from ticketflow.tasks.broker import check_broker
from ticketflow.tasks.deliverer import build_deliverer
from ticketflow.tasks.dispatcher import build_dispatcher
from ticketflow.tasks.log_levels import LevelWatch
from ticketflow.tasks.runtime import runtime

EXTENSION = "ticketflow"
BROKER_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class Backend:
    """The world as endpoints see it.

    Attributes:
        wake: Tells a dispatcher that a ticket is due; returns at once, whatever the broker does.
        knowledge: Finds a tenant's articles.
        check_broker: Raises ``BrokerUnavailableError`` after a moment.
        seats: Requests take one while they wait for a ticket; without one they answer as things stand.
    """

    settings: Settings
    sessions: Sessions
    wake: Callable[[], None]
    knowledge: Callable[[str], SearchableArticles]
    check_broker: Callable[[], None]
    seats: Seats = field(default_factory=Seats)


def build_backend() -> Backend:
    """Build the backend of this process and start its dispatcher and deliverer, if it is to have them."""
    live = runtime()
    name_process(f"api-{os.getpid()}@{socket.gethostname()}")
    configure_logging(live.settings.log_level, live.settings.log_format)
    start_tracing(process_name())
    LevelWatch(live.sessions, live.settings.log_level).start()
    dispatcher = build_dispatcher(celery_app) if live.settings.dispatcher else None
    if dispatcher is not None:
        dispatcher.start()
        build_deliverer().start()
    return Backend(
        settings=live.settings,
        sessions=live.sessions,
        # Without one, those of other processes look by themselves.
        wake=dispatcher.wake if dispatcher is not None else lambda: None,
        knowledge=live.knowledge.articles_of,
        check_broker=partial(check_broker, celery_app, BROKER_TIMEOUT_S),
    )


def backend() -> Backend:
    """Return the backend of the application that serves this request."""
    found: Backend = current_app.extensions[EXTENSION]
    return found
