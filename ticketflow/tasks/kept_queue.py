"""Queues and exchanges that are declared as we want them, and kept as they are if they exist."""

from typing import Any

from amqp.exceptions import PreconditionFailed
from kombu import Exchange, Queue

from ticketflow.observability.logging import get_logger

log = get_logger(__name__)

DEAD_LETTERS = "ticketflow.dead"
# Times a message may come back before the broker gives it up, should it ever end its workers all the same. Workers that
# are restarted under load give messages back too, so it is far above what a bad day needs.
DELIVERY_LIMIT = 20

_said: set[str] = set()


class KeptExchange(Exchange):
    """An exchange that exists with another type or other arguments is used as it is, and said so once."""

    def declare(self, *args: Any, channel: Any = None, **kwargs: Any) -> Any:
        """Declare the exchange on a channel that may end of it."""
        try:
            with _open_probe(channel or self.channel) as probe:
                return super().declare(*args, channel=probe, **kwargs)
        except PreconditionFailed as error:
            _keep("exchange", self.name, error)


class KeptQueue(Queue):
    """A queue that exists with another type or other arguments is used as it is, and said so once.

    RabbitMQ refuses to declare it, and a worker that insisted would connect again once a second for ever.
    """

    def queue_declare(self, *args: Any, channel: Any = None, **kwargs: Any) -> Any:
        """Declare the queue on a channel that may end of it."""
        try:
            with _open_probe(channel or self.channel) as probe:
                return super().queue_declare(*args, channel=probe, **kwargs)
        except PreconditionFailed as error:
            _keep("queue", self.name, error)


def _open_probe(channel: Any) -> Any:
    return channel.connection.client.channel()


def _keep(what: str, name: str, error: PreconditionFailed) -> None:
    if name not in _said:
        _said.add(name)
        log.warning("broker.kept", what=what, name=name, reason=error.reply_text)
