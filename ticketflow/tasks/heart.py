"""A worker's heart, which beats for whoever listens to Celery's events, and notices whether anybody does.

Events of tasks cost a tenth of a worker's time. They are sent while somebody hears them: each beat is published so that
RabbitMQ gives it back when it reaches no queue. Flower, celery-exporter and ``celery events`` need do nothing for it.
"""

from typing import Any

from celery.worker import heartbeat
from celery.worker.consumer.heart import Heart as CeleryHeart
from kombu import Producer

from ticketflow.observability.logging import get_logger

log = get_logger(__name__)

_EVENTS = "task"


class _MandatoryProducer(Producer):
    """Has the broker return what nobody gets."""

    def publish(self, *args: Any, **options: Any) -> Any:
        """Publish, or have it come back."""
        return super().publish(*args, **options, mandatory=True)


class ListeningHeart(heartbeat.Heart):
    """Switches events of tasks on when its beats begin to be heard, and off when they are not heard any more.

    In between they are whatever remote control makes them.
    """

    def __init__(self, consumer: Any, interval: float | None) -> None:
        """Attach to a consumer that has just connected: what the broker returns is read with what it delivers."""
        channel = consumer.connection.channel()
        channel.events["basic_return"].add(self._note_return)
        eventer = consumer.app.events.Dispatcher(channel=channel, hostname=consumer.hostname, groups=["worker"])
        eventer.publisher = _MandatoryProducer(channel, serializer=eventer.serializer, auto_declare=False)
        super().__init__(consumer.timer, eventer, interval)
        self._consumer = consumer
        # Celery takes what was switched over to the next connection.
        self._is_heard = _EVENTS in consumer.event_dispatcher.groups
        self._has_beaten = self._was_returned = False

    def _send(self, event: str, retry: bool = True) -> Any:  # noqa: FBT001, FBT002  # Celery's own
        """Judge what became of the last beat, and beat."""
        if self._has_beaten and self._was_returned is self._is_heard:
            self._is_heard = not self._is_heard
            change = set.add if self._is_heard else set.discard
            change(self._consumer.event_dispatcher.groups, _EVENTS)
            log.info("events.switched", is_heard=self._is_heard)
        self._has_beaten, self._was_returned = True, False
        return super()._send(event, retry)

    def _note_return(self, *_: Any) -> None:
        self._was_returned = True


class Heart(CeleryHeart):
    """Celery's step with this heart; with Celery's own where events are wanted whoever listens, or none come back."""

    def __init__(self, c: Any, task_events: bool = False, **options: Any) -> None:  # noqa: FBT001, FBT002  # Celery's own
        """Attach to a consumer.

        Args:
            task_events: ``-E``.
        """
        super().__init__(c, **options)
        self._are_wanted = task_events

    def start(self, c: Any) -> None:
        """Let it beat."""
        if self._are_wanted or c.connection.transport.driver_type != "amqp":
            super().start(c)
        else:
            c.heart = ListeningHeart(c, self.heartbeat_interval)
            c.heart.start()
