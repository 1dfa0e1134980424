"""The worker's consumer: waits for no queue, is unmoved by what is no message of ours, and at peace with threads."""

from collections.abc import Callable
from inspect import signature
from typing import Any

from celery.app.amqp import AMQP
from celery.worker import heartbeat, state
from celery.worker.consumer import Consumer as CeleryConsumer
from celery.worker.consumer import Tasks
from celery.worker.consumer.heart import Heart as CeleryHeart
from kombu import Consumer as KombuConsumer
from kombu import Producer

from ticketflow.observability.logging import get_logger
from ticketflow.tasks.envelope import UnreadableMessageError, may_be_rejected, read_envelope
from ticketflow.tasks.threads import TaskPool

log = get_logger(__name__)

# No message of ours carries an ETA (retries wait in Postgres), so the 28 queues that this step declares on a broker
# with quorum queues would only be in an operator's way.
_UNUSED = "celery.worker.consumer.delayed_delivery:DelayedDelivery"
_HEART = "celery.worker.consumer.heart:Heart"
_EVENTS = "task"


class PatientConsumer(KombuConsumer):
    """A consumer that registers itself everywhere at once.

    kombu waits for the broker's word on the last queue, which in a worker is its canary's. While a broker that was
    started again has no leader for that queue yet, no word comes, and what is delivered meanwhile finds nobody: the
    worker sits there for as long as its socket may be silent, and answers no ping. Without waiting it is there at
    once; a queue that cannot be consumed closes the channel, or the canary misses its message.
    """

    def _basic_consume(self, queue: Any, consumer_tag: Any = None, no_ack: Any = None, nowait: bool = True) -> Any:  # noqa: ARG002, FBT001, FBT002  # kombu's own
        return super()._basic_consume(queue, consumer_tag, no_ack, nowait=True)


class PatientAMQP(AMQP):
    """Celery's own, with this consumer."""

    Consumer = PatientConsumer


class _MandatoryProducer(Producer):
    """Has the broker return what nobody gets."""

    def publish(self, *args: Any, **options: Any) -> Any:
        """Publish a message, and have the broker return it where no queue gets it."""
        return super().publish(*args, **options, mandatory=True)


class ListeningHeart(heartbeat.Heart):
    """Sends Celery's worker heartbeats, and switches events of tasks on and off as somebody listens to them or nobody.

    Events of tasks cost a tenth of a worker's time. Each heartbeat is published so that RabbitMQ gives it back when it
    reaches no queue: Flower, celery-exporter and ``celery events`` need do nothing for it. Between two heartbeats
    events are whatever remote control makes them.
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
    """Celery's step with these heartbeats; with its own where events are wanted whoever listens, or none come back."""

    def __init__(self, c: Any, task_events: bool = False, **options: Any) -> None:  # noqa: FBT001, FBT002  # Celery's own
        """Attach to a consumer.

        Args:
            task_events: ``-E``.
        """
        super().__init__(c, **options)
        self._are_wanted = task_events

    def start(self, c: Any) -> None:
        """Start the worker's heartbeats."""
        if self._are_wanted or c.connection.transport.driver_type != "amqp":
            super().start(c)
        else:
            c.heart = ListeningHeart(c, self.heartbeat_interval)
            c.heart.start()


class Consumer(CeleryConsumer):
    """Celery's consumer with another heart, less one step, and with a guard before it.

    Whatever cannot be made into a request is rejected, to the dead letters. In Celery it ends the worker,
    and the broker gives the message to the next one.
    """

    class Blueprint(CeleryConsumer.Blueprint):
        """Celery's steps but for delayed delivery."""

        default_steps = [  # noqa: RUF012
            Heart if step == _HEART else step for step in CeleryConsumer.Blueprint.default_steps if step != _UNUSED
        ]

    def reset_rate_limits(self) -> None:
        """Let tickets that a rate limit held back go on under the new limit, or none; Celery forgets them."""
        held = [bucket for bucket in self.task_buckets.values() if bucket]
        super().reset_rate_limits()
        for bucket in held:
            while bucket.contents:
                request, tokens = bucket.pop()
                limit = self.task_buckets[request.task.name]
                if limit:
                    self._limit_task(request, limit, tokens)
                else:
                    self._limit_move_to_pool(request)

    def add_task_queue(self, queue: str, *_: Any, **__: Any) -> None:
        """Consume one of our queues, when remote control says so; another's could not be declared at each reconnect.

        Raises:
            ValueError: It is none of ours.
        """
        if queue not in self.app.amqp.queues:
            raise ValueError(f"there is no queue {queue}")
        super().add_task_queue(queue)

    def cancel_active_requests(self) -> None:
        """Cancel what is under way at a cold shutdown, unless it runs in threads: those end with the process."""
        if not isinstance(self.pool, TaskPool):
            super().cancel_active_requests()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Leave out what makes workers listen to each other: nothing of ours needs it, and anybody may speak there."""
        super().__init__(*args, **kwargs, without_gossip=True, without_mingle=True)
        for step in self.steps:
            if isinstance(step, Tasks):
                # RabbitMQ closes the connection of who limits a channel that a quorum queue is consumed on, and queues
                # may be of another type than we declare.
                step.qos_global = lambda _: False

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        """Put the guard before Celery's own handler."""
        handle = super().create_task_handler(*args, **kwargs)
        known = {name: signature(task.run) for name, task in self.app.tasks.items()}

        def on_task_received(message: Any) -> None:
            try:
                envelope = read_envelope(message, known)
                known[envelope.headers.task].bind(*envelope.args, **envelope.kwargs)
                envelope.refill(message)
            except UnreadableMessageError as error:
                return self.refuse(message, str(error))
            except TypeError:
                return self.refuse(message, "its task takes other arguments")
            try:
                handle(message)
            except (*self.connection_errors, *self.channel_errors):
                raise
            except Exception as error:
                if message.headers["id"] in state.requests:  # the pool's fault, not the message's
                    raise
                self.refuse(message, type(error).__name__)
            return None

        return on_task_received

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """Reject what kombu cannot unpack; Celery acknowledges it, and it is gone."""
        self.refuse(message, type(exc).__name__)

    def refuse(self, message: Any, reason: str) -> None:
        """Send a message to the dead letters, and say nothing of what is in it."""
        where = message.delivery_info or {}
        log.warning("message.rejected", queue=where.get("routing_key"), reason=reason)
        if where.get("consumer_tag") in (message.channel.no_ack_consumers or ()):
            return  # remote control is acknowledged as it comes
        answer = message.reject_log_error if may_be_rejected(message) else message.ack_log_error
        answer(log, self.connection_errors)
