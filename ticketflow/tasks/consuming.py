"""How queues begin to be consumed: without waiting for the broker's word, queue after queue."""

from typing import Any

from celery.app.amqp import AMQP
from kombu import Consumer


class PatientConsumer(Consumer):
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
